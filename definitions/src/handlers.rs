//! Handlers: whether what a definition calls exists, and takes what the definition hands to it.

use nexus_model::definition::{Definition, StepKind};
use nexus_model::input_shape::InputShape;
use nexus_model::plan::DefinitionError;
use nexus_model::workers::{WORKER_NAME_CHARS_MAX, WORKER_PREFIX, is_worker_name, worker_handler};

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
/// One of a worker is taken as it comes: workers are programs of their own.
/// Shape: NX1202 for a call of an unknown one, else what is wrong with its `with`; the undo of a step is a call as well.
pub fn check_handlers(definition: &Definition, known: &[Known<'_>]) -> Vec<DefinitionError> {
    let calls = definition.steps.iter().flat_map(|step| {
        let undo = step.compensate.as_ref();
        let undo = undo.map(|undo| (vec!["steps", &step.id, "compensate"], &undo.kind));
        [(vec!["steps", step.id.as_str()], &step.kind)].into_iter().chain(undo)
    });
    calls.flat_map(|(place, kind)| check_call(&place, kind, known)).collect()
}

fn check_call(place: &[&str], kind: &StepKind, known: &[Known<'_>]) -> Vec<DefinitionError> {
    let StepKind::Action { uses, with } = kind else { return Vec::new() };
    if uses == nexus_model::plan::EMIT_HANDLER {
        return Vec::new(); // The engine itself, wherever it is.
    }
    let error = |code, path: Vec<String>, message, hint| DefinitionError {
        code,
        path: place.iter().map(|key| (*key).to_owned()).chain(path).collect(),
        range: None,
        message,
        hint: Some(hint),
        warning: false,
    };
    match known.iter().find(|handler| handler.name == uses) {
        None if worker_handler(uses).is_some_and(is_worker_name) => Vec::new(),
        None if worker_handler(uses).is_some() => {
            let message = format!("`{uses}` is no handler that a worker can offer");
            let hint = format!(
                "behind {WORKER_PREFIX} comes a name of at most {WORKER_NAME_CHARS_MAX} characters: letters, digits, _, . and -"
            );
            vec![error("NX1202", vec!["uses".to_owned()], message, hint)]
        }
        None => {
            let message = format!("no handler is called `{uses}`");
            vec![error("NX1202", vec!["uses".to_owned()], message, hint(uses, known))]
        }
        Some(Known { input: None, .. }) => Vec::new(),
        Some(Known { input: Some(shape), .. }) => {
            let misfits = shape.check(uses, with).into_iter();
            let place = |path: Vec<String>| ["with".to_owned()].into_iter().chain(path).collect();
            misfits
                .map(|misfit| error(misfit.code, place(misfit.path), misfit.message, misfit.hint))
                .collect()
        }
    }
}

fn hint(uses: &str, known: &[Known<'_>]) -> String {
    let names: Vec<&str> = known.iter().map(|handler| handler.name).collect();
    match nearest(uses, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "no handlers are registered".to_owned(),
        None => format!("known handlers: {}", names.join(", ")),
    }
}
