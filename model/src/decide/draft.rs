//! The transition in the making: events so far, and how to undo them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::sync::Arc;

use serde_json::Value;

use super::{Context, Decision, TimerChange, Transition, slots};
use crate::code::CodeRun;
use crate::definition::OnError;
use crate::event::{Event, Failure};
use crate::evolve::{Change, evolve_noting};
use crate::id::{ItemIndex, StepIndex, TimerId};
use crate::limit::Ticket;
use crate::payload::{NewPayload, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::{Run, RunStatus, StepState};
use crate::time::Timestamp;

/// Loops that need no handler go on in another transition when one has this many events.
const EVENTS_LONG: usize = 1_000;

/// A transition in the making.
pub(super) struct Draft<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a mut Run,
    pub(super) context: Context<'a>,
    /// The context's payloads and those made here.
    pub(super) payloads: Cow<'a, BTreeMap<PayloadHash, Arc<[u8]>>>,
    /// Payloads that have to be loaded before this transition can be made.
    pub(super) needs: BTreeSet<PayloadHash>,
    /// Steps whose last need has settled in this transition, not yet looked at.
    pub(super) frontier: BTreeSet<StepIndex>,
    /// Running steps whose handler is surely not at work: it begins only after this transition is durable.
    pub(super) idle: BTreeSet<StepIndex>,
    /// Running items of which the same is true.
    pub(super) idle_items: BTreeSet<(StepIndex, ItemIndex)>,
    /// Steps that became ready in this transition and have to start in time.
    pub(super) limited: BTreeSet<StepIndex>,
    /// Whether the run has begun to end, and steps have not been told yet.
    pub(super) winds_down: bool,
    events: Vec<Event>,
    new_payloads: Vec<NewPayload>,
    changes: Vec<Change>,
    before: Before,
}

/// What a run was apart from its steps and timers.
#[expect(clippy::struct_excessive_bools, reason = "facts of the run, each by itself")]
struct Before {
    was_started: bool,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    status: RunStatus,
    paused: bool,
    forgotten: bool,
    parent_paused: bool,
    code: Option<Box<CodeRun>>,
    plans_undo: bool,
    next_timer: TimerId,
    revision: u32,
    asked: Ticket,
}

impl<'a> Draft<'a> {
    pub(super) fn new(plan: &'a Plan, run: &'a mut Run, context: Context<'a>) -> Self {
        let before = Before::of(run);
        Self {
            plan,
            run,
            context,
            payloads: Cow::Borrowed(context.payloads),
            needs: BTreeSet::new(),
            frontier: BTreeSet::new(),
            idle: BTreeSet::new(),
            idle_items: BTreeSet::new(),
            limited: BTreeSet::new(),
            winds_down: false,
            events: Vec::new(),
            new_payloads: Vec::new(),
            changes: Vec::new(),
            before,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.context.given.now
    }

    /// Folds `event` and makes it part of the transition.
    pub(super) fn emit(&mut self, mut event: Event) {
        self.seal(&mut event);
        let status = discriminant(&self.run.status);
        let was_undoing = self.run.is_undoing();
        let first_change = self.changes.len();
        evolve_noting(self.plan, self.run, &event, self.now(), &mut self.changes);
        if discriminant(&self.run.status) != status {
            self.winds_down = is_ending(&self.run.status);
        }
        self.follow(first_change);
        if was_undoing && !self.run.is_undoing() {
            // What runs last was held back, and some of it was not looked at.
            self.frontier.extend(self.run.ready());
        }
        self.events.push(event);
    }

    /// Adds to the frontier what became ready by the changes from `first_change` on.
    fn follow(&mut self, first_change: usize) {
        for change in self.changes.iter().skip(first_change) {
            let Change::Step(step, before) = change else { continue };
            if before.state.is_settled() || !self.run.step(*step).is_settled() {
                continue;
            }
            let successors = self.plan.successors(*step);
            self.frontier
                .extend(successors.filter(|next| is_met_by(self.run, self.plan, *next, *step)));
        }
    }

    /// Fails `step` for good.
    pub(super) fn fail(&mut self, step: StepIndex, failure: Failure) {
        let continued =
            self.plan.step(step).on_error == OnError::Continue || self.is_dispensable(step);
        self.emit(Event::StepFailed { step, failure, continued });
    }

    /// Whether the transition has grown so much that more should come in the next one.
    pub(super) fn is_long(&self) -> bool {
        self.events.len() >= EVENTS_LONG
    }

    /// Makes a payload of a value; the bytes of a large one become part of the transition.
    pub(super) fn store(&mut self, value: &Value) -> Payload {
        let (payload, new) = Payload::json(value);
        self.kept(payload, new)
    }

    /// The payload, with its bytes as part of the transition if they do not stand in it.
    pub(super) fn kept(&mut self, payload: Payload, new: Option<NewPayload>) -> Payload {
        let Some(new) = new else { return payload };
        let hash = self.keep(new);
        match payload {
            Payload::Stored(content_type, _, len) => Payload::Stored(content_type, hash, len),
            here @ (Payload::Null | Payload::Inline(..)) => here,
        }
    }

    /// As [`store`](Self::store), for an input or output of an item.
    pub(super) fn store_of_item(&mut self, value: &Value) -> Payload {
        let (payload, new) = self.store(value).of_item();
        self.kept(payload, new)
    }

    /// Makes a payload part of the transition.
    pub(super) fn keep(&mut self, new: NewPayload) -> PayloadHash {
        self.keep_new(new)
    }

    /// Makes bytes part of the transition as they are stored, and as they are read from here on.
    pub(super) fn keep_sealed(&mut self, (hash, stored): NewPayload, bytes: Arc<[u8]>) {
        self.payloads.to_mut().insert(hash, bytes);
        self.new_payloads.push((hash, stored));
    }

    /// Bytes of the payloads made so far.
    pub(super) fn new_bytes(&self) -> usize {
        self.new_payloads.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// The JSON of a payload; `None` if its bytes have to be loaded first.
    pub(super) fn json_of(&mut self, payload: &Payload) -> Option<Value> {
        let bytes: &[u8] = match payload {
            Payload::Null => return Some(Value::Null),
            Payload::Inline(_, bytes) => bytes,
            Payload::Stored(_, hash, _) => {
                if let Some(bytes) = self.payloads.get(hash) {
                    bytes
                } else {
                    self.needs.insert(*hash);
                    return None;
                }
            }
        };
        Some(serde_json::from_slice(bytes).unwrap_or_default())
    }

    /// Replaces the event made last by one that folds to the same state.
    pub(super) fn amend_last(&mut self, amend: impl FnOnce(&mut Event)) {
        if let Some(event) = self.events.last_mut() {
            amend(event);
        }
    }

    pub(super) fn finish(self) -> Decision {
        if !self.needs.is_empty() {
            return Decision::Needs(self.undo().into_iter().collect());
        }
        let timers = timer_changes(&self.changes);
        let slots = slots::changes(self.plan, self.run, &self.changes, &self.events);
        let payloads = self.new_payloads;
        Decision::Happens(Transition { events: self.events, timers, slots, payloads })
    }

    /// Leaves the run as it was. Returns the payloads that were missing.
    pub(super) fn undo(self) -> BTreeSet<PayloadHash> {
        let Self { plan, run, changes, before, needs, .. } = self;
        for change in changes.into_iter().rev() {
            match change {
                Change::Step(step, was) => {
                    run.set_step(plan, step, was);
                }
                Change::TimerSet(id, _) => {
                    run.timers.remove(&id);
                }
                Change::TimerCleared(id, timer) => {
                    run.timers.insert(id, timer);
                }
                Change::Holds(holds) => run.holds = holds,
                Change::Progress(step, Some(before)) => {
                    run.progress.insert(step, before);
                }
                Change::Progress(step, None) => {
                    run.progress.remove(&step);
                }
                Change::Queued(step, Some(timer)) => {
                    run.queued.insert(step, timer);
                }
                Change::Queued(step, None) => {
                    run.queued.remove(&step);
                }
                Change::SignalReceived(id) => {
                    run.signals.kept.remove(&run.signals.received);
                    run.signals.received -= 1;
                    run.signals.ids.remove(&id);
                }
                Change::UpdateAccepted(id, forgotten) => {
                    run.updates.remove(&id);
                    run.updates.extend(forgotten);
                }
                Change::Loop(step, before) => {
                    match before {
                        Some(before) => run.loops.insert(step, before),
                        None => run.loops.remove(&step),
                    };
                }
                Change::SignalTaken(number, kept) => {
                    run.signals.kept.insert(number, kept);
                }
                Change::SignalLeft(number) => {
                    run.signals.kept.remove(&number);
                }
                Change::OfferDropped(number, kept) => run.signals.restore_offer(number, kept),
                Change::Call(step, Some(was)) => {
                    run.calls.insert(step, was);
                }
                Change::Call(step, None) => {
                    run.calls.remove(&step);
                }
                Change::Items(step, undo) => {
                    run.change_items(step, undo);
                }
                Change::AllItems(step, was) => {
                    run.put_items(step, was.map(|was| *was));
                }
                Change::Slot(slot, was) => {
                    run.set_hold(slot, was);
                }
                Change::Calls(replaced) => run.put_back(plan, *replaced),
                Change::Migrated(before) => *run = *before,
            }
        }
        before.restore(run);
        needs
    }
}

impl Before {
    fn of(run: &Run) -> Self {
        Self {
            was_started: run.started.is_some(),
            started_at: run.started_at,
            ended_at: run.ended_at,
            status: run.status.clone(),
            paused: run.paused,
            forgotten: run.forgotten,
            parent_paused: run.parent_paused,
            code: run.code.clone(),
            plans_undo: run.plans_undo(),
            next_timer: run.next_timer,
            revision: run.revision,
            asked: run.slots.asked,
        }
    }

    fn restore(self, run: &mut Run) {
        if !self.was_started {
            run.started = None;
        }
        run.started_at = self.started_at;
        run.ended_at = self.ended_at;
        run.status = self.status;
        run.paused = self.paused;
        run.forgotten = self.forgotten;
        run.parent_paused = self.parent_paused;
        run.code = self.code;
        run.plan_undo(self.plans_undo);
        run.next_timer = self.next_timer;
        run.revision = self.revision;
        run.slots.asked = self.asked;
    }
}

/// Whether the needs of `step` are met since `need` has settled; so a step is looked at once.
fn is_met_by(run: &Run, plan: &Plan, step: StepIndex, need: StepIndex) -> bool {
    let completed = matches!(run.step(need), StepState::Completed { .. });
    match run.first_ok(step) {
        0 => run.open_needs(step) == 0,
        first_ok => completed && first_ok == 1 || plan.step(step).router == Some(need),
    }
}

fn is_ending(status: &RunStatus) -> bool {
    match status {
        RunStatus::Failing { .. } | RunStatus::Cancelling { .. } => true,
        RunStatus::Running
        | RunStatus::Completed { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Cancelled { .. } => false,
    }
}

/// The changes of timers that last: one that was set and cleared again is nobody's business.
fn timer_changes(changes: &[Change]) -> Vec<TimerChange> {
    let mut lasting: BTreeMap<TimerId, TimerChange> = BTreeMap::new();
    for change in changes {
        match change {
            Change::Step(..)
            | Change::Loop(..)
            | Change::Holds(_)
            | Change::Progress(..)
            | Change::Queued(..)
            | Change::SignalReceived(_)
            | Change::UpdateAccepted(..)
            | Change::SignalTaken(..)
            | Change::SignalLeft(_)
            | Change::OfferDropped(..)
            | Change::Items(..)
            | Change::AllItems(..)
            | Change::Slot(..)
            | Change::Call(..)
            | Change::Calls(_)
            | Change::Migrated(_) => {}
            Change::TimerSet(id, timer) => {
                lasting.insert(*id, TimerChange::Set(*id, timer.due));
            }
            Change::TimerCleared(id, timer) => {
                if lasting.remove(id).is_none() {
                    lasting.insert(*id, TimerChange::Cleared(*id, timer.due));
                }
            }
        }
    }
    lasting.into_values().collect()
}
