//! Workflows from files, ready to run, or shown with everything that is wrong with them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use nexus_definitions::{Known, Problems, Resolved, Severity, resolve_calls};
use nexus_engine::model::definition::Definition;
use nexus_gateway::api::{Problem, Where};
use serde_json::Value;

use crate::exit::Code;
use crate::store::registry;
use crate::{files, output};

/// Problems of a file that are shown.
const SHOWN_MAX: usize = 3;

/// Reads the workflow in a file, or from standard input if it is `-`. `None` if something is wrong with it, which has been
/// shown then.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read(file: &Path) -> Result<Option<Resolved>, Problem> {
    let text = if is_stdin(file) { read_stdin()? } else { files::read_text(file)? };
    let name = if is_stdin(file) { "standard input".into() } else { file.display().to_string() };
    let path = if is_stdin(file) { Path::new("") } else { file };
    let registry = registry();
    let known: Vec<Known<'_>> =
        registry.inputs().map(|(name, input)| Known { name, input }).collect();
    let (resolved, mut problems) = check(&name, path, &text, &known);
    problems.0.retain(|problem| problem.severity == Severity::Error);
    let is_good = problems.is_empty();
    show(&problems, &text, &name);
    Ok(resolved.filter(|_| is_good))
}

/// Reads a workflow and everything it calls from files, which are beside `file`; and everything that is wrong with it.
pub(crate) fn check(
    name: &str,
    file: &Path,
    text: &str,
    handlers: &[Known<'_>],
) -> (Option<Resolved>, Problems) {
    let (read, mut problems) = nexus_definitions::read_for(name, text, Some(handlers));
    let Some(read) = read.filter(|_| !problems.has_errors()) else { return (None, problems) };
    let resolved = resolve_calls(read, file, Some(handlers), &|path| {
        std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        })
    });
    match resolved {
        Ok(resolved) => (Some(resolved), problems),
        Err(wrong) => {
            problems.0.extend(wrong.0);
            problems.0.sort_by_key(|problem| (problem.line, problem.column));
            (None, problems)
        }
    }
}

/// A workflow and what it calls, as they are sent to an engine.
pub(crate) fn to_send(resolved: &Resolved) -> (Value, Vec<Value>) {
    let json = |definition: &Definition| {
        serde_json::from_slice(&definition.to_canonical_json())
            .expect("a canonical definition is JSON")
    };
    let callees = resolved.callees.iter().map(|callee| json(callee.definition()));
    (json(&resolved.read.definition), callees.collect())
}

/// The folder in which scripts of a workflow work: that of its file.
pub(crate) fn folder(file: &Path) -> Option<PathBuf> {
    if is_stdin(file) {
        return std::env::current_dir().ok();
    }
    file.canonicalize().ok()?.parent().map(Path::to_owned)
}

/// Whether a file is meant: there is one, or it is called like one.
pub(crate) fn is_file(path: &Path) -> bool {
    let is_called_so = |extension: &std::ffi::OsStr| extension == "yaml" || extension == "yml";
    path.is_file() || path.extension().is_some_and(is_called_so)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read_stdin() -> Result<String, Problem> {
    let mut bytes = Vec::new();
    match std::io::stdin().read_to_end(&mut bytes) {
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            let message = format!("standard input cannot be read: {error}");
            Err(Problem::new("NX1401", Code::Usage as u8, message).hint("name a file"))
        }
    }
}

/// Shows what is wrong with a file, up to a few problems.
pub(crate) fn show(problems: &Problems, text: &str, name: &str) {
    let shown_max = if output::format().is_json() { usize::MAX } else { SHOWN_MAX };
    for problem in problems.iter().take(shown_max) {
        if output::format().is_json() {
            output::problem(&sent(problem));
        } else {
            output::complain(format!("{}\n", nexus_definitions::render(problem, text, true)));
        }
    }
    if let Some(more @ 1..) = problems.len().checked_sub(shown_max) {
        output::note(format!("… and {more} more; see all: nexus-engine validate {name} --all"));
    }
}

/// A problem in the form of the API.
pub(crate) fn sent(problem: &nexus_definitions::Problem) -> Problem {
    let place = Where { file: problem.file.clone(), line: problem.line, column: problem.column };
    let sent = Problem::new(problem.code, Code::Usage as u8, problem.message.clone());
    Problem { hint: problem.hint.clone(), place: Some(place), ..sent }
}
