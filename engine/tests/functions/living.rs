//! What functions do while nothing goes wrong, and how they fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nexus_engine::model::run::RunStatus;
use nexus_engine::prelude::*;

use crate::life::{Life, calls, outcome, within};
use crate::log::memory;
use crate::until::until;

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

async fn broken(_: StepCx, n: u64) -> StepResult<u64> {
    Err(StepError::fatal(format!("{n} is not possible")).code("E_BROKEN"))
}

#[tokio::test]
async fn a_function_loops_and_returns() {
    async fn sum(cx: Cx, n: u64) -> Result<u64> {
        let mut sum = 0;
        for at in 1..=n {
            sum += cx.step("double", double, at).await?;
        }
        Ok(sum)
    }
    let workflow = Workflow::code("sum", sum).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, 5).id("run").await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), 30);
    let expected: Vec<(u32, Vec<String>)> = (0..5)
        .map(|turn| {
            (turn, vec![if turn == 0 { "double".into() } else { format!("double#{}", turn + 1) }])
        })
        .collect();
    assert_eq!(calls(&life.events("run").await), expected);
    let (plan, _) = life.engine.handle().load(run.run_id().await.unwrap()).await.unwrap().unwrap();
    assert_eq!(plan.step_count(), 1, "numbers are used again");
}

#[tokio::test]
async fn a_failed_step_is_an_error_that_the_function_may_take() {
    async fn careful(cx: Cx, n: u64) -> Result<String> {
        match cx.step("broken", broken, n).await {
            Ok(_) => Ok("fine".into()),
            Err(Error::Failed { failure, step, .. }) => {
                Ok(format!("{}: {} {}", step.unwrap(), failure.code, failure.message))
            }
            Err(other) => Err(other),
        }
    }
    async fn careless(cx: Cx, n: u64) -> Result<u64> {
        cx.step("broken", broken, n).await
    }
    let careful = Workflow::code("careful", careful).unwrap();
    assert_eq!(outcome(&careful, 3).await.unwrap(), "broken: E_BROKEN 3 is not possible");
    let careless = Workflow::code("careless", careless).unwrap();
    let error = outcome(&careless, 3).await.unwrap_err();
    assert_eq!(error.code(), Some("E_BROKEN"));
}

#[tokio::test]
async fn a_step_is_tried_again_and_best_effort_is_nothing() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    async fn flaky(cx: StepCx, n: u64) -> StepResult<u64> {
        TRIES.fetch_add(1, Ordering::SeqCst);
        if cx.attempt() < 3 { Err(StepError::retry("not yet")) } else { Ok(n) }
    }
    async fn patient(cx: Cx, n: u64) -> Result<(u64, Option<u64>)> {
        let retry = Retry::constant(3, Duration::from_millis(1));
        let n = cx.step("flaky", flaky.retry(retry), n).await?;
        Ok((n, cx.step("broken", broken.best_effort(), n).await?))
    }
    let workflow = Workflow::code("patient", patient).unwrap();
    assert_eq!(outcome(&workflow, 3).await.unwrap(), (3, None));
    assert_eq!(TRIES.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_was_done_is_undone_when_the_function_fails() {
    async fn act(_: StepCx, name: String) -> StepResult<String> {
        Ok(name)
    }
    async fn back(cx: StepCx, name: String) -> StepResult<()> {
        cx.state::<Done>()?.0.lock().unwrap().push(name);
        Ok(())
    }
    #[derive(Clone, Default)]
    struct Done(Arc<std::sync::Mutex<Vec<String>>>);
    async fn order(cx: Cx, (): ()) -> Result<()> {
        cx.step("reserve", act.undo(back), "reserve".to_owned()).await?;
        cx.step("charge", act.undo(back), "charge".to_owned()).await?;
        cx.step("look", act, "look".to_owned()).await?;
        Err(cx.fail("E_NO", "ops said no"))
    }
    let workflow = Workflow::code("order", order).unwrap();
    let done = Done::default();
    let engine = Engine::builder().workflow(&workflow).state(done.clone()).in_memory().unwrap();
    let run = engine.start(&workflow, ()).await.unwrap();
    let error = within(run.result()).await.unwrap_err();
    assert_eq!(error.code(), Some("E_NO"));
    assert_eq!(*done.0.lock().unwrap(), ["charge", "reserve"]);
}

#[tokio::test]
async fn branches_go_on_at_the_same_time() {
    async fn both(cx: Cx, n: u64) -> Result<(u64, u64, Vec<u64>)> {
        let left = async {
            let a = cx.step("left", double, n).await?;
            cx.step("left", double, a).await
        };
        let right = cx.step("right", double, n + 1);
        let all = cx.each("each", double, (0..20).collect::<Vec<u64>>()).limit(3);
        let (left, right, all) = tokio::join!(left, right, async { all.await });
        Ok((left?, right?, all?))
    }
    let workflow = Workflow::code("both", both).unwrap();
    let expected = (0..20).map(|n| n * 2).collect::<Vec<u64>>();
    assert_eq!(outcome(&workflow, 5).await.unwrap(), (20, 12, expected));
}

#[tokio::test]
async fn a_function_waits_sleeps_and_asks() {
    const PAID: Signal<u64> = Signal::new("paid");
    const NEVER: Signal<u64> = Signal::new("never");
    async fn waits(cx: Cx, (): ()) -> Result<(u64, Option<u64>, bool, String)> {
        let began = cx.now();
        cx.sleep(Duration::from_millis(5)).await?;
        assert!(cx.now() >= began + Duration::from_millis(5));
        let paid = cx.wait(&PAID).await?;
        let never = cx.wait(&NEVER).within(Duration::from_millis(5)).await?;
        let asked = cx.approve("ok", Approval::by("dana").ask("Pay ${{ 1 }}?")).await?;
        Ok((paid, never, asked.approved, asked.by))
    }
    let workflow = Workflow::code("waits", waits).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, ()).id("run").await.unwrap();
    run.signal(&PAID, &7).await.unwrap();
    until("it asks", async || run.reject("ok", "dana").await.ok()).await;
    let (paid, never, approved, by) = within(run.result()).await.unwrap();
    assert_eq!((paid, never, approved, by.as_str()), (7, None, false, "dana"));
}

#[tokio::test]
async fn chance_is_recorded_or_derived() {
    async fn dice(cx: Cx, (): ()) -> Result<(u64, [u64; 2], String)> {
        static THROWN: AtomicU32 = AtomicU32::new(0);
        let thrown = cx.side_effect("dice", || THROWN.fetch_add(1, Ordering::SeqCst)).await?;
        assert_eq!(thrown, 0, "it is not thrown again");
        let two = [cx.random("a"), cx.random("a")];
        assert_ne!(two[0], two[1]);
        cx.sleep(Duration::from_millis(1)).await?;
        Ok((u64::from(thrown), two, cx.uuid("id").to_string()))
    }
    let workflow = Workflow::code("dice", dice).unwrap();
    let (_, two, id) = outcome(&workflow, ()).await.unwrap();
    assert_ne!(two[0], two[1]);
    assert_eq!(id.len(), 36);
}

#[tokio::test]
async fn a_function_calls_another_workflow() {
    async fn child(cx: Cx, n: u64) -> Result<u64> {
        cx.step("double", double, n).await
    }
    let child = Workflow::code("child", child).unwrap();
    let called = child.clone();
    let parent = Workflow::code("parent", move |cx: Cx, n: u64| {
        let called = called.clone();
        async move { Ok(cx.call("sub", &called, n).await? + 1) }
    })
    .unwrap();
    let engine = Engine::builder().workflow(&parent).workflow(&child).in_memory().unwrap();
    let run = engine.start(&parent, 4).await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), 9);
}

#[tokio::test]
async fn a_cancelled_function_is_asked_no_more() {
    async fn slow(cx: StepCx, (): ()) -> StepResult<()> {
        cx.cancelled().await;
        Ok(())
    }
    async fn waits(cx: Cx, (): ()) -> Result<()> {
        cx.step("slow", slow, ()).await?;
        cx.step("slow", slow, ()).await
    }
    let workflow = Workflow::code("waits", waits).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, ()).id("run").await.unwrap();
    let mut events = run.events();
    while !matches!(
        within(events.next()).await.unwrap().unwrap().event,
        nexus_engine::model::event::Event::StepStarted { .. }
    ) {}
    run.cancel("enough").await.unwrap();
    assert!(matches!(within(run.result()).await, Err(Error::Cancelled { .. })));
    assert_eq!(calls(&life.events("run").await).len(), 1);
}

#[tokio::test]
async fn a_function_that_waits_for_something_else_gets_no_further() {
    // The mistake that is shown: a timer of the runtime, where one of the run belongs.
    async fn sleeps(_: Cx, (): ()) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    }
    async fn races(cx: Cx, (): ()) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(1)) => Ok(()),
            done = cx.sleep(hours(1)) => done,
        }
    }
    async fn panics(cx: Cx, (): ()) -> Result<()> {
        cx.sleep(Duration::from_millis(1)).await?;
        panic!("this is wrong")
    }
    async fn computes(cx: Cx, (): ()) -> Result<()> {
        cx.side_effect("wrong", || panic!("this is wrong")).await
    }
    async fn spins(_: Cx, (): ()) -> Result<()> {
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await
    }
    let cases = [
        (Workflow::code("sleeps", sleeps).unwrap(), "NX5020"),
        (Workflow::code("races", races).unwrap(), "NX5020"),
        (Workflow::code("panics", panics).unwrap(), "NX5021"),
        (Workflow::code("computes", computes).unwrap(), "NX5021"),
        (Workflow::code("spins", spins).unwrap(), "NX5023"),
    ];
    for (workflow, code) in cases {
        let life = Life::begin(&memory(), &workflow);
        let run = life.engine.start(&workflow, ()).id("run").await.unwrap();
        let id = run.run_id().await.unwrap();
        let trouble = life.trouble(id).await;
        assert_eq!(trouble.code, code, "{}", trouble.message);
        assert_eq!(run.status().await.unwrap(), RunStatus::Running);
    }
}
