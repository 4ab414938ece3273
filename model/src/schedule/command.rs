//! What may be asked of a schedule.

use super::{ScheduleEvent, Spec};
use crate::event::Actor;
use crate::id::{RunId, TimerId};
use crate::time::Timestamp;

/// A request to a schedule. What `prepare` fills in is empty when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleCommand {
    /// Make it, or change what it does.
    Put {
        /// What it is to do.
        spec: Spec,
        /// Whether one that is there is changed.
        replace: bool,
        /// Filled in: when it is due next.
        next: Option<Timestamp>,
        /// Who asks.
        by: Actor,
    },
    /// Start nothing from here on.
    Pause {
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// End the pause.
    Resume {
        /// Filled in: when it is due next.
        next: Option<Timestamp>,
        /// Who asks.
        by: Actor,
    },
    /// Delete it. Runs that it started go on.
    Delete {
        /// Who asks.
        by: Actor,
    },
    /// Start a run now.
    Trigger {
        /// Who asks.
        by: Actor,
    },
    /// Start the runs of these due times of the past that are missing.
    Backfill {
        /// From here on.
        from: Timestamp,
        /// Up to here, exclusive.
        to: Timestamp,
        /// The due times whose runs are missing.
        dues: Vec<Timestamp>,
        /// Who asks.
        by: Actor,
    },
    /// It is due.
    Fire {
        /// The timer that says so.
        timer: TimerId,
        /// Filled in: the due times up to now, or as many as are taken at once.
        dues: Vec<Timestamp>,
        /// Filled in: the first and last of a stretch of due times that were too many to name, before the others.
        passed: Option<(Timestamp, Timestamp)>,
        /// Filled in: when it is due next.
        next: Option<Timestamp>,
    },
    /// A run that was requested is there.
    Started {
        /// When it was due.
        due: Timestamp,
        /// The run.
        run: RunId,
        /// Whether it was there already.
        existing: bool,
    },
    /// A run that was requested cannot be started.
    NotStarted {
        /// When it was due.
        due: Timestamp,
        /// Error code.
        code: String,
        /// Why.
        message: String,
    },
    /// A run has ended.
    Ended {
        /// When it was due.
        due: Timestamp,
        /// The word for how.
        status: String,
    },
}

pub(super) fn command_of(event: &ScheduleEvent) -> Option<ScheduleCommand> {
    Some(match event.clone() {
        ScheduleEvent::Created(event) => {
            let (spec, next, by) = (event.spec, event.next, event.by);
            ScheduleCommand::Put { spec, replace: false, next, by }
        }
        ScheduleEvent::Changed(event) => {
            let (spec, next, by) = (event.spec, event.next, event.by);
            ScheduleCommand::Put { spec, replace: true, next, by }
        }
        ScheduleEvent::Paused(event) => {
            ScheduleCommand::Pause { by: event.by, reason: event.reason }
        }
        ScheduleEvent::Resumed(event) => ScheduleCommand::Resume { next: event.next, by: event.by },
        ScheduleEvent::Deleted(event) => ScheduleCommand::Delete { by: event.by },
        ScheduleEvent::Triggered(event) => ScheduleCommand::Trigger { by: event.by },
        ScheduleEvent::Backfilled(event) => {
            let (from, to, dues, by) = (event.from, event.to, event.dues, event.by);
            ScheduleCommand::Backfill { from, to, dues, by }
        }
        ScheduleEvent::TimeCame(event) => {
            let (timer, dues) = (event.timer, event.dues);
            ScheduleCommand::Fire { timer, dues, passed: event.passed, next: event.next }
        }
        ScheduleEvent::RunStarted(event) => {
            let (due, run, existing) = (event.due, event.run, event.existing);
            ScheduleCommand::Started { due, run, existing }
        }
        ScheduleEvent::StartFailed(event) => {
            let (due, code, message) = (event.due, event.code, event.message);
            ScheduleCommand::NotStarted { due, code, message }
        }
        ScheduleEvent::RunEnded(event) => {
            ScheduleCommand::Ended { due: event.due, status: event.status }
        }
        ScheduleEvent::RunRequested(_)
        | ScheduleEvent::Queued(_)
        | ScheduleEvent::Skipped(_)
        | ScheduleEvent::CancelRequested(_) => return None,
    })
}
