//! Handlers: whether what a definition calls exists.

use nexus_model::definition::{Definition, StepKind};
use nexus_model::plan::DefinitionError;

use crate::suggest::nearest;

/// Checks that every handler of `definition` is one of `known`, the names of handlers and built-in actions.
///
/// Shape: one NX1202 per step that calls an unknown one, with a suggestion if a known name is near.
pub fn check_handlers(definition: &Definition, known: &[&str]) -> Vec<DefinitionError> {
    let unknown = |uses: &str| !known.contains(&uses);
    let called = |kind: &'_ StepKind| match kind {
        StepKind::Action { uses, .. } if unknown(uses) => Some(uses.clone()),
        StepKind::Action { .. }
        | StepKind::Script { .. }
        | StepKind::Set { .. }
        | StepKind::Sleep { .. }
        | StepKind::Call { .. }
        | StepKind::WaitFor { .. } => None,
    };
    let calls = definition.steps.iter().flat_map(|step| {
        let own = called(&step.kind).map(|uses| (vec![step.id.clone()], uses));
        let undo = step.compensate.as_ref().and_then(|undo| called(&undo.kind));
        let undo = undo.map(|uses| (vec![step.id.clone(), "compensate".to_owned()], uses));
        own.into_iter().chain(undo)
    });
    calls
        .map(|(place, uses)| DefinitionError {
            code: "NX1202",
            path: [vec!["steps".to_owned()], place, vec!["uses".to_owned()]].concat(),
            range: None,
            message: format!("no handler is called `{uses}`"),
            hint: Some(hint(&uses, known)),
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
