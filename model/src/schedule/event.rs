//! What has happened to a schedule.

use serde::{Deserialize, Serialize};

use super::{Cause, Spec};
use crate::aggregate::aggregate_events;
use crate::event::Actor;
use crate::id::{RunId, TimerId};
use crate::time::Timestamp;

aggregate_events! {
    /// Something that has happened to a schedule. Kinds 120 to 134.
    pub enum ScheduleEvent {
        // from outside
        /// It was made.
        120 Created "schedule.created",
        /// What it does was changed.
        121 Changed "schedule.changed",
        /// It starts nothing from here on.
        122 Paused "schedule.paused",
        /// The pause ended.
        123 Resumed "schedule.resumed",
        /// It was deleted.
        124 Deleted "schedule.deleted",
        /// Somebody had it start a run at once.
        125 Triggered "schedule.triggered",
        /// Somebody had it make up for a stretch of the past.
        126 Backfilled "schedule.backfilled",
        /// It was due.
        127 TimeCame "schedule.time_came",
        /// A run that was requested is there.
        128 RunStarted "schedule.run_started",
        /// A run that was requested cannot be started.
        129 StartFailed "schedule.start_failed",
        /// A run has ended.
        130 RunEnded "schedule.run_ended",
        // derived
        /// A run is to be started.
        131 RunRequested "schedule.run_requested",
        /// A due time waits for a run to end.
        132 Queued "schedule.queued",
        /// Due times lead to nothing.
        133 Skipped "schedule.skipped",
        /// An open run is to be cancelled, because the next is due.
        134 CancelRequested "schedule.cancel_requested",
    }
}

/// See [`ScheduleEvent::Created`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// What it does.
    pub spec: Spec,
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// Who made it.
    pub by: Actor,
}

/// See [`ScheduleEvent::Changed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// What it does now.
    pub spec: Spec,
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// Who changed it.
    pub by: Actor,
}

/// See [`ScheduleEvent::Paused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
}

/// See [`ScheduleEvent::Resumed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// Who.
    pub by: Actor,
}

/// See [`ScheduleEvent::Deleted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Who.
    pub by: Actor,
}

/// See [`ScheduleEvent::Triggered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    /// Who.
    pub by: Actor,
}

/// See [`ScheduleEvent::Backfilled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfilled {
    /// From here on.
    pub from: Timestamp,
    /// Up to here, exclusive.
    pub to: Timestamp,
    /// The due times whose runs are missing.
    pub dues: Vec<Timestamp>,
    /// Who.
    pub by: Actor,
}

/// See [`ScheduleEvent::TimeCame`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeCame {
    /// The timer that said so.
    pub timer: TimerId,
    /// The due times.
    pub dues: Vec<Timestamp>,
    /// The first and last of a stretch of due times before them that were too many to name.
    pub passed: Option<(Timestamp, Timestamp)>,
    /// When it is due next.
    pub next: Option<Timestamp>,
}

/// See [`ScheduleEvent::RunStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// When it was due.
    pub due: Timestamp,
    /// The run.
    pub run: RunId,
    /// Whether it was there already.
    pub existing: bool,
}

/// See [`ScheduleEvent::StartFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailed {
    /// When it was due.
    pub due: Timestamp,
    /// Error code.
    pub code: String,
    /// Why.
    pub message: String,
}

/// See [`ScheduleEvent::RunEnded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// When it was due.
    pub due: Timestamp,
    /// The word for how.
    pub status: String,
}

/// See [`ScheduleEvent::RunRequested`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequested {
    /// When it was due.
    pub due: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// See [`ScheduleEvent::Queued`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// When it was due.
    pub due: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// See [`ScheduleEvent::Skipped`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The due times.
    pub dues: Vec<Timestamp>,
    /// Why.
    pub reason: SkipReason,
}

/// See [`ScheduleEvent::CancelRequested`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequested {
    /// When the run was due.
    pub due: Timestamp,
}

/// Why a due time led to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkipReason {
    /// Nobody was there at the time, and it is not made up for.
    Missed,
    /// A run was open.
    Overlap,
    /// A later one came before it was its turn.
    Overtaken,
    /// Too many wait.
    QueueFull,
}

impl SkipReason {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missed => "no engine was there at the time",
            Self::Overlap => "a run was open",
            Self::Overtaken => "a later one came first",
            Self::QueueFull => "too many wait",
        }
    }
}

pub(super) fn audit(event: &ScheduleEvent) -> Option<(&Actor, String)> {
    match event {
        ScheduleEvent::Created(event) => Some((&event.by, "created".to_owned())),
        ScheduleEvent::Changed(event) => Some((&event.by, "changed".to_owned())),
        ScheduleEvent::Paused(event) if event.reason.is_empty() => {
            Some((&event.by, "paused".to_owned()))
        }
        ScheduleEvent::Paused(event) => Some((&event.by, format!("paused: {}", event.reason))),
        ScheduleEvent::Resumed(event) => Some((&event.by, "resumed".to_owned())),
        ScheduleEvent::Deleted(event) => Some((&event.by, "deleted".to_owned())),
        ScheduleEvent::Triggered(event) => Some((&event.by, "triggered".to_owned())),
        ScheduleEvent::Backfilled(event) => {
            Some((&event.by, format!("backfilled, {} runs", event.dues.len())))
        }
        ScheduleEvent::TimeCame(_)
        | ScheduleEvent::RunStarted(_)
        | ScheduleEvent::StartFailed(_)
        | ScheduleEvent::RunEnded(_)
        | ScheduleEvent::RunRequested(_)
        | ScheduleEvent::Queued(_)
        | ScheduleEvent::Skipped(_)
        | ScheduleEvent::CancelRequested(_) => None,
    }
}
