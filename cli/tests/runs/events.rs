//! Events between workflows, across processes: emitted by one, delivered by another that may be killed.

use super::support::{Desk, until};

const BILLING: &str = "nexus: v1
name: billing
inputs:
  order: integer
steps:
  shipped:
    wait_for:
      event: order.shipped
      match: ${{ event.order == inputs.order }}
  bill:
    needs: shipped
    run: echo billed >> traces
outputs: ${{ steps.shipped.output }}
";
const THANKS: &str = "nexus: v1
name: thanks
triggers:
  - event: order.shipped
    match: ${{ event.order > 5 }}
    with: { order: '${{ event.order }}' }
inputs:
  order: integer
steps:
  thank:
    run: echo thanked >> traces
  tell:
    needs: thank
    emit: order.thanked
    with: { order: '${{ inputs.order }}' }
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("billing.workflow.yaml", BILLING);
    desk.write("thanks.workflow.yaml", THANKS);
    desk
}

fn status(desk: &Desk, run: &str) -> String {
    let done = desk.nexus(&["get", run, "-o", "json"]);
    if done.code != 0 {
        return String::new();
    }
    done.json()["status"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_event_goes_to_who_waits_and_starts_what_it_starts_once_though_the_engine_is_killed() {
    let desk = desk();
    let start = ["start", "billing.workflow.yaml", "--id", "b-7", "--set", "order=7"];
    desk.nexus(&start).code(0);
    let done = desk.nexus(&["trigger", "create", "thanks.workflow.yaml"]).code(0);
    assert_eq!(done.out, "order.shipped starts thanks\n");
    let emit = |order: &str| {
        desk.nexus(&["emit", "order.shipped", "--data", &format!("{{\"order\": {order}}}")]).code(0)
    };
    emit("3");
    assert!(emit("7").err.contains("events are delivered when one does"));
    // Not more: what is cut off more often than that fails.
    for _ in 0..2 {
        let serve = desk.begin(&["serve", "--listen", "127.0.0.1:0"]);
        until("a run has ended", || status(&desk, "b-7") == "completed");
        serve.crash();
    }
    let serve = desk.begin(&["serve", "--listen", "127.0.0.1:0"]);
    until("thanks were said", || status(&desk, "thanks@order.shipped:2") == "completed");
    let output = desk.nexus(&["result", "b-7"]).code(0);
    assert_eq!(output.json(), serde_json::json!({"order": 7}));
    let topics = desk.nexus(&["trigger", "list", "-o", "json"]).code(0).json();
    let topic = |at: usize, key: &str| topics["topics"][at][key].clone();
    assert_eq!((topic(0, "event"), topic(0, "emitted")), ("order.shipped".into(), 2.into()));
    assert_eq!((topic(0, "started"), topic(0, "waiting")), (1.into(), 0.into()));
    assert_eq!((topic(1, "event"), topic(1, "emitted")), ("order.thanked".into(), 1.into()));
    assert_eq!(desk.nexus(&["list", "-o", "name"]).out.lines().count(), 2, "each once");
    let history = desk.nexus(&["history", "thanks@order.shipped:2", "-o", "json"]).code(0).out;
    serve.crash();
    // A step that a kill has cut off is carried out again, and says so.
    let thanked = desk.lines("traces").iter().filter(|line| *line == "thanked").count();
    assert!(thanked == 1 || history.contains("attempts.interrupted"), "{thanked} times: {history}");
}

#[test]
fn what_is_emitted_counts_once_for_its_id_and_what_cannot_be_is_refused() {
    let desk = desk();
    let emit =
        |data: &str| desk.nexus(&["emit", "order.shipped", "--data", data, "--id", "parcel-7"]);
    assert_eq!(emit("{\"order\": 7}").code(0).out, "order.shipped emitted · id parcel-7\n");
    let refused = |args: &[&str], code: i32| {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        desk.nexus(&args).code(code).problem()["code"].clone()
    };
    let again = "order.shipped with id parcel-7 was emitted before; nothing was changed\n";
    assert_eq!(emit("{\"order\": 7}").code(0).out, again);
    let other = ["emit", "order.shipped", "--data", "{\"order\": 8}", "--id", "parcel-7"];
    assert_eq!(refused(&other, 5), "NX4122");
    let long = format!("\"{}\"", "x".repeat(70_000));
    assert_eq!(refused(&["emit", "order.shipped", "--data", &long], 2), "NX4121");
    assert_eq!(refused(&["emit", "order shipped"], 2), "NX4121");
    assert_eq!(refused(&["trigger", "delete", "order.shipped", "thanks"], 3), "NX4123");
    assert_eq!(refused(&["trigger", "create", "quick.workflow.yaml"], 2), "NX4123");
    desk.nexus(&["trigger", "create", "thanks.workflow.yaml"]).code(0);
    let again = desk.nexus(&["trigger", "create", "thanks.workflow.yaml"]).code(0);
    assert_eq!(again.out, "order.shipped starts already thanks\n");
    let gone = desk.nexus(&["trigger", "delete", "order.shipped", "thanks"]).code(0);
    assert_eq!(gone.out, "order.shipped no longer starts thanks\n");
    let topics = desk.nexus(&["trigger", "list", "-o", "json"]).code(0).json();
    assert_eq!(topics["topics"][0]["emitted"], 1, "a refused one leaves no event");
    desk.nexus(&["verify"]).code(0);
}

#[test]
fn explain_says_which_event_a_run_waits_for() {
    let desk = desk();
    desk.nexus(&["start", "billing.workflow.yaml", "--id", "b-7", "--set", "order=7"]).code(0);
    let explained = desk.nexus(&["explain", "b-7", "-o", "json"]).code(0).json();
    let causes = explained["causes"].as_array().cloned().unwrap_or_default();
    let cause = causes.iter().find(|cause| cause["cause"] == "waiting").expect("it waits");
    let release = cause["release"].as_str().unwrap_or_default();
    assert!(release.contains("nexus-engine emit order.shipped"), "{release}");
}
