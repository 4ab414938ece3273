//! Migrations under simulated time.

use std::sync::Arc;

use nexus_log::Row;
use nexus_model::command::Command;
use nexus_model::id::RunId;
use nexus_model::migration::{MigrateRun, Target};
use nexus_model::plan::Plan;

use super::engine::{TestEngine, by};
use crate::shard::{Answer, Asked, Input, Refusal};
use crate::tables::definition_row;

/// What has a run go on with another definition, and the rows that go with it.
pub(super) fn migration(plan: &Arc<Plan>, retries: bool) -> (Command, Vec<Row>) {
    let reason = "a test".to_owned();
    let to = Target(Arc::clone(plan));
    let command = Command::MigrateRun(Box::new(MigrateRun { to, by: by(), reason, retries }));
    let rows = vec![definition_row(plan.hash(), plan.definition().to_canonical_json())];
    (command, rows)
}

impl TestEngine {
    /// Has a run go on with another definition. If the engine crashes before it answers, it is asked again, as by
    /// [`ask`](Self::ask).
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn migrate(&mut self, run: RunId, plan: &Arc<Plan>) -> Result<Answer, Refusal> {
        self.go_on_with(run, plan, false)
    }

    /// Continues a failed or cancelled run with another definition.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn retry_with(&mut self, run: RunId, plan: &Arc<Plan>) -> Result<Answer, Refusal> {
        self.world_mut().ended.remove(&run);
        self.go_on_with(run, plan, true)
    }

    fn go_on_with(
        &mut self,
        run: RunId,
        plan: &Arc<Plan>,
        retries: bool,
    ) -> Result<Answer, Refusal> {
        let (command, rows) = migration(plan, retries);
        let input = |reply| {
            let rows = rows.clone();
            let asked = Asked { rows, reply: Some(reply), ..Asked::silent(command.clone()) };
            Input::Ask { run, asked }
        };
        let (answer, again) = self.world_mut().ask(input, |_| None);
        match answer {
            Err(Refusal::Rejected(_)) if again && self.load(run).0.hash() == plan.hash() => {
                Ok(Answer { run, revision: self.load(run).1.revision })
            }
            answer => answer,
        }
    }
}
