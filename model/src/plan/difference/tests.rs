//! Differences between definitions, by meaning.

use serde_json::json;

use super::*;
use crate::definition::Definition;

fn plan(definition: &Value) -> Plan {
    let definition =
        Definition::from_json(definition.to_string().as_bytes()).expect("a definition");
    Plan::compile(definition).expect("a plan")
}

fn action(id: &str, uses: &str, needs: &[&str]) -> Value {
    json!({"id": id, "kind": {"action": {"uses": uses, "with": {"n": 1}}}, "needs": needs})
}

fn order() -> Value {
    json!({"name": "order", "steps": [
        action("a", "one", &[]), action("b", "two", &["a"]), action("c", "three", &["b"]),
    ]})
}

fn check(old: &Value, new: &Value, expected: &[Difference]) {
    assert_eq!(differences(&plan(old), &plan(new)), expected);
}

fn change(key: &str, from: Option<Value>, to: Option<Value>) -> Change {
    Change { key: key.to_owned(), from, to }
}

#[test]
fn the_same_meaning_has_no_differences() {
    check(&order(), &order(), &[]);
    // A reference makes the edge that is written in the other.
    let mut refers = order();
    refers["steps"][1]["kind"]["action"]["with"]["n"] = json!("${{ steps.a.output }}");
    let mut written = refers.clone();
    refers["steps"][1]["needs"] = json!([]);
    written["steps"][1]["needs"] = json!(["a"]);
    check(&refers, &written, &[]);
}

#[test]
fn steps_and_edges_are_added_and_removed() {
    let mut new = order();
    new["steps"][1] = action("x", "two", &["a"]);
    new["steps"][2]["needs"] = json!(["x"]);
    let id = str::to_owned;
    check(
        &order(),
        &new,
        &[
            Difference::StepRemoved(id("b")),
            Difference::StepAdded(id("x")),
            Difference::EdgeRemoved(id("a"), id("b")),
            Difference::EdgeRemoved(id("b"), id("c")),
            Difference::EdgeAdded(id("a"), id("x")),
            Difference::EdgeAdded(id("x"), id("c")),
        ],
    );
}

#[test]
fn changed_settings_are_named_with_both_values() {
    let mut new = order();
    new["timeout_ms"] = json!(5);
    new["inputs"] = json!({"total": {"type": "integer"}});
    new["steps"][0]["kind"]["action"]["with"]["n"] = json!(2);
    new["steps"][1]["kind"] = json!({"set": {"values": {"n": 1}}});
    check(
        &order(),
        &new,
        &[
            Difference::SettingChanged(change("timeout_ms", None, Some(json!(5)))),
            Difference::InputAdded("total".to_owned()),
            Difference::StepChanged(
                "a".to_owned(),
                change("with.n", Some(json!(1)), Some(json!(2))),
            ),
            Difference::StepChanged(
                "b".to_owned(),
                change("kind", Some(json!("action")), Some(json!("set"))),
            ),
            Difference::StepChanged("b".to_owned(), change("uses", Some(json!("two")), None)),
            Difference::StepChanged("b".to_owned(), change("values", None, Some(json!({"n": 1})))),
            Difference::StepChanged("b".to_owned(), change("with", Some(json!({"n": 1})), None)),
        ],
    );
}

#[test]
fn inputs_are_compared_and_so_is_the_order_of_steps() {
    let mut old = order();
    old["inputs"] = json!({"total": {"type": "integer"}, "who": {}});
    let mut new = order();
    new["inputs"] = json!({"total": {"type": "string"}});
    new["steps"] =
        json!([action("b", "two", &["a"]), action("a", "one", &[]), action("c", "three", &["b"]),]);
    check(
        &old,
        &new,
        &[
            Difference::InputChanged(
                "total".to_owned(),
                change("type", Some(json!("integer")), Some(json!("string"))),
            ),
            Difference::InputRemoved("who".to_owned()),
            Difference::OrderChanged,
        ],
    );
}
