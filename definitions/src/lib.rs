//! Text to definition and back: YAML, checks, schema, importers.
//!
//! [`read`] turns a file into a checked [`Definition`] and its [`Plan`], or into [`Problems`] with code, line and column;
//! [`render`] shows a problem to a person; [`write()`] turns a definition into a file. Nothing here does I/O.

mod calls;
mod check;
mod handlers;
#[cfg(feature = "import")]
pub mod import;
mod interpret;
mod keys;
mod places;
mod problem;
mod render;
mod schema;
pub mod shapes;
mod source;
mod suggest;
mod write;
mod yaml;

use nexus_model::definition::Definition;
use nexus_model::plan::Plan;

pub use calls::{Resolved, resolve_calls};
pub use handlers::check_handlers;
pub use problem::{Problem, Problems, Severity};
pub use render::render;
pub use schema::json_schema;
pub use write::write;

use places::Places;
use source::Source;

/// A definition that was read and is ready to run.
#[derive(Debug)]
pub struct Read {
    /// What the file says.
    pub definition: Definition,
    /// The same, executable.
    pub plan: Plan,
    /// What is allowed and probably not meant.
    pub warnings: Problems,
    places: Places,
}

impl Read {
    /// Checks that every handler is one of `known`, the names of handlers and built-in actions: NX1202.
    pub fn check_handlers(&self, known: &[&str]) -> Problems {
        let errors = check_handlers(&self.definition, known);
        Problems::from_unsorted(
            errors.iter().take(PROBLEMS_MAX).map(|error| self.places.problem(error)).collect(),
        )
    }
}

/// How many problems of one file are told. Nobody reads more, and each costs a walk to its place.
const PROBLEMS_MAX: usize = 1_000;

/// Reads a workflow. `source_name` is what problems call the text, usually the name of its file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text: if it is no YAML, the first thing only; if its shape is
/// wrong, that; else what [`Plan::compile`] finds. At most 1,000 problems.
pub fn read(source_name: &str, text: &str) -> Result<Read, Problems> {
    let source = Source::new(source_name, text);
    let tree = yaml::parse(source.text()).map_err(|fault| Problems(vec![source.problem(fault)]))?;
    let faults = check::check(&tree, source.text());
    if !faults.is_empty() {
        return Err(Problems::from_unsorted(
            faults.into_iter().take(PROBLEMS_MAX).map(|fault| source.problem(fault)).collect(),
        ));
    }
    let definition = interpret::interpret(&tree);
    let places = Places { source, tree };
    let problems = |errors: Vec<_>| {
        Problems::from_unsorted(
            errors.iter().take(PROBLEMS_MAX).map(|error| places.problem(error)).collect(),
        )
    };
    let plan = Plan::compile(definition.clone()).map_err(problems)?;
    let warnings = problems(plan.warnings().to_vec());
    Ok(Read { definition, plan, warnings, places })
}
