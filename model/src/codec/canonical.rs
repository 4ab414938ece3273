//! The state of a run as bytes, in one canonical form: what a snapshot holds and what the state hash covers.
//!
//! The form is version 1: the fields in the order of their declaration, numbers as LEB128, times as eight bytes little endian,
//! choices as one byte, text and lists after their length. What follows from the rest (open needs, ready, running, counts)
//! is left out. What only some steps have stands behind a choice of its own, [`UNDO`], and only where it is. What only some runs
//! have follows at the end in sections, each after its number, in the order of the numbers; a run that has nothing to say there
//! has no section, so its form is that of versions that did not know it. A state hash stands in the log, so this form never
//! changes; another one is a new version beside it.

use std::collections::BTreeMap;

pub(super) mod items;
mod slots;
pub(super) mod updates;

use crate::event::{Actor, Failure, Parent, RunStarted};
use crate::id::{StepIndex, TimerId};
use crate::payload::{ContentType, Payload};
use crate::plan::Plan;
use crate::run::Holds;
use crate::run::{
    KeptSignal, LastCall, Loop, Run, RunStatus, Signals, StepRun, StepState, StepUndo, Timer,
    TimerPurpose, UndoState,
};
use crate::time::Timestamp;
use crate::topic::Offered;

/// Version of the form, and its first byte.
pub(super) const VERSION: u8 = 1;

/// Number of the section of signals.
pub(super) const SECTION_SIGNALS: u8 = 1;
/// Number of the section of the runs that were called.
pub(super) const SECTION_CALLS: u8 = 40;
/// Number of the section of the run that called this one.
pub(super) const SECTION_PARENT: u8 = 41;

/// Number of the section of items.
pub(super) const SECTION_ITEMS: u8 = 38;

/// Number of the section of slots.
pub(super) const SECTION_SLOTS: u8 = 52;

/// Number of the section of progress.
pub(super) const SECTION_PROGRESS: u8 = 48;
/// Number of the section of steps that have to start in time.
pub(super) const SECTION_QUEUED: u8 = 49;

/// Number of a step that waits for the decision of a person.
pub(super) const AWAITED_APPROVAL: u8 = 33;

/// Number of a step that waits for an event.
pub(super) const AWAITED_EVENT: u8 = 64;

/// The choice that says that what concerns undoing comes before the rest of a status or step.
pub(super) const UNDO: u8 = 32;

/// Number of the state of a step that a router has gone around.
pub(super) const STATE_BYPASSED: u8 = 44;

/// Number of the section of loops.
pub(super) const SECTION_LOOPS: u8 = 45;

/// Number of the section of holds.
pub(super) const SECTION_HOLDS: u8 = 60;

/// Number of the section of attempts made under numbers that other steps have now.
pub(super) const SECTION_PASSED: u8 = 72;

/// What says that the key of the run's values was deleted.
pub(super) const SECTION_FORGOTTEN: u8 = 80;

/// BLAKE3 of the four bytes `null`.
pub(super) const NULL_HASH: [u8; 32] = [
    0x03, 0xf8, 0x8b, 0x99, 0xc3, 0xd8, 0x07, 0x3b, 0xba, 0x89, 0x48, 0xd6, 0xe7, 0x62, 0xaa, 0xc4,
    0x43, 0xb2, 0x65, 0xf6, 0x06, 0xcc, 0x05, 0xab, 0xd4, 0xd1, 0x72, 0xf0, 0x3a, 0x4d, 0xef, 0x6a,
];

/// How payloads stand in the form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Payloads {
    /// As the state holds them.
    Whole,
    /// By content type, length and hash of their bytes, wherever those are.
    References,
}

/// Writes the state of `run`.
pub(super) fn write(plan: &Plan, run: &Run, payloads: Payloads) -> Vec<u8> {
    let mut writer =
        Writer { out: Vec::with_capacity(512 + 64 * plan.step_count() as usize), payloads };
    writer.byte(VERSION);
    writer.out.extend_from_slice(&plan.hash().0);
    writer.run(run);
    writer.code(plan, run, payloads);
    writer.out
}

pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    payloads: Payloads,
}

impl Writer {
    pub(super) fn new(payloads: Payloads) -> Self {
        Self { out: Vec::new(), payloads }
    }

    fn run(&mut self, run: &Run) {
        self.option(run.started.as_deref(), Self::started);
        self.time(run.started_at);
        self.option(run.ended_at, Self::time);
        if run.plans_undo() {
            self.byte(UNDO);
        }
        self.status(&run.status);
        self.flag(run.paused);
        self.count(run.timers.len());
        for (timer, Timer { due, purpose }) in &run.timers {
            self.number(timer.0);
            self.time(*due);
            self.purpose(*purpose);
        }
        self.number(run.next_timer.0);
        self.number(run.revision);
        self.count(run.steps().count());
        run.steps().for_each(|(_, step)| self.step(step));
        if !run.signals.is_empty() {
            self.byte(SECTION_SIGNALS);
            self.signals(&run.signals);
        }
        if run.all_items().next().is_some() {
            self.byte(SECTION_ITEMS);
            self.count(run.all_items().count());
            for (step, items) in run.all_items() {
                self.index(step);
                self.items(items);
            }
        }
        self.calls_and_parent(run);
        if !run.loops.is_empty() {
            self.byte(SECTION_LOOPS);
            self.loops(&run.loops);
        }
        let limits = run.started.as_ref().map_or(&[][..], |started| &started.limits);
        if !run.slots.is_empty() || !limits.is_empty() {
            self.byte(SECTION_SLOTS);
            self.count(limits.len());
            for wish in limits {
                self.wish(wish);
            }
            self.slots(&run.slots);
        }
        if !run.progress.is_empty() {
            self.byte(SECTION_PROGRESS);
            self.count(run.progress.len());
            for (step, progress) in &run.progress {
                self.index(*step);
                self.payload(progress);
            }
        }
        if !run.queued.is_empty() {
            self.byte(SECTION_QUEUED);
            self.count(run.queued.len());
            for (step, timer) in &run.queued {
                self.index(*step);
                self.number(timer.0);
            }
        }
        if !run.holds.is_empty() {
            self.byte(SECTION_HOLDS);
            self.holds(&run.holds);
        }
        self.passed(run);
        self.updates(&run.updates);
    }

    fn calls_and_parent(&mut self, run: &Run) {
        if !run.calls.is_empty() {
            self.byte(SECTION_CALLS);
            self.calls(run);
        }
        let parent = run.started.as_ref().and_then(|started| started.parent.as_ref());
        if parent.is_some() || run.parent_paused {
            self.byte(SECTION_PARENT);
            self.option(parent, Self::parent);
            self.flag(run.parent_paused);
        }
    }

    fn passed(&mut self, run: &Run) {
        if !run.passed.is_empty() {
            self.byte(SECTION_PASSED);
            self.count(run.passed.len());
            for (place, attempt) in &run.passed {
                self.number(place.0);
                self.number(*attempt);
            }
        }
        if run.forgotten {
            self.byte(SECTION_FORGOTTEN);
        }
    }

    fn holds(&mut self, holds: &Holds) {
        let Holds { by_store, steps } = holds;
        self.count(by_store.len());
        for pause in by_store {
            self.text(pause);
        }
        self.count(steps.len());
        for step in steps {
            self.index(*step);
        }
    }

    /// What follows from the rest (concurrency, counts) is left out.
    fn loops(&mut self, loops: &BTreeMap<StepIndex, Loop>) {
        self.count(loops.len());
        for (step, Loop { round, forgiven, carry }) in loops {
            self.index(*step);
            self.number(*round);
            self.number(*forgiven);
            self.payload(carry);
        }
    }

    fn signals(&mut self, signals: &Signals) {
        let Signals { received, kept, ids } = signals;
        self.number(*received);
        self.count(kept.len());
        for (number, KeptSignal { name, payload, by, at, offered }) in kept {
            self.number(*number);
            self.text(name);
            self.payload(payload);
            let Actor { name, via } = by;
            self.text(name);
            self.text(via);
            self.time(*at);
            self.option(*offered, |out, Offered { record, step }| {
                out.number(record);
                out.number(step.0);
            });
        }
        self.count(ids.len());
        for id in ids {
            self.text(id);
        }
    }

    fn calls(&mut self, run: &Run) {
        self.count(run.calls.len());
        for (step, LastCall { number, definition, input, seen, goes_on }) in &run.calls {
            self.index(*step);
            self.number(*number);
            self.out.extend_from_slice(&definition.0);
            self.out.extend_from_slice(&input.0);
            self.number(*seen);
            self.flag(*goes_on);
        }
    }

    fn parent(&mut self, Parent { run, name, step }: &Parent) {
        self.out.extend_from_slice(&run.0);
        self.text(name);
        self.index(*step);
    }

    fn started(&mut self, started: &RunStarted) {
        let RunStarted {
            run,
            name,
            workflow,
            definition,
            input,
            labels,
            folder,
            by,
            seed,
            timeout,
            parent: _,
            limits: _, // They stand in the section of slots.
        } = started;
        self.out.extend_from_slice(&run.0);
        self.text(name);
        self.text(workflow);
        self.out.extend_from_slice(&definition.0);
        self.payload(input);
        self.count(labels.len());
        for (key, value) in labels {
            self.text(key);
            self.text(value);
        }
        self.text(folder);
        let Actor { name, via } = by;
        self.text(name);
        self.text(via);
        self.number(*seed);
        self.option(*timeout, |writer, (timer, at)| {
            writer.number(timer.0);
            writer.time(at);
        });
    }

    fn status(&mut self, status: &RunStatus) {
        match status {
            RunStatus::Running => self.byte(0),
            RunStatus::Failing { failure, step } => {
                self.byte(1);
                self.failure(failure);
                self.option(*step, Self::index);
            }
            RunStatus::Cancelling { reason } => {
                self.byte(2);
                self.text(reason);
            }
            RunStatus::Completed { output } => {
                self.byte(3);
                self.payload(output);
            }
            RunStatus::Failed { failure, step } => {
                self.byte(4);
                self.failure(failure);
                self.option(*step, Self::index);
            }
            RunStatus::Cancelled { reason } => {
                self.byte(5);
                self.text(reason);
            }
        }
    }

    fn purpose(&mut self, purpose: TimerPurpose) {
        let (tag, step) = match purpose {
            TimerPurpose::RunTimeout => return self.byte(0),
            TimerPurpose::Sleep(step) => (1, step),
            TimerPurpose::Retry(step) => (2, step),
            TimerPurpose::Deadline(step) => (3, step),
            TimerPurpose::Wait(step) => (4, step),
            TimerPurpose::ItemRetry(step, item) => {
                self.byte(37);
                self.index(step);
                return self.number(item.0);
            }
            TimerPurpose::Start(step) => (50, step),
            TimerPurpose::Undo(step) => (UNDO, step),
        };
        self.byte(tag);
        self.index(step);
    }

    fn step(&mut self, step: &StepRun) {
        let StepRun { state, attempt, attempts_forgiven, deadline, started_at, settled_at, undo } =
            step;
        if let Some(undo) = undo {
            self.byte(UNDO);
            self.undo(undo);
        }
        self.state(state);
        self.number(attempt.0);
        self.number(*attempts_forgiven);
        self.option(*deadline, |writer, timer| writer.number(timer.0));
        self.option(*started_at, Self::time);
        self.option(*settled_at, Self::time);
    }

    fn undo(&mut self, undo: &StepUndo) {
        let StepUndo { state, attempts_forgiven, started_at, settled_at, items } = undo;
        self.undo_of_items(*items);
        match state {
            UndoState::Pending => self.byte(0),
            UndoState::Running {
                attempt,
                input,
                interruptions,
                may_repeat,
                rests,
                since,
                stopping,
            } => {
                self.byte(1);
                self.number(attempt.0);
                self.option(input.as_ref(), Self::payload);
                self.number(*interruptions);
                self.byte(u8::from(*may_repeat) | u8::from(*rests) << 1);
                self.time(*since);
                self.flag(*stopping);
            }
            UndoState::Retrying { attempt, timer, at, failure } => {
                self.byte(2);
                self.number(attempt.0);
                self.option(*timer, |writer, timer| writer.number(timer.0));
                self.time(*at);
                self.failure(failure);
            }
            UndoState::Failed { failure } => {
                self.byte(3);
                self.failure(failure);
            }
            UndoState::Undone => self.byte(4),
            UndoState::GivenUp => self.byte(5),
        }
        self.number(*attempts_forgiven);
        self.option(*started_at, Self::time);
        self.option(*settled_at, Self::time);
    }

    fn state(&mut self, state: &StepState) {
        match state {
            StepState::Waiting => self.byte(0),
            StepState::Running {
                attempt,
                input,
                interruptions,
                may_repeat,
                rests,
                since,
                stopping,
            } => {
                self.byte(1);
                self.number(attempt.0);
                self.option(input.as_ref(), Self::payload);
                self.number(*interruptions);
                self.byte(u8::from(*may_repeat) | u8::from(*rests) << 1);
                self.time(*since);
                self.option(stopping.as_ref(), Self::failure);
            }
            StepState::Sleeping { timer, until } => {
                self.byte(2);
                self.number(timer.0);
                self.time(*until);
            }
            StepState::Retrying { attempt, timer, at, failure } => {
                self.byte(3);
                self.number(attempt.0);
                self.option(*timer, |writer, timer| writer.number(timer.0));
                self.time(*at);
                self.failure(failure);
            }
            StepState::Completed { output } => {
                self.byte(4);
                self.payload(output);
            }
            StepState::Failed { failure, continued } => {
                self.byte(5);
                self.failure(failure);
                self.flag(*continued);
            }
            StepState::Skipped { reason, router: None } => {
                self.byte(6);
                self.text(reason);
            }
            StepState::Iterating => self.byte(36),
            StepState::Skipped { reason, router: Some(router) } => {
                self.byte(STATE_BYPASSED);
                self.text(reason);
                self.index(*router);
            }
            StepState::NotReached => self.byte(7),
            StepState::Cancelled => self.byte(8),
            StepState::Calling { number, input, timer, stopping } => {
                self.byte(40);
                self.number(*number);
                self.option(input.as_ref(), Self::payload);
                self.due(*timer);
                self.option(stopping.as_ref(), Self::failure);
            }
            StepState::Awaiting { what, timer } => {
                self.byte(9);
                self.awaited(what);
                self.due(*timer);
            }
        }
    }

    fn due(&mut self, timer: Option<(TimerId, Timestamp)>) {
        self.option(timer, |writer, (timer, at)| {
            writer.number(timer.0);
            writer.time(at);
        });
    }

    fn failure(&mut self, failure: &Failure) {
        let Failure { code, message, fatal, details } = failure;
        self.text(code);
        self.text(message);
        self.flag(*fatal);
        self.option(details.as_deref(), Self::text);
    }

    pub(super) fn payload(&mut self, payload: &Payload) {
        match self.payloads {
            Payloads::Whole => self.payload_whole(payload),
            Payloads::References => self.payload_reference(payload),
        }
    }

    fn payload_whole(&mut self, payload: &Payload) {
        match payload {
            Payload::Null => self.byte(0),
            Payload::Inline(content_type, bytes) => {
                self.byte(1);
                self.content_type(*content_type);
                self.bytes(bytes);
            }
            Payload::Stored(content_type, hash, len) => {
                self.byte(2);
                self.content_type(*content_type);
                self.number(*len);
                self.out.extend_from_slice(&hash.0);
            }
        }
    }

    fn payload_reference(&mut self, payload: &Payload) {
        let hash = match payload {
            Payload::Null => NULL_HASH,
            Payload::Inline(_, bytes) => *blake3::hash(bytes).as_bytes(),
            Payload::Stored(_, hash, _) => hash.0,
        };
        self.content_type(payload.content_type());
        self.number(payload.len());
        self.out.extend_from_slice(&hash);
    }

    fn content_type(&mut self, content_type: ContentType) {
        self.byte(match content_type {
            ContentType::Json => 0,
            ContentType::Bytes => 1,
            ContentType::Chunks => 2,
        });
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn index(&mut self, step: StepIndex) {
        self.number(step.0);
    }

    fn time(&mut self, time: Timestamp) {
        self.out.extend_from_slice(&time.0.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(super) fn number(&mut self, number: impl Into<u64>) {
        let mut rest = number.into();
        while rest >= 0x80 {
            self.byte(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.byte(rest.to_le_bytes()[0]);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }
}
