//! Runs whose functions are in other programs: nothing of this process can carry them out.

use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;

use super::Service;
use crate::api::Problem;
use crate::problems;

impl Service {
    /// The workflow of a run that has not ended, if its function is one of another program.
    pub async fn function_elsewhere(&self, name: &str) -> Option<String> {
        let (run, name) = self.resolve(name).await.ok()?;
        let (plan, state) = self.load(run, &name).await.ok()?;
        self.lacks_function(&plan, &state).then(|| plan.definition().name.clone())
    }

    /// Refuses to work on a run whose function is one of another program: it would get no further, and that program would not get
    /// at the store meanwhile.
    pub(super) fn check_function(&self, plan: &Plan, run: &Run, name: &str) -> Result<(), Problem> {
        if self.lacks_function(plan, run) {
            return Err(problems::function_elsewhere(name, &plan.definition().name));
        }
        Ok(())
    }

    fn lacks_function(&self, plan: &Plan, run: &Run) -> bool {
        let offers = self.handle().offers_function(&plan.definition().name);
        plan.is_code() && !run.status.is_terminal() && !offers
    }
}
