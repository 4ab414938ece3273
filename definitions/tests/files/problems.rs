//! Problems as values, as text and as JSON.

use nexus_definitions::{Known, Severity, read, read_for, render};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};

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
    let known = ["log", "stock.release", "stock.reserve"].map(Known::from);
    let found = read.check_handlers(&known);
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

#[test]
fn everything_that_can_be_found_is_found_at_once() {
    const SHAPE: InputShape = InputShape {
        keys: &[
            InputKey::required("message", &[ValueShape::Any]),
            InputKey::optional("level", &[ValueShape::Word(&["info", "warn"])]),
        ],
    };
    let text = "nexus: v1
name: many
inputs:
  total: { type: integer }
steps:
  a:
    uses: lgo
    with: { message: hi }
  b:
    uses: log
    timeuot: 3s
  c:
    needs: nobody
    uses: log
    with: { message: '${{ inputs.totl }}', levle: warn }
  d:
    needs: e
    set: { x: '${{ steps.a.output.x }}' }
  e:
    needs: d
    set: { x: 1 }
outputs: ${{ steps.f.output }}
";
    let known = [Known { name: "log", input: Some(&SHAPE) }];
    let (read, problems) = read_for("many", text, Some(&known));
    assert!(read.is_none());
    let found: Vec<_> = problems.iter().map(|problem| (problem.code, problem.line)).collect();
    let expected = [
        ("NX1202", 7),
        ("NX1005", 11),
        ("NX1104", 13),
        ("NX2101", 15),
        ("NX1005", 15),
        ("NX1105", 16),
        ("NX1104", 22),
    ];
    assert_eq!(found, expected, "{problems}");
}

#[test]
fn what_follows_only_from_a_wrong_shape_is_not_told() {
    let text = "nexus: v1\nname: w\ninputs: [total]\nsteps:\n  a:\n    neds: b\n    set: { x: '${{ inputs.total }}' }\n";
    let (_, problems) = read_for("w", text, None);
    let found: Vec<_> = problems.iter().map(|problem| (problem.code, problem.line)).collect();
    assert_eq!(found, [("NX1204", 3), ("NX1005", 6)], "{problems}");
}
