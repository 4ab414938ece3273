//! Items of steps with `for_each`: begun, completed, failed, cut off, told to stop, stored.

use std::collections::BTreeSet;

use super::attempts::come_to_rest;
use super::{Change, Fold};
use crate::event::{Failure, Interruption};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::payload::{Payload, PayloadHash};
use crate::run::{
    ItemOutcome, ItemRun, ItemState, ItemsChange, ItemsRun, StepState, StoredOutputs, TimerPurpose,
};
use crate::time::Timestamp;

impl Fold<'_> {
    /// A step that has items already goes on with those that are left.
    pub(super) fn items_started(
        &mut self,
        step: StepIndex,
        count: u32,
        chunks: &[PayloadHash],
        deadline: Option<(TimerId, Timestamp)>,
    ) {
        if self.run.items(step).is_some() {
            self.change_items(step, ItemsChange::Stopping(None));
        } else {
            let concurrency = self.plan.each(step).map_or(1, |each| each.concurrency);
            self.put_items(step, Some(ItemsRun::new(count, chunks.into(), concurrency)));
        }
        self.iterates(step, deadline);
    }

    /// An item that asks for a slot has begun, though none of its attempts has.
    pub(super) fn item_asks(&mut self, step: StepIndex, item: Option<ItemIndex>, attempt: Attempt) {
        let (Some(item), Some(items)) = (item, self.run.items(step)) else { return };
        if item >= items.next {
            self.begun(step, item);
            let before = attempt.0.saturating_sub(1);
            let (attempt, state) = (Attempt(before), ItemState::Waiting);
            self.open(step, item, Some(ItemRun { attempt, attempts_forgiven: before, state }));
        }
    }

    fn iterates(&mut self, step: StepIndex, deadline: Option<(TimerId, Timestamp)>) {
        let mut next = self.with_state(step, StepState::Iterating);
        next.attempt = Attempt(next.attempt.0.saturating_add(1));
        next.started_at = next.started_at.or(Some(self.at));
        if let Some((timer, due)) = deadline {
            next.deadline = Some(timer);
            self.set_timer(timer, due, TimerPurpose::Deadline(step));
        }
        self.set(step, next);
    }

    pub(super) fn item_started(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        input: Option<&Payload>,
    ) {
        // The first attempt of a later round has a number that goes on from those before.
        let before = attempt.0.saturating_sub(1);
        let attempts_forgiven = self.item(step, item).map_or(before, |run| run.attempts_forgiven);
        self.begun(step, item);
        let state = ItemState::Running {
            input: input.cloned(),
            interruptions: 0,
            may_repeat: false,
            rests: false,
            since: self.at,
        };
        self.open(step, item, Some(ItemRun { attempt, attempts_forgiven, state }));
    }

    /// Also changes what it completed with.
    pub(super) fn item_completed(&mut self, step: StepIndex, item: ItemIndex, output: &Payload) {
        self.open(step, item, None);
        let outcome = ItemOutcome::Completed(output.clone());
        self.change_items(step, ItemsChange::Settled(item, Some(outcome)));
    }

    /// The next attempt is due at once, unless another event of the same transition says otherwise.
    pub(super) fn item_attempt_failed(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        failure: &Failure,
    ) {
        let failure = failure.clone();
        let state = ItemState::Retrying { timer: None, at: self.at, failure };
        self.item_state(step, item, state);
    }

    pub(super) fn item_retry_scheduled(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        timer: TimerId,
        at: Timestamp,
    ) {
        let Some(ItemRun { state, .. }) = self.item(step, item) else { return };
        let failure = match state {
            ItemState::Retrying { failure, .. } => failure,
            ItemState::Waiting | ItemState::Running { .. } => Failure::default(),
        };
        self.set_timer(timer, at, TimerPurpose::ItemRetry(step, item));
        self.item_state(step, item, ItemState::Retrying { timer: Some(timer), at, failure });
    }

    pub(super) fn item_retry_due(&mut self, step: StepIndex, item: ItemIndex) {
        let Some(ItemRun { mut state, .. }) = self.item(step, item) else { return };
        if let ItemState::Retrying { timer, .. } = &mut state {
            *timer = None;
            self.item_state(step, item, state);
        }
    }

    /// Where failures are not collected, the first of them stops the others, and the item is left for a retry of the run.
    pub(super) fn item_failed(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        failure: &Failure,
    ) {
        self.clear_item_timer(step, item);
        if self.plan.each(step).is_some_and(|each| each.collects) {
            self.begun(step, item);
            let Some(items) = self.run.items(step) else { return };
            let (next, failed) = (items.next, items.failed.saturating_add(1));
            self.change_items(step, ItemsChange::Counts { next, failed });
            self.open(step, item, None);
            let outcome = ItemOutcome::Failed(failure.clone());
            self.change_items(step, ItemsChange::Settled(item, Some(outcome)));
        } else {
            let attempts_forgiven = self.item(step, item).map_or(0, |run| run.attempts_forgiven);
            self.begun(step, item);
            self.change_items(step, ItemsChange::Settled(item, None));
            let run = ItemRun { attempt, attempts_forgiven, state: ItemState::Waiting };
            self.open(step, item, Some(run));
            self.stop_items(step, failure);
        }
    }

    pub(super) fn items_interrupted(
        &mut self,
        attempts: &[(StepIndex, ItemIndex, Attempt)],
        how: Interruption,
    ) {
        for &(step, item, _) in attempts {
            let is_outside = self.plan.worker_handler(step, false).is_some();
            let Some(ItemRun { mut state, .. }) = self.item(step, item) else { continue };
            let stops = self.run.items(step).is_some_and(|items| items.stopping.is_some());
            if stops {
                self.item_state(step, item, ItemState::Waiting);
            } else if let ItemState::Running { interruptions, may_repeat, rests, .. } = &mut state {
                come_to_rest(how, is_outside, (interruptions, may_repeat, rests));
                self.item_state(step, item, state);
            }
        }
    }

    pub(super) fn item_resumed(&mut self, step: StepIndex, item: ItemIndex) {
        let Some(ItemRun { mut state, .. }) = self.item(step, item) else { return };
        if let ItemState::Running { rests, .. } = &mut state {
            *rests = false;
            self.item_state(step, item, state);
        }
    }

    pub(super) fn outputs_stored(&mut self, step: StepIndex, chunk: u32, outputs: PayloadHash) {
        let Some(items) = self.run.items(step) else { return };
        let bytes = items.settled_of(chunk).map(|(_, outcome)| outcome.bytes()).sum();
        let completed = items.settled_of(chunk).filter(|(_, outcome)| outcome.is_completed());
        let completed = u32::try_from(completed.count()).unwrap_or(u32::MAX);
        let settled: Vec<ItemIndex> = items.settled_of(chunk).map(|(item, _)| item).collect();
        for item in settled {
            self.change_items(step, ItemsChange::Settled(item, None));
        }
        let stored = StoredOutputs { hash: outputs, bytes, completed };
        self.change_items(step, ItemsChange::Stored(chunk, Some(stored)));
    }

    /// Tells the items of a step to stop, unless they were told before.
    pub(super) fn stop_items(&mut self, step: StepIndex, failure: &Failure) {
        let iterates = matches!(self.run.step(step), StepState::Iterating);
        if iterates && self.run.items(step).is_some_and(|items| items.stopping.is_none()) {
            self.change_items(step, ItemsChange::Stopping(Some(failure.clone())));
            self.drop_idle_slots_of_items(Some(step));
        }
    }

    /// Whether items of `step` may be undone once it has come to rest as `state`.
    fn may_be_undone(&self, step: StepIndex, state: &StepState) -> bool {
        let ended = matches!(state, StepState::Completed { .. } | StepState::Failed { .. });
        ended && self.plan.undo(step).is_some()
    }

    /// A step that comes to rest as `state` keeps its items only for a retry of the run, and to undo them.
    pub(super) fn settle_items(&mut self, step: StepIndex, state: &StepState) {
        self.drop_slots_of_items(step);
        let Some(items) = self.run.items(step) else { return };
        let open: Vec<ItemIndex> = items.open().map(|(item, _)| item).collect();
        for &item in &open {
            self.clear_item_timer(step, item);
        }
        let is_kept = state.ended_badly() || self.may_be_undone(step, state);
        if !is_kept {
            return self.put_items(step, None);
        }
        for item in open {
            self.item_state(step, item, ItemState::Waiting);
        }
    }

    /// The run is retried: the items that are left begin anew, or all if something before the step runs again.
    pub(super) fn reset_items(&mut self, step: StepIndex, reset: &BTreeSet<StepIndex>) {
        let Some(items) = self.run.items(step) else { return };
        if self.run.step(step).is_ok()
            || self.plan.needs(step).iter().any(|need| reset.contains(need))
        {
            return self.put_items(step, None);
        }
        let open: Vec<(ItemIndex, ItemRun)> =
            items.open().map(|(item, run)| (item, run.clone())).collect();
        for (item, run) in open {
            let fresh = ItemRun { attempts_forgiven: run.attempt.0, ..run };
            self.open(step, item, Some(fresh));
        }
    }

    fn item(&self, step: StepIndex, item: ItemIndex) -> Option<ItemRun> {
        self.run.items(step)?.item(item).cloned()
    }

    fn item_state(&mut self, step: StepIndex, item: ItemIndex, state: ItemState) {
        let Some(run) = self.item(step, item) else { return };
        self.open(step, item, Some(ItemRun { state, ..run }));
    }

    /// All items up to this one began.
    fn begun(&mut self, step: StepIndex, item: ItemIndex) {
        let Some(items) = self.run.items(step) else { return };
        let next = items.next.max(ItemIndex(item.0.saturating_add(1)));
        let failed = items.failed;
        self.change_items(step, ItemsChange::Counts { next, failed });
    }

    fn clear_item_timer(&mut self, step: StepIndex, item: ItemIndex) {
        if let Some(ItemRun { state: ItemState::Retrying { timer: Some(timer), .. }, .. }) =
            self.item(step, item)
        {
            self.clear_timer(timer);
        }
    }

    fn open(&mut self, step: StepIndex, item: ItemIndex, run: Option<ItemRun>) {
        self.drop_outdated_of_item(step, item, run.as_ref());
        self.change_items(step, ItemsChange::Open(item, run));
    }

    fn change_items(&mut self, step: StepIndex, change: ItemsChange) {
        if let Some(undo) = self.run.change_items(step, change) {
            self.note(Change::Items(step, undo));
        }
    }

    pub(super) fn put_items(&mut self, step: StepIndex, items: Option<ItemsRun>) {
        let before = self.run.put_items(step, items);
        self.note(Change::AllItems(step, before.map(Box::new)));
    }
}
