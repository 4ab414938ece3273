//! Undoing, as it is shown.

use nexus_engine::model::id::StepIndex;
use nexus_engine::model::run::UndoState;

use super::standing::Standing;
use super::{duration, failure_line};
use crate::api::{UndoView, WaitingOn};

/// Code of a run whose undoing has failed and waits for somebody.
const UNDO_FAILED: &str = "NX3011";

impl Standing<'_> {
    /// The undo of a step, if the step was or is to be undone.
    pub(crate) fn undo_view(&self, step: StepIndex) -> Option<UndoView> {
        let undo = self.run.step_run(step).undo.as_deref()?;
        let status = match &undo.state {
            UndoState::Pending | UndoState::Running { may_repeat: false, rests: true, .. } => {
                "pending"
            }
            UndoState::Running { .. } if self.undo_rests(&undo.state) => "interrupted",
            UndoState::Running { .. } => "running",
            UndoState::Retrying { .. } => "retrying",
            UndoState::Failed { .. } => "failed",
            UndoState::Undone => "undone",
            UndoState::GivenUp => "given up",
        };
        let is_at_work =
            matches!(undo.state, UndoState::Running { .. }) && !self.undo_rests(&undo.state);
        let ended = undo.settled_at.or_else(|| is_at_work.then_some(self.now));
        let attempts = self.run.step_run(step).attempt.0;
        Some(UndoView {
            status: status.into(),
            by: self.plan.undo_handler(step).unwrap_or_default().to_owned(),
            attempts: attempts.saturating_sub(undo.attempts_forgiven),
            took_ms: undo.started_at.zip(ended).map(|(from, to)| to.ms_since(from)),
            error: match &undo.state {
                UndoState::Retrying { failure, .. } | UndoState::Failed { failure } => {
                    Some(super::failure(failure, Some(self.plan.id(step))))
                }
                UndoState::Pending
                | UndoState::Running { .. }
                | UndoState::Undone
                | UndoState::GivenUp => None,
            },
        })
    }

    /// Whether an undo counts as running, and nothing is at work on it: it waits for an engine, its turn or its code.
    pub(crate) fn undo_rests(&self, undo: &UndoState) -> bool {
        let UndoState::Running { rests, stopping, .. } = undo else { return false };
        !self.driven || *rests && !stopping
    }

    /// What carries the run on.
    fn engine(&self) -> &'static str {
        if self.plan.is_code() { "the program that has the function" } else { "an engine" }
    }

    /// Attempts the undo of a step may make, if they are limited.
    pub(super) fn undo_attempts_max(&self, step: StepIndex) -> Option<u32> {
        let undo = self.plan.step_definition(step)?.compensate.as_deref()?;
        undo.retry.as_ref().map(|retry| retry.max_attempts)
    }

    /// Whether only somebody can help: all that is left are undos that have failed.
    pub(crate) fn is_stuck(&self) -> bool {
        let failed = |step: StepIndex| {
            matches!(self.run.step_run(step).undo(), Some(UndoState::Failed { .. }))
        };
        let at = self.at();
        !at.is_empty() && at.into_iter().all(failed)
    }

    /// Somebody has to say what becomes of an undo that has failed.
    pub(super) fn waits_for_undo(&self) -> Option<WaitingOn> {
        let (step, _) = self.run.failed_undos().next()?;
        Some(WaitingOn {
            on: "undo".into(),
            step: Some(self.plan.id(step).to_owned()),
            code: Some(UNDO_FAILED.into()),
            ..WaitingOn::default()
        })
    }

    /// What there is to say about undos that have failed.
    pub(super) fn failed_undos(&self) -> Option<String> {
        let failed: Vec<StepIndex> = self.run.failed_undos().map(|(step, _)| step).collect();
        let (_, failure) = self.run.failed_undos().next()?;
        Some(format!(
            "{UNDO_FAILED} the undo of {} failed: {}; it waits until somebody retries it or gives it up",
            self.names_plain(&failed),
            failure_line(failure)
        ))
    }

    /// Why the undo of a step stands where it stands, in one line.
    pub(super) fn undo_why(&self, step: StepIndex) -> Option<String> {
        let undo = self.run.step_run(step).undo()?;
        let id = self.plan.id(step);
        Some(match undo {
            UndoState::Pending if self.run.undo_blocks(step) > 0 => {
                format!("{id} is undone after the steps that come after it")
            }
            UndoState::Pending if self.run.is_held() => {
                format!("{id} is to be undone; the run is paused")
            }
            UndoState::Pending => format!("{id} is to be undone and waits for {}", self.room()),
            UndoState::Running { rests: true, may_repeat: false, .. } => {
                let turn = if self.driven { "its turn, or its code" } else { self.engine() };
                format!("{id} is to be undone and waits for {turn}")
            }
            UndoState::Running { .. } if self.undo_rests(undo) => {
                let turn = if self.driven { "its turn" } else { self.engine() };
                format!("the undo of {id} was cut off; it waits for {turn} to go on")
            }
            UndoState::Running { since, stopping, .. } => {
                let told = if *stopping { ", told to stop" } else { "" };
                format!("{id} is being undone for {}{told}", duration(self.now.ms_since(*since)))
            }
            UndoState::Retrying { timer, at, failure, .. } => {
                let next = match timer {
                    Some(_) => format!("next try {}", self.in_time(*at)),
                    None => format!("the next try waits for {}", self.room()),
                };
                format!("the undo of {id} failed: {}; {next}", failure_line(failure))
            }
            UndoState::Failed { failure } => {
                format!("{UNDO_FAILED} the undo of {id} failed: {}", failure_line(failure))
            }
            UndoState::Undone => {
                format!("{id} was undone by {}", self.plan.undo_handler(step).unwrap_or_default())
            }
            UndoState::GivenUp => format!("{id} completed; its undo was given up"),
        })
    }

    /// What there is to say about the undo of a step beside its status.
    pub(super) fn undo_note(&self, step: StepIndex) -> Option<String> {
        let undo = self.run.step_run(step).undo()?;
        Some(match undo {
            UndoState::Pending | UndoState::Running { rests: true, may_repeat: false, .. } => {
                "to be undone".into()
            }
            UndoState::Running { .. } if self.undo_rests(undo) => "the undo runs again".into(),
            UndoState::Running { stopping: true, .. } => "undo told to stop".into(),
            UndoState::Running { .. } => {
                format!("by {}", self.plan.undo_handler(step).unwrap_or_default())
            }
            UndoState::Retrying { timer: Some(_), at, failure, .. } => {
                format!("undo: {}, next try {}", failure_line(failure), self.in_time(*at))
            }
            UndoState::Retrying { timer: None, .. } => {
                format!("next try waits for {}", self.room())
            }
            UndoState::Failed { failure } => format!("undo failed: {}", failure_line(failure)),
            UndoState::Undone => {
                format!("undone by {}", self.plan.undo_handler(step).unwrap_or_default())
            }
            UndoState::GivenUp => "undo given up".into(),
        })
    }
}
