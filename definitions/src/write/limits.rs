//! Limits as YAML.

use nexus_model::definition::{Concurrency, ConcurrencyScope, ForEach};
use serde_json::{Map, Value, json};

use super::duration;

/// The limit of a step; it also says how many items are under way.
pub(super) fn of_step(limit: &Concurrency, each: Option<&ForEach>) -> Value {
    let mut value = concurrency(limit);
    let items = each.map(|each| each.concurrency).filter(|items| *items != ForEach::CONCURRENCY);
    if let (Some(items), Value::Object(entries)) = (items, &mut value) {
        entries.insert("items".to_owned(), json!(items));
    }
    value
}

pub(super) fn concurrency(concurrency: &Concurrency) -> Value {
    let Concurrency { key, scope, limit, rate, fairness_key, priority } = concurrency;
    let rate = rate.map(|rate| json!({"limit": rate.limit, "per": duration(rate.per_ms)}));
    let scope = (*scope != ConcurrencyScope::default()).then(|| json!(scope));
    let entries = [
        ("key", key.as_ref().map(|key| json!(key))),
        ("scope", scope),
        ("limit", limit.map(|limit| json!(limit))),
        ("rate", rate),
        ("fairness_key", fairness_key.as_ref().map(|key| json!(key))),
        ("priority", priority.clone()),
    ];
    let said = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(said.collect::<Map<_, _>>())
}
