//! A workflow as the text of a `*.workflow.yaml`.

use nexus_definitions::write;
use nexus_model::plan::DefinitionError;

use super::{Error, Form, Result, Workflow, WorkflowError};

impl<In, Out> Workflow<In, Out> {
    /// Writes it as a `*.workflow.yaml`. Its steps call their functions as handlers, by the names they are registered under:
    /// what runs the file must have them.
    ///
    /// # Errors
    /// NX1191 for each step whose condition or work is a closure, which has no spelling in YAML, and for a workflow of code.
    pub fn to_yaml(&self) -> Result<String> {
        let form = match &*self.form {
            Form::Dag(form) => form,
            Form::Code(_) => return Err(self.is_code()),
        };
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

    fn is_code(&self) -> Error {
        let message = "the workflow is a function, which cannot be written as YAML".to_owned();
        let hint = Some("build it as a graph with `Workflow::dag`".to_owned());
        let problem = DefinitionError {
            code: "NX1191",
            path: vec!["steps".to_owned()],
            range: None,
            message,
            hint,
            warning: false,
        };
        WorkflowError::new(self.name(), vec![problem]).into()
    }
}
