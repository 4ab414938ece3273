//! The bench: one run, and everything that must hold whatever is done to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{notation, show};
use crate::breaker::CallOutcome;
use crate::codec;
use crate::command::Command;
use crate::decide::{Context, Decision, SlotChange, TimerChange, Transition, decide};
use crate::definition::{Definition, WhenNeeds};
use crate::effect::{Effect, pending, pending_for};
use crate::event::{Event, Given};
use crate::evolve::{evolve, fits};
use crate::id::{StepIndex, TimerId};
use crate::limit::Holder;
use crate::payload::PayloadHash;
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::run::{Run, StepState};
use crate::time::Timestamp;

/// A run and its shell.
pub(super) struct Bench {
    pub(super) plan: Arc<Plan>,
    /// The plan that `migrate` goes on with.
    pub(super) other: Option<Arc<Plan>>,
    pub(super) run: Run,
    pub(super) slots: u32,
    /// Payload bytes that are durable.
    pub(super) store: BTreeMap<PayloadHash, Arc<[u8]>>,
    /// How often payloads had to be loaded.
    pub(super) loads: usize,
    /// The timers, as a shell knows them.
    pub(super) timers: BTreeMap<TimerId, Timestamp>,
    /// What limits know: who holds a slot or waits for one, and of which limit.
    pub(super) holders: BTreeMap<Holder, String>,
    /// What breakers were told of calls: their targets and what came of them.
    pub(super) calls: Vec<(String, CallOutcome)>,
    now: Timestamp,
}

impl Bench {
    pub(super) fn new(definition: Definition) -> Self {
        let plan = Arc::new(Plan::compile(definition).expect("a valid definition"));
        let run = Run::new(&plan);
        Self {
            plan,
            other: None,
            run,
            slots: 100,
            store: BTreeMap::new(),
            loads: 0,
            timers: BTreeMap::new(),
            holders: BTreeMap::new(),
            calls: Vec::new(),
            now: Timestamp::default(),
        }
    }

    pub(super) fn of(workflow: &str) -> Self {
        Self::new(notation::definition(&workflow.split(';').map(str::trim).collect::<Vec<_>>()))
    }

    pub(super) fn set_ms(&mut self, ms: u64) {
        self.now = Timestamp::default().plus_ms(ms);
    }

    /// Plays one line and tells the events.
    pub(super) fn play(&mut self, line: &str) -> Result<Vec<String>, Rejection> {
        let command = notation::command(self, line);
        let transition = self.act(&command)?;
        Ok(transition.events.iter().map(|event| show::event(&self.plan, event)).collect())
    }

    /// Decides a command, loads what is missing, and checks everything that must hold.
    pub(super) fn act(&mut self, command: &Command) -> Result<Transition, Rejection> {
        let mut loaded = BTreeMap::new();
        loop {
            let before = self.run.clone();
            let decision = self.decide(command, &loaded);
            let mut again = before.clone();
            std::mem::swap(&mut self.run, &mut again);
            assert_eq!(decision, self.decide(command, &loaded), "the same inputs");
            assert_eq!(self.run, again, "the same inputs");
            match decision {
                Ok(Decision::Happens(transition)) => {
                    if let Some(migrates) = command.migrates() {
                        self.plan = Arc::clone(&migrates.to.0);
                    }
                    if let Some(Event::CallsMade(made)) = transition.events.first() {
                        let plan = self.plan.with_calls(made).expect("calls that were decided");
                        self.plan = Arc::new(plan);
                    }
                    self.check_transition(before, &transition);
                    return Ok(transition);
                }
                Ok(Decision::Needs(hashes)) => {
                    assert_eq!(self.run, before, "a question changes nothing");
                    self.loads += 1;
                    for hash in hashes {
                        let bytes = self.store.get(&hash).expect("a durable payload").clone();
                        assert!(loaded.insert(hash, bytes).is_none(), "asked for twice");
                    }
                }
                Err(rejection) => {
                    assert_eq!(self.run, before, "a refusal changes nothing");
                    return Err(rejection);
                }
            }
        }
    }

    fn decide(
        &mut self,
        command: &Command,
        payloads: &BTreeMap<PayloadHash, Arc<[u8]>>,
    ) -> Result<Decision, Rejection> {
        let given = Given { now: self.now, slots: self.slots };
        let context = Context { given, payloads, interruptions_max: 2, vault: None };
        decide(&self.plan, &mut self.run, command.clone(), context)
    }

    fn check_transition(&mut self, before: Run, transition: &Transition) {
        let mut folded = before;
        for event in &transition.events {
            assert!(fits(&self.plan, event), "{event:?} fits");
            let of_ended = matches!(
                event,
                Event::RunRetried { .. } | Event::RunMigrated(_) | Event::RunForgotten { .. }
            );
            assert!(!folded.status.is_terminal() || of_ended, "{event:?} of a run that has ended");
            evolve(&self.plan, &mut folded, event, self.now);
        }
        assert_eq!(folded, self.run, "the run is the fold of its events");
        self.store.extend(transition.payloads.iter().cloned());
        self.check_timers(&transition.timers);
        self.check_slots(&transition.slots);
        self.check_end(transition);
        self.check_indexes();
    }

    fn check_timers(&mut self, changes: &[TimerChange]) {
        for change in changes {
            match change {
                TimerChange::Set(id, due) => {
                    assert_eq!(self.timers.insert(*id, *due), None, "set once");
                }
                TimerChange::Cleared(id, due) => {
                    assert_eq!(self.timers.remove(id), Some(*due), "it was set");
                }
            }
        }
        let timers: BTreeMap<_, _> =
            self.run.timers.iter().map(|(id, timer)| (*id, timer.due)).collect();
        assert_eq!(self.timers, timers, "the shell's timers are the run's");
    }

    fn check_slots(&mut self, changes: &[SlotChange]) {
        for change in changes {
            match change {
                SlotChange::Requested(holder, wish) => {
                    let before = self.holders.insert(*holder, wish.limit.clone());
                    assert_eq!(before, None, "asked for once");
                }
                SlotChange::CallRequested(holder, wish) => {
                    let before = self.holders.insert(*holder, wish.target.clone());
                    assert_eq!(before, None, "asked once");
                }
                SlotChange::CallOver(holder, target, outcome) => {
                    assert_eq!(self.holders.remove(holder).as_ref(), Some(target), "it was there");
                    self.calls.push((target.clone(), *outcome));
                }
                SlotChange::Released(holder, limit) => {
                    assert_eq!(self.holders.remove(holder).as_ref(), Some(limit), "it was there");
                }
            }
        }
        let id = self.run.started.as_ref().map(|started| started.run).unwrap_or_default();
        let slots = self.run.slots.iter();
        let holders = slots.map(|(slot, hold)| (slot.holder(id, hold), hold.wish.limit.clone()));
        assert_eq!(self.holders, holders.collect(), "limits know the run's slots");
        assert_eq!(self.run.slots.wait(), self.run.slots.iter().any(|(_, hold)| !hold.granted));
        if self.run.status.is_terminal() {
            assert_eq!(self.run.slots.iter().count(), 0, "an ended run needs no slot");
        }
    }

    fn check_end(&self, transition: &Transition) {
        let is_open =
            self.run.open_count() > 0 || self.run.is_undoing() || self.run.waits_for_function();
        assert_eq!(self.run.status.is_terminal(), !is_open, "it ends when all steps have settled");
        let hash = codec::state_hash(&self.plan, &self.run);
        match transition.events.last() {
            Some(
                Event::RunCompleted { state, .. }
                | Event::RunFailed { state, .. }
                | Event::RunCancelled { state }
                | Event::RunForgotten { state, .. },
            ) => assert_eq!(*state, hash),
            _ => assert!(is_open),
        }
    }

    /// What `set_step` keeps is what counting from scratch gives.
    fn check_indexes(&self) {
        for step in self.plan.steps() {
            let needs = self.plan.needs(step).iter();
            let open = needs.filter(|need| !self.run.step(**need).is_settled()).count();
            assert_eq!(self.run.open_needs(step) as usize, open);
            let plan_step = self.plan.step(step);
            let router = plan_step.router;
            let alone = plan_step.needs.len() == 1;
            let done = |need: &StepIndex| {
                matches!(self.run.step(*need), StepState::Completed { .. })
                    && (router != Some(*need) || alone)
            };
            let first_ok = plan_step.when_needs == WhenNeeds::AnyOk
                && router.is_none_or(|router| self.run.step(router).is_settled())
                && self.plan.needs(step).iter().any(done);
            assert_eq!(self.run.needs_met(step), open == 0 || first_ok);
        }
        self.check_undo_indexes();
        let settled = self.run.steps().filter(|(_, step)| step.state.is_settled()).count();
        assert_eq!(self.run.open_count() as usize + settled, self.plan.step_count() as usize);
    }

    fn check_undo_indexes(&self) {
        let is_open = |step: StepIndex| {
            self.run.step_run(step).undo().is_some_and(crate::run::UndoState::is_open)
        };
        let open = self.plan.steps().filter(|step| is_open(*step)).count();
        assert_eq!(self.run.open_undos() as usize, open);
        // Whether something at or after a step has an open undo; a step comes after what it needs, whatever its number.
        let reaches = |from: StepIndex| {
            let (mut seen, mut to_see) = (BTreeSet::from([from]), vec![from]);
            while let Some(step) = to_see.pop() {
                to_see.extend(self.plan.successors(step).filter(|next| seen.insert(*next)));
            }
            seen.into_iter().any(is_open)
        };
        for step in self.plan.steps() {
            let blocks = self.plan.successors(step).filter(|next| reaches(*next)).count();
            assert_eq!(self.run.undo_blocks(step) as usize, blocks);
            if let Some(Effect::RunAttempt(attempt)) = pending_for(&self.plan, &self.run, step) {
                assert!(!attempt.undo || blocks == 0, "later steps are undone first");
            }
        }
    }

    /// Checks one item of the section `after`.
    pub(super) fn check_after(&self, item: &str) {
        let (first, rest) = item.split_once(' ').unwrap_or((item, ""));
        let none = |list: Vec<String>| {
            if list.is_empty() { "none".to_owned() } else { list.join(" ") }
        };
        let actual = match first {
            "run" => self.run.word().to_owned(),
            "undone" => none(self.run.undone().map(|s| self.plan.id(s).to_owned()).collect()),
            "timers" => {
                let timers = self.run.timers.iter();
                none(timers.map(|(id, t)| format!("t{}@{}", id.0, show::time(t.due))).collect())
            }
            "effects" => {
                let effects = pending(&self.plan, &self.run);
                effects.iter().map(|e| show::effect(&self.plan, e)).collect::<Vec<_>>().join(", ")
            }
            "slots" => {
                let slots = self.run.slots.iter().map(|(slot, hold)| {
                    let id = slot.step().map_or("run", |step| self.plan.id(step));
                    let item = slot.item().map(|item| format!("[{}]", item.0)).unwrap_or_default();
                    format!("{id}{item}{}", if hold.granted { "+" } else { "?" })
                });
                none(slots.collect())
            }
            "calls" => {
                let calls = self.calls.iter().map(|(target, outcome)| match outcome {
                    CallOutcome::Unknown => format!("{target} unknown"),
                    CallOutcome::Succeeded => format!("{target} ok"),
                    CallOutcome::Failed => format!("{target} failed"),
                });
                none(calls.collect())
            }
            "ready" => none(self.run.ready().map(|s| self.plan.id(s).to_owned()).collect()),
            "function" => self.run.code.as_ref().expect("a run of code").turn.to_string(),
            "parked" => self.run.is_parked().to_string(),
            id => {
                let step = self.plan.find(id).unwrap_or_else(|| panic!("no step {id}"));
                self.run.step_run(step).word().to_owned()
            }
        };
        assert_eq!(rest, actual, "{first} after it");
    }
}
