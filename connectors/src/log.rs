//! `log`: writes a line to the log of the attempt.

use nexus_engine::handler::{Data, Registry};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use serde::Deserialize;
use serde_json::Value;

use crate::Options;
use crate::action::{Input, action};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogInput {
    message: Value,
    level: Option<Level>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Input for LogInput {
    const ACTION: &'static str = "log";
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::required("message", &[ValueShape::Any]),
            InputKey::optional("level", &[ValueShape::Word(&["debug", "info", "warn", "error"])]),
        ],
    };
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

pub(crate) fn register(registry: &mut Registry, _options: &Options) {
    registry.insert(
        "log",
        action(|cx, input: LogInput| {
            cx.log(line(&input));
            std::future::ready(Ok(Data::null()))
        }),
    );
}

/// Text stands as it is, any other value as JSON.
fn line(input: &LogInput) -> String {
    let text = match &input.message {
        Value::String(text) => text.clone(),
        value @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => value.to_string(),
    };
    match input.level {
        Some(level) => format!("{}: {text}", level.name()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    async fn check(input: &str, expected: &str) {
        let bench = Bench::new();
        let output = bench.call("log", input).await.expect("it is logged");
        assert_eq!((&*output.bytes, bench.logged()), (&b"null"[..], expected.to_owned()));
    }

    #[tokio::test]
    async fn a_message_becomes_a_line() {
        check(r#"{"message": "paid"}"#, "paid\n").await;
        check(r#"{"message": "late", "level": "warn"}"#, "warn: late\n").await;
        check(r#"{"message": {"total": 3}}"#, "{\"total\":3}\n").await;
    }
}
