//! The values of events: what an encrypted run hides. And failures, whose messages are such values.

use super::{ChildEnd, Event};
use crate::payload::Payload;

/// Why an attempt, a step or a run failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Error code, such as `NX3001`, or one of the handler's own.
    pub code: String,
    /// What happened, one line.
    pub message: String,
    /// Whether trying again cannot help.
    pub fatal: bool,
    /// More of it, such as a backtrace or the end of the standard error output.
    pub details: Option<String>,
}

/// A value of a user in an event.
#[derive(Debug)]
pub enum ValueMut<'e> {
    /// Input, output, progress, form, or what a signal carries.
    Payload(&'e mut Payload),
    /// A text that may hold values: messages and details of failures, what a condition saw, what people are asked.
    Text(&'e mut String),
}

impl Event {
    /// Visits the values of the event. Names, ids, codes, labels, numbers, times and the reasons that people give are none.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    pub fn each_value(&mut self, visit: &mut dyn FnMut(ValueMut<'_>)) {
        match self {
            Self::RunStarted(started) => visit(ValueMut::Payload(&mut started.input)),
            Self::StepCompleted { output: payload, .. }
            | Self::SignalReceived { payload, .. }
            | Self::ItemCompleted { output: payload, .. }
            | Self::HeartbeatRecorded { progress: payload, .. }
            | Self::ApprovalGranted { form: payload, .. }
            | Self::ApprovalRejected { form: payload, .. }
            | Self::OutputMapped { output: payload, .. }
            | Self::ItemOutputMapped { output: payload, .. }
            | Self::RunCompleted { output: payload, .. }
            | Self::StepStarted { input: Some(payload), .. }
            | Self::ItemStarted { input: Some(payload), .. }
            | Self::StepCalled { input: Some(payload), .. }
            | Self::UndoStarted { input: Some(payload), .. }
            | Self::ChildEnded { ended: ChildEnd::Completed { output: payload }, .. } => {
                visit(ValueMut::Payload(payload));
            }
            Self::ItemUndoStarted(started) => {
                started.input.iter_mut().for_each(|input| visit(ValueMut::Payload(input)));
            }
            Self::AttemptFailed { failure, .. }
            | Self::ItemAttemptFailed { failure, .. }
            | Self::UndoAttemptFailed { failure, .. }
            | Self::StepFailed { failure, .. }
            | Self::ItemFailed { failure, .. }
            | Self::UndoFailed { failure, .. }
            | Self::RunFailed { failure, .. }
            | Self::ChildEnded { ended: ChildEnd::Failed { failure, .. }, .. } => {
                failure.each_text(visit);
            }
            Self::StepSkipped { reason: text, .. }
            | Self::PathChosen { reason: text, .. }
            | Self::ApprovalRequested { message: text, .. } => visit(ValueMut::Text(text)),
            Self::UpdateAccepted(accepted) => {
                visit(ValueMut::Payload(&mut accepted.data));
                visit(ValueMut::Payload(&mut accepted.reply));
            }
            Self::RoundBegun { reason, carry, .. } => {
                visit(ValueMut::Text(reason));
                visit(ValueMut::Payload(carry));
            }
            Self::CallsMade(made) => {
                for call in &mut made.calls {
                    visit(ValueMut::Payload(&mut call.input));
                    if let Some(output) = &mut call.output {
                        visit(ValueMut::Payload(output));
                    }
                }
            }
            Self::FunctionReturned(returned) => {
                if let Some(failure) = &mut returned.failure {
                    return failure.each_text(visit);
                }
                visit(ValueMut::Payload(&mut returned.output));
                for left in &mut returned.left {
                    visit(ValueMut::Payload(&mut left.payload));
                }
            }
            Self::AttemptsInterrupted { .. }
            | Self::AttemptResumed { .. }
            | Self::TimerFired { .. }
            | Self::RunPaused { .. }
            | Self::RunResumed { .. }
            | Self::CancelRequested { .. }
            | Self::RunRetried { .. }
            | Self::SlotsOffered
            | Self::ItemsInterrupted { .. }
            | Self::ItemResumed { .. }
            | Self::UndoCompleted { .. }
            | Self::ItemUndone(_)
            | Self::UndoWaived { .. }
            | Self::UndoRetried { .. }
            | Self::RunForgotten { .. }
            | Self::RunMigrated(_)
            | Self::EventsRead { .. }
            | Self::ChildEnded { ended: ChildEnd::Cancelled { .. }, .. }
            | Self::ParentPaused
            | Self::ParentResumed
            | Self::StepCalled { input: None, .. }
            | Self::StepCallAllowed { .. }
            | Self::StepCallRefused { .. }
            | Self::StepCallRequested { .. }
            | Self::StepPaused { .. }
            | Self::StepResumed { .. }
            | Self::RunHeld { .. }
            | Self::RunReleased
            | Self::StepSlotGranted { .. }
            | Self::RunSlotGranted { .. }
            | Self::StepSlotRequested { .. }
            | Self::RunQueued { .. }
            | Self::StepStarted { input: None, .. }
            | Self::StepQueued { .. }
            | Self::StepSlept { .. }
            | Self::StepWaits { .. }
            | Self::UpdateAwaited { .. }
            | Self::SignalTaken { .. }
            | Self::StepsNotReached { .. }
            | Self::RetryScheduled { .. }
            | Self::StepsBypassed { .. }
            | Self::RaceDecided { .. }
            | Self::StopRequested { .. }
            | Self::StepsCancelled { .. }
            | Self::ItemsStarted { .. }
            | Self::ItemStarted { input: None, .. }
            | Self::ItemRetryScheduled { .. }
            | Self::OutputsStored { .. }
            | Self::UndoRequested { .. }
            | Self::UndoStarted { input: None, .. }
            | Self::UndoRetryScheduled { .. }
            | Self::RunCancelled { .. } => {}
        }
    }
}

impl Failure {
    /// Visits message and details; the code is a name.
    pub(crate) fn each_text(&mut self, visit: &mut dyn FnMut(ValueMut<'_>)) {
        visit(ValueMut::Text(&mut self.message));
        if let Some(details) = &mut self.details {
            visit(ValueMut::Text(details));
        }
    }
}
