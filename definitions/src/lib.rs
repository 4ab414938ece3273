//! Text to definition and back: YAML, checks, schema, importers.
//!
//! [`read`] turns a file into a checked [`Definition`] and its [`Plan`], or into [`Problems`] with code, line and column;
//! [`render`] shows a problem to a person; [`write()`] turns a definition into a file. Nothing here does I/O.

pub mod calendar;
mod calls;
pub mod cases;
mod check;
mod groups;
mod handlers;
#[cfg(feature = "import")]
pub mod import;
mod interpret;
mod keys;
mod places;
mod problem;
mod render;
mod rounds;
mod schema;
pub mod shapes;
mod source;
mod suggest;
mod write;
mod yaml;

use nexus_model::definition::Definition;
use nexus_model::plan::Plan;

pub use calls::{Resolved, resolve_calls};
pub use cases::{TestFile, read_cases};
pub use handlers::{Known, check_handlers};
pub use problem::{Problem, Problems, Severity};
pub use render::render;
pub use schema::json_schema;
pub use write::write;

use places::Places;
use rounds::Broken;
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
    /// Checks that every handler is one of `known`, and takes the literal values that are handed to it.
    pub fn check_handlers(&self, known: &[Known<'_>]) -> Problems {
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
/// Everything that is wrong with it, in the order of the text: if it is no YAML, the first thing only; else what is wrong
/// with its shape, and what [`Plan::compile`] finds in the parts whose shape is right. At most 1,000 problems.
pub fn read(source_name: &str, text: &str) -> Result<Read, Problems> {
    let (read, problems) = read_for(source_name, text, None);
    read.ok_or(problems)
}

/// Reads a workflow that may call the `known` handlers; `None`: any. Tells everything that is wrong, and what is probably
/// not meant; the workflow is there if nothing is wrong but its calls.
pub fn read_for(
    source_name: &str,
    text: &str,
    known: Option<&[Known<'_>]>,
) -> (Option<Read>, Problems) {
    let source = Source::new(source_name, text);
    let mut tree = match yaml::parse(source.text()) {
        Ok(tree) => tree,
        Err(fault) => return (None, Problems(vec![source.problem(fault)])),
    };
    let mut faults = check::check(&tree, source.text());
    faults.extend(groups::expand(&mut tree, source.text()));
    let definition = interpret::interpret(&tree);
    let broken = Broken::of(&faults, &tree, source.text());
    let places = Places { source, tree };
    let compiled = Plan::compile(definition.clone());
    let found = match &compiled {
        Ok(plan) => plan.warnings(),
        Err(errors) => errors,
    };
    let calls = known.map(|known| check_handlers(&definition, known)).unwrap_or_default();
    let found = found.iter().chain(&calls).filter(|error| broken.leaves(error));
    let is_good = faults.is_empty();
    let problems = faults.into_iter().map(|fault| places.source.problem(fault));
    let problems = problems.take(PROBLEMS_MAX).collect::<Vec<_>>().into_iter();
    let found = found.take(PROBLEMS_MAX).map(|error| places.problem(error));
    let mut problems = Problems::from_unsorted(problems.chain(found).collect());
    problems.0.truncate(PROBLEMS_MAX);
    let Some(plan) = compiled.ok().filter(|_| is_good) else { return (None, problems) };
    let warnings = plan.warnings().iter().take(PROBLEMS_MAX);
    let warnings =
        Problems::from_unsorted(warnings.map(|warning| places.problem(warning)).collect());
    (Some(Read { definition, plan, warnings, places }), problems)
}
