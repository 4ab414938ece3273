//! `file.read`: reads a text or JSON file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nexus_engine::handler::{Data, Registry, StepResult};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use nexus_model::payload::ContentType;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Options;
use crate::action::{Input, action, blocking, file_error, located, too_large, unreadable};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadInput {
    path: PathBuf,
    #[serde(default, rename = "as")]
    form: Form,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Text,
    Json,
}

impl Input for ReadInput {
    const ACTION: &'static str = "file.read";
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::required("path", &[ValueShape::Text]),
            InputKey::optional("as", &[ValueShape::Word(&["text", "json"])]),
        ],
    };
}

pub(crate) fn register(registry: &mut Registry, options: &Options) {
    let bytes_max = options.file_bytes_max;
    registry.insert(
        ReadInput::ACTION,
        action(move |cx, input: ReadInput| async move {
            let path = located(cx.info(), &input.path);
            blocking(move || interpret(&path, input.form, read(&path, bytes_max)?)).await?
        }),
    );
}

fn read(path: &Path, bytes_max: u64) -> StepResult<Vec<u8>> {
    let failed = |error: io::Error| file_error(ReadInput::ACTION, path, &error);
    // A pipe would keep us waiting for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no regular file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        let path = path.display();
        return Err(too_large(format!("file.read {path}: it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

fn interpret(path: &Path, form: Form, bytes: Vec<u8>) -> StepResult<Data> {
    let path = path.display();
    match form {
        Form::Text => match String::from_utf8(bytes) {
            Ok(text) => Data::json(&json!({ "text": text })),
            Err(error) => Err(unreadable(format!("file.read {path}: it is no UTF-8: {error}"))),
        },
        Form::Json => match serde_json::from_slice::<Value>(&bytes) {
            Ok(_) => Ok(Data { content_type: ContentType::Json, bytes: bytes.trim_ascii().into() }),
            Err(error) => Err(unreadable(format!("file.read {path}: it is no JSON: {error}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, quoted, text};

    fn bench() -> Bench {
        let mut bench = Bench::new();
        bench.options.file_bytes_max = 16;
        for (name, content) in [
            ("text", &b"a \"b\"\n"[..]),
            ("json", b" {\"a\": 1.50}\n"),
            ("other", b"\xff"),
            ("full", &[b'x'; 16]),
            ("large", &[b'x'; 17]),
        ] {
            std::fs::write(bench.folder().join(name), content).expect("written");
        }
        bench
    }

    #[tokio::test]
    async fn files_are_read_from_the_folder_of_the_definition() {
        let bench = bench();
        let absolute = quoted(bench.folder().join("text").to_str().expect("UTF-8"));
        for (input, expected) in [
            (r#"{"path": "text"}"#, r#"{"text":"a \"b\"\n"}"#),
            (r#"{"path": "json", "as": "json"}"#, r#"{"a": 1.50}"#),
            (r#"{"path": "full"}"#, r#"{"text":"xxxxxxxxxxxxxxxx"}"#),
            (&format!(r#"{{"path": {absolute}}}"#), r#"{"text":"a \"b\"\n"}"#),
        ] {
            assert_eq!(
                text(&bench.call("file.read", input).await.expect("it is read")),
                expected,
                "{input}"
            );
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said() {
        let bench = bench();
        for (input, code, message) in [
            (r#"{"path": "missing"}"#, "NX3023", "No such file"),
            (r#"{"path": "."}"#, "NX3023", "no regular file"),
            (r#"{"path": "large"}"#, "NX3006", "more than 16 bytes"),
            (r#"{"path": "other"}"#, "NX3018", "no UTF-8"),
            (r#"{"path": "text", "as": "json"}"#, "NX3018", "no JSON"),
            (r#"{"path": "text", "as": "xml"}"#, "NX3015", "unknown variant `xml`"),
            (r#"{"paht": "text"}"#, "NX3017", "did you mean `path`?"),
        ] {
            let failure = bench.call("file.read", input).await.unwrap_err().0;
            assert_eq!(failure.code, code, "{input}");
            assert!(failure.message.contains(message), "{}", failure.message);
        }
    }
}
