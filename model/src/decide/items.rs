//! Items of a step with `for_each`: begun together, started as room comes, settled one by one.
//!
//! Invariants:
//! * The list is evaluated once and recorded; whatever is done later is done with what was recorded.
//! * At most [`ITEMS_PER_TRANSITION`] items are started in one transition.
//! * A step whose items have all settled completes in the same transition.

use std::collections::BTreeSet;

use serde_json::Value;

use super::evaluate::Evaluated;
use super::{Draft, backoff};
use crate::codec::chunks::{self, Shape};
use crate::event::{Event, Failure, Interruption};
use crate::expression::{ItemScope, Template};
use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::plan::{Each, Work};
use crate::rejection::Rejection;
use crate::run::{ITEMS_PER_CHUNK, ItemOutcome, ItemState, ItemsRun, StepState};

/// So many items are started in one transition at most, or fail before they start.
const ITEMS_PER_TRANSITION: u32 = 256;

/// The bytes of inputs that one transition stores; one input more may go over it.
const INPUT_BYTES_PER_TRANSITION: usize = 4 * 1024 * 1024;

/// The longest list.
const ITEMS_MAX: usize = 1_000_000;

/// What a report about an attempt of an item has to know of it.
struct UnderWay {
    may_repeat: bool,
    interruptions: u32,
    rests: bool,
}

impl Draft<'_> {
    /// Evaluates the list of `step`, or goes on with one that is recorded.
    pub(super) fn begin_items(&mut self, step: StepIndex, each: &Each) {
        let deadline = self.deadline(step);
        if let Some(items) = self.run.items(step) {
            let (count, chunks) = (items.count, items.chunks.to_vec());
            self.emit(Event::ItemsStarted { step, count, chunks, deadline });
            return self.settle_items(step);
        }
        match self.render_large(&each.items, step).map(|list| list.and_then(as_items)) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(items)) if items.is_empty() => {
                let output = self.small_output(each, std::iter::empty());
                let output = output.unwrap_or_default();
                self.emit(completed(step, self.next_attempt(step), output));
            }
            Some(Ok(items)) => {
                let chunks = items.chunks(ITEMS_PER_CHUNK as usize);
                let chunks = chunks.map(|chunk| self.keep(chunks::encode_items(chunk))).collect();
                let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
                self.emit(Event::ItemsStarted { step, count, chunks, deadline });
            }
        }
    }

    /// Starts items as long as there is room, of each step in turn. Returns whether a step may have settled.
    pub(super) fn start_items(&mut self, slots: u32) -> bool {
        let (mut slots, mut left) = (slots, ITEMS_PER_TRANSITION);
        let mut turn: BTreeSet<StepIndex> = BTreeSet::new();
        while slots > 0 && left > 0 && self.new_bytes() < INPUT_BYTES_PER_TRANSITION {
            if !self.needs.is_empty() {
                break;
            }
            let next = self.run.steps_with_ready_items().find(|step| !turn.contains(step));
            let Some(step) = next else {
                if turn.is_empty() {
                    break;
                }
                turn.clear();
                continue;
            };
            turn.insert(step);
            left -= 1;
            slots -= u32::from(self.start_next_item(step));
        }
        self.winds_down || !self.frontier.is_empty()
    }

    /// Starts the next attempt of an item of `step`. Returns whether one was started.
    fn start_next_item(&mut self, step: StepIndex) -> bool {
        let plan = self.plan;
        let Work::Handler { input, .. } = &plan.step(step).work else { return false };
        let Some(item) = self.run.items(step).and_then(ItemsRun::next_to_start) else {
            return false;
        };
        let attempt = self.next_item_attempt(step, item);
        if self.item_has_to_wait(step, item, attempt) {
            return false;
        }
        match self.item_input(step, item, attempt, input) {
            None => false,
            Some(Err(failure)) => {
                self.fail_before_start(step, item, failure);
                false
            }
            Some(Ok(input)) => {
                self.idle_items.insert((step, item));
                self.emit(Event::ItemStarted { step, item, attempt, input });
                true
            }
        }
    }

    fn item_input(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        template: &Template,
    ) -> Evaluated<Option<Payload>> {
        if template.is_literal() {
            return Some(Ok(None));
        }
        let rendered = self.render_item(template, step, item, attempt, None)?;
        Some(rendered.map(|value: Value| Some(self.store_of_item(&value))))
    }

    /// Renders a template of `step` for one of its items, over what the handler returned if that is there.
    pub(super) fn render_item(
        &mut self,
        template: &Template,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        output: Option<&Payload>,
    ) -> Evaluated<Value> {
        let hash = self.run.items(step)?.chunks.get(item.chunk() as usize).copied();
        let Some(chunk) = hash.and_then(|hash| self.payloads.get(&hash).cloned()) else {
            self.needs.extend(hash);
            return None;
        };
        let json = chunks::item_at(&chunk, item.place()).unwrap_or(b"null");
        self.render_for_item(template, (step, attempt), ItemScope { index: item, json }, output)
    }

    /// The number the next attempt of an item gets.
    fn next_item_attempt(&self, step: StepIndex, item: ItemIndex) -> Attempt {
        let run = self.run.items(step).and_then(|items| items.item(item));
        let last = run.map_or_else(|| self.attempts_before(step), |run| run.attempt.0);
        Attempt(last.saturating_add(1))
    }

    /// A number that no attempt of an item had in an earlier round, or before a retry of the run: a late report of one is not
    /// taken for one of now.
    fn attempts_before(&self, step: StepIndex) -> u32 {
        // Each time that it went through its items it had so many attempts for each of them.
        let times = self.run.step_run(step).attempts_forgiven;
        times.saturating_mul(self.plan.step(step).retry.max_attempts)
    }

    pub(super) fn complete_item(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        output: Payload,
    ) -> Result<(), Rejection> {
        let UnderWay { may_repeat, .. } = self.item_under_way(step, item, attempt)?;
        let plan = self.plan;
        let mapping = plan.step(step).outputs.as_ref();
        let mapped =
            mapping.map(|template| self.render_item(template, step, item, attempt, Some(&output)));
        self.emit(Event::ItemCompleted { step, item, attempt, output, may_repeat });
        match mapped {
            None | Some(None) => {}
            Some(Some(Ok(value))) => {
                let output = self.store_of_item(&value);
                self.emit(Event::ItemOutputMapped { step, item, output });
            }
            Some(Some(Err(failure))) => self.fail_for_good(step, item, attempt, failure),
        }
        self.settle_items(step);
        Ok(())
    }

    pub(super) fn fail_item(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        failure: Failure,
    ) -> Result<(), Rejection> {
        self.item_under_way(step, item, attempt)?;
        self.emit(Event::ItemAttemptFailed { step, item, attempt, failure: failure.clone() });
        let stops = self.run.items(step).is_some_and(|items| items.stopping.is_some());
        if !stops {
            if self.item_may_retry(step, item, attempt, &failure) {
                self.schedule_item_retry(step, item, attempt);
            } else {
                self.fail_for_good(step, item, attempt, failure);
            }
        }
        self.settle_items(step);
        Ok(())
    }

    pub(super) fn interrupt_items(
        &mut self,
        attempts: Vec<(StepIndex, ItemIndex, Attempt)>,
        how: Interruption,
    ) -> Result<(), Rejection> {
        for &(step, item, attempt) in &attempts {
            self.item_under_way(step, item, attempt)?;
        }
        let each_once: BTreeSet<_> = attempts.into_iter().collect();
        let attempts: Vec<_> = each_once.into_iter().collect();
        self.idle_items.extend(attempts.iter().map(|(step, item, _)| (*step, *item)));
        self.emit(Event::ItemsInterrupted { attempts: attempts.clone(), how });
        for &(step, item, attempt) in &attempts {
            self.give_item_up_if_hopeless(step, item, attempt);
        }
        for step in attempts.iter().map(|(step, ..)| *step).collect::<BTreeSet<_>>() {
            self.settle_items(step);
        }
        Ok(())
    }

    pub(super) fn resume_item(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
    ) -> Result<(), Rejection> {
        let UnderWay { rests, .. } = self.item_under_way(step, item, attempt)?;
        let stops = self.run.items(step).is_some_and(|items| items.stopping.is_some());
        if !rests || stops {
            let step = format!("{}[{}]", self.plan.id(step), item.0);
            return Err(Rejection::NotResting { step, attempt });
        }
        self.emit(Event::ItemResumed { step, item, attempt });
        Ok(())
    }

    fn give_item_up_if_hopeless(&mut self, step: StepIndex, item: ItemIndex, attempt: Attempt) {
        let Ok(UnderWay { interruptions, .. }) = self.item_under_way(step, item, attempt) else {
            return;
        };
        if interruptions > self.context.interruptions_max {
            let failure = super::interrupt::ends_the_process(interruptions);
            self.fail_for_good(step, item, attempt, failure);
        }
    }

    /// The attempt, if it is under way.
    fn item_under_way(
        &self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
    ) -> Result<UnderWay, Rejection> {
        let stale = || Rejection::StaleAttempt {
            step: format!("{}[{}]", self.plan.id(step), item.0),
            attempt,
        };
        let is_iterating = self.run.iterating().any(|iterating| iterating == step);
        let items = self.run.items(step).filter(|_| is_iterating).ok_or_else(stale)?;
        let run = items.item(item).filter(|run| run.attempt == attempt).ok_or_else(stale)?;
        match &run.state {
            ItemState::Running { may_repeat, interruptions, rests, .. } => Ok(UnderWay {
                may_repeat: *may_repeat,
                interruptions: *interruptions,
                rests: *rests,
            }),
            ItemState::Waiting | ItemState::Retrying { .. } => Err(stale()),
        }
    }

    /// An item fails for good: the step goes on without it, or what is under way is told to stop.
    pub(super) fn fail_for_good(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        failure: Failure,
    ) {
        if self.plan.each(step).is_some_and(|each| each.collects) {
            return self.emit(Event::ItemFailed { step, item, attempt, failure });
        }
        let message = format!("item {}: {}", item.0, failure.message);
        let failure = Failure { message, ..failure };
        self.emit(Event::ItemFailed { step, item, attempt, failure });
        if self.items_at_work(step) {
            self.emit(Event::StopRequested { steps: vec![step] });
        }
    }

    /// What follows for a step from what became of its items: a full chunk is stored, and a step of which nothing is left to
    /// do settles.
    pub(super) fn settle_items(&mut self, step: StepIndex) {
        if !matches!(self.run.step(step), StepState::Iterating) || !self.needs.is_empty() {
            return;
        }
        self.store_full_chunks(step);
        let Some(items) = self.run.items(step) else { return };
        match items.stopping.clone() {
            Some(cause) if !self.items_at_work(step) => self.settle_stopped(step, cause),
            None if items.are_settled() => self.complete_items(step),
            Some(_) | None => {}
        }
    }

    /// Whether a handler may be at work for an item of `step`.
    pub(super) fn items_at_work(&self, step: StepIndex) -> bool {
        let mut running = self.run.items(step).into_iter().flat_map(ItemsRun::running);
        running.any(|(item, _)| !self.idle_items.contains(&(step, item)))
    }

    /// The deadline of a step that goes through its items has passed.
    pub(super) fn end_items_at_deadline(&mut self, step: StepIndex) {
        if self.items_at_work(step) {
            self.emit(Event::StopRequested { steps: vec![step] });
        } else {
            self.settle_items(step);
        }
    }

    fn store_full_chunks(&mut self, step: StepIndex) {
        let Some(items) = self.run.items(step) else { return };
        // A list that fits one chunk becomes an output without one.
        if items.count <= ITEMS_PER_CHUNK {
            return;
        }
        let full: Vec<u32> = items.full_chunks().collect();
        for chunk in full {
            let Some(items) = self.run.items(step) else { return };
            let outcomes: Vec<&ItemOutcome> =
                items.settled_of(chunk).map(|(_, outcome)| outcome).collect();
            let new = chunks::encode_outputs(outcomes.into_iter());
            let outputs = self.keep(new);
            self.emit(Event::OutputsStored { step, chunk, outputs });
        }
    }

    fn complete_items(&mut self, step: StepIndex) {
        let plan = self.plan;
        let (Some(each), Some(items)) = (plan.each(step), self.run.items(step)) else { return };
        let few: Vec<ItemOutcome> = items.settled().map(|(_, outcome)| outcome.clone()).collect();
        let stored: Vec<_> = items.stored().map(|(_, stored)| stored).collect();
        let attempt = self.run.step_run(step).attempt;
        let small = if stored.is_empty() { self.small_output(each, few.iter()) } else { None };
        let output = small.unwrap_or_else(|| {
            let few_bytes: u64 = few.iter().map(ItemOutcome::bytes).sum();
            let bytes = few_bytes
                + stored.iter().map(|stored| stored.bytes).sum::<u64>()
                + u64::from(self.run.items(step).map_or(0, |items| items.count));
            let mut hashes: Vec<PayloadHash> = stored.iter().map(|stored| stored.hash).collect();
            if !few.is_empty() {
                hashes.push(self.keep(chunks::encode_outputs(few.iter())));
            }
            let (payload, new) = chunks::encode_list(shape(each), &hashes, bytes + 1);
            self.kept(payload, Some(new))
        });
        self.emit(completed(step, attempt, output));
    }

    /// The output as plain JSON, if nothing of it has to be loaded for that.
    fn small_output<'o>(
        &mut self,
        each: &Each,
        outcomes: impl Iterator<Item = &'o ItemOutcome>,
    ) -> Option<Payload> {
        let text = chunks::collected(shape(each), outcomes)?;
        let (payload, new) = Payload::new(ContentType::Json, text);
        Some(self.kept(payload, new))
    }

    fn item_may_retry(
        &self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        failure: &Failure,
    ) -> bool {
        let retry = &self.plan.step(step).retry;
        self.is_worth_a_retry(step, failure)
            && self.counted_of_item(step, item, attempt) < retry.max_attempts
    }

    fn schedule_item_retry(&mut self, step: StepIndex, item: ItemIndex, attempt: Attempt) {
        let retry = &self.plan.step(step).retry;
        let delay = backoff::delay_ms(retry, self.counted_of_item(step, item, attempt));
        let delay = match &self.run.started {
            Some(started) if retry.jitter => {
                backoff::spread_item_ms(delay, started.run, step, item, attempt)
            }
            Some(_) | None => delay,
        };
        let (timer, at) = (self.run.next_timer, self.now().plus_ms(delay));
        let attempt = Attempt(attempt.0.saturating_add(1));
        self.emit(Event::ItemRetryScheduled { step, item, attempt, timer, at });
    }

    /// Which attempt it is of those that count against `max_attempts`.
    fn counted_of_item(&self, step: StepIndex, item: ItemIndex, attempt: Attempt) -> u32 {
        let run = self.run.items(step).and_then(|items| items.item(item));
        attempt.0.saturating_sub(run.map_or(0, |run| run.attempts_forgiven))
    }
}

fn shape(each: &Each) -> Shape {
    if each.collects { Shape::Collected } else { Shape::List }
}

/// The step needs no handler of its own any more.
fn completed(step: StepIndex, attempt: Attempt, output: Payload) -> Event {
    Event::StepCompleted { step, attempt, output, may_repeat: false }
}

fn as_items(list: Value) -> Result<Vec<Value>, Failure> {
    let refused = |code: &str, message: String| {
        Err(Failure { code: code.to_owned(), message, fatal: true, details: None })
    };
    let noun = match list {
        Value::Array(items) if items.len() > ITEMS_MAX => {
            let count = items.len();
            return refused(
                "NX3031",
                format!("`for_each` has {count} items, more than {ITEMS_MAX}"),
            );
        }
        Value::Array(items) => return Ok(items),
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Object(_) => "a map",
    };
    refused("NX3030", format!("`for_each` takes a list, and its expression gives {noun}"))
}
