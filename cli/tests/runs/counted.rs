//! Attempts as they are counted and told apart: rounds are no retries, and an undo is no try.

use super::support::Desk;

const LOOP: &str = "nexus: v1
name: loop
on_failure: compensate
steps:
  draft:
    run: |
      echo drafting
      [ -e tried ] || { touch tried; exit 1; }
    retry: { max_attempts: 2, initial: 1ms }
  check:
    needs: draft
    run: echo checking
  review:
    needs: check
    repeat: { from: draft, until: '${{ round.number >= 3 }}' }
  items:
    needs: review
    for_each: [a, b]
    run: echo ${{ item }}
    compensate: { run: echo undone }
  bad:
    needs: items
    run: exit 1
";

#[test]
fn rounds_are_no_retries_and_undos_no_tries_and_logs_are_in_order_with_their_items() {
    let desk = Desk::new();
    desk.write("loop.workflow.yaml", LOOP);
    let done = desk.nexus(&["run", "loop.workflow.yaml"]).code(1);
    assert!(!done.err.contains("attempt 4"), "{}", done.err);
    let view = desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json();
    let steps = view["steps"].as_array().expect("steps");
    let counts: Vec<(&str, u64, u64)> = steps
        .iter()
        .map(|step| {
            let number = |key: &str| step[key].as_u64().expect("a number");
            (step["id"].as_str().expect("an id"), number("attempts"), number("max_attempts"))
        })
        .collect();
    let expected = [("draft", 1, 2), ("check", 1, 1), ("review", 1, 1), ("items", 1, 1)];
    assert_eq!(counts[..4], expected, "{counts:?}");
    assert_eq!(steps[0]["note"], "round 3");
    let history = desk.nexus(&["history", "wf-001"]).code(0).out;
    assert!(history.contains("attempt #4") && !history.contains("try 3"), "{history}");

    let logs = desk.nexus(&["logs", "wf-001"]).code(0).out;
    let lines: Vec<&str> = logs.lines().collect();
    let in_rounds = [
        "draft#1 │ drafting",
        "draft#2 │ drafting",
        "check#1 │ checking",
        "draft#3 │ drafting",
        "check#2 │ checking",
        "draft#4 │ drafting",
        "check#3 │ checking",
    ];
    assert_eq!(lines[..7], in_rounds);
    assert_eq!(lines[7..9], ["items[0]#1 │ a", "items[1]#1 │ b"]);
    assert_eq!(lines[9..], ["items[1]#2 undo │ undone", "items[0]#3 undo │ undone"]);
    let logs = desk.nexus(&["logs", "wf-001", "items", "-o", "json"]).code(0).json();
    let last = logs["lines"].as_array().and_then(|lines| lines.last()).expect("lines");
    assert_eq!((&last["item"], &last["undo"]), (&0.into(), &true.into()));
}
