//! The fold of one run.

use nexus_model::event::{Event, Failure, Migrated, RunStarted, SlotAnswer};
use nexus_model::id::{StepIndex, TimerId};
use nexus_model::time::Timestamp;
use nexus_model::vault::holds_sealed;

use super::record::{Current, Doing, Ending, FOR_EVER, Outlook, RunRecord};
use super::waiting_items::WaitsFor;
use crate::view::Recorded;

/// Longest message of a failure that is kept in a row, in bytes. All of it is in the log.
const MESSAGE_BYTES_MAX: usize = 2048;

impl RunRecord {
    /// Folds an event.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    pub(super) fn fold(&mut self, recorded: &Recorded<'_>) {
        let at = recorded.at.0;
        self.revision += 1;
        self.updated_at = at;
        self.is_parked = recorded.is_parked;
        match recorded.event {
            Event::RunStarted(started) => self.started(started, at),
            Event::StepStarted { step, attempt, .. } => {
                self.begin(*step, attempt.0, Doing::Running, at);
            }
            Event::StepSlept { step, until, .. } => {
                self.begin(*step, 1, Doing::Sleeping, until.0);
            }
            Event::StepWaits { step, timer, .. } => {
                self.begin(*step, 1, Doing::AwaitingSignal, end_of(*timer));
            }
            Event::UpdateAwaited(awaited) => {
                self.begin(awaited.step, 1, Doing::AwaitingUpdate, end_of(awaited.timer));
            }
            Event::ApprovalRequested { step, timer, .. } => {
                self.begin(*step, 1, Doing::AwaitingApproval, end_of(*timer));
            }
            Event::StepCalled { step, attempt, timer, .. } => {
                let until = timer.map_or(FOR_EVER, |(_, until)| until.0);
                self.begin(*step, attempt.0, Doing::Calling, until);
            }
            Event::ParentPaused => {
                self.is_held = true;
                self.items.clear();
            }
            Event::ParentResumed => self.is_held = false,
            Event::ItemsStarted { step, .. } => {
                self.begin(*step, 1, Doing::Running, at);
            }
            Event::ItemRetryScheduled { .. } => self.retries = self.retries.saturating_add(1),
            Event::StepSlotRequested { step, attempt, item: None, .. } => {
                self.begin(*step, attempt.0, Doing::Queued, at);
            }
            Event::StepCallRequested { step, attempt, item: None, .. } => {
                self.begin(*step, attempt.0, Doing::AwaitingBreaker, at);
            }
            Event::StepSlotGranted(SlotAnswer { step, item: None, .. })
            | Event::StepCallAllowed(SlotAnswer { step, item: None, .. })
            | Event::StepCallRefused(SlotAnswer { step, item: None, .. }) => {
                self.current.remove(&step.0);
            }
            Event::RunQueued { .. } => self.is_queued = true,
            Event::RunSlotGranted { .. } => self.is_queued = false,
            Event::AttemptFailed { step, attempt, .. } => {
                self.begin(*step, attempt.0.saturating_add(1), Doing::Retrying, at);
            }
            Event::RetryScheduled { step, attempt, at, .. } => {
                self.retries = self.retries.saturating_add(1);
                self.begin(*step, attempt.0, Doing::Retrying, at.0);
            }
            Event::StepCompleted { step, .. } => {
                self.settle(*step);
                self.completed.insert(step.0);
            }
            Event::StepSkipped { step, .. } => {
                self.settle(*step);
                self.skipped.insert(step.0);
            }
            Event::PathChosen { skipped: steps, .. } | Event::StepsBypassed { steps, .. } => {
                for step in steps {
                    self.settle(*step);
                    self.skipped.insert(step.0);
                }
            }
            Event::StepFailed { step, continued, .. } => {
                self.settle(*step);
                self.failed.insert(step.0);
                self.fails_if(!continued);
            }
            // The loop no longer waits between two rounds; what it opens again counts as it was until it begins.
            Event::RoundBegun { step, .. } => self.settle(*step),
            Event::TimerFired { timer } => self.fails_if(self.timeout == Some(timer.0)),
            Event::StepsNotReached { steps } | Event::StepsCancelled { steps } => {
                for step in steps {
                    self.settle(*step);
                }
            }
            Event::RunPaused { reason, .. } => {
                self.is_paused = true;
                self.reason = short(reason);
                self.gives_up_places();
            }
            Event::RunResumed { .. } => {
                self.is_paused = false;
                self.reason.clear();
            }
            Event::RunHeld { pauses } => {
                self.held_by.clone_from(pauses);
                self.items.clear();
            }
            Event::RunReleased => self.held_by.clear(),
            Event::CancelRequested { reason, .. } => {
                self.is_paused = false;
                self.outlook = Outlook::Cancelling;
                self.is_queued = false;
                self.reason = short(reason);
            }
            Event::UndoRequested { steps } => {
                self.undos_open = u32::try_from(steps.len()).unwrap_or(u32::MAX);
            }
            Event::ItemUndoStarted(started) => {
                self.undo(started.step, started.attempt.0, Doing::Running, at);
            }
            Event::UndoStarted { step, attempt, .. } => {
                self.undo(*step, attempt.0, Doing::Running, at);
            }
            Event::UndoAttemptFailed { step, attempt, .. } => {
                self.undo(*step, attempt.0.saturating_add(1), Doing::Retrying, at);
            }
            Event::UndoRetryScheduled { step, attempt, at, .. } => {
                self.retries = self.retries.saturating_add(1);
                self.undo(*step, attempt.0, Doing::Retrying, at.0);
            }
            Event::UndoFailed { step, .. } => {
                let attempt = self.current.get(&step.0).map_or(1, |current| current.attempt);
                self.undo(*step, attempt, Doing::UndoFailed, at);
            }
            Event::ItemUndone(undone) => {
                self.current.remove(&undone.step.0);
            }
            Event::UndoCompleted { step, .. } => {
                self.current.remove(&step.0);
                self.undos_open = self.undos_open.saturating_sub(1);
            }
            Event::UndoRetried { .. } => {
                self.current.retain(|_, current| current.state != Doing::UndoFailed);
            }
            Event::UndoWaived { reason, .. } => {
                self.undos_open = 0;
                self.outlook = Outlook::Cancelling;
                self.reason = short(reason);
                let completed = &self.completed;
                self.current.retain(|step, current| {
                    current.state == Doing::Running || !completed.contains(*step)
                });
            }
            Event::RunRetried { timeout, .. } => self.retried(*timeout),
            Event::RunMigrated(migrated) => self.migrated(migrated),
            Event::CallsMade(made) => made.calls.iter().for_each(|call| self.called(call.step)),
            Event::FunctionReturned(returned) => self.fails_if(returned.failure.is_some()),
            Event::RunCompleted { .. } => self.end(Ending::Completed, at),
            Event::RunFailed { failure, step, .. } => {
                self.failure = Some(failure_of(failure, *step));
                self.end(Ending::Failed, at);
            }
            Event::RunCancelled { .. } => self.end(Ending::Cancelled, at),
            Event::RunForgotten { .. } => self.is_forgotten = true,
            // A step that goes through its items is at work, whatever they wait for.
            Event::StepSlotRequested { step, item: Some(_), .. } => {
                self.items.asked(*step, WaitsFor::Slot);
            }
            Event::StepSlotGranted(SlotAnswer { step, item: Some(_), .. }) => {
                self.items.answered(*step, WaitsFor::Slot);
            }
            Event::StepCallRequested { step, item: Some(_), .. } => {
                self.items.asked(*step, WaitsFor::Breaker);
            }
            Event::StepCallAllowed(SlotAnswer { step, item: Some(_), .. })
            | Event::StepCallRefused(SlotAnswer { step, item: Some(_), .. }) => {
                self.items.answered(*step, WaitsFor::Breaker);
            }
            Event::StepPaused { step, .. } => self.items.give_up(*step),
            Event::StopRequested { steps } => {
                for step in steps {
                    self.items.give_up(*step);
                }
            }
            Event::AttemptsInterrupted { .. }
            | Event::AttemptResumed { .. }
            | Event::HeartbeatRecorded { .. }
            | Event::StepQueued { .. }
            | Event::SlotsOffered
            | Event::EventsRead { .. }
            | Event::StepResumed { .. }
            | Event::SignalReceived { .. }
            | Event::UpdateAccepted { .. }
            | Event::ApprovalGranted { .. }
            | Event::ApprovalRejected { .. }
            | Event::SignalTaken { .. }
            | Event::ChildEnded { .. }
            | Event::ItemStarted { .. }
            | Event::ItemResumed { .. }
            | Event::ItemCompleted { .. }
            | Event::ItemAttemptFailed { .. }
            | Event::ItemsInterrupted { .. }
            | Event::ItemOutputMapped { .. }
            | Event::ItemFailed { .. }
            | Event::OutputsStored { .. }
            | Event::OutputMapped { .. }
            | Event::RaceDecided { .. } => {}
        }
    }

    fn started(&mut self, started: &RunStarted, at: i64) {
        self.name.clone_from(&started.name);
        self.workflow.clone_from(&started.workflow);
        self.definition = started.definition.0;
        self.labels.clone_from(&started.labels);
        self.by.clone_from(&started.by);
        self.started_at = at;
        self.timeout = started.timeout.map(|(timer, _)| timer.0);
    }

    /// A run that is being cancelled does not fail any more.
    fn fails_if(&mut self, it_fails: bool) {
        if it_fails && self.outlook == Outlook::Open {
            self.outlook = Outlook::Failing;
            self.is_queued = false;
        }
    }

    /// A paused run waits for no slots.
    fn gives_up_places(&mut self) {
        self.is_queued = false;
        self.items.clear();
        self.current
            .retain(|_, current| !matches!(current.state, Doing::Queued | Doing::AwaitingBreaker));
    }

    fn begin(&mut self, step: StepIndex, attempt: u32, state: Doing, time: i64) {
        self.unsettle(step);
        self.current.insert(step.0, Current { attempt, state, time });
    }

    /// As [`begin`](Self::begin), but what the step did still counts.
    fn undo(&mut self, step: StepIndex, attempt: u32, state: Doing, time: i64) {
        if self.undos_open > 0 {
            self.current.insert(step.0, Current { attempt, state, time });
        } else {
            self.current.remove(&step.0); // The undoing was given up.
        }
    }

    fn settle(&mut self, step: StepIndex) {
        self.unsettle(step);
        self.current.remove(&step.0);
        self.items.give_up(step);
    }

    /// A step that was settled before the run was retried counts anew.
    fn unsettle(&mut self, step: StepIndex) {
        for set in [&mut self.completed, &mut self.skipped, &mut self.failed] {
            set.remove(step.0);
        }
    }

    /// A call may have the number of one that was before it, which counts as it did.
    fn called(&mut self, step: StepIndex) {
        self.earlier.0 += u32::from(self.completed.contains(step.0));
        self.earlier.1 += u32::from(self.failed.contains(step.0));
        self.settle(step);
    }

    fn retried(&mut self, timeout: Option<(TimerId, Timestamp)>) {
        self.timeout = timeout.map(|(timer, _)| timer.0);
        self.ending = None;
        self.ended_at = None;
        self.failure = None;
        self.is_paused = false;
        self.undos_open = 0;
        self.reason.clear();
    }

    /// Steps are known by their places, which are others now.
    fn migrated(&mut self, migrated: &Migrated) {
        let place = |step: u32| migrated.steps.get(step as usize).copied().flatten();
        self.definition = migrated.definition.0;
        let steps = u32::try_from(migrated.steps.len()).unwrap_or(u32::MAX);
        for set in [&mut self.completed, &mut self.skipped, &mut self.failed] {
            let before = std::mem::take(set);
            let places = (0..steps).filter(|step| before.contains(*step)).filter_map(place);
            places.for_each(|step| set.insert(step.0));
        }
        let current = std::mem::take(&mut self.current);
        let current = current.into_iter().filter_map(|(step, now)| Some((place(step)?.0, now)));
        self.current = current.collect();
        self.items.moved(place);
        if let Some((_, _, step)) = &mut self.failure {
            *step = step.and_then(place).map(|step| step.0);
        }
    }

    fn end(&mut self, ending: Ending, at: i64) {
        self.ending = Some(ending);
        self.ended_at = Some(at);
        self.is_paused = false;
        self.is_queued = false;
        self.outlook = Outlook::Open;
        self.current.clear();
        self.items.clear();
    }
}

fn end_of(timer: Option<(TimerId, Timestamp)>) -> i64 {
    timer.map_or(FOR_EVER, |(_, until)| until.0)
}

fn failure_of(failure: &Failure, step: Option<StepIndex>) -> (String, String, Option<u32>) {
    (short(&failure.code), short(&failure.message), step.map(|step| step.0))
}

fn short(text: &str) -> String {
    // What is sealed can be opened only whole.
    if text.len() <= MESSAGE_BYTES_MAX || holds_sealed(text) {
        return text.to_owned();
    }
    let mut short = text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)].to_owned();
    short.push('…');
    short
}
