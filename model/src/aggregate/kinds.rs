//! The kinds of aggregates, and what is done with one of whichever kind it is.

use super::{Aggregate, AggregateId, Calendar, ClockKind, Decoded, EventKind};
use crate::event::Actor;
use crate::id::TimerId;
use crate::time::Timestamp;

macro_rules! aggregates {
    ($($(#[$doc:meta])* $number:literal $Kind:ident $Type:ty, $word:literal;)*) => {
        /// A kind of aggregate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $Kind = $number,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$Kind),*];

            /// Its number in ids and rows.
            pub fn number(self) -> u8 {
                self as u8
            }

            /// The kind of this number.
            pub fn of(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$Kind),)*
                    _ => None,
                }
            }

            /// The word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$Kind => $word,)*
                }
            }

            /// The clock its times are of.
            pub fn clock(self) -> ClockKind {
                match self {
                    $(Self::$Kind => <$Type as Aggregate>::CLOCK,)*
                }
            }

            /// The aggregate of this kind and name.
            pub fn id(self, name: &str) -> AggregateId {
                AggregateId::new(self, name)
            }

            /// The command that says that a timer is due.
            pub fn fire(self, timer: TimerId) -> Command {
                match self {
                    $(Self::$Kind => Command::$Kind(<$Type as Aggregate>::fire(timer)),)*
                }
            }
        }

        /// The state of an aggregate.
        #[derive(Clone, Debug, PartialEq)]
        pub enum State {
            $($(#[$doc])* $Kind($Type),)*
        }

        $(impl OfKind for $Type {
            const KIND: Kind = Kind::$Kind;

            fn of(state: State) -> Option<Self> {
                if let State::$Kind(state) = state { Some(state) } else { None }
            }
        })*

        /// A request to an aggregate.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Command {
            $($(#[$doc])* $Kind(<$Type as Aggregate>::Command),)*
        }

        /// Something that has happened to an aggregate.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $Kind(<$Type as Aggregate>::Event),)*
        }

        /// Something that should be under way for an aggregate.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Effect {
            $($(#[$doc])* $Kind(<$Type as Aggregate>::Effect),)*
        }

        /// Why an aggregate did not do something.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Rejection {
            $($(#[$doc])* #[error(transparent)] $Kind(<$Type as Aggregate>::Rejection),)*
            /// The request is for an aggregate of another kind.
            #[error("the request is for something else than a {0}")]
            OtherKind(&'static str),
        }

        impl State {
            /// An aggregate of which nothing is recorded.
            pub fn new(kind: Kind, name: &str) -> Self {
                match kind {
                    $(Kind::$Kind => Self::$Kind(<$Type as Aggregate>::new(name)),)*
                }
            }

            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$Kind(_) => Kind::$Kind,)*
                }
            }

            /// See [`Aggregate::prepare`].
            #[must_use]
            pub fn prepare(&self, command: Command, now: Timestamp, calendar: &dyn Calendar) -> Command {
                match (self, command) {
                    $((Self::$Kind(state), Command::$Kind(command)) => {
                        Command::$Kind(state.prepare(command, now, calendar))
                    })*
                    (_, command) => command,
                }
            }

            /// See [`Aggregate::decide`].
            ///
            /// # Errors
            /// The rejection; nothing has changed then.
            pub fn decide(&mut self, command: Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
                let word = self.kind().word();
                match (self, command) {
                    $((Self::$Kind(state), Command::$Kind(command)) => {
                        let events = state.decide(command, now).map_err(Rejection::$Kind)?;
                        Ok(events.into_iter().map(Event::$Kind).collect())
                    })*
                    _ => Err(Rejection::OtherKind(word)),
                }
            }

            /// Folds an event; `false`: it is of another kind, and nothing has changed.
            pub fn evolve(&mut self, event: &Event, at: Timestamp) -> bool {
                match (self, event) {
                    $((Self::$Kind(state), Event::$Kind(event)) => state.evolve(event, at),)*
                    _ => return false,
                }
                true
            }

            /// See [`Aggregate::pending`].
            pub fn pending(&self) -> Vec<Effect> {
                match self {
                    $(Self::$Kind(state) => state.pending().into_iter().map(Effect::$Kind).collect(),)*
                }
            }

            /// See [`Aggregate::timers`].
            pub fn timers(&self) -> Vec<(TimerId, Timestamp)> {
                match self {
                    $(Self::$Kind(state) => state.timers(),)*
                }
            }

            pub(super) fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$Kind(state) => Aggregate::put(state, out),)*
                }
            }

            pub(super) fn take(kind: Kind, bytes: &[u8]) -> Option<Self> {
                match kind {
                    $(Kind::$Kind => <$Type as Aggregate>::take(bytes).map(Self::$Kind),)*
                }
            }
        }

        impl Event {
            /// The number of its kind.
            pub fn kind(&self) -> u16 {
                match self {
                    $(Self::$Kind(event) => event.kind(),)*
                }
            }

            /// The kind of aggregate it happened to.
            pub fn aggregate(&self) -> Kind {
                match self {
                    $(Self::$Kind(_) => Kind::$Kind,)*
                }
            }

            /// See [`Aggregate::command_of`].
            pub fn command(&self) -> Option<Command> {
                match self {
                    $(Self::$Kind(event) => <$Type as Aggregate>::command_of(event).map(Command::$Kind),)*
                }
            }

            /// See [`Aggregate::audit`].
            pub fn audit(&self) -> Option<(&Actor, String)> {
                match self {
                    $(Self::$Kind(event) => <$Type as Aggregate>::audit(event),)*
                }
            }

            pub(super) fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$Kind(event) => event.put(out),)*
                }
            }

            pub(super) fn take(kind: u16, body: &[u8]) -> Decoded<Self> {
                $(match <<$Type as Aggregate>::Event as EventKind>::take(kind, body) {
                    Decoded::Event(event) => return Decoded::Event(Self::$Kind(event)),
                    Decoded::Damaged => return Decoded::Damaged,
                    Decoded::Unknown => {}
                })*
                Decoded::Unknown
            }
        }

        /// All kinds of events of aggregates: numbers and names.
        pub fn event_names() -> impl Iterator<Item = (u16, &'static str)> {
            let kinds = [$(<<$Type as Aggregate>::Event as EventKind>::KINDS),*];
            kinds.into_iter().flatten().copied()
        }
    };
}

aggregates! {
    /// A schedule, which starts runs at times of the calendar.
    2 Schedule crate::schedule::Schedule, "schedule";
    /// The pauses of a store.
    15 Pauses crate::pauses::Pauses, "pauses";
    /// The published versions of a workflow.
    14 Versions crate::versions::Versions, "workflow";
    /// A limit, which says how many may hold a slot of it.
    3 Limit crate::limit::Limit, "limit";
    /// The events of one name, which runs wait for and workflows are started by.
    7 Topic crate::topic::Topic, "topic";
    /// A circuit breaker, which says whether a target may be called.
    12 Breaker crate::breaker::Breaker, "breaker";
    /// The starts of a workflow under one key.
    77 StartKey crate::start_key::StartKey, "start key";
}

/// The state of one kind among those of all kinds.
pub trait OfKind: Sized {
    /// The kind.
    const KIND: Kind;

    /// The state, if it is of this kind.
    fn of(state: State) -> Option<Self>;
}

/// The name of an event for people, such as `schedule.created`. Described in docs/events-of-aggregates.md.
pub fn event_name(event: &Event) -> &'static str {
    let kind = event.kind();
    event_names().find(|(number, _)| *number == kind).map_or("", |(_, name)| name)
}

/// Whether events of this kind belong to aggregates.
pub fn kind_of(event_kind: u16) -> bool {
    event_names().any(|(number, _)| number == event_kind)
}
