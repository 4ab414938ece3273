//! `EndChild`: a called run has come to its end.

use super::Draft;
use crate::event::{ChildEnd, Event, Failure, child_name};
use crate::id::StepIndex;
use crate::rejection::Rejection;
use crate::run::StepState;

impl Draft<'_> {
    pub(super) fn end_child(
        &mut self,
        step: StepIndex,
        child: String,
        revision: u32,
        ended: ChildEnd,
    ) -> Result<(), Rejection> {
        let Some(stopping) = self.waits_for_child(step, &child, revision) else {
            return Err(Rejection::StaleChild { child });
        };
        let attempt = self.run.step_run(step).attempt;
        let ended = self.open_end(ended);
        let failure = failure_of(&child, revision, &ended);
        self.emit(Event::ChildEnded { step, child, revision, ended: ended.clone() });
        match (ended, stopping) {
            // An output is an output, also of a run that was told to end.
            (ChildEnd::Completed { output }, _) => self.complete(step, attempt, output, false),
            (ChildEnd::Failed { .. } | ChildEnd::Cancelled { .. }, Some(cause))
                if cause == Failure::default() =>
            {
                self.emit(Event::StepsCancelled { steps: vec![step] });
            }
            (ChildEnd::Failed { .. } | ChildEnd::Cancelled { .. }, cause) => {
                self.settle_call(step, cause.unwrap_or(failure));
            }
        }
        Ok(())
    }

    /// Whether `step` waits for this end of this run, and whether it was told to end.
    #[expect(
        clippy::option_option,
        reason = "outside: whether it waits; inside: whether it is told to end"
    )]
    fn waits_for_child(
        &self,
        step: StepIndex,
        child: &str,
        revision: u32,
    ) -> Option<Option<Failure>> {
        if step.0 >= self.plan.step_count() {
            return None;
        }
        let StepState::Calling { number, stopping, .. } = self.run.step(step) else {
            return None;
        };
        let name = &self.run.started.as_ref()?.name;
        let is_it = child == child_name(name, self.plan.id(step), *number);
        let seen = self.run.calls.get(&step).map_or(0, |last| last.seen);
        let is_news = seen == 0 || revision > seen || revision == 0;
        (is_it && is_news).then(|| stopping.clone())
    }
}

/// What the end of a called run means for the attempt that called it. One that could not be started has no events.
fn failure_of(child: &str, revision: u32, ended: &ChildEnd) -> Failure {
    match ended {
        ChildEnd::Completed { .. } => Failure::default(),
        ChildEnd::Failed { failure, .. } if revision == 0 => failure.clone(),
        ChildEnd::Failed { failure: Failure { code, message, details, .. }, .. } => Failure {
            code: "NX3040".to_owned(),
            message: format!("called run `{child}` failed: {code} {message}"),
            fatal: false,
            details: details.clone(),
        },
        ChildEnd::Cancelled { reason, .. } => {
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let message = format!("called run `{child}` was cancelled{why}");
            Failure { code: "NX3041".to_owned(), message, fatal: true, details: None }
        }
    }
}
