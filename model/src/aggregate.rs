//! Aggregates: what many runs share and what therefore has a stream of its own, such as a schedule.
//!
//! An aggregate is to its stream what a run is to its: a command comes in, `decide` turns it into events, `evolve` folds
//! them, `pending` names the work that should be under way. It has no definition, and its id follows from kind and name, so
//! that everybody finds it without asking.
//!
//! A new kind is a type that implements [`Aggregate`], one line in `aggregates!` of `aggregate/kinds.rs`, and numbers of
//! event kinds that nobody else has.

mod events;
mod id;
mod kinds;
mod state;

pub(crate) use events::aggregate_events;
pub use events::{Decoded, EventKind, Wire};
pub use id::AggregateId;
pub use kinds::{
    Command, Effect, Event, Kind, OfKind, Rejection, State, event_name, event_names, kind_of,
};
pub use state::{Entity, decode, decode_entity, encode, encode_entity, entity_hash};

use std::fmt::Debug;

use crate::event::Actor;
use crate::id::TimerId;
use crate::time::Timestamp;

/// The state of one kind of stream that is no run's, and its rules. Pure.
///
/// Its bytes, for snapshots and for the hash of its state, follow from its content alone.
pub trait Aggregate: Clone + Debug + PartialEq {
    /// What may be asked of it.
    type Command: Clone + Debug + PartialEq;
    /// What has happened to it.
    type Event: EventKind;
    /// What should be under way for it.
    type Effect: Clone + Debug + Ord;
    /// Why something was not done.
    type Rejection: Clone + Debug + Eq + std::error::Error;

    /// Which clock its times are of.
    const CLOCK: ClockKind;

    /// An aggregate of this name of which nothing is recorded.
    fn new(name: &str) -> Self;

    /// Completes a command with what only the state and the calendar tell; what comes of it stands in the events.
    #[must_use]
    fn prepare(
        &self,
        command: Self::Command,
        _now: Timestamp,
        _calendar: &dyn Calendar,
    ) -> Self::Command {
        command
    }

    /// Decides, and folds what was decided. The first event is the outside one, the others follow from it.
    ///
    /// # Errors
    /// The rejection; nothing has changed then.
    fn decide(
        &mut self,
        command: Self::Command,
        now: Timestamp,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// Folds an event. Total.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// Appends its state.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads a state that fills `bytes`; `None` if it does not fit exactly.
    fn take(bytes: &[u8]) -> Option<Self>;

    /// The work that should be under way, in an order that follows from the state. Recovery asks the same question.
    fn pending(&self) -> Vec<Self::Effect>;

    /// The timers that are set.
    fn timers(&self) -> Vec<(TimerId, Timestamp)>;

    /// The command that says that a timer is due.
    fn fire(timer: TimerId) -> Self::Command;

    /// The command behind an outside event, to be asked again by a replay; `None`: the event is a derived one.
    fn command_of(event: &Self::Event) -> Option<Self::Command>;

    /// What the audit says of an event, and who did it; `None`: nobody asked for it.
    fn audit(event: &Self::Event) -> Option<(&Actor, String)>;
}

/// The clock by which times of an aggregate are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The engine's, which does not feel that the wall clock is set.
    Engine,
    /// The wall clock.
    Wall,
}

/// Knows when a rule of the calendar is due. Pure: time zones and cron expressions come from a library outside this package.
pub trait Calendar: Send + Sync {
    /// The first time after `after` at which `expression` is due in the time zone `zone`; `None`: never again.
    fn next(&self, expression: &str, zone: &str, after: Timestamp) -> Option<Timestamp>;
}

/// A calendar without days: no cron expression is ever due.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCalendar;

impl Calendar for NoCalendar {
    fn next(&self, _expression: &str, _zone: &str, _after: Timestamp) -> Option<Timestamp> {
        None
    }
}

#[cfg(test)]
mod tests;
