//! The names of a test file, compared with those of its workflow.

use nexus_model::input::InputError;
use nexus_model::plan::Plan;
use serde_json::Value;

use super::{Case, Deed, Named, TestFile};
use crate::problem::{Problem, Problems};
use crate::source::Fault;
use crate::suggest::nearest;

impl TestFile {
    /// Compares the names of steps and actions with those of the workflow and of those it calls: NX1125.
    pub fn check(&self, plans: &[&Plan]) -> Problems {
        let mut steps = Vec::new();
        let (mut handlers, mut without) = (Vec::new(), Vec::new());
        for plan in plans {
            for step in plan.steps() {
                steps.push(plan.id(step).to_owned());
                match plan.handler(step) {
                    Some(handler) => handlers.extend([plan.id(step), handler].map(str::to_owned)),
                    None => without.push(plan.id(step).to_owned()),
                }
                if let Some(undo) = plan.undo_handler(step) {
                    handlers.push(format!("{}/undo", plan.id(step)));
                    handlers.push(undo.to_owned());
                }
            }
        }
        let unknown = |named: &&Named| {
            let is_handler = named.is_mock && handlers.contains(&named.name);
            !is_handler && (named.is_mock || !steps.contains(&named.name))
        };
        let problem = |named: &Named| {
            if named.is_mock && without.contains(&named.name) {
                let message = format!("step `{}` calls no handler to stand in for", named.name);
                let hint = "of a workflow that is called, the steps are played: name those";
                let fault = Fault::new("NX1125", named.range.clone(), message);
                return self.source.problem(fault.hint(hint));
            }
            let known = if named.is_mock { &handlers } else { &steps };
            let hint = match nearest(&named.name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("steps of the workflow: {}", steps.join(", ")),
            };
            let what = if named.is_mock { "step or action" } else { "step" };
            let message = format!("the workflow has no {what} `{}`", named.name);
            self.source.problem(Fault::new("NX1125", named.range.clone(), message).hint(hint))
        };
        Problems::from_unsorted(self.named.iter().filter(unknown).map(problem).collect())
    }

    /// NX1127: the file of the workflow cannot be used.
    pub fn workflow_problem(&self, message: String) -> Problem {
        let hint =
            "name a valid workflow, seen from the test file: `workflow: ./NAME.workflow.yaml`";
        self.source.problem(Fault::new("NX1127", self.workflow_range.clone(), message).hint(hint))
    }

    /// NX1127: a file that the run of a case is migrated to cannot be used.
    pub fn migration_problem(&self, case: &Case, message: String) -> Problem {
        let hint =
            "name a valid workflow, seen from the test file: `migrate: ./NAME.workflow.yaml`";
        self.source.problem(Fault::new("NX1127", case.range.clone(), message).hint(hint))
    }

    /// NX1130: the inputs of a case do not fit the workflow.
    pub fn inputs_problem(&self, case: &Case, errors: &[InputError]) -> Problem {
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let message = format!("the inputs of the case do not fit: {}", said.join("; "));
        let hint = "write `inputs:` as the workflow declares them";
        self.source.problem(Fault::new("NX1130", case.range.clone(), message).hint(hint))
    }

    /// NX1126: steps of a case that nothing stands in for, with what they call.
    pub fn unanswered_problem(&self, case: &Case, steps: &[(String, String)]) -> Problem {
        let step = |(step, uses): &(String, String)| format!("`{step}` ({uses})");
        let names: Vec<String> = steps.iter().map(step).collect();
        let message = format!("nothing stands in for {}", names.join(", "));
        let first = steps.first().map_or("STEP", |(step, _)| step);
        let hint = format!("add `{first}` to `mock`, or carry it out with `real: [{first}]`");
        self.source.problem(Fault::new("NX1126", case.range.clone(), message).hint(hint))
    }
}

impl Case {
    /// The files that its run is migrated to.
    pub fn migrations(&self) -> impl Iterator<Item = &str> {
        self.acts.iter().filter_map(|act| match &act.what {
            Deed::Migrate { file, .. } => Some(file.as_str()),
            Deed::Signal { .. }
            | Deed::Update { .. }
            | Deed::Emit { .. }
            | Deed::Answer { .. }
            | Deed::Pause
            | Deed::Resume
            | Deed::Cancel
            | Deed::Retry
            | Deed::Crash(_) => None,
        })
    }

    /// The inputs as one value.
    pub fn input(&self) -> Value {
        Value::Object(self.inputs.clone())
    }
}
