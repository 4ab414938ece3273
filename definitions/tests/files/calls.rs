//! Calls of files: found, checked, pinned, and refused with their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nexus_definitions::{Known, Problems, Resolved, read, resolve_calls};

use crate::KNOWN;

fn workflow(steps: &str) -> String {
    format!("nexus: v1\nname: some\nsteps:\n{steps}")
}

fn calls(file: &str) -> String {
    workflow(&format!("  a:\n    call: {file}\n"))
}

/// Resolves the first of these files, which are all there are.
fn resolve(files: &[(&str, String)]) -> Result<Resolved, Problems> {
    let (first, text) = &files[0];
    let all: BTreeMap<PathBuf, String> =
        files.iter().map(|(name, text)| (PathBuf::from(name), text.clone())).collect();
    let load = |path: &Path| all.get(path).cloned().ok_or_else(|| "it is not there".to_owned());
    resolve_calls(
        read(first, text).expect("it can be read"),
        Path::new(first),
        Some(&KNOWN.map(Known::from)),
        &load,
    )
}

#[track_caller]
fn check(files: &[(&str, String)], expected: &str) {
    let problems = resolve(files).expect_err("it is refused");
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(found.join("; "), expected);
    assert!(problems.iter().all(|problem| problem.hint.is_some()));
}

#[test]
fn what_is_called_is_pinned_by_its_content() {
    let files = |log: &str| {
        [
            ("flows/top.yaml", calls("./lib/middle.yaml")),
            ("flows/lib/middle.yaml", calls("../bottom.yaml")),
            ("flows/bottom.yaml", workflow(&format!("  x:\n    uses: log\n    with: {log}\n"))),
        ]
    };
    let one = resolve(&files("one")).expect("it is resolved");
    assert_eq!(one.callees.len(), 2);
    let pinned = |resolved: &Resolved| {
        let called = resolved.read.plan.calls().next().expect("a call");
        called.2.expect("it is resolved")
    };
    assert!(one.callees.iter().any(|callee| callee.hash() == pinned(&one)));
    let two = resolve(&files("two")).expect("it is resolved");
    assert_ne!(one.read.plan.hash(), two.read.plan.hash(), "a change far below shows at the top");
}

#[test]
fn a_file_that_two_steps_call_is_one() {
    let twice = workflow("  a:\n    call: ./b.yaml\n  b:\n    call: ././b.yaml\n");
    let resolved = resolve(&[("a.yaml", twice), ("b.yaml", workflow("  x:\n    uses: log\n"))]);
    assert_eq!(resolved.expect("it is resolved").callees.len(), 1);
}

#[test]
fn a_call_of_a_published_workflow_stays_open() {
    let resolved = resolve(&[("a.yaml", calls("fraud-check"))]).expect("it is known later");
    assert_eq!(resolved.callees.len(), 0);
    let called: Vec<_> = resolved.read.plan.calls().map(|(_, name, hash)| (name, hash)).collect();
    assert_eq!(called, [("fraud-check", None)]);
}

#[test]
fn a_file_that_is_not_there_is_named_at_its_place() {
    let wrong = "a.yaml:5:11: NX1181 the called file `./b.yaml` cannot be read: it is not there";
    check(&[("a.yaml", calls("./b.yaml"))], wrong);
}

#[test]
fn a_called_file_with_errors_is_refused() {
    let wrong = "a.yaml:5:11: NX1182 something is wrong with the called file: \
                 b.yaml:5:11: NX1202 no handler is called `nothing`";
    let called = workflow("  x:\n    uses: nothing\n");
    check(&[("a.yaml", calls("./b.yaml")), ("b.yaml", called)], wrong);
}

#[test]
fn cycles_are_spelled_out() {
    let itself = "a.yaml:5:11: NX1183 `./a.yaml` calls itself: a.yaml → ./a.yaml";
    check(&[("a.yaml", calls("./a.yaml"))], itself);
    let over = "a.yaml:5:11: NX1182 something is wrong with the called file: \
                b.yaml:5:11: NX1183 `./a.yaml` calls itself: a.yaml → b.yaml → ./a.yaml";
    check(&[("a.yaml", calls("./b.yaml")), ("b.yaml", calls("./a.yaml"))], over);
}

#[test]
fn an_encrypted_file_is_called_by_an_encrypted_one_only() {
    let sealed = |text: String| text.replace("steps:", "encrypt: true\nsteps:");
    let called = || sealed(workflow("  x:\n    uses: log\n"));
    check(
        &[("a.yaml", calls("./b.yaml")), ("b.yaml", called())],
        "a.yaml:5:11: NX1136 workflow `some` is encrypted, and the one that calls it is not",
    );
    resolve(&[("a.yaml", sealed(calls("./b.yaml"))), ("b.yaml", called())]).expect("both are");
    let plain = workflow("  x:\n    uses: log\n");
    resolve(&[("a.yaml", sealed(calls("./b.yaml"))), ("b.yaml", plain)]).expect("its runs will be");
}

#[test]
fn a_call_gives_no_heartbeats() {
    let text = workflow("  a:\n    call: ./b.yaml\n    heartbeat: 1m\n");
    let problems = read("a.yaml", &text).expect_err("it is refused");
    assert_eq!(problems.to_string(), "a.yaml:6:16: NX1109 a called run gives no heartbeats");
    let hint = problems.iter().next().and_then(|problem| problem.hint.clone());
    assert_eq!(hint.as_deref(), Some("put `heartbeat` on the steps of the called workflow"));
}

#[test]
fn calls_are_not_nested_without_end() {
    let names: Vec<String> = (0..20).map(|at| format!("f{at}.yaml")).collect();
    let files: Vec<(&str, String)> =
        (0..20).map(|at| (names[at].as_str(), calls(&format!("./f{}.yaml", at + 1)))).collect();
    let problems = resolve(&files).expect_err("it is refused").to_string();
    assert!(problems.contains("calls are nested deeper than 16"), "{problems}");
}

#[test]
fn inputs_that_are_not_declared_or_missing_are_refused() {
    let called = |with: &str| workflow(&format!("  a:\n    call: ./b.yaml\n    with: {with}\n"));
    let declared = "nexus: v1\nname: other\ninputs:\n  order: string\n  note: { type: string, default: x }\nsteps:\n  x:\n    uses: log\n";
    let files = |with: &str| [("a.yaml", called(with)), ("b.yaml", declared.to_owned())];
    check(
        &files("{ order: A, nite: B }"),
        "a.yaml:6:5: NX1184 workflow `other` has no input `nite`",
    );
    check(&files("{ note: B }"), "a.yaml:6:5: NX1184 workflow `other` needs the input `order`");
    resolve(&files("{ order: A }")).expect("the rest has defaults");
    resolve(&files("${{ inputs }}")).expect("what is computed is looked at when it is there");
}
