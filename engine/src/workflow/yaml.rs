//! A workflow as the text of a `*.workflow.yaml`.

use nexus_definitions::write;
use nexus_model::plan::DefinitionError;

use super::{Form, Result, Workflow, WorkflowError};

impl<In, Out> Workflow<In, Out> {
    /// Writes it as a `*.workflow.yaml`. Its steps call their functions as handlers, by the names they are registered under:
    /// what runs the file must have them.
    ///
    /// # Errors
    /// NX1191 for each step whose condition or work is a closure, which has no spelling in YAML.
    pub fn to_yaml(&self) -> Result<String> {
        let Form::Dag(form) = &*self.form;
        let refused = |step: &String| DefinitionError {
            code: "NX1191",
            path: vec!["steps".to_owned(), step.clone()],
            range: None,
            message: format!("step `{step}` holds a closure, which cannot be written as YAML"),
            hint: Some(
                "write its condition with `when_expr`, and its work as a function".to_owned(),
            ),
            warning: false,
        };
        if form.closures.is_empty() {
            return Ok(write(form.plan.definition()));
        }
        let problems = form.closures.iter().map(refused).collect();
        Err(WorkflowError::new(self.name(), problems).into())
    }
}
