//! What decides whether and when a run is started, as YAML.

use nexus_model::definition::{Debounce, Dedupe, Definition};
use serde_json::{Map, Value, json};

use super::duration;

/// The keys of `run` that say it.
pub(super) fn rules(definition: &Definition) -> Map<String, Value> {
    let dedupe = definition.dedupe.iter().map(|dedupe| ("dedupe".to_owned(), self::dedupe(dedupe)));
    let debounce = definition.debounce.iter();
    dedupe.chain(debounce.map(|rule| ("debounce".to_owned(), self::debounce(rule)))).collect()
}

fn dedupe(dedupe: &Dedupe) -> Value {
    let Dedupe { key, within_ms } = dedupe;
    json!({"key": key, "within": duration(*within_ms)})
}

fn debounce(debounce: &Debounce) -> Value {
    let Debounce { key, wait_ms, at_most_ms } = debounce;
    let mut keys = Map::new();
    keys.extend(key.iter().map(|key| ("key".to_owned(), json!(key))));
    keys.insert("wait".to_owned(), duration(*wait_ms));
    keys.extend(at_most_ms.iter().map(|ms| ("at_most".to_owned(), duration(*ms))));
    Value::Object(keys)
}
