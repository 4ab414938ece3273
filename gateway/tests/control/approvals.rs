//! Approvals through the control API: asked, granted, rejected, refused, and found in the inbox.

use std::sync::Arc;

use nexus_engine::Drive;
use nexus_gateway::Control;
use nexus_gateway::api::{ApprovalAnswer, AuditFilter, By, InboxFilter, RunsFilter};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{House, open, start, until};

/// `ok` asks dana and the group ops, then `ship` goes on.
fn asks() -> Value {
    json!({
        "name": "asks", "input_is_value": true,
        "steps": [
            {"id": "ok", "kind": {"approve": {
                "by": ["user:dana", "group:ops"], "message": "Ship to ${{ inputs.who }}?",
                "form": {"discount": {"type": "number", "max": 0.5, "default": 0}},
                "timeout_ms": 3_600_000, "on_timeout": "reject",
            }}},
            {"id": "ship", "kind": {"set": {"values": {"off": "${{ steps.ok.output.form.discount }}"}}}, "needs": ["ok"]},
        ],
        "outputs": {"off": "${{ steps.ship.output.off }}", "by": "${{ steps.ok.output.by }}"},
    })
}

fn answer(name: &str, groups: &[&str], form: Value) -> ApprovalAnswer {
    ApprovalAnswer {
        by: By { name: name.into(), via: "cli".into() },
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        note: "known customer".into(),
        form,
        ..ApprovalAnswer::default()
    }
}

async fn kinds(control: &Control, run: &str) -> Vec<String> {
    let events = control.history(run, 1, 0).await.unwrap().events;
    events.into_iter().map(|event| event.event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_group_may_decide_names_it_in_the_command() {
    let house = House::open().await;
    let mut asked = asks();
    asked["steps"][0]["kind"]["approve"]["by"] = json!("group:ops");
    let control = &house.controls()[0];
    control.start(start(asked, Some("ask"))).await.unwrap();
    let explained = control.explain("ask").await.unwrap();
    let commands =
        ["approve", "reject"].map(|verb| format!("nexus-engine {verb} ask ok --group ops"));
    assert_eq!(explained.commands[..2], commands);
    let release = &explained.causes[0].release;
    assert!(release.starts_with("nexus-engine approve ask ok --group ops, or reject"), "{release}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_asks_and_goes_on_when_it_is_approved() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        control.start(start(asks(), Some(name))).await.unwrap();
        let view = control.get(name).await.unwrap();
        let waiting = view.waiting.unwrap();
        assert_eq!((&*view.status, &*waiting.on), ("waiting", "approval"));
        let why = "ok waits for an approval by user:dana, group:ops (Ship to dana?), 59m";
        assert!(view.why.starts_with(why), "{}", view.why);
        let explained = control.explain(name).await.unwrap();
        assert!(explained.commands.contains(&format!("nexus-engine approve {name} ok")));
        assert_eq!(explained.then, ["ship"]);

        let filter = RunsFilter { waiting: Some("approval".into()), ..RunsFilter::default() };
        let listed = control.list(filter).await.unwrap().runs;
        let waiting_on = listed[0].waiting_on.as_ref().unwrap();
        assert!(waiting_on.starts_with("approval by user:dana, group:ops, 59m"), "{waiting_on}");

        // Who is not asked, a form that does not fit and a step that does not ask leave nothing behind.
        for (wrong, code, exit) in [
            (answer("erin", &["dev"], Value::Null), "NX4103", 5),
            (answer("dana", &[], json!({"discount": 0.7})), "NX4106", 5),
            (
                ApprovalAnswer { step: Some("ship".into()), ..answer("dana", &[], Value::Null) },
                "NX4105",
                5,
            ),
            (
                ApprovalAnswer { step: Some("shop".into()), ..answer("dana", &[], Value::Null) },
                "NX7014",
                3,
            ),
            (answer("", &[], Value::Null), "NX7019", 2),
        ] {
            let problem = control.approve(name, wrong).await.unwrap_err();
            assert_eq!((&*problem.code, problem.exit_code), (code, exit), "{}", problem.message);
        }
        assert_eq!(kinds(control, name).await, ["run.started", "approval.requested"]);

        let texts = [("discount".to_owned(), "0.1".to_owned())].into();
        let yes = ApprovalAnswer { texts, ..answer("erin", &["ops"], Value::Null) };
        let decided = control.approve(name, yes).await.unwrap();
        assert_eq!((&*decided.step, decided.approved, &*decided.by.name), ("ok", true, "erin"));
        let view = control.wait(name, None).await.unwrap();
        assert_eq!(view.outputs, json!({"off": 0.1, "by": "erin"}));

        let again = control.reject(name, answer("dana", &[], Value::Null)).await.unwrap_err();
        assert_eq!((&*again.code, again.exit_code), ("NX4104", 5));
        let said = format!("ok in {name} was already approved by erin ");
        assert!(again.message.starts_with(&said), "{}", again.message);
        let unknown = control.approve("nobody", answer("dana", &[], Value::Null)).await;
        assert_eq!(unknown.unwrap_err().code, "NX7011");

        let wanted = [
            "run.started",
            "approval.requested",
            "approval.granted",
            "step.completed",
            "step.completed",
            "run.completed",
        ];
        assert_eq!(kinds(control, name).await, wanted);
        assert!(control.replay(name, None, false).await.unwrap().agrees);
        let filter = AuditFilter {
            run: Some(name.into()),
            by: Some("erin".into()),
            ..AuditFilter::default()
        };
        let entry = control.audit(filter).await.unwrap().entries.remove(0);
        let found = (&*entry.action, entry.step.as_deref(), &*entry.detail);
        assert_eq!(found, ("approval.granted", Some("ok"), "known customer"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_fails_the_run() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        control.start(start(asks(), Some(name))).await.unwrap();
        let decided = control.reject(name, answer("dana", &[], Value::Null)).await.unwrap();
        assert!(!decided.approved);
        let view = control.wait(name, None).await.unwrap();
        let error = view.error.unwrap();
        assert_eq!((&*view.status, &*error.code), ("failed", "NX4101"));
        assert_eq!(error.message, "rejected by dana: known customer");
        let again = control.approve(name, answer("dana", &[], Value::Null)).await.unwrap_err();
        assert!(again.message.contains("was already rejected by dana "), "{}", again.message);
        assert!(control.replay(name, None, false).await.unwrap().agrees);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_holds_what_waits_for_somebody() {
    let house = House::open().await;
    let several = json!({
        "name": "several", "input_is_value": true,
        "steps": [
            {"id": "a", "kind": {"approve": {"by": "dana"}}},
            {"id": "b", "kind": {"approve": {"by": "ops", "timeout_ms": 60_000}}},
        ],
    });
    let [here, _] = house.controls();
    here.start(start(asks(), Some("one"))).await.unwrap();
    here.start(start(several, Some("two"))).await.unwrap();
    here.start(start(
        json!({"name": "other", "input_is_value": true, "steps": [
        {"id": "a", "kind": {"wait_for": {"signal": "paid"}}}]}),
        Some("three"),
    ))
    .await
    .unwrap();
    for control in house.controls() {
        let asked = async |filter: InboxFilter| {
            let page = control.inbox(filter).await.unwrap();
            let name =
                |item: &nexus_gateway::api::ApprovalItem| format!("{}/{}", item.id, item.step);
            page.items.iter().map(name).collect::<Vec<_>>().join(" ")
        };
        let of = |user: &str, groups: &[&str]| InboxFilter {
            user: Some(user.into()),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..InboxFilter::default()
        };
        // What is due first stands first, what waits for ever last.
        assert_eq!(asked(InboxFilter::default()).await, "two/b one/ok two/a");
        assert_eq!(asked(of("dana", &[])).await, "one/ok two/a");
        assert_eq!(asked(of("erin", &["ops"])).await, "two/b one/ok");
        assert_eq!(asked(of("erin", &[])).await, "");
        let page = control.inbox(of("erin", &["ops"])).await.unwrap();
        assert_eq!(page.items[1].message, "Ship to dana?");
        assert_eq!(page.items[1].on_timeout, "reject");
        assert_eq!(page.items[1].form["discount"]["type"], "number");
        let problem = control.approve("two", answer("dana", &[], Value::Null)).await.unwrap_err();
        assert_eq!((&*problem.code, problem.exit_code), ("NX7019", 2));
        assert!(problem.message.ends_with("wait for an approval: a, b"), "{}", problem.message);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_waits_across_processes() {
    let house = House::open().await;
    house.controls()[0].start(start(asks(), Some("far"))).await.unwrap();
    let folder = house.close().await;
    let (engine, service) = open(folder.path(), Drive::All, &Arc::new(Notify::new()));
    let control = Control::Here(service);
    until("it waits", async || control.get("far").await.unwrap().status == "waiting").await;
    control.approve("far", answer("dana", &[], Value::Null)).await.unwrap();
    let view = control.wait("far", None).await.unwrap();
    assert_eq!(view.outputs, json!({"off": 0, "by": "dana"}));
    assert!(control.replay("far", None, false).await.unwrap().agrees);
    engine.shutdown().await;
}
