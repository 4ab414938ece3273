//! Entries of the audit, and as bytes.

use std::fmt;

use nexus_log::{Position, StreamId};
use nexus_model::event::{Actor, Event, Failure, UpdateAccepted};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::time::Timestamp;

use crate::bytes::{Reader, put_i64, put_text, put_u64};
use crate::view::{Recorded, RecordedAggregate};

/// What was done to a run, or what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditAction {
    /// Somebody started it.
    Started,
    /// Somebody paused it.
    Paused,
    /// Somebody resumed it.
    Resumed,
    /// Somebody asked for its end.
    CancelRequested,
    /// Somebody had it continued after it had ended.
    Retried,
    /// It ended well.
    Completed,
    /// It ended badly.
    Failed,
    /// It was ended on request.
    Cancelled,
    /// Somebody sent it a signal.
    Signalled,
    /// Somebody approved what a step asked.
    Approved,
    /// Somebody rejected what a step asked.
    Rejected,
    /// Somebody did something to what is no run, such as a schedule; the detail says what.
    Managed,
    /// Somebody had failed undos tried again.
    UndoRetried,
    /// Somebody asked for its end without undoing what it did.
    UndoWaived,
    /// Somebody paused a step of it.
    StepPaused,
    /// Somebody resumed a step of it.
    StepResumed,
    /// Somebody gave it another definition.
    Migrated,
    /// Somebody had the key of its values deleted.
    Forgotten,
    /// A step took an update of somebody.
    Updated,
}

impl AuditAction {
    /// All actions, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Started,
        Self::Paused,
        Self::Resumed,
        Self::CancelRequested,
        Self::Retried,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Signalled,
        Self::Approved,
        Self::Rejected,
        Self::Managed,
        Self::UndoRetried,
        Self::UndoWaived,
        Self::StepPaused,
        Self::StepResumed,
        Self::Migrated,
        Self::Forgotten,
        Self::Updated,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::StepPaused => "step paused",
            Self::StepResumed => "step resumed",
            Self::CancelRequested => "cancel requested",
            Self::Retried => "retried",
            Self::Migrated => "migrated",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Signalled => "signalled",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Managed => "managed",
            Self::UndoRetried => "undo retried",
            Self::UndoWaived => "undo waived",
            Self::Forgotten => "forgotten",
            Self::Updated => "updated",
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One entry of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Where it stands in the log.
    pub position: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// The run, or the id of what is no run.
    pub run: RunId,
    /// The run's name, or kind and name of what is no run.
    pub name: String,
    /// What happened.
    pub action: AuditAction,
    /// Of what was done to what is no run: the number of the kind of event that recorded it; else 0.
    pub kind: u16,
    /// The step, if it was done to one.
    pub step: Option<StepIndex>,
    /// Who did it and from where; `None` if it followed from the run itself.
    pub by: Option<Actor>,
    /// The reason that was given, or code and message of the failure; often empty.
    pub detail: String,
}

impl AuditRow {
    /// The entry of an event, if it has one. `name` is the run's.
    pub(super) fn of(name: &str, recorded: &Recorded<'_>) -> Option<Self> {
        let (action, by, detail) = entry(recorded.event)?;
        Some(Self {
            position: recorded.position,
            at: recorded.at,
            run: RunId(recorded.stream.0),
            name: name.to_owned(),
            action,
            kind: 0,
            step: step(recorded.event),
            by: by.cloned(),
            detail,
        })
    }

    /// The entry of an event of an aggregate, if somebody asked for it.
    pub(super) fn of_aggregate(recorded: &RecordedAggregate<'_>) -> Option<Self> {
        let (by, detail) = recorded.event.audit()?;
        Some(Self {
            position: recorded.position,
            at: recorded.at,
            run: RunId(recorded.id.bytes()),
            name: format!("{} {}", recorded.id.kind().word(), recorded.name),
            action: AuditAction::Managed,
            kind: recorded.event.kind(),
            step: None,
            by: Some(by.clone()),
            detail,
        })
    }

    /// Appends it to the entries of a row.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.position.0);
        out.push(self.action as u8);
        if self.action == AuditAction::Managed {
            out.extend_from_slice(&self.kind.to_be_bytes());
        }
        put_i64(out, self.at.0);
        out.extend_from_slice(&self.run.0);
        put_text(out, &self.name);
        put_u64(out, self.step.map_or(0, |step| u64::from(step.0) + 1));
        let by = self.by.as_ref();
        out.push(u8::from(by.is_some()));
        if let Some(by) = by {
            put_text(out, &by.name);
            put_text(out, &by.via);
        }
        put_text(out, &self.detail);
    }

    /// Reads the entries of a row.
    pub(super) fn decode_all(bytes: &[u8]) -> Option<Vec<Self>> {
        let mut reader = Reader::new(bytes);
        let mut entries = Vec::new();
        while !reader.is_empty() {
            entries.push(read(&mut reader)?);
        }
        Some(entries)
    }

    /// The run's stream.
    pub fn stream(&self) -> StreamId {
        StreamId(self.run.0)
    }
}

fn read(reader: &mut Reader<'_>) -> Option<AuditRow> {
    let position = Position(reader.u64()?);
    let action = *AuditAction::ALL.get(usize::from(reader.byte()?))?;
    let is_of_a_run = action != AuditAction::Managed;
    Some(AuditRow {
        position,
        action,
        kind: if is_of_a_run { 0 } else { u16::from_be_bytes(reader.array()?) },
        at: Timestamp(reader.i64()?),
        run: RunId(reader.array()?),
        name: reader.text()?,
        step: match reader.u64()?.checked_sub(1) {
            Some(step) => Some(StepIndex(u32::try_from(step).ok()?)),
            None => None,
        },
        by: match reader.byte()? {
            0 => None,
            1 => Some(Actor { name: reader.text()?, via: reader.text()? }),
            _ => return None,
        },
        detail: reader.text()?,
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
fn entry(event: &Event) -> Option<(AuditAction, Option<&Actor>, String)> {
    match event {
        Event::RunStarted(started) => {
            Some((AuditAction::Started, Some(&started.by), String::new()))
        }
        Event::RunPaused { by, reason } => Some((AuditAction::Paused, Some(by), reason.clone())),
        Event::RunResumed { by } => Some((AuditAction::Resumed, Some(by), String::new())),
        Event::StepPaused { by, reason, .. } => {
            Some((AuditAction::StepPaused, Some(by), reason.clone()))
        }
        Event::StepResumed { by, .. } => Some((AuditAction::StepResumed, Some(by), String::new())),
        Event::CancelRequested { by, reason } => {
            Some((AuditAction::CancelRequested, Some(by), reason.clone()))
        }
        Event::RunMigrated(migrated) => {
            Some((AuditAction::Migrated, Some(&migrated.by), migrated.reason.clone()))
        }
        Event::RunRetried { by, .. } => Some((AuditAction::Retried, Some(by), String::new())),
        Event::SignalReceived { by, name, id, .. } => {
            let id = if id.is_empty() { String::new() } else { format!(" ({id})") };
            Some((AuditAction::Signalled, Some(by), format!("{name}{id}")))
        }
        Event::UpdateAccepted(accepted) => {
            let UpdateAccepted { by, name, id, .. } = &**accepted;
            let id = if id.is_empty() { String::new() } else { format!(" ({id})") };
            Some((AuditAction::Updated, Some(by), format!("{name}{id}")))
        }
        Event::ApprovalGranted { by, note, .. } => {
            Some((AuditAction::Approved, Some(by), note.clone()))
        }
        Event::ApprovalRejected { by, note, .. } => {
            Some((AuditAction::Rejected, Some(by), note.clone()))
        }
        Event::UndoRetried { by } => Some((AuditAction::UndoRetried, Some(by), String::new())),
        Event::RunForgotten { by, .. } => Some((AuditAction::Forgotten, Some(by), String::new())),
        Event::UndoWaived { by, reason } => {
            Some((AuditAction::UndoWaived, Some(by), reason.clone()))
        }
        Event::RunCompleted { .. } => Some((AuditAction::Completed, None, String::new())),
        Event::RunFailed { failure, .. } => Some((AuditAction::Failed, None, words(failure))),
        Event::RunCancelled { .. } => Some((AuditAction::Cancelled, None, String::new())),
        Event::StepCompleted { .. }
        | Event::AttemptFailed { .. }
        | Event::ItemsStarted { .. }
        | Event::ItemResumed { .. }
        | Event::ItemStarted { .. }
        | Event::ItemCompleted { .. }
        | Event::ItemAttemptFailed { .. }
        | Event::ItemsInterrupted { .. }
        | Event::ItemOutputMapped { .. }
        | Event::ItemRetryScheduled { .. }
        | Event::ItemFailed { .. }
        | Event::OutputsStored { .. }
        | Event::AttemptsInterrupted { .. }
        | Event::AttemptResumed { .. }
        | Event::HeartbeatRecorded { .. }
        | Event::StepQueued { .. }
        | Event::TimerFired { .. }
        | Event::SlotsOffered
        | Event::RunHeld { .. }
        | Event::RunReleased
        | Event::StepSlotRequested { .. }
        | Event::StepSlotGranted { .. }
        | Event::StepCallRequested { .. }
        | Event::StepCallAllowed { .. }
        | Event::StepCallRefused { .. }
        | Event::RunQueued { .. }
        | Event::RunSlotGranted { .. }
        | Event::StepWaits { .. }
        | Event::EventsRead { .. }
        | Event::ApprovalRequested { .. }
        | Event::SignalTaken { .. }
        | Event::StepCalled { .. }
        | Event::ChildEnded { .. }
        | Event::ParentPaused
        | Event::ParentResumed
        | Event::StepStarted { .. }
        | Event::StepSlept { .. }
        | Event::StepSkipped { .. }
        | Event::PathChosen { .. }
        | Event::StepsBypassed { .. }
        | Event::RoundBegun { .. }
        | Event::CallsMade(_)
        | Event::FunctionReturned(_)
        | Event::RaceDecided { .. }
        | Event::StepsNotReached { .. }
        | Event::RetryScheduled { .. }
        | Event::StepFailed { .. }
        | Event::OutputMapped { .. }
        | Event::StopRequested { .. }
        | Event::StepsCancelled { .. }
        | Event::UpdateAwaited { .. }
        | Event::UndoCompleted { .. }
        | Event::UndoAttemptFailed { .. }
        | Event::UndoRequested { .. }
        | Event::UndoStarted { .. }
        | Event::ItemUndoStarted(_)
        | Event::ItemUndone(_)
        | Event::UndoRetryScheduled { .. }
        | Event::UndoFailed { .. } => None,
    }
}

/// The step that somebody did something to.
fn step(event: &Event) -> Option<StepIndex> {
    if let Event::UpdateAccepted(accepted) = event {
        return Some(accepted.step);
    }
    let (Event::ApprovalGranted { step, .. } | Event::ApprovalRejected { step, .. }) = event else {
        return None;
    };
    Some(*step)
}

fn words(failure: &Failure) -> String {
    if failure.code.is_empty() {
        failure.message.clone()
    } else {
        format!("{}: {}", failure.code, failure.message)
    }
}
