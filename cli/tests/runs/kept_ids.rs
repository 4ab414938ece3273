//! Ids of starts that are kept, where a run is meant.

use super::support::Desk;

const REINDEX: &str = "nexus: v1
name: reindex
inputs:
  shop: string
  reason: { type: string, default: '' }
run:
  debounce: { key: '${{ inputs.shop }}', wait: 10m }
steps:
  one:
    set: { done: true }
";
const ID: &str = "reindex@shop-7+1";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("reindex.workflow.yaml", REINDEX);
    desk.nexus(&["start", "reindex.workflow.yaml", "--set", "shop=shop-7"]).code(0);
    desk
}

#[test]
fn verbs_for_runs_say_that_a_start_is_kept_and_what_can_be_done_with_it() {
    let desk = desk();
    for verb in ["get", "wait", "watch", "cancel", "history", "pause"] {
        let problem = desk.nexus(&[verb, ID, "-o", "json"]).code(5).problem();
        assert_eq!(problem["code"], "NX4186", "{verb}: {problem}");
        let message = problem["message"].as_str().unwrap_or_default();
        let begins = format!("{ID} is no run yet, but a start that is kept: it was asked for once");
        assert!(message.starts_with(&begins), "{verb}: {message}");
        let hint = problem["hint"].as_str().unwrap_or_default();
        for command in ["get", "cancel"] {
            assert!(hint.contains(&format!("nexus-engine starts {command} {ID}")), "{hint}");
        }
    }
    let none = desk.nexus(&["get", "reindex@shop-7+2", "-o", "json"]).code(3).problem();
    assert_eq!(none["code"], "NX7011");
}

#[test]
fn a_start_that_was_cancelled_says_by_whom_and_when_and_why() {
    let desk = desk();
    desk.nexus(&["starts", "cancel", ID, "--reason", "asked twice"]).code(0);
    let start = desk.nexus(&["starts", "get", ID, "-o", "json"]).code(0).json();
    assert_eq!(start["status"], "cancelled");
    let why = start["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.starts_with("it was cancelled by dana at 2"), "{why}");
    assert!(why.ends_with(": asked twice"), "{why}");
    let again = desk.nexus(&["starts", "cancel", ID, "-o", "json"]).code(5).problem();
    assert_eq!(again["message"], format!("{ID} is not kept any more: {why}"));
    for verb in ["get", "explain", "cancel"] {
        let problem = desk.nexus(&[verb, ID, "-o", "json"]).code(5).problem();
        assert_eq!(problem["code"], "NX4187", "{verb}");
        assert_eq!(problem["message"], format!("{ID} never became a run: {why}"));
    }
}

#[test]
fn the_audit_says_what_was_done_to_a_start_key() {
    let desk = desk();
    desk.nexus(&["starts", "cancel", ID, "--reason", "asked twice"]).code(0);
    desk.nexus(&["emit", "order.shipped", "--id", "parcel-7"]).code(0);
    let audit = desk.nexus(&["audit", "-o", "json"]).code(0).json();
    let said = |at: usize| {
        let entry = &audit["entries"][at];
        ["action", "detail"].map(|key| entry[key].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(said(0), ["event.emitted", "parcel-7"]);
    assert_eq!(said(1), ["start.cancelled", "+1: asked twice"]);
    assert_eq!(said(2), ["start.kept", "+1"]);
}

#[test]
fn an_id_of_a_start_stands_for_one_input() {
    let desk = Desk::new();
    desk.write("reindex.workflow.yaml", REINDEX);
    let start = |id: &str, reason: &str| {
        let (shop, reason) = ("shop=shop-7", format!("reason={reason}"));
        let args = ["start", "reindex.workflow.yaml", "--set", shop, "--set", &reason];
        desk.nexus(&[&args[..], &["--id", id, "-o", "json"]].concat())
    };
    let first = start("x", "prices").code(0).json();
    assert_eq!((&first["id"], &first["existing"]), (&ID.into(), &false.into()));
    let again = start("x", "prices").code(0).json();
    assert_eq!((&again["existing"], &again["due"]), (&true.into(), &first["due"]));
    let other = start("x", "pictures").code(5).problem();
    assert_eq!(other["code"], "NX7003");
    assert_eq!(other["message"], "the start `x` was kept with another workflow or input");
    let hint =
        format!("see what became of it: nexus-engine starts get {ID}; or choose another --id");
    assert_eq!(other["hint"], hint);
    let kept = desk.nexus(&["starts", "get", ID, "-o", "json"]).code(0).json();
    assert_eq!((&kept["input"]["reason"], &kept["starts"]), (&"prices".into(), &1.into()));
    // So it is with an input that leads to another key.
    let args = ["start", "reindex.workflow.yaml", "--set", "shop=shop-8", "--id", "x"];
    let other = desk.nexus(&[&args[..], &["-o", "json"]].concat()).code(5).problem();
    assert_eq!((&other["code"], &other["hint"]), (&"NX7003".into(), &hint.into()));
    let list = desk.nexus(&["starts", "list", "-o", "name"]).code(0).out;
    assert_eq!(list, format!("{ID}\n"), "nothing else is kept");
    // With an id of its own it takes the place of the first, and the first stays what it was.
    start("y", "pictures").code(0);
    assert_eq!(start("x", "prices").code(0).json()["existing"], true);
    let kept = desk.nexus(&["starts", "get", ID, "-o", "json"]).code(0).json();
    assert_eq!((&kept["input"]["reason"], &kept["starts"]), (&"pictures".into(), &2.into()));
    let words = desk.nexus(&[
        "start",
        "reindex.workflow.yaml",
        "--set",
        "shop=shop-7",
        "--set",
        "reason=prices",
        "--id",
        "x",
    ]);
    let words = words.code(0).out;
    assert!(
        words.starts_with(&format!("{ID} was asked for before, and is kept until 2")),
        "{words}"
    );
}

#[test]
fn a_start_that_is_kept_is_told_without_empty_fields() {
    let desk = desk();
    let page = desk.nexus(&["explain", ID]).code(0).out;
    let head = page.lines().next().unwrap_or_default();
    assert!(head.starts_with(&format!("reindex · {ID} · ◐ kept for ")), "{head}");
    let list = desk.nexus(&["starts", "list", "-o", "json"]).code(0).json();
    let start = list["starts"][0].as_object().expect("a start");
    assert_eq!((start["id"].as_str(), start.contains_key("input")), (Some(ID), false));
    let one = desk.nexus(&["starts", "get", ID, "-o", "json"]).code(0).json();
    assert_eq!(one["input"]["shop"], "shop-7");
}
