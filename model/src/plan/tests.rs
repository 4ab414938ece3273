//! Compiling from the outside: a definition in, complaints out.

mod answers;
mod complaints;
mod starting;

use serde_json::{Value, json};

use super::{DefinitionError, Levels, Plan, Work};
use crate::definition::{Definition, StepKind};
use crate::expression::EvalError;
use crate::id::{DefinitionHash, StepIndex};

/// `{"a": {"needs": ["b"], "with": …}}` as a definition. What is no field of a step is a field of its kind; `uses` is the
/// default.
fn definition(head: &Value, steps: &Value) -> Definition {
    let mut document = json!({"name": "test", "steps": []});
    for (key, value) in head.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    let list = steps.as_array().expect("a list of pairs").iter().map(|pair| {
        let mut step = pair[1].clone();
        step["id"] = pair[0].clone();
        let mut take = |key: &str| step.as_object_mut().and_then(|step| step.remove(key));
        let kind = match (take("set"), take("sleep"), take("run"), take("with")) {
            (Some(values), ..) => json!({"set": {"values": values}}),
            (_, Some(duration), ..) => json!({"sleep": {"duration": duration}}),
            (_, _, Some(run), _) => {
                json!({"script": {"run": run, "env": take("env").unwrap_or_else(|| json!({}))}})
            }
            (.., with) => {
                json!({"action": {"uses": take("uses").unwrap_or_else(|| json!("x")), "with": with}})
            }
        };
        step["kind"] = kind;
        step
    });
    document["steps"] = list.collect();
    Definition::from_json(document.to_string().as_bytes()).expect("a definition")
}

fn line(error: &DefinitionError) -> String {
    let range = error.range.as_ref().map(|range| format!("[{}..{}]", range.start, range.end));
    let hint = error.hint.as_ref().map(|hint| format!("; {hint}"));
    format!(
        "{} {}{} {}{}",
        error.code,
        error.path.join("."),
        range.unwrap_or_default(),
        error.message,
        hint.unwrap_or_default()
    )
}

#[track_caller]
fn check(head: &Value, steps: &Value, expected: &[&str]) {
    let said: Vec<String> = match Plan::compile(definition(head, steps)) {
        Ok(plan) => plan.warnings().iter().map(line).collect(),
        Err(errors) => errors.iter().map(line).collect(),
    };
    assert_eq!(said, expected);
}

fn plan(head: &Value, steps: &Value) -> Plan {
    Plan::compile(definition(head, steps)).expect("a valid definition")
}

#[test]
fn references_are_edges() {
    let plan = plan(
        &json!({}),
        &json!([
            ["a", {}],
            ["b", {"with": {"v": "${{ steps.a.output.x }}"}}],
            ["c", {"if": "steps['b'].output", "needs": ["a", "a"]}],
            ["d", {"run": "echo ${{ steps.c.output }}", "env": {"A": "${{ steps.b.status }}"}}],
            ["e", {"sleep": "${{ steps.d.output.wait }}", "outputs": {"x": "${{ steps.a.output }}"}}],
            ["f", {}],
        ]),
    );
    let names = |steps: Vec<StepIndex>| steps.iter().map(|step| plan.id(*step)).collect::<String>();
    let needs: Vec<String> = plan.steps().map(|step| names(plan.needs(step).to_vec())).collect();
    assert_eq!(needs, ["", "a", "ab", "bc", "ad", ""]);
    let successors: Vec<String> =
        plan.steps().map(|step| names(plan.successors(step).collect())).collect();
    assert_eq!(successors, ["bce", "cd", "d", "e", "", ""]);
    assert_eq!(plan.levels(), Levels { count: 5, widest: 2 });
    assert_eq!(plan.find("d"), Some(StepIndex(3)));
    assert_eq!(plan.find("dd"), None);
}

#[test]
fn ids_and_needs_are_checked() {
    check(
        &json!({}),
        &json!([]),
        &["NX1101 steps the workflow has no steps; add one under `steps`"],
    );
    check(
        &json!({}),
        &json!([["a", {}], ["a", {}], ["", {}], ["b\u{7}", {}], ["any text at all", {}]]),
        &[
            "NX1108 steps.a two steps have the id `a`",
            "NX1106 steps. `` cannot be the id of a step; write a letter or `_`, then letters, digits, `_` and `-`",
            "NX1106 steps.b\u{7} `b\\u{7}` cannot be the id of a step; write a letter or `_`, then letters, digits, `_` and `-`",
        ],
    );
    check(
        &json!({}),
        &json!([["validate", {}], ["b", {"needs": ["validte", "b", "nothing"]}]]),
        &[
            "NX1104 steps.b.needs.0 there is no step `validte`; did you mean `validate`?",
            "NX1105 steps.b.needs.1 step `b` needs itself: b → b",
            "NX1104 steps.b.needs.2 there is no step `nothing`",
        ],
    );
}

#[test]
fn cycles_are_spelled_out() {
    check(
        &json!({}),
        &json!([
            ["x", {}],
            ["a", {"needs": ["c", "x"]}],
            ["b", {"with": "${{ steps.a.output }}"}],
            ["c", {"if": "steps.b.output"}],
            ["d", {"needs": ["e"]}],
            ["e", {"needs": ["d"]}],
        ]),
        &[
            "NX1105 steps.a these steps wait for each other: a → b → c → a; take one of the needs or references away",
            "NX1105 steps.d these steps wait for each other: d → e → d; take one of the needs or references away",
        ],
    );
    check(
        &json!({}),
        &json!([["a", {"with": "${{ steps.a.output }}"}]]),
        &[
            "NX1105 steps.a.with[4..18] step `a` refers to itself: a → a; in `outputs` of a step, `this.output` is what its handler returned",
        ],
    );
}

#[test]
fn a_long_cycle_is_shortened_and_does_not_recurse() {
    let count = 20_000;
    let steps: Vec<Value> = (0..count)
        .map(|at| json!([format!("s{at}"), {"needs": [format!("s{}", (at + count - 1) % count)]}]))
        .collect();
    let errors = Plan::compile(definition(&json!({}), &json!(steps))).expect_err("a cycle");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("s0 → s1 → s2"), "{}", errors[0].message);
    assert!(errors[0].message.ends_with("s11 → … (19988 more) → s0"), "{}", errors[0].message);
}

#[test]
fn names_are_checked_where_they_stand() {
    check(
        &json!({
            "inputs": {"email": {"type": "string"}},
            "env": {"A": "${{ steps.a.output }}", "B": "${{ env.A }}"},
            "run_id": "x-${{ run.seed }}",
            "outputs": {"x": ["${{ steps.b.output }}", "${{ this.output }}", "${{ step.id }}"]},
        }),
        &json!([
            ["my-step", {"with": "a ${{ inputs.emial }} ${{ env.C }}"}],
            ["a", {"with": {"x": ["${{ steps.my-step.output }}", "${{ steps.my.output }}"]}}],
            ["c", {"if": "steps.a.outputs.x and steps.a.total"}],
            ["d", {"set": {"a": "${{ run.name }}", "b": "${{ step.nothing }}", "c": "${{ steps }}"}}],
            ["e", {"with": "${{ this.output }}", "outputs": "${{ this.result }}"}],
        ]),
        &[
            "NX2101 env.A[4..18] `steps` is not known here; known here: inputs, run",
            "NX2101 env.B[4..9] `env` is not known here; known here: inputs, run",
            "NX2101 run.id[6..14] `run` is not known here; known here: inputs, env",
            "NX2101 steps.my-step.with[6..18] the workflow has no input `emial`; did you mean `inputs.email`?",
            "NX2101 steps.my-step.with[26..31] the workflow has no `env.C`; declare it under `env` of the workflow",
            "NX1104 steps.a.with.x.0[4..12] there is no step `my`; write `steps[\"my-step\"]` for an id with a dash",
            "NX2101 steps.a.with.x.0[13..24] there is no `step.output`; `step` has id, key, attempt",
            "NX1104 steps.a.with.x.1[4..19] there is no step `my`; write `steps[\"my-step\"]` for an id with a dash",
            "NX2101 steps.c.if[0..17] a step has no `outputs`; did you mean `steps.a.output`?",
            "NX2101 steps.c.if[22..35] a step has no `total`; what it returned is `steps.a.output.total`",
            "NX2101 steps.d.set.a[4..12] there is no `run.name`; `run` has id, started_at, version, seed, workflow, undone",
            "NX2101 steps.d.set.b[4..16] there is no `step.nothing`; `step` has id, key, attempt",
            "NX2101 steps.d.set.c[4..9] `steps` alone is not a value; name one step: `steps.<id>`, or `steps[\"<id>\"]`",
            "NX2101 steps.e.with[4..15] `this` is not known here; known here: inputs, steps, run, step, env, round",
            "NX2101 steps.e.outputs[4..15] there is no `this.result`; `this` has output",
            "NX1104 outputs.x.0[4..18] there is no step `b`",
            "NX2101 outputs.x.1[4..15] `this` is not known here; known here: inputs, steps, run, env",
            "NX2101 outputs.x.2[4..11] `step` is not known here; known here: inputs, steps, run, env",
        ],
    );
}

#[test]
fn syntax_errors_name_their_place() {
    check(
        &json!({}),
        &json!([
            ["a", {"with": {"x": ["", "to ${{ 1 && 2 }}"]}, "if": "1 +"}],
            ["b", {"run": "${{", "env": {"X": "${{ y }}"}}],
        ]),
        &[
            "NX2001 steps.a.if[3..3] found the end where a value is expected",
            "NX2001 steps.a.with.x.1[9..11] `&&` is not an operator here; write `and`",
            "NX2001 steps.b.run[3..3] the expression is empty",
            "NX2101 steps.b.env.X[4..5] unknown name `y`; known here: inputs, steps, run, step, this, env, signal, event, update, round, secrets; a text stands in quotes",
        ],
    );
}

#[test]
fn values_are_checked() {
    let retry = |max_attempts: u32, factor: f64, initial_ms: u64| json!({"max_attempts": max_attempts, "backoff": "exponential", "initial_ms": initial_ms, "factor": factor, "max_ms": 60_000, "jitter": true});
    check(
        &json!({"name": "", "timeout_ms": 0, "inputs": {
            "a": {"pattern": "("}, "b": {"type": "integer", "default": "x"}, "c": {"min": 2.0, "max": 1.0},
            "d": {"type": "string", "enum": [1]},
        }}),
        &json!([
            ["a", {"retry": retry(0, 0.5, 1)}],
            ["b", {"sleep": "30 seconds"}],
            ["c", {"sleep": -5, "timeout_ms": 0, "deadline_ms": 0}],
            ["d", {"uses": ""}],
            ["e", {"when_needs": "any_failed"}],
        ]),
        &[
            "NX1106 name a workflow needs a name of 1 to 128 characters",
            "NX1201 run.timeout the timeout is 0, so no run could end",
            "NX1208 inputs.a the pattern of input `a` is not a regular expression: found open group without closing ')'",
            "NX1204 inputs.b default: input `b` is \"x\", not an integer of 64 bits",
            "NX1207 inputs.c `min` of input `c` is 2, more than its `max` 1",
            "NX1204 inputs.d input `d` in `enum` is 1, not a text",
            "NX1207 steps.a.retry `max_attempts` is 0, so the step could never run; 1 means one attempt and no retry",
            "NX1207 steps.a.retry `factor` is 0.5, but delays must not shrink; write a number from 1",
            "NX1201 steps.b.sleep \"30 seconds\" is not a duration; write one such as 500ms, 30s, 15m, 1h30m, 2d or PT5M",
            "NX1201 steps.c.sleep -5 is not a duration; write one such as 500ms, 30s, 15m, 1h30m, 2d or PT5M",
            "NX1201 steps.c.timeout `timeout` is 0, so the step could never complete",
            "NX1201 steps.c.deadline `deadline` is 0, so the step could never complete",
            "NX1202 steps.d.uses the handler has no name",
            "NX1107 steps.e.when_needs step `e` runs when a need fails, but has no needs; name the steps it watches under `needs`",
        ],
    );
    check(
        &json!({}),
        &json!([["a", {"retry": retry(2, 2.0, 90_000)}]]),
        &["NX1207 steps.a.retry `initial` is longer than `max`, so every delay is `max`"],
    );
}

#[test]
fn what_may_be_null_is_warned_about() {
    let hint = "put `| default(…)` behind it, or write";
    check(
        &json!({"outputs": {
            "a": "${{ steps.alarm.output.id }}", "b": "${{ steps.after.output.id }}", "c": "${{ steps.sure.output.id }}",
            "d": "${{ steps.maybe.output }}",
        }}),
        &json!([
            ["maybe", {"if": "1 == 2"}],
            ["best", {"on_error": "continue"}],
            ["sure", {}],
            ["reads", {"with": {
                "a": "${{ steps.maybe.output.x }} ${{ steps.best.output.y.z }} ${{ steps.sure.output.x }}",
                "b": "${{ steps.maybe.output.x | default(1) }}",
                "c": "${{ get(steps.maybe.output.x, 'y', 1) }}",
                "d": "${{ steps.maybe.output.x if steps.maybe.output else 1 }}",
                "e": "${{ steps.maybe.output.x if steps.maybe.status == 'completed' else 1 }}",
                "f": "${{ steps.maybe.output.x is defined }}",
                "g": "${{ steps.maybe.output[0] }}",
            }}],
            ["asks", {"if": "steps.maybe.output != null", "with": "${{ steps.maybe.output.x }}"}],
            ["alarm", {"needs": ["sure"], "when_needs": "any_failed", "with": "${{ steps.sure.output.x }}"}],
            ["after", {"needs": ["alarm"]}],
        ]),
        &[
            &format!(
                "NX2104 steps.reads.with.a[4..24] the output of step `maybe` may be null here; {hint} `get(steps.maybe.output, \"x\", …)`"
            ),
            &format!(
                "NX2104 steps.reads.with.a[32..53] the output of step `best` may be null here; {hint} `get(steps.best.output, \"y.z\", …)`"
            ),
            &format!(
                "NX2104 steps.reads.with.g[4..22] the output of step `maybe` may be null here; {hint} `get(steps.maybe.output, \"\", …)`"
            ),
            &format!(
                "NX2104 steps.alarm.with[4..23] the output of step `sure` may be null here; {hint} `get(steps.sure.output, \"x\", …)`"
            ),
            &format!(
                "NX2104 outputs.a[4..25] the output of step `alarm` may be null here; {hint} `get(steps.alarm.output, \"id\", …)`"
            ),
            &format!(
                "NX2104 outputs.b[4..25] the output of step `after` may be null here; {hint} `get(steps.after.output, \"id\", …)`"
            ),
        ],
    );
}

#[test]
fn literals_are_ready_to_use() {
    let plan = plan(
        &json!({"env": {"A": 1, "B": "b"}}),
        &json!([
            ["a", {"with": {"x": [1, null]}}],
            ["b", {"run": "echo", "env": {"B": true}}],
            ["c", {"with": "${{ 1 }}"}],
            ["d", {"with": "x".repeat(100_000)}],
        ]),
    );
    let literals: Vec<String> =
        plan.steps().take(3).map(|step| format!("{:?}", plan.literal_input(step))).collect();
    assert_eq!(
        literals,
        [
            r#"{"x":[1,null]}"#,
            r#"{"env":{"A":"1","B":"true"},"script":"echo","shell":null}"#,
            "null"
        ]
    );
    assert_eq!(plan.literal_input(StepIndex(3)).len(), 100_002);
    assert!(
        matches!(&plan.step(StepIndex(1)).work, Work::Handler { name, .. } if name == "script")
    );
}

#[test]
fn a_run_gets_the_name_the_definition_wants() {
    let named = |run_id: &str| {
        plan(&json!({"run_id": run_id, "inputs": {"order": {}}}), &json!([["a", {}]]))
    };
    let input = json!({"order": 7});
    assert_eq!(named("order-${{ inputs.order }}").run_name(&input), Ok(Some("order-7".to_owned())));
    assert_eq!(named("${{ inputs.order }}").run_name(&input), Ok(Some("7".to_owned())));
    let missing = named("${{ inputs.order }}").run_name(&json!({}));
    assert!(matches!(missing, Err(EvalError::Failed { code: "NX2102", .. })), "{missing:?}");
    assert_eq!(plan(&json!({}), &json!([["a", {}]])).run_name(&input), Ok(None));
}

#[test]
fn a_large_definition_compiles_quickly() {
    let count = if cfg!(debug_assertions) { 10_000u32 } else { 100_000 };
    let steps = (0..count).map(|at| {
        let mut step: Value = json!({"id": format!("s{at}"), "kind": {"action": {"uses": "x", "with": {"n": at, "t": "text"}}}});
        if at > 0 {
            step["kind"]["action"]["with"]["in"] = json!(format!("${{{{ steps.s{}.output.x }}}}", at / 2));
            step["needs"] = json!([format!("s{}", at - 1)]);
        }
        step
    });
    let document = json!({"name": "large", "steps": steps.collect::<Vec<_>>()}).to_string();
    let definition = Definition::from_json(document.as_bytes()).expect("a definition");
    let plan = Plan::compile(definition).expect("a valid definition");
    assert_eq!(plan.levels(), Levels { count, widest: 1 });
    assert_eq!(plan.successors(StepIndex(0)).count(), 1);
}

#[test]
fn secrets_stand_where_handlers_get_them() {
    let head = json!({"secrets": ["KEY"]});
    let good = json!([
        ["a", {"with": {"list": ["Bearer ${{ secrets.KEY }}", "${{ secrets.KEY }}"]}}],
        ["b", {"run": "echo", "env": {"K": "${{ secrets.KEY }}", "X": "${{ inputs }}"}}],
    ]);
    let plan = plan(&head, &good);
    let places = |step| -> Vec<String> {
        let places = plan.secrets(StepIndex(step), false);
        places
            .iter()
            .map(|place| format!("{}={}", place.path.join("."), place.names.join(",")))
            .collect()
    };
    assert_eq!(places(0), ["list.0=KEY", "list.1=KEY"]);
    assert_eq!(places(1), ["env.K=KEY"]);
    assert_eq!(plan.secrets(StepIndex(0), true), []);
}

#[test]
fn secrets_of_a_step_and_of_its_undo_are_apart() {
    let undo = |with: &str| json!({"kind": {"action": {"uses": "x", "with": {"undo": with}}}});
    let plan = plan(
        &json!({"secrets": ["DO", "UNDO"]}),
        &json!([
            ["a", {"with": {"do": "${{ secrets.DO }}"}, "compensate": undo("${{ secrets.UNDO }}")}],
            ["b", {"set": {}, "compensate": undo("${{ secrets.UNDO }}")}],
        ]),
    );
    let names = |step, is_undo| -> Vec<String> {
        let places = plan.secrets(StepIndex(step), is_undo);
        places.iter().flat_map(|place| place.names.clone()).collect()
    };
    assert_eq!((names(0, false), names(0, true)), (vec!["DO".into()], vec!["UNDO".into()]));
    assert_eq!((names(1, false), names(1, true)), (vec![], vec!["UNDO".into()]));
}

#[test]
fn a_plan_tells_the_times_of_its_attempts() {
    let plan = plan(
        &json!({}),
        &json!([["a", {"timeout_ms": 9000, "heartbeat_ms": 5000}], ["b", {"heartbeat_ms": 7}], ["c", {}]]),
    );
    let times = |step| (plan.timeout_ms(StepIndex(step)), plan.heartbeat_ms(StepIndex(step)));
    assert_eq!([0, 1, 2].map(times), [(Some(9000), Some(5000)), (None, Some(7)), (None, None)]);
}

#[test]
fn secrets_stand_nowhere_else() {
    let head = json!({"secrets": ["KEY", "a b"], "env": {"E": "${{ secrets.KEY }}"}});
    let steps = json!([
        ["a", {"with": "${{ secrets.KEYS }}"}],
        ["b", {"run": "echo ${{ secrets.KEY }}"}],
        ["c", {"set": {"k": "${{ secrets.KEY }}"}, "if": "secrets.KEY"}],
        ["d", {"with": ["${{ secrets.KEY ~ 1 }}", "${{ secrets }}", "${{ secrets.KEY.x }}"]}],
    ]);
    let hint = "; secrets are for the `with` of an action and the `env` of a script";
    let bare = "; write `${{ secrets.NAME }}` and nothing else between the braces";
    let recorded = "the secret `KEY` cannot stand here: it would be recorded";
    let computed = "a secret is inserted as it is, so";
    check(
        &head,
        &steps,
        &[
            "NX1135 secrets.1 `a b` cannot be the name of a secret; write a letter or `_`, then letters, digits and `_`",
            &format!("NX1133 env.E[4..15] {recorded}{hint}"),
            "NX1132 steps.a.with[4..16] the workflow declares no secret `KEYS`; did you mean `secrets.KEY`?",
            &format!("NX1133 steps.b.run[9..20] {recorded}{hint}"),
            &format!("NX1133 steps.c.if[0..11] {recorded}{hint}"),
            &format!("NX1133 steps.c.set.k[4..15] {recorded}{hint}"),
            &format!(
                "NX1134 steps.d.with.0[4..15] {computed} `secrets.KEY ~ 1` has no value{bare}"
            ),
            &format!("NX1134 steps.d.with.1[4..11] {computed} `secrets` has no value{bare}"),
            &format!("NX1134 steps.d.with.2[4..17] {computed} `secrets.KEY.x` has no value{bare}"),
        ],
    );
}

#[test]
fn an_encrypted_workflow_is_called_by_encrypted_ones_only() {
    let called = |encrypt: bool| {
        let definition = definition(&json!({"encrypt": encrypt}), &json!([["a", {}]]));
        Plan::compile(definition).expect("a good definition")
    };
    let code =
        |plan: &Plan, encrypted| plan.check_call(&json!({}), encrypted).map_err(|it| it.code);
    assert_eq!(code(&called(true), false), Err("NX1136"));
    assert_eq!(code(&called(true), true), Ok(()));
    assert_eq!(code(&called(false), true), Ok(()), "its run is encrypted, as that which calls it");
    assert_eq!(code(&called(false), false), Ok(()));
}

#[test]
fn queries_see_what_outputs_see_and_have_plain_names() {
    let steps = json!([["a", {"set": {"x": 1}}]]);
    check(
        &json!({"queries": {
            "fine": {"status": "${{ steps.a.status }}", "x": "${{ get(steps.a.output, 'x', 0) }}"},
            "how far": "${{ steps.a.status }}",
            "lost": "${{ steps.b.status }}",
            "own": "${{ step.id }}",
        }, "input_is_value": true}),
        &steps,
        &[
            "NX1111 queries.how far `how far` cannot be the name of a query; write a letter or `_`, then letters, digits, `_` and `-`; at most 64",
            "NX1104 queries.lost[4..18] there is no step `b`",
            "NX2101 queries.own[4..11] `step` is not known here; known here: inputs, steps, run, env",
        ],
    );
}

#[test]
fn a_call_that_is_not_pinned_is_one_by_name() {
    let calls_by_name = |definition: Option<DefinitionHash>| {
        let mut caller = plan(&json!({}), &json!([["a", {}], ["b", {}]])).definition().clone();
        let (workflow, version, with) = ("other".to_owned(), None, Value::Null);
        caller.steps[1].kind = StepKind::Call { workflow, version, definition, with };
        Plan::compile(caller).expect("a valid definition").calls_by_name()
    };
    assert!(calls_by_name(None));
    assert!(!calls_by_name(Some(DefinitionHash([7; 32]))));
    assert!(!plan(&json!({}), &json!([["a", {}]])).calls_by_name());
}
