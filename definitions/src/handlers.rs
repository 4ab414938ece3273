//! Handlers: whether what a definition calls exists, and takes what the definition hands to it.

use nexus_model::definition::{Definition, StepKind};
use nexus_model::input_shape::InputShape;
use nexus_model::plan::DefinitionError;

use crate::suggest::nearest;

/// A handler that a definition may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it takes, if it says.
    pub input: Option<&'a InputShape>,
}

impl<'a> From<&'a str> for Known<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, input: None }
    }
}

/// Checks that every handler of `definition` is one of `known`, and takes the literal values that are handed to it.
///
/// Shape: NX1202 for a step that calls an unknown one, else what is wrong with its `with`.
pub fn check_handlers(definition: &Definition, known: &[Known<'_>]) -> Vec<DefinitionError> {
    let mut errors = Vec::new();
    for step in &definition.steps {
        let StepKind::Action { uses, with } = &step.kind else { continue };
        match known.iter().find(|handler| handler.name == uses) {
            None => errors.push(DefinitionError {
                code: "NX1202",
                path: vec!["steps".to_owned(), step.id.clone(), "uses".to_owned()],
                range: None,
                message: format!("no handler is called `{uses}`"),
                hint: Some(hint(uses, known)),
                warning: false,
            }),
            Some(Known { input: Some(shape), .. }) => {
                let path = ["steps", &step.id, "with"].map(str::to_owned);
                errors.extend(shape.check(uses, with).into_iter().map(|misfit| DefinitionError {
                    code: misfit.code,
                    path: path.iter().cloned().chain(misfit.path).collect(),
                    range: None,
                    message: misfit.message,
                    hint: Some(misfit.hint),
                    warning: false,
                }));
            }
            Some(Known { input: None, .. }) => {}
        }
    }
    errors
}

fn hint(uses: &str, known: &[Known<'_>]) -> String {
    let names: Vec<&str> = known.iter().map(|handler| handler.name).collect();
    match nearest(uses, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "no handlers are registered".to_owned(),
        None => format!("known handlers: {}", names.join(", ")),
    }
}
