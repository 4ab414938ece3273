//! Handlers: whether what a definition calls exists.

use nexus_model::definition::{Definition, StepKind};
use nexus_model::plan::DefinitionError;

use crate::suggest::nearest;

/// Checks that every handler of `definition` is one of `known`, the names of handlers and built-in actions.
///
/// Shape: one NX1202 per step that calls an unknown one, with a suggestion if a known name is near.
pub fn check_handlers(definition: &Definition, known: &[&str]) -> Vec<DefinitionError> {
    let unknown = |uses: &str| !known.contains(&uses);
    let steps = definition.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Action { uses, .. } if unknown(uses) => Some((step, uses)),
        StepKind::Action { .. }
        | StepKind::Script { .. }
        | StepKind::Set { .. }
        | StepKind::Sleep { .. }
        | StepKind::Call { .. }
        | StepKind::WaitFor { .. } => None,
    });
    steps
        .map(|(step, uses)| DefinitionError {
            code: "NX1202",
            path: vec!["steps".to_owned(), step.id.clone(), "uses".to_owned()],
            range: None,
            message: format!("no handler is called `{uses}`"),
            hint: Some(hint(uses, known)),
            warning: false,
        })
        .collect()
}

fn hint(uses: &str, known: &[&str]) -> String {
    match nearest(uses, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "no handlers are registered".to_owned(),
        None => format!("known handlers: {}", known.join(", ")),
    }
}
