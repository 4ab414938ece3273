//! `file.write`: writes a text, JSON or binary file.
//!
//! Invariants:
//! * A reader sees the old file or the whole new one, also after a crash; only `append` adds to a file in place.
//! * To write again is harmless, with `create` as well; only `append` may add its text twice when an attempt is repeated.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nexus_engine::handler::{Blob, Data, Registry};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Options;
use crate::action::{Input, action, blocking, file_error, located};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteInput {
    path: PathBuf,
    content: Value,
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Create,
    #[default]
    Overwrite,
    Append,
}

impl Input for WriteInput {
    const ACTION: &'static str = "file.write";
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::required("path", &[ValueShape::Text]),
            InputKey::required("content", &[ValueShape::Any]),
            InputKey::optional("mode", &[ValueShape::Word(&["create", "overwrite", "append"])]),
        ],
    };
}

pub(crate) fn register(registry: &mut Registry, _options: &Options) {
    registry.insert(
        WriteInput::ACTION,
        action(|cx, input: WriteInput| async move {
            let path = located(cx.info(), &input.path);
            let bytes = match Blob::of(&input.content) {
                Some(blob) => cx.read(&blob).await?.to_vec(),
                None => bytes(input.content),
            };
            let output = Data::json(&json!({ "path": input.path, "bytes": bytes.len() }))?;
            blocking(move || match write(&path, &bytes, input.mode) {
                Ok(()) => Ok(output),
                Err(error) => Err(file_error(WriteInput::ACTION, &path, &error)),
            })
            .await?
        }),
    );
}

/// Text as it is, anything else as JSON for people to read.
fn bytes(content: Value) -> Vec<u8> {
    match content {
        Value::String(text) => text.into_bytes(),
        value @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => format!("{value:#}\n").into_bytes(),
    }
}

fn write(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Create => create(path, bytes),
        Mode::Overwrite => overwrite(path, bytes),
        Mode::Append => append(path, bytes),
    }
}

/// Leaves an existing file alone; one with the same content is what a repeated attempt finds.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = temporary(path, bytes, Permissions::from_mode(0o666))?;
    match new.persist_noclobber(path) {
        Ok(_) => sync_parent(path),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            if holds(path, bytes)? {
                Ok(())
            } else {
                Err(error.error)
            }
        }
        Err(error) => Err(error.error),
    }
}

fn holds(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let metadata = path.metadata()?;
    Ok(metadata.is_file() && metadata.len() == bytes.len() as u64 && std::fs::read(path)? == bytes)
}

/// Follows a link, so that it goes on pointing to the file, and keeps the file's permissions.
fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let existing = path.metadata().ok().map(|metadata| metadata.permissions());
    let new = temporary(path, bytes, Permissions::from_mode(0o666))?;
    if let Some(permissions) = existing {
        new.as_file().set_permissions(permissions)?;
    }
    new.persist(path).map_err(|error| error.error)?;
    sync_parent(path)
}

/// A synced file beside `path` that goes away unless it is renamed.
fn temporary(
    path: &Path,
    bytes: &[u8],
    permissions: Permissions,
) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let mut file = builder.prefix(".nexus-").permissions(permissions).tempfile_in(parent(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    sync_parent(path)
}

/// Makes the name of a new file durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests;
