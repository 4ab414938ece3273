//! A run whose function failed because of a call is retried: the call is tried again, and the function gets what it comes to.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use nexus_engine::log::MemoryLog;
use nexus_engine::model::event::Event;
use nexus_engine::prelude::*;
use tokio::sync::watch;

use crate::life::{Life, within};
use crate::log::{FaultyLog, memory};
use crate::until::until;

/// What is down until somebody mends it, and the keys with which it was called.
#[derive(Clone, Default)]
struct Shop {
    is_up: Arc<AtomicBool>,
    calls: Arc<AtomicU32>,
    keys: Arc<Mutex<Vec<String>>>,
    /// Whether one was told that its effects may have happened already.
    may_repeat: Arc<AtomicBool>,
}

impl Shop {
    fn workflow(&self) -> Workflow<u64, u64> {
        let shop = self.clone();
        let charge = move |cx: StepCx, n: u64| {
            let shop = shop.clone();
            async move {
                shop.calls.fetch_add(1, Ordering::SeqCst);
                shop.keys.lock().unwrap().push(cx.idempotency_key());
                shop.may_repeat.fetch_or(cx.may_repeat(), Ordering::SeqCst);
                if shop.is_up.load(Ordering::SeqCst) {
                    Ok(n + 1)
                } else {
                    Err(StepError::fatal("the shop is closed"))
                }
            }
        };
        let double = self.double();
        Workflow::code("buy", move |cx: Cx, n: u64| {
            let (charge, double) = (charge.clone(), double.clone());
            async move {
                let first = cx.step("first", double.clone(), n).await?;
                let (paid, other) = tokio::join!(
                    cx.step("charge", charge, first),
                    cx.step("other", double.clone(), first)
                );
                cx.step("last", double, paid? + other?).await
            }
        })
        .unwrap()
    }

    fn double(
        &self,
    ) -> impl Fn(StepCx, u64) -> std::future::Ready<StepResult<u64>> + Clone + use<> {
        let calls = Arc::clone(&self.calls);
        move |_: StepCx, n: u64| {
            calls.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(n * 2))
        }
    }
}

/// A run that has failed, as what, and the process in which it did.
async fn failed(
    memory: &Arc<MemoryLog>,
    workflow: &Workflow<u64, u64>,
) -> (Life, RunHandle<u64>, Error) {
    let life = Life::begin(memory, workflow);
    let run = life.engine.start(workflow, 1).id("run").await.unwrap();
    let error = within(run.result()).await.unwrap_err();
    (life, run, error)
}

/// A run that has failed, in a process that is gone.
async fn failed_before(memory: &Arc<MemoryLog>, workflow: &Workflow<u64, u64>) {
    let (life, _, _) = failed(memory, workflow).await;
    life.crash();
}

#[tokio::test]
async fn a_run_goes_on_once_what_failed_is_mended() {
    let shop = Shop::default();
    let workflow = shop.workflow();
    let (life, run, error) = failed(&memory(), &workflow).await;
    let Error::Failed { step, .. } = &error else { panic!("{error}") };
    assert_eq!(step.as_deref(), Some("charge"));

    run.retry().await.unwrap();
    let error = within(run.result()).await.unwrap_err();
    assert!(error.to_string().contains("the shop is closed"), "{error}");
    shop.is_up.store(true, Ordering::SeqCst);
    run.retry().await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), 14);
    // Three attempts of `charge`, one of each other step.
    assert_eq!(shop.calls.load(Ordering::SeqCst), 6);
    let keys = shop.keys.lock().unwrap().clone();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(!shop.may_repeat.load(Ordering::SeqCst), "nothing was cut off");
    let replay = life.engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
}

#[tokio::test]
async fn an_attempt_begun_by_a_program_without_the_function_repeats_nothing() {
    let (shop, memory) = (Shop::default(), memory());
    let workflow = shop.workflow();
    let (first, run, _) = failed(&memory, &workflow).await;
    drop(run);
    within(first.engine.shutdown()).await;
    let other = Workflow::code("other", |_: Cx, n: u64| async move { Ok(n) }).unwrap();
    let second = Life::begin(&memory, &other);
    second.engine.run::<u64>("run").retry().await.unwrap();
    within(second.engine.shutdown()).await;
    shop.is_up.store(true, Ordering::SeqCst);
    let third = Life::begin(&memory, &workflow);
    assert_eq!(within(third.engine.run::<u64>("run").result()).await.unwrap(), 14);
    assert!(!shop.may_repeat.load(Ordering::SeqCst), "nothing was cut off");
}

#[tokio::test]
async fn another_process_retries_and_yet_another_goes_on() {
    let (shop, memory) = (Shop::default(), memory());
    let workflow = shop.workflow();
    failed_before(&memory, &workflow).await;
    // One that does not have the function asks, and is gone before anything has come of it.
    let other = Workflow::code("other", |_: Cx, n: u64| async move { Ok(n) }).unwrap();
    let second = Life::begin(&memory, &other);
    second.engine.run::<u64>("run").retry().await.unwrap();
    second.crash();
    shop.is_up.store(true, Ordering::SeqCst);
    let third = Life::begin(&memory, &workflow);
    assert_eq!(within(third.engine.run::<u64>("run").result()).await.unwrap(), 14);
    assert_eq!(shop.calls.load(Ordering::SeqCst), 5);
}

/// Ends the process after each transition that comes after the request.
#[tokio::test]
async fn a_crash_after_each_transition_of_a_retried_run_changes_nothing() {
    for taken in 1..20 {
        let (shop, memory) = (Shop::default(), memory());
        let workflow = shop.workflow();
        failed_before(&memory, &workflow).await;

        shop.is_up.store(true, Ordering::SeqCst);
        let log = FaultyLog::over(&memory, taken.into());
        log.faults.taken_left.store(taken, Ordering::SeqCst);
        let second = Life::on(log, &workflow);
        let run = second.engine.run::<u64>("run");
        let ended = within(async {
            let work = async {
                run.retry().await.ok()?;
                run.result().await.ok()
            };
            tokio::select! {
                biased;
                ended = work => ended,
                () = until("it is gone", async || {
                    second.log.faults.gone.load(Ordering::SeqCst).then_some(())
                }) => None,
            }
        })
        .await;
        let whole = ended.is_some() && !second.log.faults.gone.load(Ordering::SeqCst);
        drop(run);
        second.crash();
        let third = Life::begin(&memory, &workflow);
        let run = third.engine.run::<u64>("run");
        let retried = third.events("run").await;
        if !retried.iter().any(|one| matches!(one.event, Event::RunRetried { .. })) {
            run.retry().await.unwrap();
        }
        assert_eq!(within(run.result()).await.unwrap(), 14, "after {taken} transitions");
        assert_eq!(run.trouble().await.unwrap(), None, "after {taken} transitions");
        let replay = third.engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
        assert!(replay.agrees(), "after {taken} transitions: {:?}", replay.differences);
        if whole {
            assert!(taken > 3, "only {taken} transitions");
            return;
        }
    }
    panic!("it has more transitions than that");
}

/// A step that takes the process down with it fails after a while, and is tried again when that is mended.
#[tokio::test]
async fn a_step_that_was_cut_off_too_often_is_tried_again() {
    let memory = memory();
    let (may_end, ends) = watch::channel(false);
    let long = move |cx: StepCx, n: u64| {
        let mut ends = ends.clone();
        async move {
            let may_end = async { ends.wait_for(|may_end| *may_end).await.is_ok() };
            cx.or_cancelled(may_end).await?;
            Ok(n + 1)
        }
    };
    let workflow = Workflow::code("work", move |cx: Cx, n: u64| {
        let long = long.clone();
        async move { cx.step("long", long, n).await }
    })
    .unwrap();
    let first = Life::begin(&memory, &workflow);
    first.engine.start(&workflow, 1).id("run").await.unwrap();
    let mut life = first;
    for times in 0..3 {
        until("it is at work", async || {
            let events = life.events("run").await;
            let began = events.iter().filter(|one| begins(&one.event)).count();
            (began > times).then_some(())
        })
        .await;
        life.crash();
        life = Life::begin(&memory, &workflow);
    }
    let run = life.engine.run::<u64>("run");
    let error = within(run.result()).await.unwrap_err();
    assert_eq!(error.code(), Some("NX3013"));
    let Error::Failed { step, .. } = &error else { panic!("{error}") };
    assert_eq!(step.as_deref(), Some("long"));
    may_end.send_replace(true);
    run.retry().await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), 2);
}

fn begins(event: &Event) -> bool {
    matches!(event, Event::StepStarted { .. } | Event::AttemptResumed { .. })
}

/// Two of one run would both say what code it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_retried_function_begins_when_the_one_before_is_gone() {
    let (begun, gate) =
        (Arc::new(AtomicU32::new(0)), Arc::new((Mutex::new(false), Condvar::new())));
    let (counts, gated) = (Arc::clone(&begun), Arc::clone(&gate));
    let workflow = Workflow::code("blocks", move |_: Cx, n: u64| {
        let (counts, gated) = (Arc::clone(&counts), Arc::clone(&gated));
        async move {
            if n == 1 {
                counts.fetch_add(1, Ordering::SeqCst);
                // It cannot be ended as long as it does not wait for something of the run.
                let (is_open, opens) = &*gated;
                drop(opens.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
            }
            Ok(n)
        }
    })
    .unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, 1).id("run").await.unwrap();
    let is_inside = async || (begun.load(Ordering::SeqCst) == 1).then_some(());
    until("the function is in the middle of something", is_inside).await;
    run.cancel("enough").await.unwrap();
    within(run.result()).await.unwrap_err();
    run.retry().await.unwrap();
    // Others come and go meanwhile: it would have begun.
    for n in 2..5 {
        let other = life.engine.start(&workflow, n).await.unwrap();
        assert_eq!(within(other.result()).await.unwrap(), n);
    }
    let begun_before = begun.load(Ordering::SeqCst);
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    assert_eq!(within(run.result()).await.unwrap(), 1);
    assert_eq!(begun_before, 1, "the one before was still at work");
    assert_eq!(run.trouble().await.unwrap(), None);
}

#[tokio::test]
async fn a_function_that_failed_by_itself_is_not_retried() {
    let workflow = Workflow::code("no", |cx: Cx, n: u64| async move {
        cx.sleep(std::time::Duration::from_millis(1)).await?;
        Err::<u64, _>(cx.fail("E_NO", format!("{n} is too little")))
    })
    .unwrap();
    let (_life, run, _) = failed(&memory(), &workflow).await;
    let error = run.retry().await.unwrap_err();
    assert_eq!(error.code(), Some("NX3055"));
    assert!(error.to_string().contains("failed by itself"), "{error}");
}
