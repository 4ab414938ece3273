//! Pauses, with a crash wherever there is a moment for one: what is at work finishes, nothing begins, and after the pause all goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nexus_engine::model::definition::{ForEach, OnItemError, Step};
use nexus_engine::model::event::Event;
use nexus_engine::model::id::{ItemIndex, RunId, StepIndex};
use nexus_engine::model::pauses::Scope;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{ItemState, ItemsRun, Run, StepState};
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{Registry, StartRequest, StepCx, handler_fn};
use serde_json::Value;

use crate::gate::Gate;
use crate::life::{Life, by, config, is_completed, until, within};
use crate::log::memory;

/// Handlers that notice if they are called in a pause.
#[derive(Clone, Default)]
struct Shop {
    is_paused: Arc<AtomicBool>,
    called_in_a_pause: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    gate: Arc<Gate>,
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
                    gate.pass().await;
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

/// No step began in the pauses of a run, and there were some.
async fn nothing_began_in_the_pause(life: &Life, run: RunId) {
    let (pauses, left) = pauses_are_kept(life, run).await;
    assert!(pauses > 0 && left == 0, "it was paused and resumed");
}

/// Sees to it that no step began in a pause of a run; returns how many pauses it had, and how many of them its end left open.
///
/// The log decides: a handler whose attempt was recorded just before the pause may be called just after it.
async fn pauses_are_kept(life: &Life, run: RunId) -> (u32, u32) {
    let events = life.handle().history(run, 0, 1_000).await.unwrap();
    let (mut paused, mut pauses) = (0_u32, 0);
    for recorded in &events {
        let event = &recorded.event;
        if matches!(
            event,
            Event::RunHeld { .. } | Event::RunPaused { .. } | Event::StepPaused { .. }
        ) {
            (paused, pauses) = (paused + 1, pauses + 1);
        } else if matches!(
            event,
            Event::RunReleased | Event::RunResumed { .. } | Event::StepResumed { .. }
        ) {
            paused -= 1;
        } else {
            assert!(paused == 0 || !begins(event), "{event:?} in a pause");
        }
    }
    (pauses, paused)
}

fn begins(event: &Event) -> bool {
    matches!(
        event,
        Event::StepStarted { .. }
            | Event::StepSlept { .. }
            | Event::StepWaits { .. }
            | Event::AttemptResumed { .. }
            | Event::ItemStarted { .. }
            | Event::ItemResumed { .. }
            | Event::TimerFired { .. }
    )
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
        life.until(sleeper, "it is held", |run| !run.holds.by_store.is_empty()).await;
        assert!(!state(&life, later).await.holds.by_store.is_empty());
        life.crash();

        let life = Life::begin(&memory, config(), shop.registry());
        assert_eq!(life.handle().pauses().active.len(), 1, "it is a fact of the log");
        let latest = start(&life, &plan).await;
        life.crash();

        let life = Life::begin(&memory, config(), shop.registry());
        for run in [sleeper, later, latest] {
            assert_eq!(pauses_are_kept(&life, run).await, (1, 1), "it is held");
        }
        resume(&life, &shop, &scope).await;
        for run in [sleeper, later, latest] {
            assert!(is_completed(&life.end_of(run).await));
            nothing_began_in_the_pause(&life, run).await;
        }
        assert_eq!(shop.calls(), 3);
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
        until("the handlers are called", || shop.calls() == 1).await;
        pause(&life, &shop, &scope).await;
        shop.gate.let_one_pass();
        life.until(run, "nothing is at work", |run| run.running_count() == 0).await;
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

/// What may be paused when an attempt is cut off.
enum Paused {
    Store(Scope),
    Run,
    Step,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_a_crash_cut_off_runs_again_only_after_the_pause() {
    Box::pin(carried_on_after_the_pause(action("a", "gate", &[]), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_a_crash_cut_off_run_again_only_after_the_pause() {
    let mut step = action("a", "gate", &[]);
    let items = ForEach {
        items: serde_json::json!([1, 2, 3]),
        name: "item".to_owned(),
        concurrency: 2,
        on_item_error: OnItemError::default(),
    };
    step.for_each = Some(items);
    Box::pin(carried_on_after_the_pause(step, 2)).await;
}

/// Pauses while `under_way` attempts of the step are at work, and crashes: none is carried on before the pause has ended.
async fn carried_on_after_the_pause(step: Step, under_way: usize) {
    let plan = plan(vec![step]);
    for paused in [Paused::Store(Scope::Engine), Paused::Run, Paused::Step] {
        let (memory, shop) = (memory(), Shop::default());
        let life = Life::begin(&memory, config(), shop.registry());
        let (run, step) = (start(&life, &plan).await, StepIndex(0));
        until("the handlers are called", || shop.calls() == under_way).await;
        match &paused {
            Paused::Store(scope) => pause(&life, &shop, scope).await,
            Paused::Run => {
                within(life.handle().pause(run, by(), String::new())).await.unwrap();
            }
            Paused::Step => {
                within(life.handle().pause_step(run, step, by(), String::new())).await.unwrap();
            }
        }
        shop.is_paused.store(true, Ordering::SeqCst);
        life.crash();
        let life = Life::begin(&memory, config(), shop.registry());
        life.until(run, "all rest", |run| attempts_at_rest(run, step) == under_way).await;
        assert_eq!(shop.calls(), under_way);
        shop.is_paused.store(false, Ordering::SeqCst);
        match &paused {
            Paused::Store(scope) => resume(&life, &shop, scope).await,
            Paused::Run => drop(within(life.handle().resume(run, by())).await.unwrap()),
            Paused::Step => drop(within(life.handle().resume_step(run, step, by())).await.unwrap()),
        }
        shop.gate.open();
        assert!(is_completed(&life.end_of(run).await));
        nothing_began_in_the_pause(&life, run).await;
        let attempts = plan.definition().steps[0].for_each.as_ref().map_or(1, |_| 3);
        assert_eq!(shop.calls(), attempts + under_way, "each that was cut off, a second time");
        assert_eq!(shop.called_in_a_pause.load(Ordering::SeqCst), 0);
        within(life.engine.shutdown()).await;
    }
}

/// How many attempts of a step and its items were cut off and have not been carried on.
fn attempts_at_rest(run: &Run, step: StepIndex) -> usize {
    let items = run.items(step).into_iter().flat_map(ItemsRun::running).map(|(item, _)| item);
    let rests = |item: ItemIndex| {
        let item = run.items(step).and_then(|items| items.item(item));
        item.is_some_and(|item| matches!(item.state, ItemState::Running { rests: true, .. }))
    };
    usize::from(run.holds_cut_off(step)) + items.filter(|item| rests(*item)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_was_due_in_the_pause_of_a_run_or_step_fires_after_it_also_after_a_crash() {
    let plan = plan(vec![sleep("z", "300ms", &[]), action("a", "one", &["z"])]);
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
            let due = state(&life, run).await.timers.values().map(|timer| timer.due).max();
            let (Ok(_), Some(due)) = (paused, due) else { continue };
            let clock = *life.handle().clock();
            until("the timer is due", || clock.now() > due).await;
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
    shop.gate.let_one_pass();
    let _ = life.handle().pause(run, by(), String::new()).await;
    let _ = life.handle().resume(run, by()).await;
    shop.is_paused.store(false, Ordering::SeqCst);
    life.handle().resume_store(scope.clone(), by()).await.ok()?;
    shop.gate.let_one_pass();
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
                () = until("the log is gone", || faults.gone.load(Ordering::SeqCst)) => false,
            };
            life.crash();
            shop.is_paused.store(false, Ordering::SeqCst);
            let life = Life::begin(&memory, config(), shop.registry());
            let run = within(play(&life, &shop, &plan, &scope)).await.expect("the log is there");
            assert!(is_completed(&life.end_of(run).await), "{scope}, crash after {after}");
            assert!(life.handle().pauses().active.is_empty());
            pauses_are_kept(&life, run).await;
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
    let plan = plan(vec![sleep("z", "1s", &[]), wait_on_nobody()]);
    let life = Life::begin(&memory, config(), shop.registry());
    let run = start(&life, &plan).await;
    within(life.handle().pause(run, by(), String::new())).await.unwrap();
    let due = state(&life, run).await.timers.values().map(|timer| timer.due).min();
    let clock = *life.handle().clock();
    until("the timer is due", || due.is_none_or(|due| clock.now() > due.plus_ms(20))).await;
    let before = life.log.faults.reads.load(Ordering::SeqCst);
    // What is counted is what it does while nothing happens, for as long as that.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let reads = life.log.faults.reads.load(Ordering::SeqCst) - before;
    assert!(reads < 10, "{reads} reads for a run that is paused");
    within(life.engine.shutdown()).await;
}

fn wait_on_nobody() -> Step {
    sleep("y", "1h", &[])
}
