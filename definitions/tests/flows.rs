//! Importers of formats that say what a step does: ways become needs, routers and loops, and what has no counterpart is named.

#![cfg(feature = "import")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nexus_definitions::import::{Imported, Options, import};
use nexus_model::definition::{Step, StepKind};

fn read(name: &str, text: &str) -> Imported {
    import(name, text.as_bytes(), None, &Options::default())
        .unwrap_or_else(|error| panic!("{name}: {} {error}", error.code()))
}

/// A step in a line: its needs, and what of its kind is about the ways.
fn line(step: &Step) -> String {
    let mut line = step.id.clone();
    if !step.needs.is_empty() {
        write!(line, " <- {}", step.needs.join(" ")).expect("a string takes every write");
    }
    if let Some(condition) = &step.condition {
        write!(line, " if {condition}").expect("a string takes every write");
    }
    let kind = if let StepKind::Switch(switch) = &step.kind {
        let cases: Vec<String> = switch
            .cases
            .iter()
            .map(|case| format!("{} -> {}", case.when, case.then.join(" ")))
            .collect();
        let default = if switch.default.is_empty() { "" } else { " else " };
        format!(": switch {}{default}{}", cases.join(", "), switch.default.join(" "))
    } else if let StepKind::Repeat(repeat) = &step.kind {
        format!(": back to {} until {}", repeat.from, repeat.until)
    } else if let StepKind::Action { uses, with } = &step.kind {
        match with.get("fail") {
            Some(_) => ": fails".to_owned(),
            None if uses == "simulate" => String::new(),
            None => format!(": {uses}"),
        }
    } else {
        if let StepKind::Call { workflow, with, .. } = &step.kind {
            let with = if with.is_null() { String::new() } else { format!(" with {with}") };
            return format!("{line}: call {workflow}{with}");
        }
        let marks = matches!(&step.kind, StepKind::Set { .. });
        let asks = matches!(&step.kind, StepKind::Approve(_));
        (if marks {
            ": set"
        } else if asks {
            ": approve"
        } else {
            ""
        })
        .to_owned()
    };
    line + &kind
}

fn shown(imported: &Imported) -> String {
    let lines = imported.definition.steps.iter().map(line);
    let findings =
        imported.findings.iter().filter(|finding| !["NX1210", "NX1211"].contains(&finding.code));
    let findings = findings.map(|finding| {
        let place = finding.place.map(|place| format!("{}:{} ", place.line, place.column));
        format!("{} {}{}", finding.code, place.unwrap_or_default(), finding.message)
    });
    lines.chain(findings).collect::<Vec<_>>().join("\n")
}

/// Checks the ways of a nexus-arc workflow whose steps these are.
fn check(steps: &str, expected: &str) {
    let text = format!("apiVersion: nexus-arc/v1\nkind: Workflow\nsteps:\n{}", unindented(steps));
    let imported = read("x.yaml", &text);
    assert_eq!(shown(&imported), unindented(expected).trim_end(), "{text}");
    reads_back(&imported);
}

fn unindented(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .flat_map(|line| {
            [
                line, "
",
            ]
        })
        .collect()
}

fn reads_back(imported: &Imported) {
    let text = nexus_definitions::write(&imported.definition);
    let again = nexus_definitions::read("imported", &text)
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(again.definition, imported.definition);
    assert!(again.warnings.is_empty(), "{}", again.warnings);
}

#[test]
fn whole_files_become_the_workflows_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows");
    for file in ["review.yaml", "orders.json"] {
        let text = fs::read_to_string(folder.join(file)).expect("the file is there");
        let imported = read(file, &text);
        reads_back(&imported);
        let mut made = nexus_definitions::write(&imported.definition);
        for finding in &imported.findings {
            let place = finding.place.expect("each finding of these has a place");
            writeln!(made, "# {} {place}: {}", finding.code, finding.message)
                .expect("a string takes every write");
        }
        let path = folder.join(file).with_extension("workflow.yaml");
        if std::env::var_os("NEXUS_UPDATE").is_some() {
            fs::write(&path, &made).expect("it can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(made, expected, "run this test with NEXUS_UPDATE=1 if that is meant");
    }
}

#[test]
fn steps_follow_the_list_unless_they_say_otherwise() {
    check(
        "
        - {id: a, agent_type: x}
        - {id: b, agent_type: x, on_success: d}
        - {id: c, agent_type: x}
        - {name: The Last One, id: d, agent_type: x}
        ",
        "
        a
        b <- a
        c if false
        d <- b
        NX1218 6:3 nothing leads to step c: it never runs
        ",
    );
}

#[test]
fn what_two_ways_lead_to_gets_a_step_between() {
    check(
        "
        - {id: a, agent_type: x, outputs: [{k: string}]}
        - {id: r, routes: [{when: \"k == 'b'\", then: b}, {when: \"k == 'c'\", then: c}, {default: e}]}
        - {id: b, agent_type: x, on_success: e}
        - {id: c, agent_type: x, final_step: true}
        - {id: e, agent_type: x}
        ",
        "
        a
        r <- a: switch get(steps.a.output, \"k\", null) == \"b\" -> b, get(steps.a.output, \"k\", null) == \"c\" -> c else r-to-e
        r-to-e <- r: set
        b <- r
        c <- r
        e <- r-to-e b
        ",
    );
}

#[test]
fn a_step_that_looks_further_back_is_skipped_with_its_way() {
    check(
        "
        - {id: a, agent_type: x, outputs: [{k: string}]}
        - {id: r, routes: [{when: \"k == 'b'\", then: b}, {default: e}]}
        - {id: b, agent_type: x}
        - {id: c, agent_type: x, inputs: [{k: string}], final_step: true}
        - {id: e, agent_type: x, require_human_approval: true, inputs: [{k: string}]}
        ",
        "
        a
        r <- a: switch get(steps.a.output, \"k\", null) == \"b\" -> b else e-approval e
        b <- r
        c-gate <- b: switch true -> c
        c <- c-gate
        e-approval <- r: approve
        e <- e-approval
        NX1215 8:3 the file does not say who may approve e: group:approvers may
        ",
    );
}

#[test]
fn a_way_back_is_a_loop() {
    check(
        "
        - {id: a, agent_type: x}
        - {id: b, agent_type: x, outputs: {ok: boolean}}
        - {id: r, routes: [{when: ok == true, then: c}, {default: a}]}
        - {id: c, agent_type: x}
        ",
        "
        a
        b <- a
        r <- b: back to a until get(steps.b.output, \"ok\", null) == true
        c <- r
        ",
    );
}

#[test]
fn a_loop_with_several_ways_on_has_a_router_behind_it() {
    check(
        "
        - {id: a, agent_type: x, outputs: {k: string}}
        - {id: r, routes: [{when: k == 'again', goto: a}, {when: k == 'good', then: c}, {default: d}]}
        - {id: c, agent_type: x, final_step: true}
        - {id: d, agent_type: x}
        ",
        "
        a
        r-again <- a: back to a until not (get(steps.a.output, \"k\", null) == \"again\")
        r <- r-again: switch get(steps.a.output, \"k\", null) == \"good\" -> c else d
        c <- r
        d <- r
        ",
    );
}

#[test]
fn a_router_with_two_ways_back_has_two_loops() {
    check(
        "
        - {id: a, agent_type: x}
        - {id: b, agent_type: x, outputs: {k: string}}
        - {id: r, routes: [{when: k == 'b', then: b}, {when: k == 'a', then: a}]}
        ",
        "
        a
        b <- a
        r-again <- b: back to b until not (get(steps.b.output, \"k\", null) == \"b\")
        r-again-2 <- r-again: back to a until (get(steps.b.output, \"k\", null) == \"b\") or (not (get(steps.b.output, \"k\", null) == \"a\"))
        ",
    );
}

#[test]
fn a_way_back_past_its_beginning_is_named_and_fails() {
    check(
        "
        - {id: r, routes: [{when: k == 1, then: a}, {default: b}]}
        - {id: a, agent_type: x}
        - {id: b, agent_type: x}
        - {id: s, routes: [{when: k == 2, then: a}, {default: c}]}
        - {id: c, agent_type: x}
        ",
        "
        r: switch inputs.k == 1 -> a else r-to-b
        r-to-b <- r: set
        a <- r
        b <- r-to-b a
        s-gate <- b: switch true -> s
        s <- s-gate: switch get(steps.b.output, \"k\", get(steps.a.output, \"k\", null)) == 2 -> s-to-a else c
        c <- s
        s-to-a <- s: fails
        NX1217 4:27 no step before says that it brings `k`: it is an input
        NX1213 7:3 the way from s back to a, which can also be passed by, is no loop here: it ends in a failure
        ",
    );
}

#[test]
fn steps_beside_each_other_begin_and_end_together() {
    check(
        "
        - {id: a, agent_type: x}
        - {id: b, agent_type: x, parallel: [c]}
        - {id: c, agent_type: x}
        - {id: d, agent_type: x}
        ",
        "
        a
        b <- a
        c <- a
        d <- b c
        ",
    );
}

#[test]
fn an_approval_comes_before_its_step() {
    check(
        "
        - {id: a, agent_type: x}
        - {id: b, agent_type: x, require_human_approval: true, condition: \"a.ok\"}
        ",
        "
        a
        b-approval <- a if get(steps.a.output, \"ok\", null): approve
        b <- b-approval if get(steps.a.output, \"ok\", null)
        NX1215 5:3 the file does not say who may approve b: group:approvers may
        ",
    );
}

#[test]
fn another_workflow_is_called() {
    check(
        "
        - {id: r, routes: [{when: \"tier == 'full'\", then: full_workflow}, {default: full_workflow}]}
        ",
        "
        r: switch inputs.tier == \"full\" -> full_workflow else full_workflow
        full_workflow <- r: call full_workflow
        NX1217 4:27 no step before says that it brings `tier`: it is an input
        NX1214 4:51 full_workflow is no step of this file: step full_workflow calls that workflow as full_workflow: import that, too, and publish it
        NX1219 4:51 the file does not name what full_workflow is handed: give step full_workflow its inputs under `with`
        ",
    );
    check(
        "
        - {id: a, agent_type: x}
        - {id: r, routes: [{when: \"a.ok\", then: flows/full.yaml}, {default: \"{{tier}}_workflow\"}]}
        ",
        "
        a
        r <- a: switch get(steps.a.output, \"ok\", null) -> flows/full.yaml else {{tier}}_workflow
        flows/full.yaml <- r: call ./flows/full.workflow.yaml
        {{tier}}_workflow <- r
        NX1214 5:41 flows/full.yaml is no step of this file: step flows/full.yaml calls that workflow as ./flows/full.workflow.yaml: import flows/full.yaml to ./flows/full.workflow.yaml
        NX1219 5:41 the file does not name what flows/full.yaml is handed: give step flows/full.yaml its inputs under `with`
        NX1219 5:69 {{tier}}_workflow is no step of this file, and which workflow it means is computed: step {{tier}}_workflow simulates it
        ",
    );
}

#[test]
fn a_node_that_is_a_workflow_calls_it() {
    let text = r#"{"nodes": [
        {"id": "a", "type": "api", "data": {"url": "https://a.example"}},
        {"id": "b", "type": "subWorkflow", "data": {"label": "Check", "workflowId": "fraud-check",
            "inputs": {"order": "{{a.order}}", "limit": 3}, "timeout": 5}},
        {"id": "c", "type": "execute-workflow", "data": {"workflowId": {"value": "flows/report.json"},
            "workflowInputs": [{"name": "score", "value": "{{b.score}}"}], "waitForCompletion": false}},
        {"id": "d", "type": "workflow", "data": {"workflow": "nightly"}},
        {"id": "e", "type": "workflow", "data": {"workflow": "{{c.next}}", "inputs": {}}},
        {"id": "f", "type": "workflow", "data": {"name": "Inner", "nodes": []}},
        {"id": "g", "type": "workflow", "data": {"workflow": "all", "input": "{{e}}"}},
        {"id": "h", "type": "workflow", "data": {"workflow": "none", "inputs": "everything"}}
    ], "edges": [
        {"source": "a", "target": "b"}, {"source": "b", "target": "c"}, {"source": "c", "target": "d"},
        {"source": "d", "target": "e"}, {"source": "e", "target": "f"}, {"source": "f", "target": "g"},
        {"source": "g", "target": "h"}
    ]}"#;
    let imported = read("x.json", text);
    let expected = r#"
        a: http.request
        b <- a: call fraud-check with {"limit":3,"order":"${{ get(steps.a.output, \"order\", null) }}"}
        c <- b: call ./flows/report.workflow.yaml with {"score":"${{ get(steps.b.output, \"score\", null) }}"}
        d <- c: call nightly
        e <- d
        f <- e
        g <- f: call all with "${{ steps.e.output }}"
        h <- g: call none
        NX1214 3:9 step b calls another workflow, fraud-check, as fraud-check: import that, too, and publish it
        NX1214 5:9 step c calls another workflow, flows/report.json, as ./flows/report.workflow.yaml: import flows/report.json to ./flows/report.workflow.yaml
        NX1219 6:76 the node c does not wait for the workflow: step c does
        NX1214 7:9 step d calls another workflow, nightly, as nightly: import that, too, and publish it
        NX1219 7:9 the node d does not say what the workflow is handed: give step d its inputs under `with`
        NX1219 8:9 the node e does not say which workflow it calls: step e simulates it
        NX1219 9:9 the node f has its steps inside, and a file gives one workflow: step f simulates it
        NX1214 10:9 step g calls another workflow, all, as all: import that, too, and publish it
        NX1214 11:9 step h calls another workflow, none, as none: import that, too, and publish it
        NX1219 11:80 what the node h hands over is no map: give step h its inputs under `with`
    "#;
    assert_eq!(shown(&imported), unindented(expected).trim_end());
    reads_back(&imported);
}

#[test]
fn a_condition_that_is_not_translated_is_asked_of_who_starts_the_run() {
    check(
        "
        - {id: a, agent_type: x, condition: \"check(result)\"}
        ",
        "
        a if inputs.when_a
        NX1212 4:37 the condition of a was not translated (the call of `check`); the input when_a stands for it
        ",
    );
}

/// Checks what a workflow with this step after a good one is refused with.
fn check_refused(step: &str, expected: &str) {
    let text = format!("apiVersion: nexus-arc/v1\nsteps:\n- {{id: a, agent_type: x}}\n{step}\n");
    let error = import("x.yaml", text.as_bytes(), None, &Options::default()).expect_err(expected);
    let place = error.place().map(|place| format!(" [{place}]")).unwrap_or_default();
    assert_eq!(format!("{} {error}{place}", error.code()), expected);
}

#[test]
fn what_is_wrong_is_named_with_its_step_and_place() {
    let at = |place: &str, reason: &str| {
        format!("NX1302 the nexus-arc file is damaged at {place}: {reason} [{place}]")
    };
    check_refused("- {id: b}", &at("line 4, column 3", "step `b` has no `agent_type`"));
    check_refused(
        "- {id: b, agent_type: x, on_success: z}",
        "NX1303 b names the task z, which is not in the file [line 4, column 38]",
    );
    check_refused("- 7", &at("line 4, column 3", "step 2 is not a map"));
    check_refused(
        "- {id: b, agent_type: x, retry_policy: {backoff: cubic}}",
        &at("line 4, column 50", "`backoff` is `exponential`, `linear` or `constant`: of step `b`"),
    );
    check_refused(
        "- {id: b, agent_type: x, retry: -1}",
        &at("line 4, column 33", "a number of retries is a whole number from 0: of step `b`"),
    );
    check_refused(
        "- {id: b, agent_type: x, context_policy: huge}",
        &at("line 4, column 42", "`context_policy` is `minimal`, `standard` or `deep`: step `b`"),
    );
    check_refused(
        "- {id: b, agent_type: x, audit_limit: 0}",
        &at("line 4, column 39", "`audit_limit` is a whole number above 0: step `b`"),
    );
    check_refused(
        "- {id: b, agent_type: x, parallel: [z]}",
        &at("line 4, column 37", "`parallel` of step `b` names z, which is no step beside it"),
    );
    check_refused(
        "- {id: b, routes: [{when: x}]}",
        &at("line 4, column 20", "a route of step `b` has neither `when` and `then` nor `default`"),
    );
}

/// Checks the ways of a canvas: nodes as `id:type` and edges as `a>b`, with `/true` or `/false` for a way.
fn check_canvas(nodes: &str, edges: &str, expected: &str) {
    let nodes: Vec<String> = nodes
        .split_whitespace()
        .map(|node| {
            let (id, kind) = node.split_once(':').unwrap_or((node, "task"));
            format!(r#"{{"id": "{id}", "type": "{kind}", "data": {{"condition": "ok"}}}}"#)
        })
        .collect();
    let edges: Vec<String> = edges
        .split_whitespace()
        .map(|edge| {
            let (ends, handle) = edge.split_once('/').unwrap_or((edge, ""));
            let (source, target) = ends.split_once('>').expect("an edge");
            format!(r#"{{"source": "{source}", "target": "{target}", "sourceHandle": "{handle}"}}"#)
        })
        .collect();
    let text = format!(
        r#"{{"nodes": [{}], "edges": [{}], "variables": {{"ok": true}}}}"#,
        nodes.join(","),
        edges.join(",")
    );
    match import("x.json", text.as_bytes(), None, &Options::default()) {
        Ok(imported) => {
            let lines: Vec<String> = imported.definition.steps.iter().map(line).collect();
            assert_eq!(lines.join("\n"), unindented(expected).trim_end());
            reads_back(&imported);
        }
        Err(error) => {
            assert_eq!(format!("{} {error}", error.code()), unindented(expected).trim_end());
        }
    }
}

#[test]
fn a_canvas_chooses_by_its_conditions_and_joins() {
    check_canvas(
        "a c:conditional b d",
        "a>c c>b/true c>d/false b>d",
        "
        a
        c <- a: switch inputs.ok -> b else c-to-d
        c-to-d <- c: set
        b <- c
        d <- c-to-d b
        ",
    );
}

#[test]
fn a_condition_of_a_canvas_may_lead_back() {
    check_canvas(
        "a c:conditional d",
        "a>c c>a/false c>d/true",
        "
        a
        c <- a: back to a until inputs.ok
        d <- c
        ",
    );
}

#[test]
fn a_canvas_that_goes_round_without_a_choice_is_refused() {
    check_canvas("a b c", "a>b b>c c>b", "NX1105 tasks wait for each other: b -> c -> b");
    check_canvas("a b", "a>b b>a", "NX1105 tasks wait for each other: a -> b -> a");
}

#[test]
fn real_files_become_workflows() {
    let folder = std::env::var_os("NEXUS_FLOW_DATA").map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        let line = "real_files_become_workflows: skipped: NEXUS_FLOW_DATA names no folder";
        writeln!(std::io::stderr(), "{line}").expect("standard error takes a line");
        return;
    };
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "json") {
            continue;
        }
        reads_back(&read(&name, &fs::read_to_string(&path).expect("text")));
        count += 1;
    }
    assert!(count > 0, "{} holds no .yaml and no .json", folder.display());
}
