//! Triggers that follow a published name, when what is current changes.

use super::support::Desk;

const THANKS: &str = "nexus: v1
name: thanks
triggers:
  - event: order.shipped
steps:
  thank:
    set: { done: true }
";

#[test]
fn a_trigger_that_starts_nothing_is_told_when_that_is_published_and_when_triggers_are_listed() {
    let desk = Desk::new();
    desk.write("thanks.workflow.yaml", THANKS);
    desk.write("other.workflow.yaml", &THANKS.replace("order.shipped", "order.sent"));
    let published = desk.nexus(&["publish", "thanks.workflow.yaml"]).code(0);
    assert_eq!(published.err, "");
    desk.nexus(&["trigger", "create", "thanks"]).code(0);
    let published = desk.nexus(&["publish", "other.workflow.yaml"]).code(0);
    let why = "thanks@2 is current and has no trigger `thanks` for it";
    let delete = "nexus-engine trigger delete order.shipped thanks";
    let warning = format!("order.shipped starts nothing: {why}; take it away: {delete}");
    assert_eq!(published.err, format!("warning: {warning}\n"));
    let listed = desk.nexus(&["trigger", "list"]).code(0);
    assert!(listed.out.contains("thanks (nothing now)"), "{}", listed.out);
    assert_eq!(listed.err, format!("order.shipped starts nothing: {why}\n"));
    let listed = desk.nexus(&["trigger", "list", "-o", "json"]).code(0).json();
    assert_eq!(listed["topics"][0]["triggers"][0]["silent"], why);
    let published = desk.nexus(&["publish", "other.workflow.yaml", "-o", "json"]).code(0);
    assert_eq!(published.json()["warnings"][0], warning.as_str());
    let back = desk.nexus(&["rollback", "thanks"]).code(0);
    assert_eq!(back.err, "");
    let listed = desk.nexus(&["trigger", "list", "-o", "json"]).code(0).json();
    assert!(listed["topics"][0]["triggers"][0].get("silent").is_none(), "{listed}");
}
