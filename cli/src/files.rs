//! Files that people name: reading and writing them, with errors that say which.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use nexus_gateway::api::Problem;

use crate::exit::Code;

/// How the file of a workflow ends.
const WORKFLOW: &str = ".workflow.yaml";
/// How a test file ends.
const TEST: &str = ".test.yaml";

/// Reads a file of text.
///
/// # Errors
/// NX1401 if it cannot be read.
pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let bytes = read(path)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads a file.
///
/// # Errors
/// NX1401 if it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| {
        let code = if error.kind() == ErrorKind::NotFound { Code::NotFound } else { Code::Usage };
        let message = format!("{} cannot be read: {}", path.display(), in_words(&error));
        Problem::new("NX1401", code as u8, message)
            .hint("look at the name and at the permissions of the file")
    })
}

/// Writes a file, and the folders above it; an existing one only if `replace`.
///
/// # Errors
/// NX1403 if there is one, NX1402 if it cannot be written.
pub(crate) fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<(), Problem> {
    let refused = |error: std::io::Error| {
        if error.kind() == ErrorKind::AlreadyExists && !replace {
            let message = format!("{} exists already", path.display());
            return Problem::new("NX1403", Code::Conflict as u8, message)
                .hint("choose another name, or replace it with --force");
        }
        let message = format!("{} cannot be written: {}", path.display(), in_words(&error));
        Problem::new("NX1402", Code::Usage as u8, message)
            .hint("look at the folder's permissions and free space")
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).truncate(replace).create(replace).create_new(!replace);
    options.open(path).and_then(|mut file| file.write_all(bytes)).map_err(refused)
}

/// The workflow files that `paths` name, in order: files as they are, folders with all `*.workflow.yaml` below them.
///
/// # Errors
/// NX1401 if one is not there, NX1406 if a folder has none.
pub(crate) fn workflows(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    named(paths, WORKFLOW)
}

/// The test files that `paths` name, in order: files as they are, folders with all `*.test.yaml` below them.
///
/// # Errors
/// As [`workflows`].
pub(crate) fn tests(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    named(paths, TEST)
}

fn named(paths: &[PathBuf], end: &str) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            collect(path, end, &mut files)?;
            if files.len() == before {
                let message = format!("{} holds no *{end}", path.display());
                return Err(Problem::new("NX1406", Code::NotFound as u8, message)
                    .hint("name the files themselves"));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Adds the files below `folder` that end so, by name. Hidden folders such as `.nexus` are left out.
fn collect(folder: &Path, end: &str, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let refused = |error: std::io::Error| {
        let message = format!("{} cannot be read: {}", folder.display(), in_words(&error));
        Problem::new("NX1401", Code::Usage as u8, message)
            .hint("look at the permissions of the folder")
    };
    let entries: Result<Vec<fs::DirEntry>, _> = fs::read_dir(folder).map_err(refused)?.collect();
    let mut entries = entries.map_err(refused)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !name.starts_with('.') {
                collect(&entry.path(), end, files)?;
            }
        } else if name.ends_with(end) {
            let path = entry.path();
            files.push(path.strip_prefix(".").map_or_else(|_| path.clone(), Path::to_path_buf));
        }
    }
    Ok(())
}

fn in_words(error: &std::io::Error) -> String {
    let words = [
        (ErrorKind::NotFound, "there is no such file"),
        (ErrorKind::PermissionDenied, "permission denied"),
        (ErrorKind::IsADirectory, "it is a folder"),
    ];
    let known = words.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}
