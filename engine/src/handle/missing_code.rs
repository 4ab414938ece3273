//! Steps whose code this program does not have.

use nexus_model::id::StepIndex;
use nexus_model::plan::Plan;
use nexus_model::run::Run;
use nexus_model::workers::worker_handler;

use super::Handle;

/// A step that waits for a program that has its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCode {
    /// The step.
    pub step: StepIndex,
    /// The name of the handler.
    pub handler: String,
}

impl Handle {
    /// The steps of a run that are to be at work, and whose handlers this program does not have. They rest until a program opens the
    /// store that has them. Why the function of a run gets no further is said by [`function_trouble`](Self::function_trouble).
    pub fn missing_code(&self, plan: &Plan, run: &Run) -> Vec<MissingCode> {
        if plan.is_code() {
            return Vec::new();
        }
        let at_work = run.running().chain(run.iterating());
        let missing = at_work.filter_map(|step| {
            let is_undo = run.step_run(step).undo().is_some();
            let name = if is_undo { plan.undo_handler(step) } else { plan.handler(step) };
            let is_missing =
                |name: &&str| self.registry().get(name).is_none() && worker_handler(name).is_none();
            let handler = name.filter(is_missing)?.to_owned();
            Some(MissingCode { step, handler })
        });
        missing.collect()
    }
}
