//! What cannot be, one thing at a time: a field of a step or of the head, and what is said about it.

use serde_json::{Value, json};

use crate::definition::{Definition, ForEach, Retry};
use crate::limit::RATE_COUNT_MAX;
use crate::plan::{DefinitionError, EMIT_HANDLER, Plan};

/// What is said about a definition with these fields beside its name and its only step: codes and paths, warnings with a `?`.
fn said(fields: &Value) -> String {
    let mut document =
        json!({"name": "test", "steps": [{"id": "a", "kind": {"action": {"uses": "x"}}}]});
    for (key, value) in fields.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    let definition = Definition::from_json(document.to_string().as_bytes()).expect("a definition");
    let line = |error: &DefinitionError| {
        format!("{} {}{}", error.code, error.path.join("."), if error.warning { "?" } else { "" })
    };
    let lines: Vec<String> = match Plan::compile(definition) {
        Ok(plan) => plan.warnings().iter().map(line).collect(),
        Err(errors) => errors.iter().map(line).collect(),
    };
    lines.join(", ")
}

#[track_caller]
fn check_heads(cases: &[(Value, &str)]) {
    for (fields, expected) in cases {
        assert_eq!(said(fields), *expected, "{fields}");
    }
}

/// The same of a step, whose paths begin with `steps.a`, which is left out.
#[track_caller]
fn check_steps(cases: &[(Value, &str)]) {
    for (fields, expected) in cases {
        let mut step = json!({"id": "a", "kind": {"action": {"uses": "x"}}});
        for (key, value) in fields.as_object().into_iter().flatten() {
            step[key] = value.clone();
        }
        let said = said(&json!({"steps": [step]})).replace("steps.a.", "");
        assert_eq!(said, *expected, "{fields}");
    }
}

#[test]
fn approvals() {
    let approve = |fields: Value| json!({"kind": {"approve": fields}});
    check_steps(&[
        (approve(json!({"by": "dana"})), ""),
        (approve(json!({"by": ["dana", "ops"], "timeout_ms": 1})), ""),
        (approve(json!({"by": " "})), "NX1106 approve.by"),
        (approve(json!({"by": []})), "NX1106 approve.by"),
        (approve(json!({"by": ["dana", ""]})), "NX1106 approve.by"),
        (approve(json!({"by": 7})), "NX1106 approve.by"),
        (approve(json!({"by": "dana", "timeout_ms": 0})), "NX1201 approve.timeout"),
        (
            approve(json!({"by": "dana", "form": {"n": {"type": "integer", "default": "x"}}})),
            "NX1204 approve.form.n",
        ),
    ]);
}

#[test]
fn breakers() {
    let breaker = |fields: Value| {
        let mut breaker = json!({"target": "pay"});
        for (key, value) in fields.as_object().into_iter().flatten() {
            breaker[key] = value.clone();
        }
        json!({"breaker": breaker})
    };
    let mut of_set = breaker(json!({}));
    of_set["kind"] = json!({"set": {"values": 1}});
    let mut of_script = breaker(json!({}));
    of_script["kind"] = json!({"script": {"run": "echo"}});
    check_steps(&[
        (breaker(json!({"failures": 1, "successes": 1, "open_ms": 1})), ""),
        (breaker(json!({"failures": 0})), "NX1176 breaker.failures"),
        (breaker(json!({"successes": 0})), "NX1176 breaker.successes"),
        (breaker(json!({"open_ms": 0})), "NX1176 breaker.open_for"),
        (breaker(json!({"target": ""})), "NX1176 breaker.target"),
        (of_set, "NX1177 breaker"),
        (of_script, ""),
    ]);
}

#[test]
fn items() {
    let each = |fields: Value| {
        let mut each = json!({"items": [1]});
        for (key, value) in fields.as_object().into_iter().flatten() {
            each[key] = value.clone();
        }
        json!({"for_each": each})
    };
    let mut of_set = each(json!({}));
    of_set["kind"] = json!({"set": {"values": 1}});
    let named = |name: &str| each(json!({"as": name}));
    let at_a_time = |count: u32| each(json!({"concurrency": count}));
    check_steps(&[
        (each(json!({"items": {"a": 1}})), "NX1170 for_each"),
        (of_set, "NX1109 for_each"),
        (named("order_7"), ""),
        (named("_"), ""),
        (named(&"x".repeat(64)), ""),
        (named(&"x".repeat(65)), "NX1172 as"),
        (named(""), "NX1172 as"),
        (named("7th"), "NX1172 as"),
        (named("order-7"), "NX1172 as"),
        (named("steps"), "NX1172 as"),
        (at_a_time(0), "NX1173 concurrency"),
        (at_a_time(ForEach::CONCURRENCY_MAX), ""),
        (at_a_time(ForEach::CONCURRENCY_MAX + 1), "NX1173 concurrency"),
    ]);
}

#[test]
fn events_and_signals() {
    let wait =
        |signal: &str, ms: u32| json!({"kind": {"wait_for": {"signal": signal, "timeout_ms": ms}}});
    let action = |uses: &str, event: &str| json!({"kind": {"action": {"uses": uses, "with": {"event": event}}}});
    check_steps(&[
        (wait("event:order.created", 1), ""),
        (wait("event:order created", 1), "NX1186 wait_for.event"),
        (wait("event:", 1), "NX1186 wait_for.event"),
        (wait("order created", 1), ""),
        (wait("", 1), "NX1106 wait_for.signal"),
        (wait(&"x".repeat(128), 1), ""),
        (wait(&"x".repeat(129), 1), "NX1106 wait_for.signal"),
        (wait("paid\n", 1), "NX1106 wait_for.signal"),
        (wait("paid", 0), "NX1201 wait_for.timeout"),
        (action(EMIT_HANDLER, "order.created"), ""),
        (action(EMIT_HANDLER, "order created"), "NX1186 emit"),
        (action(EMIT_HANDLER, "${{ inputs }} created"), ""),
        (action("x", "order created"), ""),
    ]);
    check_heads(&[
        (json!({"event_triggers": [{"event": "paid"}]}), ""),
        (json!({"event_triggers": [{"event": "not paid"}]}), "NX1186 triggers"),
    ]);
}

#[test]
fn updates() {
    let takes = |fields: Value| {
        let mut update = json!({"name": "qty"});
        for (key, value) in fields.as_object().into_iter().flatten() {
            update[key] = value.clone();
        }
        json!({"kind": {"update": update}})
    };
    let form = json!({"n": {"type": "integer"}});
    check_steps(&[
        (takes(json!({"timeout_ms": 1})), ""),
        (takes(json!({"timeout_ms": 0})), "NX1201 wait_for.timeout"),
        (takes(json!({"name": ""})), "NX1112 wait_for.update"),
        (takes(json!({"name": "x".repeat(128)})), ""),
        (takes(json!({"name": "x".repeat(129)})), "NX1112 wait_for.update"),
        (takes(json!({"name": "a\tb"})), "NX1112 wait_for.update"),
        (takes(json!({"message": "no"})), "NX1113 wait_for.message"),
        (takes(json!({"message": "no", "accepts": "true"})), ""),
        (takes(json!({"message": "no", "form": form})), ""),
        (
            takes(json!({"form": {"n": {"type": "integer", "default": "x"}}})),
            "NX1204 wait_for.form.n",
        ),
    ]);
}

#[test]
fn limits() {
    let most = RATE_COUNT_MAX;
    let rate = |limit: u32, per_ms: u64| json!({"rate": {"limit": limit, "per_ms": per_ms}});
    let cases = [
        (json!({"limit": 1}), ""),
        (rate(1, 1), ""),
        (rate(most, 1), ""),
        (json!({}), "NX1150 concurrency"),
        (json!({"limit": 0}), "NX1151 concurrency.limit"),
        (rate(0, 1), "NX1151 concurrency.rate"),
        (rate(1, 0), "NX1151 concurrency.rate"),
        (rate(most + 1, 1), "NX1151 concurrency.rate"),
        (json!({"limit": 1, "priority": "high"}), "NX1151 concurrency.priority"),
        (json!({"limit": 1, "priority": "7"}), ""),
        (json!({"limit": 1, "scope": "global"}), "NX1152 concurrency.scope"),
        (json!({"limit": 1, "scope": "global", "key": "k"}), ""),
    ];
    check_steps(&cases.clone().map(|(limit, said)| (json!({"concurrency": limit}), said)));
    for (limit, expected) in cases {
        let expected = expected.replace("concurrency", "run.concurrency");
        assert_eq!(said(&json!({"concurrency": limit})), expected, "{limit}");
    }
}

#[test]
fn tries_and_times() {
    let retry = |fields: Value| {
        let mut retry = serde_json::to_value(Retry::default()).expect("JSON");
        for (key, value) in fields.as_object().into_iter().flatten() {
            retry[key] = value.clone();
        }
        json!({"retry": retry})
    };
    let until = |time: &str| json!({"kind": {"sleep_until": {"time": time}}});
    check_steps(&[
        (retry(json!({"max_attempts": 0})), "NX1207 retry"),
        (retry(json!({"max_attempts": 2, "factor": 1.0})), ""),
        (retry(json!({"max_attempts": 2, "factor": 0.5})), "NX1207 retry"),
        (retry(json!({"max_attempts": 2, "initial_ms": 6, "max_ms": 5})), "NX1207 retry?"),
        (retry(json!({"max_attempts": 2, "initial_ms": 5, "max_ms": 5})), ""),
        (retry(json!({"max_attempts": 1, "initial_ms": 6, "max_ms": 5})), ""),
        (until("2026-11-23T05:00:00Z"), ""),
        (until("tomorrow"), "NX1147 sleep_until"),
        (until("${{ inputs }}"), ""),
    ]);
}

#[test]
fn calls() {
    let call = |fields: Value| {
        let mut call = json!({"workflow": "other"});
        for (key, value) in fields.as_object().into_iter().flatten() {
            call[key] = value.clone();
        }
        json!({"kind": {"call": call}})
    };
    let hash = "07".repeat(32);
    check_steps(&[
        (call(json!({})), ""),
        (call(json!({"workflow": ""})), "NX1180 call"),
        (call(json!({"workflow": "test"})), "NX1183 call"),
        (call(json!({"workflow": "test", "version": "1"})), ""),
        (call(json!({"workflow": "test", "definition": hash})), ""),
    ]);
    let secret = |kind: Value| json!({"secrets": ["KEY"], "input_is_value": true, "steps": [{"id": "a", "kind": kind}]});
    let with = json!({"k": "${{ secrets.KEY }}"});
    check_heads(&[
        (secret(json!({"action": {"uses": "x", "with": with}})), ""),
        (secret(json!({"action": {"uses": EMIT_HANDLER, "with": with}})), "NX1133 steps.a.with.k"),
        (secret(json!({"call": {"workflow": "other", "with": with}})), "NX1133 steps.a.with.k"),
    ]);
}

#[test]
fn undos() {
    let step = json!({
        "id": "a",
        "kind": {"action": {"uses": "x"}},
        "compensate": {"kind": {"action": {"uses": "y"}}},
    });
    let undo = |key: &str| json!({key: "compensate", "steps": [step]});
    check_heads(&[
        (json!({"steps": [step]}), "NX1110 steps.a.compensate?"),
        (undo("on_failure"), ""),
        (undo("on_cancel"), ""),
    ]);
    let wrong = |undo: Value| {
        let mut step = step.clone();
        step["compensate"] = undo;
        json!({"on_failure": "compensate", "steps": [step]})
    };
    check_heads(&[
        (
            wrong(json!({"kind": {"action": {"uses": ""}}, "timeout_ms": 0})),
            "NX1201 steps.a.compensate.timeout, NX1202 steps.a.compensate.uses",
        ),
        (
            wrong(json!({"kind": {"action": {"uses": "y", "with": "${{ steps.z.output }}"}}})),
            "NX1104 steps.a.compensate.with",
        ),
        (
            wrong(json!({"kind": {"script": {"run": "${{ steps.z.output }}"}}})),
            "NX1104 steps.a.compensate.run",
        ),
        (wrong(json!({"kind": {"set": {"values": 1}}})), "NX1102 steps.a.compensate"),
    ]);
}

#[test]
fn names_of_workflows() {
    check_heads(&[
        (json!({"name": ""}), "NX1106 name"),
        (json!({"name": "x".repeat(128)}), ""),
        (json!({"name": "x".repeat(129)}), "NX1106 name"),
        (json!({"name": "a\nb"}), "NX1106 name"),
        (json!({"timeout_ms": 0}), "NX1201 run.timeout"),
        (json!({"steps": []}), "NX1101 steps"),
    ]);
}

#[test]
fn definitions_of_code() {
    let code = |fields: Value| {
        let mut head = json!({"code": true, "input_is_value": true, "steps": []});
        for (key, value) in fields.as_object().into_iter().flatten() {
            head[key] = value.clone();
        }
        head
    };
    check_heads(&[
        (
            code(json!({"description": "d", "version": 3, "labels": {"a": "b"}, "timeout_ms": 5})),
            "",
        ),
        (code(json!({"on_failure": "compensate", "on_cancel": "compensate"})), ""),
        (code(json!({"input_is_value": false})), "NX1101 steps"),
        (code(json!({"outputs": 1})), "NX1101 steps"),
    ]);
}

#[test]
fn rules_of_starts() {
    let (key, wait) = ("k", 30);
    let debounce =
        |at_most: u32| json!({"debounce": {"key": key, "wait_ms": wait, "at_most_ms": at_most}});
    check_heads(&[
        (debounce(30), ""),
        (debounce(29), "NX1178 run.debounce.at_most"),
        (json!({"dedupe": {"key": key, "within_ms": 0}}), "NX1178 run.dedupe.within"),
        (json!({"dedupe": {"key": "${{ lost }}", "within_ms": 1}}), "NX2101 run.dedupe.key"),
    ]);
}

#[test]
fn outputs_that_may_be_null() {
    let kind = || json!({"action": {"uses": "x"}});
    let reads = |id: &str, needs: &[&str], of: &str| {
        let with = json!({"f": format!("${{{{ steps.{of}.output.f }}}}")});
        json!({"id": id, "needs": needs, "kind": {"action": {"uses": "x", "with": with}}})
    };
    let plain = |id: &str, needs: &[&str]| json!({"id": id, "needs": needs, "kind": kind()});
    let when = |id: &str, needs: &[&str], when: &str| json!({"id": id, "needs": needs, "when_needs": when, "kind": kind()});
    let router = json!({"id": "r", "kind": {"switch": {
        "cases": [{"when": "true", "then": ["x"]}], "default": ["y"],
    }}});
    let routed = |more: &[Value], output: &str| {
        let steps = [router.clone(), plain("x", &["r"]), plain("y", &["r"])];
        let steps: Vec<Value> = steps.iter().chain(more).cloned().collect();
        json!({"steps": steps, "outputs": {"f": format!("${{{{ steps.{output}.output.f }}}}")}})
    };
    let after_failures = |more: Value| {
        let steps =
            [plain("a", &[]), when("u", &["a"], "any_failed"), when("v", &["a"], "any_failed")];
        let steps: Vec<Value> = steps.into_iter().chain([more]).collect();
        json!({"steps": steps, "outputs": {"f": "${{ steps.k.output.f }}"}})
    };
    check_heads(&[
        (routed(&[], "x"), "NX2104 outputs.f?"),
        (routed(&[plain("z", &["x"])], "z"), "NX2104 outputs.f?"),
        (routed(&[plain("z", &["x", "y"])], "z"), ""),
        (routed(&[reads("z", &["x"], "x"), plain("w", &["x", "y"])], "w"), ""),
        (routed(&[reads("z", &["x", "y"], "x")], "z"), "NX2104 steps.z.with.f?"),
        (after_failures(when("k", &["u", "v"], "any_ok")), "NX2104 outputs.f?"),
        (after_failures(when("k", &["a", "v"], "any_ok")), ""),
        (after_failures(plain("k", &["a", "v"])), "NX2104 outputs.f?"),
        (after_failures(when("k", &["u", "v"], "all_done")), ""),
    ]);
}

#[test]
fn races() {
    let race = |of: &[&str]| {
        json!({"steps": [
            {"id": "a", "kind": {"action": {"uses": "x"}}},
            {"id": "b", "kind": {"action": {"uses": "x"}}},
            {"id": "r", "kind": {"race": {"of": of}}},
        ]})
    };
    check_heads(&[
        (race(&["a", "b"]), ""),
        (race(&["a"]), "NX1164 steps.r.race"),
        (race(&["a", "b", "a"]), "NX1164 steps.r.race.2"),
        (race(&["a", "b", "r"]), "NX1105 steps.r.race.2"),
        (race(&["a", "b", "z"]), "NX1104 steps.r.race.2"),
    ]);
}
