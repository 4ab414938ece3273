//! Decides what a command means for a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::Command;
use crate::event::{Event, Given};
use crate::id::TimerId;
use crate::payload::{NewPayload, PayloadHash};
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::run::Run;
use crate::time::Timestamp;

/// An attempt that was cut off this often runs alone from then on.
pub const ALONE_AFTER_INTERRUPTIONS: u32 = 2;

/// What `decide` may know beside the run.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Time and room, recorded with the outside event.
    pub given: Given,
    /// Payloads loaded so far, by hash.
    pub payloads: &'a BTreeMap<PayloadHash, Arc<[u8]>>,
    /// An attempt that was cut off this often fails with NX3013 instead of running again.
    pub interruptions_max: u32,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Load these payloads and ask again.
    Needs(Vec<PayloadHash>),
    /// This happens.
    Happens(Transition),
}

/// What happens: events to record, and what becomes durable with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    /// First the outside event, then what was derived from it.
    pub events: Vec<Event>,
    /// Timers that were set or cleared.
    pub timers: Vec<TimerChange>,
    /// Payloads the events name by hash.
    pub payloads: Vec<NewPayload>,
}

/// A change of the set of timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// The timer is set.
    Set(TimerId, Timestamp),
    /// The timer is no longer set.
    Cleared(TimerId, Timestamp),
}

/// Decides what `command` means for `run`. Same inputs, same events.
///
/// When something happens, `run` has already been advanced by exactly those events; otherwise it is unchanged.
///
/// # Errors
/// A [`Rejection`] if the command does not fit the state.
pub fn decide(
    _plan: &Plan,
    _run: &mut Run,
    _command: Command,
    _context: Context<'_>,
) -> Result<Decision, Rejection> {
    Err(Rejection::NothingReady)
}
