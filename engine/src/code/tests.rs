//! Functions in memory: history is what a run decides, and outcomes come in an order that a seed says.

mod growing;
mod leaving;
mod patching;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nexus_model::command::Command;
use nexus_model::decide::{Context, Decision, decide};
use nexus_model::definition::{Definition, OnEnd};
use nexus_model::effect::{Effect, pending};
use nexus_model::event::{Event, Given, RunStarted};
use nexus_model::id::RunId;
use nexus_model::payload::Payload;
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus};
use nexus_model::time::Timestamp;

use super::functions::Functions;
use super::machine::{Heard, Machine};
use super::{Cx, Function, function};
use crate::handler::{Data, StepCx, StepResult};
use crate::workflow::Result;

/// A run and its function, without an engine.
struct Bench {
    plan: Arc<Plan>,
    run: Run,
    history: Vec<(Event, Timestamp)>,
    function: Arc<dyn Function>,
    machine: Machine,
    heard: usize,
    now: Timestamp,
}

impl Bench {
    fn new<F, Fut, Out>(work: F) -> Self
    where
        F: Fn(Cx, u64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Out>> + Send + 'static,
        Out: serde::Serialize + Send + 'static,
    {
        Self::of(function(work))
    }

    fn of(function: Arc<dyn Function>) -> Self {
        let definition = Definition {
            name: "work".to_owned(),
            input_is_value: true,
            code: true,
            on_failure: OnEnd::Compensate,
            ..Definition::default()
        };
        let plan = Arc::new(Plan::compile(definition).expect("a definition of code"));
        let mut bench = Self {
            run: Run::new(&plan),
            history: Vec::new(),
            machine: machine(&function),
            function,
            heard: 0,
            now: Timestamp::default(),
            plan,
        };
        let (input, _) = Payload::json(&3.into());
        let started = RunStarted {
            run: RunId([9; 16]),
            definition: bench.plan.hash(),
            input,
            seed: 5,
            ..RunStarted::default()
        };
        assert!(bench.decide(Command::StartRun(Box::new(started))), "it starts");
        bench
    }

    /// Decides a command; says whether something happened.
    fn decide(&mut self, command: Command) -> bool {
        self.now = self.now.plus_ms(1);
        let given = Given { now: self.now, slots: 10_000 };
        let payloads = BTreeMap::new();
        let context = Context { given, payloads: &payloads, interruptions_max: 2, vault: None };
        let Ok(Decision::Happens(transition)) = decide(&self.plan, &mut self.run, command, context)
        else {
            return false;
        };
        if let Some(Event::CallsMade(made)) = transition.events.first() {
            let plan = self.plan.with_calls(made).expect("calls that were decided");
            self.plan = Arc::new(plan);
        }
        let now = self.now;
        self.history.extend(transition.events.into_iter().map(|event| (event, now)));
        true
    }

    /// Lets the function hear what is recorded, and say what it says.
    fn ask(&mut self) {
        loop {
            self.hear();
            let said = self.machine.go_on();
            let said = said.unwrap_or_else(|trouble| panic!("{}", trouble.told().message));
            let Some(request) = said else { return };
            assert!(self.decide(request.command), "what is said fits");
        }
    }

    fn hear(&mut self) {
        for (event, at) in &self.history[self.heard..] {
            let heard = Heard { event, revision: 0, at: *at, data: given(event) };
            self.machine.hear(heard).unwrap_or_else(|trouble| panic!("{}", trouble.told().message));
        }
        self.heard = self.history.len();
    }

    /// The process ends: the function is run again from the beginning.
    fn crash(&mut self) {
        self.machine = machine(&self.function);
        self.heard = 0;
    }

    /// An engine reads from its log, and keeps nothing of it.
    fn forget_history(&mut self) {
        if self.heard == self.history.len() {
            self.history.clear();
            self.heard = 0;
        }
    }

    /// Something that is open comes to its end; says whether there was something.
    fn settle(&mut self, chance: &mut Chance) -> bool {
        let mut open: Vec<Command> = pending(&self.plan, &self.run)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::RunAttempt(attempt) => {
                    let output = attempt.input.clone();
                    let (step, attempt) = (attempt.step, attempt.attempt);
                    Some(Command::CompleteStep { step, attempt, output })
                }
                Effect::StopAttempt { step, attempt, .. } => {
                    Some(Command::CompleteStep { step, attempt, output: Payload::Null })
                }
                Effect::ResumeAttempt { .. } | Effect::ReadEvents { .. } | Effect::Call(_) => None,
            })
            .collect();
        open.extend(self.run.timers.keys().map(|timer| Command::FireTimer { timer: *timer }));
        if open.is_empty() {
            return false;
        }
        // What was called long ago comes first, or those that are left behind would keep the rest from ending.
        let at = chance.below(open.len().min(4));
        self.decide(open.swap_remove(at))
    }

    /// Plays the run to its end, with crashes if the seed says so.
    fn play(&mut self, mut chance: Chance, crashes: bool) -> RunStatus {
        for _ in 0..10_000 {
            if crashes && chance.below(4) == 0 {
                self.crash();
            }
            // Outcomes may come before the function was asked.
            if chance.below(3) > 0 || !self.settle(&mut chance) {
                self.ask();
            }
            if self.run.status.is_terminal() {
                self.crash();
                self.ask();
                return self.run.status.clone();
            }
            self.settle(&mut chance);
        }
        let (events, open) = (self.history.len(), pending(&self.plan, &self.run).len());
        let code = self.run.code.as_deref();
        panic!("it does not end: {events} events, {open} open, {code:?}");
    }
}

fn machine(function: &Arc<dyn Function>) -> Machine {
    Machine::new(RunId([9; 16]), Arc::clone(function), Functions::default())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no other event hands it something")]
fn given(event: &Event) -> Option<Data> {
    let payload = match event {
        Event::RunStarted(started) => &started.input,
        Event::StepCompleted { output, .. } => output,
        Event::FunctionReturned(returned) => &returned.output,
        _ => return None,
    };
    match payload {
        Payload::Inline(content_type, bytes) => {
            Some(Data { content_type: *content_type, bytes: Arc::clone(bytes) })
        }
        Payload::Null | Payload::Stored(..) => Some(Data::null()),
    }
}

/// Numbers that a seed says.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (limit as u64)).expect("a place in a list")
    }
}

async fn same(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n)
}

/// Races, nested and in loops, whose branches are polled in an order that tokio throws dice for.
async fn races(cx: Cx, n: u64) -> Result<Vec<u64>> {
    let mut seen = Vec::new();
    for round in 0..n {
        let mut long = cx.step("long", same, round);
        let early = cx.step("early", same, 100 + round);
        let mut ticks = 0;
        loop {
            tokio::select! {
                done = &mut long => {
                    seen.push(done?);
                    break;
                }
                slept = cx.sleep(Duration::from_millis(5)) => {
                    slept?;
                    ticks += 1;
                    seen.push(cx.step("tick", same, 1_000 + ticks).await?);
                }
                inner = async {
                    let one = cx.step("one", same, 10 * round + ticks).await?;
                    let two = cx.step("two", same, one + cx.random("two") % 2).await?;
                    Result::Ok(one + two)
                } => seen.push(inner?),
            }
        }
        // The outcome may have come long ago: then one branch is ready, whichever is polled first.
        tokio::select! {
            done = early => seen.push(done?),
            late = async { cx.step("late", same, round).await } => seen.push(late?),
        }
    }
    let (a, b) = tokio::join!(cx.step("last", same, 1), cx.step("last", same, 2));
    seen.extend([a?, b?]);
    Ok(seen)
}

#[test]
fn select_without_biased_is_no_false_alarm() {
    for seed in 0..1_000 {
        let mut bench = Bench::new(races);
        let status = bench.play(Chance(seed), true);
        assert!(matches!(status, RunStatus::Completed { .. }), "seed {seed}: {status:?}");
    }
}

async fn many(cx: Cx, _: u64) -> Result<u64> {
    let mut sum = 0;
    for at in 0..20_000 {
        sum += cx.step("one", same, at).await?;
    }
    Ok(sum)
}

#[test]
fn what_is_kept_of_many_steps_does_not_grow() {
    let mut bench = Bench::new(many);
    let mut chance = Chance(1);
    let mut most = 0;
    while !bench.run.status.is_terminal() {
        bench.ask();
        most = most.max(bench.machine.size());
        bench.settle(&mut chance);
        bench.forget_history();
    }
    assert_eq!(bench.plan.step_count(), 1);
    assert!(most < 8, "{most} things are kept");
}
