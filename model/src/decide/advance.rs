//! Derivation: what follows from what has just happened.
//!
//! Steps whose last need has settled are looked at in waves: those that do not run settle, those without a handler run at
//! once, and both may be the last need of steps in the next wave. What is then still ready are steps with a handler, and
//! they are started as long as there is room. A step is looked at once: when it is started later, its condition is not
//! asked again.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Draft;
use super::evaluate::Evaluated;
use crate::codec;
use crate::definition::WhenNeeds;
use crate::event::{Event, Failure};
use crate::expression::{Condition, Template};
use crate::id::{Attempt, StateHash, StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Work;
use crate::run::{RunStatus, StepState};
use crate::time::Timestamp;

impl Draft<'_> {
    /// Derives everything that follows.
    pub(super) fn advance(&mut self) {
        self.queue_run();
        // A migration may leave nothing to do for a run that waits for its slot: it needs none to end.
        if self.run.is_held_back() && self.run.open_count() > 0 {
            return;
        }
        self.settle_waves();
        let slots = self.start_ready();
        // What becomes ready by items that cannot start is started when room is offered.
        if self.start_items(slots) {
            self.settle_waves();
        }
        self.limit_starts();
        let is_over = self.run.open_count() == 0 && !self.run.waits_for_function();
        if self.needs.is_empty() && is_over && !self.run.is_undoing() {
            self.end_run();
        }
    }

    /// Looks at steps whose needs have settled until none is left.
    fn settle_waves(&mut self) {
        while self.needs.is_empty() && self.has_to_settle() {
            if std::mem::take(&mut self.winds_down) {
                self.wind_down();
            }
            let mut unreached = Vec::new();
            let mut bypassed: BTreeMap<StepIndex, Vec<StepIndex>> = BTreeMap::new();
            for step in std::mem::take(&mut self.frontier) {
                match self.way_around(step) {
                    Some(router) => bypassed.entry(router).or_default().push(step),
                    None => self.look_at(step, &mut unreached),
                }
            }
            for (router, steps) in bypassed {
                self.emit(Event::StepsBypassed { router, steps });
            }
            if !unreached.is_empty() {
                self.emit(Event::StepsNotReached { steps: unreached });
            }
            if self.undo_is_due() && !self.winds_down && self.needs.is_empty() {
                self.request_undo();
            }
        }
    }

    fn has_to_settle(&self) -> bool {
        self.winds_down || !self.frontier.is_empty() || self.undo_is_due()
    }

    /// The router that goes around `step`, if it is time to say so.
    fn way_around(&self, step: StepIndex) -> Option<StepIndex> {
        let waits = *self.run.step(step) == StepState::Waiting && self.run.needs_met(step);
        (waits && !self.run.is_undoing()).then(|| self.bypassed_by(step)).flatten()
    }

    fn look_at(&mut self, step: StepIndex, unreached: &mut Vec<StepIndex>) {
        let waits = *self.run.step(step) == StepState::Waiting && self.run.needs_met(step);
        if !waits || self.run.holds(step) {
            return;
        }
        if self.run.is_undoing() {
            return; // It is looked at again when all is undone.
        }
        let plan_step = self.plan.step(step);
        if !self.needs_allow(step) {
            return unreached.push(step);
        }
        match &plan_step.condition {
            None => self.run_if_pure(step),
            Some(condition) => self.run_or_skip(step, condition),
        }
    }

    fn needs_allow(&self, step: StepIndex) -> bool {
        let mut needs = self.plan.asked(step).iter().map(|need| self.run.step(*need));
        match self.plan.step(step).when_needs {
            WhenNeeds::AllOk => self.survives(step) && needs.all(StepState::is_ok),
            WhenNeeds::AnyOk => self.survives(step) && self.has_ok_need(step),
            WhenNeeds::AllDone => true,
            WhenNeeds::AnyFailed => {
                self.survives(step) && needs.any(|need| matches!(need, StepState::Failed { .. }))
            }
        }
    }

    /// Whether `step` may run although the run ends, as it may while the run goes on.
    pub(super) fn survives(&self, step: StepIndex) -> bool {
        let when_needs = self.plan.step(step).when_needs;
        match self.run.status {
            RunStatus::Running => true,
            RunStatus::Failing { .. } => match when_needs {
                WhenNeeds::AllOk | WhenNeeds::AnyOk => false,
                WhenNeeds::AllDone | WhenNeeds::AnyFailed => true,
            },
            RunStatus::Cancelling { .. } => when_needs == WhenNeeds::AllDone,
            RunStatus::Completed { .. }
            | RunStatus::Failed { .. }
            | RunStatus::Cancelled { .. } => false,
        }
    }

    fn run_or_skip(&mut self, step: StepIndex, condition: &Condition) {
        match self.ask(condition, step) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(verdict)) if verdict.holds => self.run_if_pure(step),
            Some(Ok(verdict)) => {
                self.emit(Event::StepSkipped { step, reason: verdict.saw });
            }
        }
    }

    /// Runs a step that needs no handler; one that does is left ready.
    fn run_if_pure(&mut self, step: StepIndex) {
        let plan = self.plan;
        if let Some(each) = &plan.step(step).each {
            return self.begin_items(step, each);
        }
        match &plan.step(step).work {
            Work::Handler { .. } | Work::Call(_) => {
                self.limited.extend(plan.step(step).start_within_ms.map(|_| step));
                if !self.run.holds(step) && !self.queue_step(step) {
                    self.ask_breaker(step);
                }
            }
            Work::Set { values } => self.set_values(step, values),
            Work::Sleep { duration } => self.sleep(step, duration),
            Work::SleepUntil { time } => self.sleep_until(step, time),
            Work::WaitFor(wait) => self.wait_for(step, wait),
            Work::Update(wait) => self.await_update(step, wait),
            Work::Approve(wait) => self.request_approval(step, wait),
            Work::Race(race) => self.race(step, race),
            Work::Repeat(repeat) => self.repeat(step, repeat),
            Work::Switch(switch) => self.switch(step, switch),
        }
    }

    fn set_values(&mut self, step: StepIndex, values: &Template) {
        match self.render(values, step) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(value)) => {
                let output = self.store(&value);
                self.complete(step, self.next_attempt(step), output, false);
            }
        }
    }

    fn sleep(&mut self, step: StepIndex, duration: &Template) {
        match self.render_ms(duration, step) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(0)) => self.complete(step, self.next_attempt(step), Payload::Null, false),
            Some(Ok(ms)) => {
                let until = self.now().plus_ms(ms);
                self.emit(Event::StepSlept { step, timer: self.run.next_timer, until });
            }
        }
    }

    fn sleep_until(&mut self, step: StepIndex, time: &Template) {
        match self.render_time(time, step) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(until)) if until <= self.now() => {
                self.complete(step, self.next_attempt(step), Payload::Null, false);
            }
            Some(Ok(until)) => {
                let timer = self.run.next_timer.of_wall_clock();
                self.emit(Event::StepSlept { step, timer, until });
            }
        }
    }

    /// Completes `step` and maps its output.
    pub(super) fn complete(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        output: Payload,
        may_repeat: bool,
    ) {
        let plan = self.plan;
        let raw = output.clone();
        self.emit(Event::StepCompleted { step, attempt, output, may_repeat });
        let Some(template) = &plan.step(step).outputs else { return };
        match self.render_over(template, step, attempt, &raw) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(value)) => {
                let output = self.store(&value);
                self.emit(Event::OutputMapped { step, output });
            }
        }
    }

    /// Starts handlers as long as there is room. A failure to start one may let others run or end the run.
    /// Returns how much room is left.
    fn start_ready(&mut self) -> u32 {
        let mut slots = if self.run.is_held() { 0 } else { self.context.given.slots };
        let mut last = None;
        while slots > 0 {
            // While payloads are missing, the transition will not be; the rest is only asked what it misses.
            let after = if self.needs.is_empty() { None } else { last };
            let Some(step) = self.run.ready_after(after) else { break };
            last = Some(step);
            slots -= 1;
            if !self.start(step) {
                self.settle_waves();
                slots += u32::from(self.needs.is_empty());
            }
        }
        slots
    }

    /// Starts the next attempt of `step`. Returns whether it was started.
    fn start(&mut self, step: StepIndex) -> bool {
        if self.run.is_undoing() {
            return self.start_undo(step);
        }
        let plan = self.plan;
        if let (Work::Call(called), None) = (&plan.step(step).work, &plan.step(step).each) {
            self.call(step, called);
            return false;
        }
        let (Work::Handler { input, .. }, None) = (&plan.step(step).work, &plan.step(step).each)
        else {
            self.run_if_pure(step);
            return false;
        };
        if self.queue_step(step) || self.ask_breaker(step) {
            return false;
        }
        let input = match self.input(step, input) {
            None => return false,
            Some(Err(failure)) => {
                self.fail(step, failure);
                return false;
            }
            Some(Ok(input)) => input,
        };
        let (attempt, deadline) = (self.next_attempt(step), self.deadline(step));
        self.idle.insert(step);
        self.emit(Event::StepStarted { step, attempt, input, deadline });
        true
    }

    pub(super) fn input(
        &mut self,
        step: StepIndex,
        template: &Template,
    ) -> Evaluated<Option<Payload>> {
        if template.is_literal() {
            return Some(Ok(None));
        }
        let rendered = self.render(template, step)?;
        Some(rendered.map(|value: Value| Some(self.store(&value))))
    }

    /// The deadline runs from the first attempt that counts.
    pub(super) fn deadline(&self, step: StepIndex) -> Option<(TimerId, Timestamp)> {
        let ms = self.plan.step(step).deadline_ms?;
        let step_run = self.run.step_run(step);
        let is_first = step_run.attempt.0 == step_run.attempts_forgiven;
        is_first.then(|| (self.run.next_timer, self.now().plus_ms(ms)))
    }

    /// Ends a run whose steps have all settled. The event carries the hash of the state it leads to.
    fn end_run(&mut self) {
        let Some(event) = self.last_event() else { return };
        self.emit(event);
        self.amend_state_hash();
    }

    /// Writes the hash of the state that the last event leads to into it.
    pub(super) fn amend_state_hash(&mut self) {
        let hash = codec::state_hash(self.plan, self.run);
        self.amend_last(|event| set_state_hash(event, hash));
    }

    fn last_event(&mut self) -> Option<Event> {
        let state = StateHash::default();
        match self.run.status.clone() {
            RunStatus::Running => self.completed(),
            RunStatus::Failing { failure, step } => Some(Event::RunFailed { failure, step, state }),
            RunStatus::Cancelling { .. } => Some(Event::RunCancelled { state }),
            RunStatus::Completed { .. }
            | RunStatus::Failed { .. }
            | RunStatus::Cancelled { .. } => None,
        }
    }

    fn completed(&mut self) -> Option<Event> {
        let plan = self.plan;
        let state = StateHash::default();
        if let Some(output) = self.run.code.as_ref().and_then(|code| code.output.clone()) {
            return Some(Event::RunCompleted { output, state });
        }
        let Some(template) = &plan.outputs else {
            return Some(Event::RunCompleted { output: Payload::Null, state });
        };
        let rendered: Result<Value, Failure> = self.render_for_run(template)?;
        Some(match rendered {
            Ok(value) => Event::RunCompleted { output: self.store(&value), state },
            Err(failure) => Event::RunFailed { failure, step: None, state },
        })
    }
}

fn set_state_hash(event: &mut Event, hash: StateHash) {
    if let Event::RunCompleted { state, .. }
    | Event::RunFailed { state, .. }
    | Event::RunCancelled { state }
    | Event::RunForgotten { state, .. } = event
    {
        *state = hash;
    }
}
