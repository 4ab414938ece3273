//! Foreign graphs to definitions: bytes in, a [`Definition`] and what was found out.
//!
//! Each format has a file of its own that reads bytes into a graph of named tasks; `graph.rs` turns any graph into steps.
//! Two formats say more: `arc.rs` and `canvas.rs` read conditions, ways back and approvals into a `Sketch`, and `flow.rs`
//! turns "what comes next" into "what comes before".
//!
//! Invariants:
//! * No input panics: what cannot be read is an [`ImportError`] with a code, a hint and, where known, a place.
//! * A definition that comes out has steps with different ids, needs that exist, and no cycle.
//! * Nothing is dropped silently: what a format says and a definition does not keep is in [`Imported::warnings`] or
//!   [`Imported::findings`].

use nexus_model::definition::Definition;
use serde::Serialize;

pub use error::{ImportError, Place};
pub use facts::Facts;
pub use finding::Finding;
pub use format::Format;

use sketch::Sketch;

mod arc;
mod asl;
mod called;
mod canvas;
mod cargo_lock;
mod dax;
mod detect;
mod edges;
mod error;
mod facts;
mod finding;
mod flow;
mod foreign;
mod format;
mod galaxy;
mod github_actions;
mod graph;
mod hyperdag;
mod pegasus;
mod serial;
mod sketch;
mod tekton;
mod text;
mod wfcommons;

/// How a graph becomes a definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Milliseconds a step waits per recorded millisecond: 1 replays at the speed of the record, 0 does not wait at all.
    pub time_scale: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_scale: 1.0 }
    }
}

/// An imported graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// One step per task, in the order of the file.
    pub definition: Definition,
    /// What the bytes were read as.
    pub format: Format,
    /// The measures of the graph.
    pub facts: Facts,
    /// Tasks whose step got another id.
    pub renamed: Vec<Renamed>,
    /// What the file says and the definition does not keep, as sentences.
    pub warnings: Vec<String>,
    /// The same of formats that say more than a graph: each thing with its place and a code.
    pub findings: Vec<Finding>,
}

/// A task whose name could not be the id of its step: it was taken, empty, too long, or had control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// What the file calls it.
    pub task: String,
    /// The id of the step.
    pub step: String,
}

/// Reads `bytes` as `format`, or as what they look like.
///
/// `name` is the file's name; without folder and extension it names the workflow. The file's own title is in
/// [`Facts::name`]. Compressed bytes (gzip) of any format are read too.
///
/// Every task of a graph becomes a step with the action `simulate`, which waits for the recorded time times
/// [`Options::time_scale`]; an edge becomes a need, once. A task without a record takes no time.
///
/// # Errors
/// [`ImportError`]: the format is not known, the bytes are damaged, or the graph has a cycle.
pub fn import(
    name: &str,
    bytes: &[u8],
    format: Option<Format>,
    options: &Options,
) -> Result<Imported, ImportError> {
    if !options.time_scale.is_finite() || options.time_scale < 0.0 {
        return Err(ImportError::TimeScale { given: options.time_scale });
    }
    let text = text::decode(bytes, text::BYTES_MAX)?;
    let format = format.map_or_else(|| detect::detect(&text), Ok)?;
    let graph = match format {
        Format::WfCommons => wfcommons::read(&text),
        Format::Dax => dax::read(&text),
        Format::HyperDag => hyperdag::read(&text),
        Format::Edges => edges::read(&text),
        Format::Pegasus => pegasus::read(&text),
        Format::Galaxy => galaxy::read(&text),
        Format::Tekton => tekton::read(&text),
        Format::GitHubActions => github_actions::read(&text),
        Format::Asl => asl::read(&text),
        Format::CargoLock => cargo_lock::read(&text),
        Format::NexusArc => return sketched(arc::read(&text), name, &text, format),
        Format::Canvas => return sketched(canvas::read(&text), name, &text, format),
    }
    .map_err(|damage| damage.in_format(format))?;
    graph.into_imported(name, &text, format, *options)
}

/// The formats that say what a step does, and not only what comes before it.
fn sketched(
    read: Result<Sketch, ImportError>,
    name: &str,
    text: &str,
    format: Format,
) -> Result<Imported, ImportError> {
    read.map_err(|damage| damage.in_format(format))?.into_imported(name, text, format)
}
