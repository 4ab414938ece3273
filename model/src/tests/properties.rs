//! Properties of random runs: whatever is asked in whatever order, the rules hold.
//!
//! The [`Bench`] checks after each command that the run is the fold of its events, that refusals change nothing, that the
//! same inputs give the same events, and that the shell's timers are the run's.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use self::asks::{answer, event, signal, some_step};
use self::updates::{number, wanted_by};
use super::bench::Bench;
use super::notation::plain_step;
use crate::command::Command;
use crate::definition::{Concurrency, Definition, OnEnd, StepKind, WhenNeeds};
use crate::event::{Actor, ChildEnd, Event, Failure, Interruption, RunStarted, child_name};
use crate::evolve::evolve;
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::limit::Ticket;
use crate::migration::{MigrateRun, Target};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{Hold, Run, RunStatus, Slot, StepState};
use crate::shapes::{Shape, steps};

mod asks;
mod functions;
mod items;
mod updates;

/// One thing to do; what exactly depends on what can be done.
#[derive(Clone, Debug)]
struct Ask {
    what: u8,
    which: usize,
    slots: u32,
}

fn shape() -> impl Strategy<Value = Shape> {
    let needs = prop::collection::vec(0usize..12, 0..4);
    let flags = (any::<[bool; 3]>(), 0u8..4);
    (0u8..15, needs, 0u8..8, 1u32..4, flags, 0u8..6).prop_map(
        |(kind, needs, when, attempts, ([deadline, fatal, limited], undo), skipped)| Shape {
            kind,
            needs,
            when,
            attempts,
            deadline,
            fatal,
            skipped,
            limited,
            undo,
        },
    )
}

fn definition() -> impl Strategy<Value = Definition> {
    let ends = (any::<bool>(), any::<bool>(), any::<bool>());
    (prop::collection::vec(shape(), 1..12), any::<bool>(), ends)
        .prop_map(|(shapes, timeout, ends)| {
            let on_end = |undoes| if undoes { OnEnd::Compensate } else { OnEnd::Keep };
            Definition {
                on_failure: on_end(ends.0),
                on_cancel: on_end(ends.1),
                name: "random".to_owned(),
                input_is_value: true,
                timeout_ms: timeout.then_some(60_000),
                concurrency: ends.2.then(|| Concurrency { limit: Some(1), ..Default::default() }),
                steps: steps(&shapes),
                ..Definition::default()
            }
        })
        .prop_filter("one loop at most", |definition| loops(definition) < 2)
        .prop_filter("it compiles", |definition| Plan::compile(definition.clone()).is_ok())
}

/// How many loops there are. Of two that cross, `round` means one or the other.
fn loops(definition: &Definition) -> usize {
    definition.steps.iter().filter(|step| matches!(step.kind, StepKind::Repeat(_))).count()
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = (0u8..67, 0usize..1000, 0u32..5).prop_map(|(what, which, slots)| Ask {
        what,
        which,
        slots,
    });
    prop::collection::vec(ask, 0..60)
}

/// Goes on with another definition: with steps more, fewer, changed, or in another order.
fn migrate(definition: &Definition, run: &Run, ask: &Ask) -> Option<Command> {
    let mut next = definition.clone();
    let at = ask.which.checked_rem(next.steps.len())?;
    if ask.which & 1 == 0 {
        let mut step = plain_step(&format!("n{}", ask.which));
        step.needs = (ask.which & 2 == 0).then(|| next.steps[at].id.clone()).into_iter().collect();
        let place = if ask.which & 4 == 0 { at } else { next.steps.len() };
        next.steps.insert(place, step);
    }
    if ask.which & 8 == 0 {
        next.steps.remove(at);
    }
    if ask.which & 16 == 0 && !next.steps.is_empty() {
        next.steps.rotate_left(1);
    }
    if let Some(step) = next.steps.get_mut(at).filter(|_| ask.which & 32 == 0) {
        step.retry.max_attempts += 1;
    }
    let to = Target(Arc::new(Plan::compile(next).ok()?));
    let (by, retries) = (Actor::default(), run.status.is_terminal());
    Some(Command::MigrateRun(Box::new(MigrateRun { to, by, reason: String::new(), retries })))
}

/// A bench that remembers what it was asked and what came of it.
struct Play {
    bench: Bench,
    before: Run,
    asked: Vec<(Command, u64, u32)>,
    events: Vec<Event>,
    started: BTreeSet<(StepIndex, Attempt)>,
    called: BTreeSet<(StepIndex, Attempt)>,
    ended: BTreeSet<(StepIndex, Attempt)>,
    /// Attempts of items that were started, and those that have an outcome.
    items: [BTreeSet<(StepIndex, ItemIndex, Attempt)>; 2],
    taken: BTreeSet<u32>,
    functions: functions::Seen,
    undone: BTreeSet<(StepIndex, Option<ItemIndex>)>,
    now_ms: u64,
}

impl Play {
    fn new(definition: Definition) -> Self {
        let bench = Bench::new(definition);
        let before = bench.run.clone();
        Self {
            bench,
            before,
            asked: Vec::new(),
            events: Vec::new(),
            started: BTreeSet::new(),
            called: BTreeSet::new(),
            ended: BTreeSet::new(),
            items: Default::default(),
            taken: BTreeSet::new(),
            functions: functions::Seen::default(),
            undone: BTreeSet::new(),
            now_ms: 0,
        }
    }

    /// Returns whether it was not refused.
    fn ask(&mut self, command: Command, slots: u32) -> bool {
        self.now_ms += 300;
        self.bench.set_ms(self.now_ms);
        self.bench.slots = slots;
        self.before = self.bench.run.clone();
        let plan = Arc::clone(&self.bench.plan);
        let Ok(transition) = self.bench.act(&command) else { return false };
        self.asked.push((command, self.now_ms, slots));
        self.check_events(&plan, &transition.events, slots);
        self.events.extend(transition.events);
        true
    }

    /// `plan` is the one of before.
    fn check_events(&mut self, plan: &Plan, events: &[Event], slots: u32) {
        let starts = events.iter().filter(|event| {
            let undo = matches!(event, Event::UndoStarted { .. } | Event::ItemUndoStarted(_));
            undo || matches!(event, Event::StepStarted { .. } | Event::ItemStarted { .. })
        });
        assert!(starts.count() <= slots as usize, "no more starts than slots");
        let mut run = self.before.clone();
        for event in events {
            self.check_function(plan, &run, event);
            self.check_event(&run, event);
            evolve(&self.bench.plan, &mut run, event, crate::time::Timestamp(0));
        }
    }

    fn check_event(&mut self, run: &Run, event: &Event) {
        if let Event::StepStarted { step, .. }
        | Event::StepSlept { step, .. }
        | Event::StepWaits { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::SignalTaken { step, .. } = event
        {
            assert!(!run.holds(*step), "nothing begins in a pause");
        }
        if let Event::TimerFired { timer } = event {
            assert!(!run.holds_timer(run.timers[timer].purpose), "timers wait in a pause");
        }
        if let Event::StepStarted { step, attempt, .. } = event {
            assert!(run.needs_met(*step), "its needs have settled");
            let limited = self.bench.plan.step(*step).slot.is_some();
            let hold = run.slots.get(Slot::Step(*step));
            assert_eq!(hold.is_some_and(|hold| hold.granted), limited, "it has its slot");
            let guarded = self.bench.plan.step(*step).breaker.is_some();
            let call = run.slots.get(Slot::Call(*step));
            assert_eq!(call.is_some_and(|hold| hold.granted), guarded, "its breaker allows it");
            assert!(!run.is_held_back(), "the run has its slot");
            assert!(self.started.insert((*step, *attempt)), "each attempt starts once");
            let last_run = matches!(
                self.bench.plan.step(*step).when_needs,
                WhenNeeds::AllDone | WhenNeeds::AnyFailed
            );
            assert!(run.status == RunStatus::Running || last_run, "only some steps run last");
        }
        if let Event::RunMigrated(_) = event {
            // Steps without a handler keep their numbers when they move.
            self.ended.clear();
            self.called.clear();
        }
        self.check_items(run, event);
        if let Event::StepCalled { step, attempt, .. } = event {
            assert!(!run.holds(*step), "nothing is called in a pause");
            assert!(self.called.insert((*step, *attempt)), "each attempt calls once");
        }
        if let Event::SignalTaken { signal, step } = event {
            let kept = run.signals.kept.get(signal).expect("it came, and is there");
            assert!(kept.is_for(*step), "an event is taken by the step it was offered to");
            assert!(self.taken.insert(*signal), "each signal is taken once");
        }
        if let Event::ApprovalGranted { step, by, .. } | Event::ApprovalRejected { step, by, .. } =
            event
        {
            assert!(run.awaiting().any(|awaiting| awaiting == *step), "it was asked");
            assert_eq!(by.name, "dana", "nobody else may decide");
        }
        updates::check(run, event);
        self.check_undo(run, event);
        if let Event::StepCompleted { step, attempt, .. }
        | Event::AttemptFailed { step, attempt, .. }
        | Event::UndoCompleted { step, attempt, .. }
        | Event::UndoAttemptFailed { step, attempt, .. } = event
        {
            let of_items =
                matches!(event, Event::UndoCompleted { .. }) && run.items(*step).is_some();
            let is_first = self.ended.insert((*step, *attempt));
            assert!(is_first || of_items, "each attempt has one outcome");
        }
    }

    fn check_undo(&mut self, run: &Run, event: &Event) {
        if let Event::UndoStarted { step, attempt, .. } = event {
            self.undo_starts(run, *step, *attempt);
        }
        if let Event::ItemUndoStarted(started) = event {
            self.undo_starts(run, started.step, started.attempt);
        }
        if let Event::UndoCompleted { step, .. } = event {
            assert!(self.undone.insert((*step, None)), "each step is undone once");
        }
        if let Event::ItemUndone(undone) = event {
            let item = (undone.step, Some(undone.item));
            assert!(self.undone.insert(item), "each item is undone once");
            assert!(self.ended.insert((undone.step, undone.attempt)), "and has one outcome");
        }
    }

    fn undo_starts(&mut self, run: &Run, step: StepIndex, attempt: Attempt) {
        assert!(!run.holds(step), "nothing starts in a pause");
        assert!(self.started.insert((step, attempt)), "each attempt starts once");
        assert_eq!(run.undo_blocks(step), 0, "later steps are undone first");
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    fn command(&self, ask: &Ask) -> Option<Command> {
        let by = Actor::default();
        let run = &self.bench.run;
        let pick = |count: usize| (count > 0).then(|| ask.which % count);
        let running: Vec<_> =
            run.running().map(|step| (step, run.step_run(step).attempt)).collect();
        let one = || pick(running.len()).map(|at| running[at]);
        let fatal = ask.which.is_multiple_of(5);
        Some(match ask.what {
            0..6 => {
                let (step, attempt) = one()?;
                Command::CompleteStep { step, attempt, output: Payload::Null }
            }
            6..10 => {
                let (step, attempt) = one()?;
                let failure = Failure { code: "E".to_owned(), fatal, ..Failure::default() };
                Command::FailStep { step, attempt, failure }
            }
            12 if !fatal => {
                let (step, attempt) = one()?;
                let (progress, _) = Payload::json(&json!(ask.which));
                Command::RecordHeartbeat { step, attempt, progress }
            }
            10 if fatal => {
                let (step, attempt) = one()?;
                Command::ResumeAttempt { step, attempt }
            }
            10..13 => {
                let attempts = running.iter().copied().filter(|(s, _)| ask.which >> s.0 & 1 == 0);
                Command::InterruptAttempts {
                    attempts: attempts.collect(),
                    how: Interruption::ALL[ask.which % 3],
                }
            }
            13..17 => {
                let timers: Vec<_> = run.timers.keys().copied().collect();
                Command::FireTimer { timer: timers[pick(timers.len())?] }
            }
            17 => {
                let step = StepIndex(u32::try_from(ask.which % 13).unwrap());
                let attempt = Attempt(ask.slots);
                Command::CompleteStep { step, attempt, output: Payload::Null }
            }
            18 => Command::FireTimer { timer: TimerId(ask.slots) },
            19 => Command::PauseRun { by, reason: String::new() },
            20 => Command::ResumeRun { by },
            30 => Command::PauseStep { step: some_step(ask), by, reason: String::new() },
            36 => Command::ResumeStep { step: some_step(ask), by },
            37 => Command::HoldRun { pauses: vec!["engine".to_owned()] },
            38 => Command::ReleaseRun,
            39 => {
                let command = Box::new(Command::RetryRun { by });
                Command::InHold { pauses: vec!["engine".to_owned()], command }
            }
            53..62 => self.about_an_item(ask)?,
            21 if fatal => Command::CancelRun { by, reason: String::new(), undo: ask.slots > 0 },
            22 => Command::RetryRun { by },
            23 => Command::ForgetRun { by },
            24..27 => {
                let id = if fatal { format!("k{}", ask.which % 7) } else { String::new() };
                signal(ask.slots, id)
            }
            44..48 => self.end_of_a_child(pick(run.calling().count())?, ask.slots),
            48 => Command::FollowParent { paused: fatal },
            41 | 42 => {
                let record = u32::try_from(ask.which % 7).expect("less than 7");
                let waiting = run.awaiting().nth(ask.which % 3);
                event(waiting.unwrap_or_else(|| some_step(ask)), record, ask.slots)
            }
            43 => {
                let step = some_step(ask);
                let reading = run.reading_events().find(|(it, ..)| *it == step);
                let waiting = reading.map(|(_, waiting, _)| waiting + u32::from(fatal));
                Command::EventsRead { step, waiting }
            }
            31..34 => {
                let slots: Vec<_> = run.slots.iter().collect();
                let (slot, hold) = slots[pick(slots.len())?];
                if fatal { refuse(slot, hold) } else { grant(slot, hold) }
            }
            34 => Command::GrantSlot { step: None, item: None, ticket: Ticket(ask.slots) },
            27..31 => {
                let step = StepIndex(u32::try_from(ask.which % 13).unwrap());
                let name = if ask.slots == 0 { "erin" } else { "dana" };
                answer(step, !fatal, name)
            }
            65..67 => updates::some(ask),
            62..65 => migrate(self.bench.plan.definition(), run, ask)?,
            functions::ASKED.. => functions::says(self, ask),
            _ => Command::OfferSlots,
        })
    }

    /// The end of the run that the given one of those steps that call has called.
    fn end_of_a_child(&self, at: usize, how: u32) -> Command {
        let run = &self.bench.run;
        let step = run.calling().nth(at).expect("one that calls");
        let StepState::Calling { number, .. } = run.step(step) else { panic!("it calls") };
        let seen = run.calls.get(&step).map_or(0, |last| last.seen);
        let failure = Failure { code: "E".to_owned(), ..Failure::default() };
        let ended = match how {
            0 => ChildEnd::Completed { output: Payload::Null },
            1 => ChildEnd::Cancelled { reason: String::new(), goes_on: true },
            how => ChildEnd::Failed { failure, goes_on: how % 2 == 0 },
        };
        let name = &run.started.as_ref().expect("a run").name;
        let child = child_name(name, self.bench.plan.id(step), *number);
        Command::EndChild { step, child, revision: seen + 1, ended }
    }

    /// Lets everything that is under way end well.
    fn finish(&mut self) {
        let by = Actor::default();
        let _ = self.ask(Command::ResumeRun { by: by.clone() }, 3);
        let _ = self.ask(Command::ReleaseRun, 3);
        let _ = self.ask(Command::FollowParent { paused: false }, 3);
        for step in self.bench.plan.steps().collect::<Vec<_>>() {
            let _ = self.ask(Command::ResumeStep { step, by: by.clone() }, 3);
        }
        for _ in 0..10_000 {
            let Some(command) = self.next_good() else { return };
            assert!(self.ask(command, 3));
        }
        panic!("the run does not end");
    }

    fn next_good(&self) -> Option<Command> {
        let run = &self.bench.run;
        if run.status.is_terminal() {
            return None;
        }
        if let Some(command) = functions::goes_on(self) {
            return Some(command);
        }
        if let Some(step) = run.running().next() {
            let attempt = run.step_run(step).attempt;
            return Some(Command::CompleteStep { step, attempt, output: Payload::Null });
        }
        if let Some((step, item, attempt)) = self.running_items().first().copied() {
            return Some(Command::CompleteItem { step, item, attempt, output: Payload::Null });
        }
        if run.has_ready() || run.steps_with_ready_items().next().is_some() {
            return Some(Command::OfferSlots);
        }
        if run.calling().next().is_some() {
            return Some(self.end_of_a_child(0, 0));
        }
        if let Some((slot, hold)) = run.slots.iter().find(|(_, hold)| !hold.granted) {
            return Some(grant(slot, hold));
        }
        if let Some(step) = run.awaiting().next() {
            let kind = &self.bench.plan.step_definition(step).expect("a step of the plan").kind;
            if let StepKind::Approve(_) = kind {
                return Some(answer(step, true, "dana"));
            }
            if let StepKind::Update(wait) = kind {
                return Some(wanted_by(wait));
            }
            let StepKind::WaitFor { signal: name, matches, .. } = kind else {
                panic!("only such a step waits")
            };
            let wanted = matches.as_ref().map_or(0, |text| number(text));
            return Some(match name.as_str() {
                "s" => signal(wanted, String::new()),
                _ => event(step, 100 + run.signals.received, wanted),
            });
        }
        if run.failed_undos().next().is_some() && run.timers.is_empty() {
            return Some(Command::RetryRun { by: Actor::default() });
        }
        let timer = *run.timers.keys().next().expect("a run that does not move waits for a timer");
        Some(Command::FireTimer { timer })
    }

    /// The commands once more, from the beginning.
    fn replay(self, first: Definition) {
        let mut again = Self::new(first);
        for (command, now_ms, slots) in self.asked {
            again.now_ms = now_ms - 300;
            assert!(again.ask(command, slots));
        }
        assert_eq!(again.events, self.events);
        assert_eq!(again.bench.run, self.bench.run);
    }
}

/// A breaker can say no; a limit cannot.
fn refuse(slot: Slot, hold: &Hold) -> Command {
    match slot.step() {
        Some(step) if slot.is_call() => {
            Command::RefuseCall { step, item: slot.item(), ticket: hold.ticket }
        }
        _ => grant(slot, hold),
    }
}

fn grant(slot: Slot, hold: &Hold) -> Command {
    let (item, ticket) = (slot.item(), hold.ticket);
    match slot.step() {
        Some(step) if slot.is_call() => Command::AllowCall { step, item, ticket },
        step => Command::GrantSlot { step, item, ticket },
    }
}

/// Asks all that, lets the run end, and does it once more. Returns how it ended.
fn play_out(definition: &Definition, asks: &[Ask], slots: u32) -> Run {
    let mut play = Play::new(definition.clone());
    for ask in asks {
        // Before the start, too, commands are refused and change nothing.
        if let Some(command) = play.command(ask)
            && play.bench.run.started.is_none()
        {
            assert!(!play.ask(command, ask.slots));
        }
    }
    let limits = play.bench.plan.run_wish(&json!(null)).expect("a limit").into_iter().collect();
    let start = RunStarted { definition: play.bench.plan.hash(), limits, ..RunStarted::default() };
    assert!(play.ask(Command::StartRun(Box::new(start)), slots));
    for ask in asks {
        if let Some(command) = play.command(ask) {
            play.ask(command, ask.slots);
        }
    }
    play.finish();
    let run = play.bench.run.clone();
    assert_eq!(run.timers.len(), 0);
    play.replay(definition.clone());
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_rules_hold_for_random_runs(definition in definition(), asks in asks(), slots in 0u32..4) {
        play_out(&definition, &asks, slots);
    }

    #[test]
    fn a_run_in_which_all_goes_well_completes(definition in definition(), slots in 0u32..4) {
        let mut play = Play::new(Definition { timeout_ms: None, ..definition });
        let limits = play.bench.plan.run_wish(&json!(null)).unwrap().into_iter().collect();
        let start = RunStarted { definition: play.bench.plan.hash(), limits, ..RunStarted::default() };
        prop_assert!(play.ask(Command::StartRun(Box::new(start)), slots));
        play.finish();
        prop_assert_eq!(play.bench.run.status.word(), "completed");
        let is_quiet = |state: &StepState| matches!(
            state,
            StepState::Completed { .. }
                | StepState::Skipped { .. }
                | StepState::NotReached
                | StepState::Cancelled
        );
        prop_assert!(play.bench.run.steps().all(|(_, step)| is_quiet(&step.state)));
    }
}
