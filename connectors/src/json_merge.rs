//! `json.merge`: puts objects together; later ones win.

use nexus_engine::handler::{Data, Registry, StepResult};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Options;
use crate::action::{Input, action};

type Object = Map<String, Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeInput {
    /// `null`, the output of a skipped step, counts as an empty object.
    values: Vec<Option<Object>>,
    #[serde(default)]
    deep: bool,
}

impl Input for MergeInput {
    const ACTION: &'static str = "json.merge";
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::required("values", &[ValueShape::List(&[ValueShape::Map, ValueShape::Null])]),
            InputKey::optional("deep", &[ValueShape::Boolean]),
        ],
    };
}

pub(crate) fn register(registry: &mut Registry, _options: &Options) {
    registry
        .insert("json.merge", action(|_cx, input: MergeInput| std::future::ready(merged(input))));
}

fn merged(input: MergeInput) -> StepResult<Data> {
    let mut all = Object::new();
    for object in input.values.into_iter().flatten() {
        if input.deep { merge(&mut all, object) } else { all.extend(object) }
    }
    Data::json(&all)
}

/// Objects are merged key by key; anything else is replaced.
fn merge(target: &mut Object, source: Object) {
    for (key, value) in source {
        match (target.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (_, value) => {
                target.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{call, text};

    async fn check(input: &str, expected: &str) {
        assert_eq!(text(&call("json.merge", input).await.expect("an object")), expected, "{input}");
    }

    #[tokio::test]
    async fn later_objects_win() {
        check(r#"{"values": []}"#, "{}").await;
        check(r#"{"values": [{"a": 1, "b": 1}, null, {"b": 2}]}"#, r#"{"a":1,"b":2}"#).await;
    }

    #[tokio::test]
    async fn only_a_deep_merge_goes_into_objects() {
        let values =
            r#"[{"a": {"x": 1, "z": [1]}, "b": 0}, {"a": {"y": 2, "z": [2]}, "b": {"c": 1}}]"#;
        check(&format!(r#"{{"values": {values}}}"#), r#"{"a":{"y":2,"z":[2]},"b":{"c":1}}"#).await;
        check(
            &format!(r#"{{"values": {values}, "deep": true}}"#),
            r#"{"a":{"x":1,"y":2,"z":[2]},"b":{"c":1}}"#,
        )
        .await;
    }

    #[tokio::test]
    async fn only_objects_are_merged() {
        let failure = call("json.merge", r#"{"values": [[1]]}"#).await.unwrap_err().0;
        assert_eq!(failure.code, "NX3015");
    }
}
