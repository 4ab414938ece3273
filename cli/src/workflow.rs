//! Workflows from files, ready to run, or shown with everything that is wrong with them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use nexus_definitions::{Problems, Resolved, resolve_calls};
use nexus_gateway::api::{Problem, Where};

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
    match check(&name, path, &text, &registry.names().collect::<Vec<_>>()) {
        Ok(resolved) => Ok(Some(resolved)),
        Err(problems) => {
            show(&problems, &text);
            Ok(None)
        }
    }
}

/// Reads a workflow and everything it calls from files, which are beside `file`.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn check(
    name: &str,
    file: &Path,
    text: &str,
    handlers: &[&str],
) -> Result<Resolved, Problems> {
    let read = nexus_definitions::read(name, text)?;
    let unknown = read.check_handlers(handlers);
    if unknown.has_errors() {
        return Err(unknown);
    }
    resolve_calls(read, file, handlers, &|path| {
        std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        })
    })
}

/// The folder in which scripts of a workflow work: that of its file.
pub(crate) fn folder(file: &Path) -> Option<PathBuf> {
    if is_stdin(file) {
        return std::env::current_dir().ok();
    }
    file.canonicalize().ok()?.parent().map(Path::to_owned)
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
pub(crate) fn show(problems: &Problems, text: &str) {
    for problem in problems.iter().take(SHOWN_MAX) {
        if output::format().is_json() {
            output::problem(&sent(problem));
        } else {
            output::complain(format!("{}\n", nexus_definitions::render(problem, text, true)));
        }
    }
    if let Some(more @ 1..) = problems.len().checked_sub(SHOWN_MAX) {
        output::note(format!("… and {more} more; see all: nexus-engine validate"));
    }
}

/// A problem in the form of the API.
fn sent(problem: &nexus_definitions::Problem) -> Problem {
    let place = Where { file: problem.file.clone(), line: problem.line, column: problem.column };
    let sent = Problem::new(problem.code, Code::Usage as u8, problem.message.clone());
    Problem { hint: problem.hint.clone(), place: Some(place), ..sent }
}
