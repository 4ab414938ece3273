//! Circuit breakers as YAML.

use nexus_model::definition::{CircuitBreaker, WhileOpen};
use serde_json::{Map, Value, json};

use super::duration;

pub(super) fn breaker(breaker: &CircuitBreaker) -> Value {
    let usual = CircuitBreaker::default();
    let CircuitBreaker { target, failures, successes, open_ms, while_open } = breaker;
    let entries = [
        ("target", Some(json!(target))),
        ("failures", (*failures != usual.failures).then(|| json!(failures))),
        ("successes", (*successes != usual.successes).then(|| json!(successes))),
        ("open_for", (*open_ms != usual.open_ms).then(|| json!(duration(*open_ms)))),
        ("while_open", (*while_open != WhileOpen::default()).then(|| json!(while_open))),
    ];
    let said = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(said.collect::<Map<_, _>>())
}
