//! Small words: all that is wrong at once, names that may be meant, and what runs wait for while nobody serves.

use super::support::Desk;

const THANKS: &str = "nexus: v1
name: thanks
triggers:
  - event: order.shipped
inputs:
  order: integer
  shop: string
steps:
  paid:
    wait_for: { signal: paid }
";
const MISSING: &str = "nexus: v1
name: missing
steps:
  fetch:
    set: { a: 1 }
  show:
    uses: log
    with: { message: '${{ steps.fetch.output.b }}' }
  count:
    uses: log
    with: { message: '${{ steps.fetch.output.b + 1 }}' }
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("thanks.workflow.yaml", THANKS);
    desk
}

#[test]
fn all_inputs_that_are_wrong_are_told_at_once() {
    let desk = desk();
    let start = ["start", "thanks.workflow.yaml", "--set", "order=x", "-o", "json"];
    let message = desk.nexus(&start).code(2).problem()["message"].clone();
    let wanted = "input `order` is \"x\", not an integer of 64 bits; input `shop` is missing";
    assert_eq!(message, wanted);
}

#[test]
fn a_name_that_may_be_meant_is_told() {
    let desk = desk();
    desk.nexus(&["publish", "thanks.workflow.yaml"]).code(0);
    desk.nexus(&["trigger", "create", "thanks.workflow.yaml"]).code(0);
    let verbs: [(&[&str], &str); 4] = [
        (&["rollback", "thanx"], "thanks"),
        (&["versions", "thank"], "thanks"),
        (&["trigger", "delete", "order.shipped", "thnaks"], "thanks"),
        (&["trigger", "delete", "order.shiped", "thanks"], "order.shipped"),
    ];
    for (args, meant) in verbs {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        let hint = desk.nexus(&args).code(3).problem()["hint"].clone();
        let hint = hint.as_str().unwrap_or_default();
        assert!(hint.starts_with(&format!("did you mean `{meant}`? ")), "{args:?}: {hint}");
    }
    let far = desk.nexus(&["versions", "billing", "-o", "json"]).code(3).problem();
    assert_eq!(far["hint"], "see which there are: nexus-engine versions");
}

#[test]
fn a_value_that_is_missing_is_named_once() {
    let desk = desk();
    desk.write("missing.workflow.yaml", MISSING);
    desk.nexus(&["run", "missing.workflow.yaml"]).code(1);
    let view = desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json();
    let message = |step: usize| view["steps"][step]["error"]["message"].clone();
    assert_eq!(message(1), "`steps.fetch.output.b` is missing");
    let shown = view["steps"][1]["note"].as_str().unwrap_or_default();
    assert!(shown.ends_with("is missing (not tried)"), "{shown}");
}

#[test]
fn runs_are_meant_by_what_they_wait_for_also_while_nobody_serves() {
    let desk = desk();
    let start = ["start", "thanks.workflow.yaml", "--set", "order=1", "--set", "shop=a"];
    desk.nexus(&start).code(0);
    let meant = |selection: &str| desk.nexus(&["list", "--where", selection, "-o", "name"]).out;
    assert_eq!(meant("waiting ~ paid"), "wf-001\n");
    assert_eq!(meant("waiting = 'an engine'"), "wf-001\n");
    assert_eq!(meant("waiting ~ approval"), "");
    let signal = ["signal", "--where", "waiting ~ paid", "paid", "{}", "--yes"];
    desk.nexus(&signal).code(0);
    assert_eq!(meant("waiting ~ paid"), "");
}
