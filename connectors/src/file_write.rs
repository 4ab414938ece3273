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
mod tests {
    use super::*;
    use crate::testing::{Bench, text};

    async fn check(bench: &Bench, input: &str, output: &str, content: &str) {
        assert_eq!(text(&bench.call("file.write", input).await.unwrap()), output, "{input}");
        let written = std::fs::read_to_string(bench.folder().join("a")).unwrap();
        assert_eq!(written, content, "{input}");
        let names = std::fs::read_dir(bench.folder()).unwrap().count();
        assert_eq!(names, 1, "nothing else is left");
    }

    #[tokio::test]
    async fn a_file_is_replaced_or_added_to() {
        let bench = Bench::new();
        let output = r#"{"bytes":3,"path":"a"}"#;
        check(&bench, r#"{"path": "a", "content": "one"}"#, output, "one").await;
        check(&bench, r#"{"path": "a", "content": "two"}"#, output, "two").await;
        let append = r#"{"path": "a", "content": "six", "mode": "append"}"#;
        check(&bench, append, output, "twosix").await;
        let json = r#"{"path": "a", "content": {"b": [1]}}"#;
        let expected = "{\n  \"b\": [\n    1\n  ]\n}\n";
        check(&bench, json, r#"{"bytes":23,"path":"a"}"#, expected).await;
    }

    #[tokio::test]
    async fn a_new_file_may_be_written_again_but_not_replaced() {
        let bench = Bench::new();
        let output = r#"{"bytes":3,"path":"a"}"#;
        let create = r#"{"path": "a", "content": "one", "mode": "create"}"#;
        check(&bench, create, output, "one").await;
        check(&bench, create, output, "one").await;
        let other = r#"{"path": "a", "content": "two", "mode": "create"}"#;
        let failure = bench.call("file.write", other).await.unwrap_err().0;
        assert_eq!(failure.code, "NX3023");
        check(&bench, create, output, "one").await;
    }

    #[tokio::test]
    async fn links_and_permissions_stay() {
        let bench = Bench::new();
        let (file, link) = (bench.folder().join("a"), bench.folder().join("link"));
        std::fs::write(&file, "one").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();
        bench.call("file.write", r#"{"path": "link", "content": "two"}"#).await.unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_said() {
        let bench = Bench::new();
        for (input, code) in [
            (r#"{"path": "none/a", "content": ""}"#, "NX3023"),
            (r#"{"path": ".", "content": ""}"#, "NX3023"),
            (r#"{"path": "a", "content": "", "mode": "truncate"}"#, "NX3015"),
            (r#"{"path": "a", "contents": ""}"#, "NX3017"),
        ] {
            let failure = bench.call("file.write", input).await.unwrap_err().0;
            assert_eq!(failure.code, code, "{input}: {}", failure.message);
        }
        assert_eq!(std::fs::read_dir(bench.folder()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_binary_value_is_written_as_it_is() {
        let bench = Bench::new();
        let (cx, _stop) = bench.cx();
        let blob = cx.keep("image/png", *b"\xff\x00\n").unwrap();
        let file = bench.folder().join("a");
        for (mode, written) in [
            ("create", &b"\xff\x00\n"[..]),
            // The same bytes, as a repeated attempt finds them.
            ("create", b"\xff\x00\n"),
            ("append", b"\xff\x00\n\xff\x00\n"),
            ("overwrite", b"\xff\x00\n"),
        ] {
            let input = json!({"path": "a", "content": blob, "mode": mode});
            let output = bench.call_in(&cx, "file.write", &input).await.unwrap();
            assert_eq!(text(&output), r#"{"bytes":3,"path":"a"}"#, "{mode}");
            assert_eq!(std::fs::read(&file).unwrap(), written, "{mode}");
        }

        let about = json!({"bytes": 3, "content_type": "image/png", "hash": "ab".repeat(32)});
        let input = json!({"path": "a", "content": {"$payload": about}});
        let failure = bench.call_in(&cx, "file.write", &input).await.unwrap_err().0;
        assert_eq!((failure.code.as_str(), failure.fatal), ("NX3033", true));
        assert_eq!(std::fs::read(&file).unwrap(), b"\xff\x00\n", "the file stays");
    }
}
