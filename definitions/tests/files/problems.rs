//! Problems as values, as text and as JSON.

use nexus_definitions::{Severity, read, render};

const TYPO: &str =
    "nexus: v1\nname: shop\nsteps:\n  charge:\n    uses: http.request\n    timeuot: 30s\n";

#[test]
fn a_problem_is_shown_with_its_line_and_what_to_do() {
    let problems = read("shop.workflow.yaml", TYPO).expect_err("it has a typing error");
    let shown = render(problems.iter().next().expect("one"), TYPO, false);
    let expected = "\
error[NX1005]: unknown key `timeuot` in a step
  ╭▸ shop.workflow.yaml:6:5
  │
6 │     timeuot: 30s
  │     ━━━━━━━
  │
  ├ help: did you mean `timeout`?
  ╰ more: nexus-engine explain NX1005";
    assert_eq!(shown, expected);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let problems = read("shop.workflow.yaml", TYPO).expect_err("it has a typing error");
    let problem = problems.iter().next().expect("one");
    assert!(!render(problem, TYPO, false).contains('\u{1b}'));
    assert!(render(problem, TYPO, true).contains('\u{1b}'));
}

#[test]
fn a_problem_is_json() {
    let problems = read("shop.workflow.yaml", TYPO).expect_err("it has a typing error");
    let json = serde_json::to_value(&problems).expect("it is JSON");
    let expected = serde_json::json!([{
        "code": "NX1005",
        "message": "unknown key `timeuot` in a step",
        "hint": "did you mean `timeout`?",
        "file": "shop.workflow.yaml",
        "line": 6,
        "column": 5,
        "length": 7,
        "severity": "error",
    }]);
    assert_eq!(json, expected);
    assert_eq!(
        problems.to_string(),
        "shop.workflow.yaml:6:5: NX1005 unknown key `timeuot` in a step"
    );
}

#[test]
fn a_warning_does_not_stop_anybody() {
    let text = "nexus: v1\nname: w\nsteps:\n  a:\n    if: ${{ run.version == 2 }}\n    set: { x: 1 }\n  b:\n    set:\n      y: ${{ steps.a.output.x }}\n";
    let read = read("w", text).expect("it is valid");
    let found: Vec<_> = read
        .warnings
        .iter()
        .map(|warning| (warning.code, warning.line, warning.column, warning.severity))
        .collect();
    assert_eq!(found, [("NX2104", 9, 14, Severity::Warning)]);
    let warning = read.warnings.iter().next().expect("one");
    assert!(render(warning, text, false).starts_with("warning[NX2104]"));
}

#[test]
fn an_unknown_handler_is_found_where_it_is_called() {
    let text = "nexus: v1\nname: h\nsteps:\n  a:\n    uses: lgo\n  b:\n    uses: stock.reserve\n";
    let read = read("h", text).expect("it is valid");
    let found = read.check_handlers(&["log", "stock.release", "stock.reserve"]);
    let found: Vec<_> =
        found.into_iter().map(|problem| (problem.code, problem.line, problem.hint)).collect();
    assert_eq!(found, [("NX1202", 5, Some("did you mean `log`?".to_owned()))]);
}

#[test]
fn a_byte_order_mark_and_windows_lines_move_nothing() {
    let text = "\u{feff}nexus: v1\r\nname: x\r\nsteps:\r\n  a:\r\n    uses: log\r\n    iff: ${{ true }}\r\n";
    let problems = read("x", text).expect_err("it has a typing error");
    let problem = problems.iter().next().expect("one");
    assert_eq!((problem.line, problem.column, problem.length), (6, 5, 3));
    assert!(render(problem, text, false).contains("iff: ${{ true }}"));
}
