//! Pauses, with a crash wherever there is a moment for one: what is at work finishes, nothing begins, and after the pause all goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nexus_engine::model::event::Event;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::pauses::Scope;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, StepState};
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{Registry, StartRequest, StepCx, handler_fn};
use serde_json::Value;
use tokio::sync::Notify;

use crate::life::{Life, by, config, is_completed, until, within};
use crate::log::memory;

/// Handlers that notice if they are called in a pause.
#[derive(Clone, Default)]
struct Shop {
    is_paused: Arc<AtomicBool>,
    called_in_a_pause: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    gate: Arc<Notify>,
}

impl Shop {
    fn registry(&self) -> Registry {
        let mut registry = Registry::new();
        let shop = self.clone();
        registry.insert(
            "one",
            handler_fn(move |_: StepCx, _: Value| {
                shop.note_call();
                async { Ok(1) }
            }),
        );
        let shop = self.clone();
        registry.insert(
            "gate",
            handler_fn(move |_: StepCx, _: Value| {
                shop.note_call();
                let gate = Arc::clone(&shop.gate);
                async move {
                    gate.notified().await;
                    Ok(2)
                }
            }),
        );
        registry
    }

    fn note_call(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let wrong = usize::from(self.is_paused.load(Ordering::SeqCst));
        self.called_in_a_pause.fetch_add(wrong, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn state(life: &Life, run: RunId) -> Run {
    life.handle().load(run).await.unwrap().expect("it is there").1
}

async fn until_so(life: &Life, run: RunId, holds: impl Fn(&Run) -> bool) {
    within(async {
        while !holds(&state(life, run).await) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    })
    .await;
}

async fn pause(life: &Life, shop: &Shop, scope: &Scope) {
    within(life.handle().pause_store(scope.clone(), by(), "night".into())).await.unwrap();
    shop.is_paused.store(true, Ordering::SeqCst);
}

async fn resume(life: &Life, shop: &Shop, scope: &Scope) {
    shop.is_paused.store(false, Ordering::SeqCst);
    within(life.handle().resume_store(scope.clone(), by())).await.unwrap();
}

fn scopes(plan: &Plan) -> [Scope; 3] {
    let workflow = plan.definition().name.clone();
    let label = Scope::Label("team".into(), "shop".into());
    [Scope::Engine, Scope::Workflow(workflow), label]
}

async fn start(life: &Life, plan: &Arc<Plan>) -> RunId {
    let labels = [("team".to_owned(), "shop".to_owned())].into();
    let request = StartRequest { labels, ..StartRequest::new(Arc::clone(plan)) };
    within(life.handle().start(request)).await.unwrap().run
}

/// No step began between the hold and the release of a run, and it was held.
async fn nothing_began_in_the_pause(life: &Life, run: RunId) {
    assert!(holds_are_kept(life, run).await, "it was held and released");
}

/// Sees to it that no step began between a hold and a release of a run; returns whether it was held and released.
///
/// The log decides: a handler whose attempt was recorded just before the pause may be called just after it.
async fn holds_are_kept(life: &Life, run: RunId) -> bool {
    let events = life.handle().history(run, 0, 1_000).await.unwrap();
    let (mut is_held, mut was_held) = (false, false);
    for recorded in &events {
        let event = &recorded.event;
        if matches!(event, Event::RunHeld { .. }) {
            (is_held, was_held) = (true, true);
        } else if matches!(event, Event::RunReleased) {
            is_held = false;
        } else {
            let begins = matches!(
                event,
                Event::StepStarted { .. } | Event::StepSlept { .. } | Event::TimerFired { .. }
            );
            assert!(!(is_held && begins), "{event:?} in a pause");
        }
    }
    was_held && !is_held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_the_store_holds_sleepers_and_what_is_started_later_over_crashes() {
    let plan = plan(vec![sleep("z", "700ms", &[]), action("a", "one", &["z"])]);
    for scope in scopes(&plan) {
        let (memory, shop) = (memory(), Shop::default());
        let life = Life::begin(&memory, config(), shop.registry());
        let sleeper = start(&life, &plan).await;
        pause(&life, &shop, &scope).await;
        let later = start(&life, &plan).await;
        until_so(&life, sleeper, |run| !run.holds.by_store.is_empty()).await;
        assert!(!state(&life, later).await.holds.by_store.is_empty());
        life.crash();

        let life = Life::begin(&memory, config(), shop.registry());
        assert_eq!(life.handle().pauses().active.len(), 1, "it is a fact of the log");
        let latest = start(&life, &plan).await;
        life.crash();

        let life = Life::begin(&memory, config(), shop.registry());
        assert_eq!(shop.calls(), 0);
        resume(&life, &shop, &scope).await;
        for run in [sleeper, later, latest] {
            assert!(is_completed(&life.end_of(run).await));
            nothing_began_in_the_pause(&life, run).await;
        }
        assert_eq!((shop.calls(), shop.called_in_a_pause.load(Ordering::SeqCst)), (3, 0));
        within(life.engine.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_ends_while_nobody_is_there_is_over() {
    let (memory, shop) = (memory(), Shop::default());
    let plan = plan(vec![action("a", "one", &[])]);
    let life = Life::begin(&memory, config(), shop.registry());
    pause(&life, &shop, &Scope::Engine).await;
    let run = start(&life, &plan).await;
    life.crash();
    let records = nexus_engine::Config { drive: nexus_engine::Drive::Nothing, ..config() };
    let life = Life::begin(&memory, records, shop.registry());
    resume(&life, &shop, &Scope::Engine).await;
    within(life.engine.shutdown()).await;
    let life = Life::begin(&memory, config(), shop.registry());
    assert!(is_completed(&life.end_of(run).await));
    within(life.engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_work_finishes_and_what_comes_after_it_waits() {
    let plan = plan(vec![action("a", "gate", &[]), action("b", "one", &["a"])]);
    for scope in scopes(&plan) {
        let (memory, shop) = (memory(), Shop::default());
        let life = Life::begin(&memory, config(), shop.registry());
        let run = start(&life, &plan).await;
        until(|| shop.calls() == 1).await;
        pause(&life, &shop, &scope).await;
        shop.gate.notify_one();
        until_so(&life, run, |run| run.running_count() == 0).await;
        let paused = state(&life, run).await;
        assert!(matches!(paused.step(StepIndex(0)), StepState::Completed { .. }));
        assert_eq!(*paused.step(StepIndex(1)), StepState::Waiting);
        resume(&life, &shop, &scope).await;
        assert!(is_completed(&life.end_of(run).await));
        nothing_began_in_the_pause(&life, run).await;
        assert_eq!((shop.calls(), shop.called_in_a_pause.load(Ordering::SeqCst)), (2, 0));
        within(life.engine.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_a_crash_cut_off_runs_again_only_after_the_pause() {
    let plan = plan(vec![action("a", "gate", &[])]);
    for scope in [Some(Scope::Engine), None] {
        let (memory, shop) = (memory(), Shop::default());
        let life = Life::begin(&memory, config(), shop.registry());
        let run = start(&life, &plan).await;
        until(|| shop.calls() == 1).await;
        if let Some(scope) = &scope {
            pause(&life, &shop, scope).await;
        } else {
            within(life.handle().pause(run, by(), String::new())).await.unwrap();
            shop.is_paused.store(true, Ordering::SeqCst);
        }
        life.crash();
        let life = Life::begin(&memory, config(), shop.registry());
        until_so(&life, run, |run| run.holds_cut_off(StepIndex(0))).await;
        assert_eq!(shop.calls(), 1);
        if let Some(scope) = &scope {
            resume(&life, &shop, scope).await;
        } else {
            shop.is_paused.store(false, Ordering::SeqCst);
            within(life.handle().resume(run, by())).await.unwrap();
        }
        shop.gate.notify_one();
        assert!(is_completed(&life.end_of(run).await));
        assert_eq!((shop.calls(), shop.called_in_a_pause.load(Ordering::SeqCst)), (2, 0));
        within(life.engine.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_was_due_in_the_pause_of_a_run_or_step_fires_after_it_also_after_a_crash() {
    let plan = plan(vec![sleep("z", "20ms", &[]), action("a", "one", &["z"])]);
    for with_crash in [false, true] {
        for whole in [false, true] {
            let (memory, shop) = (memory(), Shop::default());
            let life = Life::begin(&memory, config(), shop.registry());
            let run = start(&life, &plan).await;
            let paused = if whole {
                within(life.handle().pause(run, by(), String::new())).await
            } else {
                within(life.handle().pause_step(run, StepIndex(0), by(), String::new())).await
            };
            // The sleep may be over before the pause; then there is nothing to keep.
            let Ok(_) = paused else { continue };
            let due = state(&life, run).await.timers.values().map(|timer| timer.due).max();
            let clock = *life.handle().clock();
            until(|| due.is_none_or(|due| clock.now() > due)).await;
            let life = if with_crash {
                life.crash();
                Life::begin(&memory, config(), shop.registry())
            } else {
                life
            };
            assert_eq!(shop.calls(), 0);
            if whole {
                within(life.handle().resume(run, by())).await.unwrap();
            } else {
                within(life.handle().resume_step(run, StepIndex(0), by())).await.unwrap();
            }
            assert!(is_completed(&life.end_of(run).await));
            assert_eq!(shop.calls(), 1);
            within(life.engine.shutdown()).await;
        }
    }
}

/// One run, paused and resumed by a pause of the store; whatever was done before is not done twice. `None`: the log has gone.
async fn play(life: &Life, shop: &Shop, plan: &Arc<Plan>, scope: &Scope) -> Option<RunId> {
    let labels = [("team".to_owned(), "shop".to_owned())].into();
    let name = Some("order".to_owned());
    let request = StartRequest { labels, name, ..StartRequest::new(Arc::clone(plan)) };
    let run = life.handle().start(request).await.ok()?.run;
    // Twice is refused, which is fine: it is paused then.
    let _ = life.handle().pause_store(scope.clone(), by(), String::new()).await;
    shop.is_paused.store(true, Ordering::SeqCst);
    shop.gate.notify_one();
    let _ = life.handle().pause(run, by(), String::new()).await;
    let _ = life.handle().resume(run, by()).await;
    shop.is_paused.store(false, Ordering::SeqCst);
    life.handle().resume_store(scope.clone(), by()).await.ok()?;
    shop.gate.notify_one();
    life.handle().wait(run).await.ok()?;
    Some(run)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_every_transition_changes_nothing_about_a_pause() {
    let steps = || {
        let first = action("a", "gate", &[]);
        plan(vec![first, sleep("z", "5ms", &["a"]), action("b", "one", &["z"])])
    };
    let plan = steps();
    for scope in scopes(&plan) {
        for after in 1.. {
            let (memory, shop) = (memory(), Shop::default());
            let life = Life::begin(&memory, config(), shop.registry());
            life.log.faults.gone_after.store(after, Ordering::SeqCst);
            let faults = Arc::clone(&life.log.faults);
            let ended = tokio::select! {
                done = play(&life, &shop, &plan, &scope) => done.is_some(),
                () = until(|| faults.gone.load(Ordering::SeqCst)) => false,
            };
            life.crash();
            shop.is_paused.store(false, Ordering::SeqCst);
            let life = Life::begin(&memory, config(), shop.registry());
            let run = within(play(&life, &shop, &plan, &scope)).await.expect("the log is there");
            assert!(is_completed(&life.end_of(run).await), "{scope}, crash after {after}");
            assert!(life.handle().pauses().active.is_empty());
            holds_are_kept(&life, run).await;
            within(life.engine.shutdown()).await;
            if ended {
                assert!(after > 8, "the play has more transitions than {after}");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_is_due_in_a_pause_does_not_keep_the_engine_busy() {
    let (memory, shop) = (memory(), Shop::default());
    let plan = plan(vec![sleep("z", "20ms", &[]), wait_on_nobody()]);
    let life = Life::begin(&memory, config(), shop.registry());
    let run = start(&life, &plan).await;
    within(life.handle().pause(run, by(), String::new())).await.unwrap();
    let due = state(&life, run).await.timers.values().map(|timer| timer.due).min();
    let clock = *life.handle().clock();
    until(|| due.is_none_or(|due| clock.now() > due.plus_ms(20))).await;
    let before = life.log.faults.reads.load(Ordering::SeqCst);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let reads = life.log.faults.reads.load(Ordering::SeqCst) - before;
    assert!(reads < 10, "{reads} reads for a run that is paused");
    within(life.engine.shutdown()).await;
}

fn wait_on_nobody() -> nexus_engine::model::definition::Step {
    sleep("y", "1h", &[])
}
