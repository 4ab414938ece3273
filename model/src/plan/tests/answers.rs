//! What a plan answers: about calls, events, updates, queries, undos and limits.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::definition::Definition;
use crate::id::StepIndex;
use crate::plan::{Plan, is_plain_id};
use crate::run::Run;
use crate::time::Timestamp;

/// The plan of a definition with these fields beside its name and its only step.
fn plan(fields: &Value) -> Plan {
    let mut document =
        json!({"name": "test", "steps": [{"id": "a", "kind": {"action": {"uses": "x"}}}]});
    for (key, value) in fields.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    let definition = Definition::from_json(document.to_string().as_bytes()).expect("a definition");
    Plan::compile(definition).expect("a valid definition")
}

#[test]
fn a_call_hands_over_the_inputs_that_are_declared_and_needed() {
    let inputs = json!({
        "order": {"type": "integer"},
        "note": {"required": false},
        "count": {"type": "integer", "default": 1},
    });
    let declares = plan(&json!({"inputs": inputs}));
    let no_input = "workflow `test` has no input";
    for (with, expected) in [
        (json!({"order": 7}), String::new()),
        (json!({"order": 7, "note": "n", "count": 2}), String::new()),
        (json!({"ordr": 7}), format!("{no_input} `ordr`; did you mean `order`?")),
        (
            json!({"order": 7, "zzzzzz": 1}),
            format!("{no_input} `zzzzzz`; its inputs: count, note, order"),
        ),
        (json!({"note": "n"}), needs_order()),
        (json!(null), needs_order()),
        (json!("${{ inputs }}"), String::new()),
        (json!([1]), String::new()),
    ] {
        assert_eq!(misfit(&declares, &with), expected, "{with}");
    }
    let declares_none = format!("{no_input} `order`; it declares no inputs");
    assert_eq!(misfit(&plan(&json!({})), &json!({"order": 7})), declares_none);
    assert_eq!(misfit(&plan(&json!({})), &json!(null)), "");
    let anything = plan(&json!({"input_is_value": true}));
    for with in [json!({"order": 7}), json!(null), json!(3)] {
        assert_eq!(misfit(&anything, &with), "", "{with}");
    }
}

fn needs_order() -> String {
    "workflow `test` needs the input `order`; add `order: …` under `with`".to_owned()
}

fn misfit(plan: &Plan, with: &Value) -> String {
    let misfit = plan.check_call(with, false).err();
    misfit.map_or(String::new(), |misfit| format!("{}; {}", misfit.message, misfit.hint))
}

#[test]
fn a_trigger_starts_runs_for_the_events_that_it_wants() {
    let plan = plan(&json!({"input_is_value": true, "event_triggers": [
        {"event": "paid", "match": "event.sum > 5", "with": {"order": "${{ event.id }}"}},
        {"event": "paid"},
    ]}));
    let input = |at, data: &Value| plan.triggered_input(at, data).map_err(|_| "failed");
    let (large, small) = (json!({"id": 7, "sum": 9}), json!({"id": 8, "sum": 1}));
    assert_eq!(input(0, &large), Ok(Some(json!({"order": 7}))));
    assert_eq!(input(0, &small), Ok(None));
    assert_eq!(input(0, &json!("no sum")), Ok(None), "what cannot be read is not wanted");
    assert_eq!(input(0, &json!({"sum": 9})), Err("failed"));
    assert_eq!(input(1, &small), Ok(Some(small.clone())));
    assert_eq!(input(2, &small), Ok(None), "there is no such trigger");
}

#[test]
fn the_steps_that_wait_for_events_are_known() {
    let wait = |id: &str, signal: &str| json!({"id": id, "kind": {"wait_for": {"signal": signal}}});
    let steps = json!([wait("a", "event:paid"), wait("b", "paid"), wait("c", "event:sent")]);
    let plan = plan(&json!({"steps": steps}));
    let waits = [(StepIndex(0), "paid".to_owned()), (StepIndex(2), "sent".to_owned())];
    assert_eq!(plan.event_waits(), waits);
}

#[test]
fn a_query_is_answered_from_the_state() {
    let plan = plan(&json!({"queries": {
        "status": "${{ steps.a.status }}",
        "sum": "${{ steps.a.output.sum }}",
    }}));
    let run = Run::new(&plan);
    let answer = |name| plan.answer(name, &run, &BTreeMap::new(), Timestamp(5));
    assert_eq!(plan.queries().collect::<Vec<_>>(), ["status", "sum"]);
    assert_eq!(answer("status"), Some(Ok(json!("pending"))));
    assert!(matches!(answer("sum"), Some(Err(_))));
    assert_eq!(answer("lost"), None);
}

#[test]
fn an_update_is_filled_up_with_the_defaults_of_its_form() {
    let form = json!({"n": {"type": "integer"}, "m": {"type": "integer", "default": 3}});
    let plan = plan(&json!({"steps": [
        {"id": "a", "kind": {"update": {"name": "qty", "form": form}}},
        {"id": "b", "kind": {"update": {"name": "any"}}},
        {"id": "c", "kind": {"action": {"uses": "x"}}},
    ]}));
    let data = |step, given: &Value| plan.update_data(StepIndex(step), given.clone());
    let given = json!({"n": 1});
    assert_eq!(data(0, &given), json!({"n": 1, "m": 3}));
    assert_eq!(data(0, &json!({"n": "x"})), json!({"n": "x"}), "what does not fit stays as it is");
    for step in [1, 2, 9] {
        assert_eq!(data(step, &given), given, "step {step}");
    }
}

#[test]
fn an_undo_has_a_time_and_an_input_of_its_own() {
    let undo =
        |with: &str| json!({"kind": {"action": {"uses": "y", "with": with}}, "timeout_ms": 5000});
    let step = |id: &str| json!({"id": id, "kind": {"action": {"uses": "x"}}, "timeout_ms": 9});
    let (mut literal, mut rendered) = (step("a"), step("b"));
    literal["compensate"] = undo("back");
    rendered["compensate"] = undo("${{ this.output }}");
    let head = json!({"on_failure": "compensate", "steps": [literal, rendered, step("c")]});
    let plan = plan(&head);
    let times = [0, 1, 2].map(|step| plan.undo_timeout_ms(StepIndex(step)));
    assert_eq!(times, [Some(5000), Some(5000), None]);
    let inputs = [0, 1, 2].map(|step| format!("{:?}", plan.literal_undo_input(StepIndex(step))));
    assert_eq!(inputs, ["\"back\"", "null", "null"]);
    assert!(plan.undoes_on_failure() && !plan.undoes_on_cancel());
}

#[test]
fn a_run_of_which_nothing_can_be_undone_undoes_nothing() {
    let plan = plan(&json!({"on_failure": "compensate", "on_cancel": "compensate"}));
    assert!(!plan.undoes_on_failure() && !plan.undoes_on_cancel());
}

#[test]
fn a_limit_is_named_and_ranked_as_its_definition_says() {
    let wish = |mut fields: Value, input: &Value| {
        fields["limit"] = json!(1);
        let plan = plan(&json!({"input_is_value": true, "concurrency": fields}));
        let wish = plan.run_wish(input);
        wish.map(|wish| wish.map(|wish| (wish.limit, wish.priority)))
            .map_err(|error| error.to_string())
    };
    let named = |name: &str, priority| Ok(Some((name.to_owned(), priority)));
    let (workflow, global) =
        (json!({"key": "${{ inputs }}"}), json!({"key": "${{ inputs }}", "scope": "global"}));
    assert_eq!(wish(json!({}), &json!("k")), named("test", 0));
    assert_eq!(wish(workflow.clone(), &json!("k")), named("test:k", 0));
    assert_eq!(wish(workflow, &json!("@k")), named("test:@k", 0));
    assert_eq!(wish(global.clone(), &json!("k")), named("k", 0));
    let kept = wish(global, &json!("@k")).expect_err("it is kept");
    assert!(kept.ends_with("begins with `@`, which is kept for the store"), "{kept}");
    let ranked = |priority: Value| wish(json!({"priority": "${{ inputs }}"}), &priority);
    for (priority, expected) in [(json!(7), 7), (json!("-3"), -3), (json!(null), 0)] {
        assert_eq!(ranked(priority), named("test", expected));
    }
    for priority in [json!("high"), json!(true), json!([1]), json!(1u64 << 40), json!(1.5)] {
        let error = ranked(priority.clone()).expect_err("no priority");
        assert!(error.contains("it must be an integer of 32 bits"), "{priority}: {error}");
    }
}

#[test]
fn a_rule_of_starts_is_there_or_not_and_has_a_key_or_not() {
    let dedupe = plan(&json!({
        "input_is_value": true,
        "dedupe": {"key": "${{ inputs }}", "within_ms": 5},
    }));
    assert!(dedupe.has_start_rule() && !plan(&json!({})).has_start_rule());
    let error = dedupe.start_rule(&Value::Null).expect_err("it says nothing").to_string();
    assert!(error.contains("`key` of `dedupe` is null"), "{error}");
}

#[test]
fn an_id_that_people_write_is_plain() {
    for id in ["a", "_", "Ship-the_order7", &"x".repeat(64)] {
        assert!(is_plain_id(id), "{id}");
    }
    for id in ["", "7a", "-a", "a b", "größe", "a.b", &"x".repeat(65)] {
        assert!(!is_plain_id(id), "{id}");
    }
}

#[test]
fn a_cycle_is_spelled_out_up_to_a_dozen_steps() {
    let cycle = |count: usize| {
        let step = |at: usize| json!({"id": format!("s{at}"), "kind": {"action": {"uses": "x"}}, "needs": [format!("s{}", (at + 1) % count)]});
        let steps: Vec<Value> = (0..count).map(step).collect();
        let document = json!({"name": "test", "steps": steps}).to_string();
        let definition = Definition::from_json(document.as_bytes()).expect("a definition");
        Plan::compile(definition).expect_err("a cycle")[0].message.clone()
    };
    assert!(!cycle(12).contains("more"), "{}", cycle(12));
    assert!(cycle(13).contains("s2 → … (1 more) → s0"), "{}", cycle(13));
}
