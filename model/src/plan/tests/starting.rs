//! Rules of starts, compiled.

use serde_json::{Value, json};

use super::definition;
use crate::expression::EvalError;
use crate::plan::Plan;
use crate::start_key::StartRule;

/// A plan whose runs are started as `rule` says.
fn started_by(rule: &Value) -> Option<Plan> {
    Plan::compile(definition(rule, &json!([["a", {}]]))).ok()
}

#[test]
fn the_key_of_starts_follows_from_the_input() {
    let input = json!({"order": 7});
    let by = |rule: Value| started_by(&rule).expect("a plan").start_rule(&input);
    let inputs = json!({"order": {}});
    let dedupe = |key: &str| json!({"inputs": inputs, "dedupe": {"key": key, "within_ms": 5}});
    let rule = StartRule::Dedupe { key: "order-7".into(), within_ms: 5 };
    assert_eq!(by(dedupe("order-${{ inputs.order }}")), Ok(Some(rule)));
    let debounce = json!({"inputs": inputs, "debounce": {"wait_ms": 5, "at_most_ms": 9}});
    let rule = StartRule::Debounce { key: "all".into(), wait_ms: 5, at_most_ms: Some(9) };
    assert_eq!(by(debounce), Ok(Some(rule)));
    assert_eq!(by(json!({})), Ok(None));
    let Err(EvalError::Failed { code, .. }) = by(dedupe("")) else {
        panic!("an empty key is refused")
    };
    assert_eq!(code, "NX4165");
}

#[test]
fn rules_of_starts_that_make_no_sense_are_refused() {
    let dedupe = json!({"key": "k", "within_ms": 5});
    let debounce = json!({"wait_ms": 5});
    for (rule, path) in [
        (json!({"dedupe": dedupe, "debounce": debounce}), "run.debounce"),
        (json!({"dedupe": dedupe, "encrypt": true}), "run.dedupe"),
        (json!({"debounce": debounce, "encrypt": true}), "run.debounce"),
        (json!({"debounce": debounce, "run_id": "x"}), "run.id"),
        (json!({"dedupe": {"key": "k", "within_ms": 0}}), "run.dedupe.within"),
        (json!({"debounce": {"wait_ms": 0}}), "run.debounce.wait"),
        (json!({"debounce": {"wait_ms": 5, "at_most_ms": 4}}), "run.debounce.at_most"),
    ] {
        let errors = Plan::compile(definition(&rule, &json!([["a", {}]]))).expect_err("refused");
        let found: Vec<_> = errors.iter().map(|error| (error.code, error.path.join("."))).collect();
        assert_eq!(found, [("NX1178", path.to_owned())], "{rule}");
    }
    assert!(
        started_by(&json!({"dedupe": {"key": "${{ steps.a.output }}", "within_ms": 5}})).is_none()
    );
}
