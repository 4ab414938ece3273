//! Definitions as documents: what is left out, and how what they name is called.

use serde_json::{Value, json};

use super::{
    CircuitBreaker, Definition, EventTrigger, ForEach, ROUNDS_DEFAULT, StepKind, Trigger, is_file,
};
use crate::breaker::Rule;
use crate::schedule::Timing;

#[test]
fn canonical_json_is_sorted_and_reads_back() {
    let document = json!({
        "version": 3, "name": "a \"quoted\" name", "labels": {"b": "2", "a": "1"}, "outputs": {"z": 1, "a": 2},
        "steps": [
            {"kind": {"action": {"uses": "x", "with": {"b": 1, "a": [1.5, null]}}}, "id": "s"},
            {"id": "t", "kind": {"sleep": {"duration": "5m"}}, "needs": ["s"], "if": "true"},
        ],
    });
    let definition = Definition::from_json(document.to_string().as_bytes()).expect("a definition");
    let canonical = definition.to_canonical_json();
    assert_eq!(canonical, document.to_string().into_bytes());
    assert_eq!(Definition::from_json(&canonical).expect("a definition"), definition);
    assert_eq!(Definition::default().to_canonical_json(), br#"{"name":"","steps":[]}"#);
}

/// A definition of one step, which goes through items, asks a breaker and repeats itself.
fn with_settings(for_each: &Value, breaker: &Value, repeat: &Value) -> Value {
    let kind = json!({"repeat": repeat});
    json!({"name": "w", "steps": [
        {"id": "s", "kind": kind, "for_each": for_each, "breaker": breaker},
    ]})
}

fn read(document: &Value) -> Definition {
    Definition::from_json(document.to_string().as_bytes()).expect("a definition")
}

#[test]
fn what_a_definition_leaves_out_is_as_usual_and_stays_out() {
    let document = with_settings(
        &json!({"items": [1]}),
        &json!({"target": "pay"}),
        &json!({"from": "s", "until": "true"}),
    );
    let definition = read(&document);
    let step = &definition.steps[0];
    let each = step.for_each.as_ref().expect("items");
    assert_eq!((each.name.as_str(), each.concurrency), (ForEach::NAME, ForEach::CONCURRENCY));
    let breaker = step.breaker.as_ref().expect("a breaker");
    let CircuitBreaker { failures, successes, open_ms, .. } = *breaker;
    assert_eq!(Rule { failures, successes, open_ms }, Rule::default());
    assert!(matches!(&step.kind, StepKind::Repeat(repeat) if repeat.limit == ROUNDS_DEFAULT));
    assert_eq!(canonical(&definition), document);
}

#[test]
fn what_a_definition_says_otherwise_is_kept() {
    let document = with_settings(
        &json!({"items": [1], "as": "order", "concurrency": 3}),
        &json!({"target": "pay", "failures": 3, "successes": 7, "open_ms": 5}),
        &json!({"from": "s", "until": "true", "limit": 4}),
    );
    assert_eq!(canonical(&read(&document)), document);
}

fn canonical(definition: &Definition) -> Value {
    serde_json::from_slice(&definition.to_canonical_json()).expect("JSON")
}

#[test]
fn what_is_called_is_a_file_by_its_ending_or_its_folder() {
    for file in ["order.yaml", "order.yml", "flows/order", "./order.yaml"] {
        assert!(is_file(file), "{file}");
    }
    for name in ["order", "yaml", "order.json", "order.yaml.old", ""] {
        assert!(!is_file(name), "{name}");
    }
}

#[test]
fn a_trigger_has_its_own_name_or_that_of_the_workflow() {
    let timing = Timing::Every { ms: 1000 };
    let (catch_up, overlap) = Default::default();
    let unnamed = Trigger { name: None, timing, catch_up, overlap, input: None };
    let named = Trigger { name: Some("nightly".to_owned()), ..unnamed.clone() };
    for (at, expected) in [(0, "report"), (1, "report-2"), (9, "report-10")] {
        assert_eq!(unnamed.schedule_name("report", at), expected);
        assert_eq!(named.schedule_name("report", at), "nightly");
    }
}

#[test]
fn a_trigger_is_found_by_its_event_and_its_name() {
    let trigger = |event: &str, name: Option<&str>| EventTrigger {
        event: event.to_owned(),
        matches: None,
        input: None,
        name: name.map(str::to_owned),
    };
    let definition = Definition {
        name: "ship".to_owned(),
        event_triggers: vec![
            trigger("paid", Some("first")),
            trigger("paid", None),
            trigger("sent", None),
            trigger("sent", Some("first")),
        ],
        ..Definition::default()
    };
    for (event, name, at) in [
        ("paid", "first", Some(0)),
        ("paid", "ship-2", Some(1)),
        ("sent", "ship-3", Some(2)),
        ("sent", "first", Some(3)),
        ("paid", "ship", None),
        ("paid", "ship-3", None),
        ("lost", "first", None),
    ] {
        assert_eq!(definition.event_trigger(event, name), at, "{name} for {event}");
    }
    let names = (0..).zip(&definition.event_triggers);
    let names: Vec<String> = names.map(|(at, it)| it.trigger_name("ship", at)).collect();
    assert_eq!(names, ["first", "ship-2", "ship-3", "first"]);
}
