//! Slots of limits: a step or a run that is limited asks for one before it starts, and starts when it was granted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::evaluate::Evaluated;
use super::{Draft, breakers, item_slots};
use crate::breaker::{CallOutcome, CallWish};
use crate::event::{Event, Failure, SlotAnswer};
use crate::evolve::Change;
use crate::expression::Template;
use crate::id::{ItemIndex, RunId, StepIndex};
use crate::limit::{Holder, Ticket, Wish};
use crate::plan::{Plan, SlotRule};
use crate::rejection::Rejection;
use crate::run::{Hold, Run, RunStatus, Slot};

/// Something a limit has to be told, once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotChange {
    /// Somebody asks for a slot.
    Requested(Holder, Wish),
    /// Somebody no longer needs the slot of this limit, or no longer waits for it.
    Released(Holder, String),
    /// Somebody asks a breaker whether it may call.
    CallRequested(Holder, CallWish),
    /// A call of this target is over, or nobody wants to make it any more.
    CallOver(Holder, String, CallOutcome),
}

impl Draft<'_> {
    pub(super) fn grant_slot(
        &mut self,
        step: Option<StepIndex>,
        item: Option<ItemIndex>,
        ticket: Ticket,
    ) -> Result<(), Rejection> {
        let (_, hold) = self.run.slots.find(step, item, ticket).ok_or(Rejection::SlotNotWanted)?;
        if hold.granted {
            return Err(Rejection::SlotHeld);
        }
        if let Some(step) = step {
            self.emit(Event::StepSlotGranted(SlotAnswer { step, item, ticket }));
        } else {
            self.emit(Event::RunSlotGranted { ticket });
            self.frontier = self.run.ready().collect();
        }
        Ok(())
    }

    /// Has the run as a whole ask for the next of its slots, if it needs one and has not asked.
    pub(super) fn queue_run(&mut self) {
        let nothing_to_do = self.run.status != RunStatus::Running || self.run.open_count() == 0;
        if nothing_to_do || self.run.is_held() || self.run.is_held_back() {
            return;
        }
        let Some(started) = &self.run.started else { return };
        let mut wanted = (0u8..).zip(&started.limits);
        let missing = wanted.find(|(rank, _)| self.run.slots.get(Slot::Run(*rank)).is_none());
        if let Some((rank, wish)) = missing {
            let wish = wish.clone();
            self.emit(Event::RunQueued { rank, ticket: self.next_ticket(), wish });
        }
    }

    /// Has a step that is limited ask for a slot. Returns whether it has to wait, or cannot start at all.
    pub(super) fn queue_step(&mut self, step: StepIndex) -> bool {
        let plan = self.plan;
        let Some(rule) = &plan.step(step).slot else { return false };
        if let Some(hold) = self.run.slots.get(Slot::Step(step)) {
            return !hold.granted;
        }
        match self.wish(rule, |draft, template| draft.render(template, step)) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(wish)) => {
                let (attempt, ticket) = (self.next_attempt(step), self.next_ticket());
                let item = None;
                self.emit(Event::StepSlotRequested { step, item, attempt, ticket, wish });
            }
        }
        true
    }

    pub(super) fn next_ticket(&self) -> Ticket {
        Ticket(self.run.slots.asked.0.saturating_add(1))
    }

    /// The wish that the templates of `rule` make.
    pub(super) fn wish(
        &mut self,
        rule: &SlotRule,
        render: impl Fn(&mut Self, &Template) -> Evaluated<Value>,
    ) -> Evaluated<Wish> {
        let mut values: [Value; 3] = Default::default();
        for (value, template) in values.iter_mut().zip(rule.templates()) {
            match render(self, template)? {
                Ok(rendered) => *value = rendered,
                Err(failure) => return Some(Err(failure)),
            }
        }
        Some(rule.wish(&values).map_err(|message| Failure {
            code: "NX4161".to_owned(),
            message,
            fatal: true,
            details: None,
        }))
    }
}

/// What limits have to be told of a transition: what was held or waited for before it and is not any more, and what is waited
/// for since.
pub(super) fn changes(
    plan: &Plan,
    run: &Run,
    changes: &[Change],
    events: &[Event],
) -> Vec<SlotChange> {
    let mut before: BTreeMap<Slot, Option<&Hold>> = BTreeMap::new();
    for change in changes {
        if let Change::Slot(slot, was) = change {
            before.entry(*slot).or_insert(was.as_ref());
        }
    }
    let id = run.started.as_ref().map_or_else(RunId::default, |started| started.run);
    let mut told = Vec::new();
    for (slot, was) in before {
        let is = run.slots.get(slot);
        if was.map(|hold| hold.ticket) == is.map(|hold| hold.ticket) {
            continue;
        }
        if let Some(hold) = was {
            told.push(given_back(id, slot, hold, events));
        }
        if let Some(hold) = is.filter(|hold| !hold.granted) {
            told.push(asked_for(plan, id, slot, hold));
        }
    }
    told
}

fn given_back(run: RunId, slot: Slot, hold: &Hold, events: &[Event]) -> SlotChange {
    let (holder, name) = (slot.holder(run, hold), hold.wish.limit.clone());
    match slot {
        Slot::Run(_) | Slot::Step(_) | Slot::Item(..) => SlotChange::Released(holder, name),
        Slot::Call(step) => {
            SlotChange::CallOver(holder, name, breakers::outcome(step, hold, events))
        }
        Slot::ItemCall(step, item) => {
            SlotChange::CallOver(holder, name, item_slots::outcome(step, item, hold, events))
        }
    }
}

/// What limits and breakers have to be told of what is waited for.
pub fn asked_for(plan: &Plan, run: RunId, slot: Slot, hold: &Hold) -> SlotChange {
    match slot {
        Slot::Run(_) | Slot::Step(_) | Slot::Item(..) => {
            SlotChange::Requested(slot.holder(run, hold), hold.wish.clone())
        }
        Slot::Call(_) | Slot::ItemCall(..) => breakers::request(plan, run, slot, hold),
    }
}
