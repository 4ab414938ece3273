//! Requests for slots, and their grants, as bytes.

use serde::{Deserialize, Serialize};

use super::decode::Wire;
use super::encode::put;
use super::wire::{ParentV1, RunStartedV1};
use crate::event::{Event, LIMITS_MAX, Parent, SlotAnswer};
use crate::id::{Attempt, ItemIndex, RunId, StepIndex};
use crate::limit::{Rate, Size, Ticket, Wish};

#[derive(Serialize, Deserialize)]
struct WishV1<'a> {
    limit: &'a str,
    slots: Option<u32>,
    rate: Option<RateV1>,
    fairness_key: &'a str,
    priority: i32,
}

#[derive(Serialize, Deserialize)]
struct RateV1 {
    count: u32,
    per_ms: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepSlotRequestedV1<'a> {
    step: u32,
    attempt: u32,
    ticket: u32,
    #[serde(borrow)]
    wish: WishV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunQueuedV1<'a> {
    rank: u8,
    ticket: u32,
    #[serde(borrow)]
    wish: WishV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepSlotGrantedV1 {
    step: u32,
    ticket: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunSlotGrantedV1 {
    ticket: u32,
}

pub(super) fn put_step_slot_requested(
    out: &mut Vec<u8>,
    step: StepIndex,
    attempt: Attempt,
    ticket: Ticket,
    wish: &Wish,
) {
    let (step, attempt, ticket) = (step.0, attempt.0, ticket.0);
    put(out, &StepSlotRequestedV1 { step, attempt, ticket, wish: wish.into() });
}

pub(super) fn put_run_queued(out: &mut Vec<u8>, rank: u8, ticket: Ticket, wish: &Wish) {
    put(out, &RunQueuedV1 { rank, ticket: ticket.0, wish: wish.into() });
}

pub(super) fn put_slot_granted(out: &mut Vec<u8>, step: Option<StepIndex>, ticket: Ticket) {
    let ticket = ticket.0;
    match step {
        Some(step) => put(out, &StepSlotGrantedV1 { step: step.0, ticket }),
        None => put(out, &RunSlotGrantedV1 { ticket }),
    }
}

/// Appends the item that a request or an answer is for, if it is for one: then the body is one of version 2.
pub(super) fn put_item(out: &mut Vec<u8>, event: &Event) {
    if let Some(item) = item_of(event) {
        put(out, &item.0);
    }
}

/// The item that a request or an answer is for.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event asks or answers")]
pub(super) fn item_of(event: &Event) -> Option<ItemIndex> {
    match event {
        Event::StepSlotRequested { item, .. } | Event::StepCallRequested { item, .. } => *item,
        Event::StepSlotGranted(answer)
        | Event::StepCallAllowed(answer)
        | Event::StepCallRefused(answer) => answer.item,
        _ => None,
    }
}

/// The body of version 2 of a request or an answer: that of version 1, and the item it is for.
#[derive(Deserialize)]
pub(super) struct OfItemV2<V1> {
    v1: V1,
    item: u32,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no other event asks or answers")]
impl<'a, V1: Wire<'a>> Wire<'a> for OfItemV2<V1> {
    fn event(self) -> Option<Event> {
        let mut event = self.v1.event()?;
        let item = match &mut event {
            Event::StepSlotRequested { item, .. } | Event::StepCallRequested { item, .. } => item,
            Event::StepSlotGranted(answer)
            | Event::StepCallAllowed(answer)
            | Event::StepCallRefused(answer) => &mut answer.item,
            _ => return None,
        };
        *item = Some(ItemIndex(self.item));
        Some(event)
    }
}

impl<'a> Wire<'a> for StepSlotRequestedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::StepSlotRequested {
            step: StepIndex(self.step),
            item: None,
            attempt: Attempt(self.attempt),
            ticket: Ticket(self.ticket),
            wish: self.wish.wish(),
        })
    }
}

impl<'a> Wire<'a> for RunQueuedV1<'a> {
    fn event(self) -> Option<Event> {
        let (ticket, wish) = (Ticket(self.ticket), self.wish.wish());
        Some(Event::RunQueued { rank: self.rank, ticket, wish })
    }
}

impl Wire<'_> for StepSlotGrantedV1 {
    fn event(self) -> Option<Event> {
        let (step, ticket) = (StepIndex(self.step), Ticket(self.ticket));
        Some(Event::StepSlotGranted(SlotAnswer { step, item: None, ticket }))
    }
}

impl Wire<'_> for RunSlotGrantedV1 {
    fn event(self) -> Option<Event> {
        Some(Event::RunSlotGranted { ticket: Ticket(self.ticket) })
    }
}

impl<'a> From<&'a Wish> for WishV1<'a> {
    fn from(wish: &'a Wish) -> Self {
        let Wish { limit, size: Size { slots, rate }, fairness_key, priority } = wish;
        let rate = rate.map(|Rate { count, per_ms }| RateV1 { count, per_ms });
        Self { limit, slots: *slots, rate, fairness_key, priority: *priority }
    }
}

/// Appends the limits of a run, if it has any: then the body is one of version 2.
pub(super) fn put_limits(out: &mut Vec<u8>, limits: &[Wish]) {
    if !limits.is_empty() {
        put(out, &limits.iter().map(WishV1::from).collect::<Vec<_>>());
    }
}

/// Appends the limits, also if there are none.
pub(super) fn put_all_limits(out: &mut Vec<u8>, limits: &[Wish]) {
    put(out, &limits.iter().map(WishV1::from).collect::<Vec<_>>());
}

/// The body of version 3: that of version 1, the limits, and who called the run.
#[derive(Deserialize)]
pub(super) struct RunStartedV3<'a, Labels> {
    #[serde(borrow)]
    v1: RunStartedV1<'a, Labels>,
    #[serde(borrow)]
    limits: Vec<WishV1<'a>>,
    #[serde(borrow)]
    parent: ParentV1<'a>,
}

impl<'a, Labels: Deserialize<'a>> Wire<'a> for RunStartedV3<'a, Labels>
where
    RunStartedV1<'a, Labels>: Wire<'a>,
{
    fn event(self) -> Option<Event> {
        let mut event = self.v1.event()?;
        if let Event::RunStarted(started) = &mut event {
            started.limits = limits(&self.limits)?;
            let (run, name) = (RunId(self.parent.run), self.parent.name.to_owned());
            started.parent = Some(Parent { run, name, step: StepIndex(self.parent.step) });
        }
        Some(event)
    }
}

/// The body of version 2: that of version 1, and the limits.
#[derive(Deserialize)]
pub(super) struct RunStartedV2<'a, Labels> {
    #[serde(borrow)]
    v1: RunStartedV1<'a, Labels>,
    #[serde(borrow)]
    limits: Vec<WishV1<'a>>,
}

impl<'a, Labels: Deserialize<'a>> Wire<'a> for RunStartedV2<'a, Labels>
where
    RunStartedV1<'a, Labels>: Wire<'a>,
{
    fn event(self) -> Option<Event> {
        let mut event = self.v1.event()?;
        if let Event::RunStarted(started) = &mut event {
            started.limits = limits(&self.limits).filter(|limits| !limits.is_empty())?;
        }
        Some(event)
    }
}

/// The limits of a run; `None` if there are more than a run can have.
fn limits(wishes: &[WishV1<'_>]) -> Option<Vec<Wish>> {
    (wishes.len() <= LIMITS_MAX).then(|| wishes.iter().map(WishV1::wish).collect())
}

impl WishV1<'_> {
    fn wish(&self) -> Wish {
        let rate = self
            .rate
            .as_ref()
            .map(|RateV1 { count, per_ms }| Rate { count: *count, per_ms: *per_ms });
        Wish {
            limit: self.limit.to_owned(),
            size: Size { slots: self.slots, rate },
            fairness_key: self.fairness_key.to_owned(),
            priority: self.priority,
        }
    }
}
