//! Runs that need code of a program: steps whose handlers are missing, and approvals that a function asks for.

use nexus_engine::model::definition::{ForEach, OnItemError, Step};
use nexus_engine::prelude::*;
use nexus_engine::testkit::{action, plan};
use nexus_engine::{Config, Drive, StartRequest, handler_fn, log::MemoryLog, tables::TABLES};
use nexus_gateway::api::{ApprovalAnswer, RunsFilter};
use nexus_gateway::{Service, Setup};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;

use super::support::{House, by, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_missing_is_a_cause() {
    let house = House::open().await;
    let plan = plan(vec![action("a", "echo", &[]), action("b", "nobody", &["a"])]);
    house.engine.handle().start(StartRequest::new(plan).name("stuck")).await.unwrap();
    let [here, there] = house.controls();
    until("it is said", async || {
        here.explain("stuck").await.is_ok_and(|view| view.why.starts_with("NX3004"))
    })
    .await;
    let view = there.explain("stuck").await.unwrap();
    assert_eq!(view.status, "running");
    let [cause] = view.causes.as_slice() else { panic!("{:?}", view.causes) };
    assert_eq!((&*cause.cause, cause.step.as_deref()), ("handler", Some("b")));
    assert_eq!(cause.why, "NX3004: nobody offers the handler `nobody` of b");
    assert_eq!(cause.release, "open the store with a program that offers `nobody`");
    let row = there.list(RunsFilter::default()).await.unwrap().runs.remove(0);
    assert_eq!(
        (&*row.status, row.waiting_on.as_deref()),
        ("running", Some("NX3004 handler `nobody`"))
    );
    let code = row.elsewhere.unwrap();
    assert_eq!(
        (&*code.code, &*code.program),
        ("NX3004", "a program that has the handler `nobody`")
    );
    house.close().await;
}

/// A program that has begun `run`, and can be asked.
async fn begun<T>(workflow: &Workflow<(), T>) -> (Engine, Service, TempDir)
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::new(TABLES));
    let engine = Engine::builder().workflow(workflow).open_on(log, folder.path()).unwrap();
    let store = folder.path().to_owned();
    let setup = Setup { role: "serve".into(), store, ..Setup::default() };
    let service = Service::new(engine.handle().clone(), setup);
    engine.start(workflow, ()).id("run").await.unwrap();
    (engine, service, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_function_that_gets_no_further() {
    let waits = async |_: Cx, (): ()| {
        std::future::pending::<()>().await;
        Ok(())
    };
    let workflow = Workflow::code("waits", waits).unwrap();
    let (engine, service, _folder) = begun(&workflow).await;
    until("it is stuck", async || service.drive("run").await.is_err()).await;
    let refused = service.drive("run").await.unwrap_err();
    assert_eq!((&*refused.code, refused.exit_code), ("NX5020", 5), "{}", refused.message);
    assert!(refused.message.starts_with("run gets no further here: "), "{}", refused.message);
    let view = service.explain("run").await.unwrap();
    assert!(view.why.starts_with("NX5020: "), "{}", view.why);
    assert!(!view.commands.iter().any(|it| it.contains(" wait ")), "{:?}", view.commands);
    let page = service.get("run").await.unwrap();
    assert!(page.why.starts_with("NX5020: "), "{}", page.why);
    let row = service.list(RunsFilter::default()).await.unwrap().runs.remove(0);
    assert_eq!(row.waiting_on.as_deref(), Some("NX5020 a fitting function `waits`"));
    let code = row.elsewhere.unwrap();
    assert_eq!((&*code.code, code.message), ("NX5020", refused.message));
    engine.shutdown().await;
}

async fn asks(cx: Cx, (): ()) -> Result<bool> {
    cx.approve("ok", Approval::by("dana")).await?;
    let again = cx.approve("sure", Approval::by("dana")).await?;
    Ok(again.approved)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_answer_to_a_function_is_a_conflict() {
    let workflow = Workflow::code("asks", asks).unwrap();
    let (engine, service, _folder) = begun(&workflow).await;
    let answer = |step: &str| ApprovalAnswer {
        step: Some(step.to_owned()),
        by: by(),
        groups: Vec::new(),
        note: String::new(),
        form: serde_json::Value::Null,
        texts: std::collections::BTreeMap::new(),
    };
    until("it asks", async || service.approve("run", answer("ok")).await.is_ok()).await;
    until("it asks again", async || {
        let view = service.explain("run").await.unwrap();
        view.causes.iter().any(|cause| cause.step.as_deref() == Some("sure"))
    })
    .await;
    let late = service.reject("run", answer("ok")).await.unwrap_err();
    assert_eq!((&*late.code, late.exit_code), ("NX4104", 5), "{}", late.message);
    assert!(
        late.message.starts_with("ok in run was already approved by dana "),
        "{}",
        late.message
    );
    let unknown = service.approve("run", answer("well")).await.unwrap_err();
    assert_eq!(unknown.code, "NX7014");
    service.approve("run", answer("sure")).await.unwrap();
    assert!(engine.run::<bool>("run").result().await.unwrap());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_were_never_called_are_not_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let list = ForEach {
        items: json!([1, 2]),
        name: ForEach::NAME.to_owned(),
        concurrency: 2,
        on_item_error: OnItemError::Fail,
    };
    let plan = plan(vec![Step { for_each: Some(list), ..action("a", "late", &[]) }]);
    let engine = Engine::builder().open(folder.path()).unwrap();
    let service = Service::new(engine.handle().clone(), Setup::default());
    engine.handle().start(StartRequest::new(plan).name("run")).await.unwrap();
    until("they rest", async || {
        let history = service.history("run", 0, 0).await.unwrap();
        history.events.iter().any(|event| event.event == "items.interrupted")
    })
    .await;
    drop(service);
    engine.shutdown().await;

    let config = Config { drive: Drive::Nothing, ..Config::default() };
    let late = handler_fn(async |_: StepCx, n: u64| Ok(n));
    let engine = Engine::builder().config(config).handler("late", late);
    let engine = engine.open(folder.path()).unwrap();
    let service = Service::new(engine.handle().clone(), Setup::default());
    let page = service.get("run").await.unwrap();
    assert_eq!(page.steps[0].note.as_deref(), Some("0 of 2 items, 2 waiting to be called"));
    let items = page.steps[0].items.clone().unwrap();
    assert_eq!((items.running, items.waiting), (vec![], vec!["0-1".to_owned()]));
    let view = service.explain("run").await.unwrap();
    assert_eq!(
        view.steps[0].why,
        "0 of 2 items of a are done; items 0, 1 are waiting to be called"
    );
    assert_eq!(view.causes[1].why, "2 items of a wait to be called");
    drop(service);
    engine.shutdown().await;
}
