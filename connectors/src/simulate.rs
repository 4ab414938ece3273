//! `simulate`: stands in for work: takes time, returns what it is told, and fails on demand.

use std::time::Duration;

use nexus_engine::handler::{Data, Registry, StepCx, StepError, StepResult};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::Options;
use crate::action::{Input, action};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulateInput {
    #[serde(default)]
    duration_ms: u64,
    fail: Option<Fail>,
    /// What it returns.
    #[serde(default)]
    output: Value,
    /// What it stands in for: for people, and for whoever replaces it.
    #[serde(default, rename = "stands_for")]
    _stands_for: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fail {
    Always(bool),
    Message(String),
    Detailed(Failing),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    #[serde(default = "simulated")]
    message: String,
    code: Option<String>,
    #[serde(default)]
    fatal: bool,
    /// How many attempts fail; all of them if absent.
    attempts: Option<u32>,
}

fn simulated() -> String {
    "simulated failure".to_owned()
}

/// The keys of `fail`, where it is a map.
const FAILING: InputShape = InputShape {
    keys: &[
        InputKey::optional("message", &[ValueShape::Text]),
        InputKey::optional("code", &[ValueShape::Text]),
        InputKey::optional("fatal", &[ValueShape::Boolean]),
        InputKey::optional("attempts", &[ValueShape::Whole(0, 4_294_967_295)]),
    ],
};

impl Input for SimulateInput {
    const ACTION: &'static str = "simulate";
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::optional("duration_ms", &[ValueShape::Whole(0, u64::MAX)]),
            InputKey::optional(
                "fail",
                &[ValueShape::Boolean, ValueShape::Text, ValueShape::Keys(&FAILING)],
            ),
            InputKey::optional("output", &[ValueShape::Any]),
            InputKey::optional("stands_for", &[ValueShape::Any]),
        ],
    };
}

pub(crate) fn register(registry: &mut Registry, _options: &Options) {
    registry.insert("simulate", action(simulate));
}

async fn simulate(cx: StepCx, input: SimulateInput) -> StepResult<Data> {
    if input.duration_ms > 0 {
        cx.or_cancelled(tokio::time::sleep(Duration::from_millis(input.duration_ms))).await?;
    }
    Data::json(&outcome(input, cx.attempt())?)
}

fn outcome(input: SimulateInput, attempt: u32) -> StepResult<Value> {
    let error = input.fail.and_then(|fail| fail.error(attempt));
    error.map_or(Ok(input.output), Err)
}

/// What `simulate` would do with `input` at this attempt, and how long it would take, without doing it.
///
/// # Errors
/// What the action fails with.
pub fn simulated_outcome(input: &Data, attempt: u32) -> (Duration, StepResult<Value>) {
    match crate::action::parse::<SimulateInput>(input) {
        Err(error) => (Duration::ZERO, Err(error)),
        Ok(input) => (Duration::from_millis(input.duration_ms), outcome(input, attempt)),
    }
}

impl Fail {
    fn error(self, attempt: u32) -> Option<StepError> {
        match self {
            Self::Always(fail) => fail.then(|| StepError::retry(simulated())),
            Self::Message(message) => Some(StepError::retry(message)),
            Self::Detailed(failing) => failing.error(attempt),
        }
    }
}

impl Failing {
    fn error(self, attempt: u32) -> Option<StepError> {
        if self.attempts.is_some_and(|attempts| attempt > attempts) {
            return None;
        }
        let make = if self.fatal { StepError::fatal } else { StepError::retry };
        let error = make(self.message);
        Some(match self.code {
            Some(code) => error.code(code),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use nexus_engine::handler::StepError;

    use crate::testing::{Bench, call, text};

    #[tokio::test(start_paused = true)]
    async fn it_takes_the_time_it_is_given() {
        for (input, duration_ms) in [
            ("null", 0),
            ("{}", 0),
            (r#"{"duration_ms": 0}"#, 0),
            (r#"{"duration_ms": 60000}"#, 60_000),
        ] {
            let start = tokio::time::Instant::now();
            assert_eq!(text(&call("simulate", input).await.expect("it succeeds")), "null");
            let elapsed = start.elapsed().as_millis();
            assert!((duration_ms..=duration_ms + 1).contains(&elapsed), "{input}: {elapsed} ms");
        }
    }

    #[tokio::test]
    async fn it_returns_what_it_is_told() {
        let input = r#"{"output": {"ok": [1, "a"]}, "stands_for": {"any": "thing"}}"#;
        assert_eq!(text(&call("simulate", input).await.expect("it succeeds")), r#"{"ok":[1,"a"]}"#);
        assert_eq!(
            text(&call("simulate", r#"{"stands_for": null}"#).await.expect("it succeeds")),
            "null"
        );
    }

    #[tokio::test]
    async fn it_fails_as_told() {
        let failure = async |input| call("simulate", input).await.unwrap_err();
        assert_eq!(failure(r#"{"fail": true}"#).await, StepError::retry("simulated failure"));
        assert_eq!(failure(r#"{"fail": "no"}"#).await, StepError::retry("no"));
        assert_eq!(
            failure(r#"{"fail": {"message": "no", "code": "DECLINED", "fatal": true}}"#).await,
            StepError::fatal("no").code("DECLINED")
        );
        assert!(call("simulate", r#"{"fail": false}"#).await.is_ok());
        assert_eq!(failure(r#"{"fail": {"mesage": "no"}}"#).await.0.code, "NX3015");
    }

    #[tokio::test]
    async fn it_fails_as_often_as_told() {
        let mut bench = Bench::new();
        for (attempt, ok) in [(1, false), (2, false), (3, true)] {
            bench.info.attempt.0 = attempt;
            let outcome = bench.call("simulate", r#"{"fail": {"attempts": 2}}"#).await;
            assert_eq!(outcome.is_ok(), ok, "attempt {attempt}");
        }
    }

    #[tokio::test]
    async fn it_stops_when_told() {
        let bench = Bench::new();
        let (work, stop) = bench.start("simulate", r#"{"duration_ms": 3600000}"#);
        stop.stop();
        assert_eq!(work.await.unwrap_err().0.code, "NX3016");
    }
}
