//! A run in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexus_log::Row;
use nexus_model::codec;
use nexus_model::command::Command;
use nexus_model::decide::{TimerChange, Transition, asked_for};
use nexus_model::effect::{Effect, Reading, RunAttempt, pending_for, pending_items};
use nexus_model::event::{Event, Given, Interruption};
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex, TimerId};
use nexus_model::payload::{NewPayload, PayloadHash};
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use nexus_model::run::{ItemState, Run, StepState, TimerPurpose, UndoState};
use nexus_model::time::Timestamp;
use nexus_model::vault::Vault;

use super::effects::{ends_a_pause, is_end, opens};
use super::held::Held;
use super::names::Names;
use super::output::FunctionNews;
use super::{Answer, Asked, Output, Refusal, Slots, encode};
use crate::handler::AttemptInfo;
use crate::tables::migration_row;
use crate::vault::forgotten_rows;

/// A parked run whose next timer is this near stays in memory, in milliseconds.
const NEAR_TIMER_MS: u64 = 2_000;
/// A run with fewer events than this is folded again rather than read from a snapshot.
const SNAPSHOT_EVENTS_MIN: u32 = 256;
/// A run that has ended is folded again rather than read from a snapshot unless it has as many events.
const SNAPSHOT_ENDED_EVENTS_MIN: u32 = 4_096;
/// Payloads that were read are kept for later decisions up to this many bytes.
const LOADED_BYTES_MAX: usize = 256 * 1024;
/// A snapshot is worth writing when the events since the last one take this many times its bytes.
const SNAPSHOT_GROWTH: usize = 4;

/// The latest attempts of steps and items whose handlers were called.
pub(super) type AtWork = BTreeMap<(StepIndex, Option<ItemIndex>), Attempt>;

/// A run in memory.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own life")]
pub(super) struct Resident {
    pub(super) plan: Arc<Plan>,
    pub(super) run: Run,
    /// What hides its values, if it is encrypted.
    pub(super) vault: Option<Arc<dyn Vault>>,
    /// Whether the attempts of an earlier process have been taken up.
    pub(super) is_driven: bool,
    /// Whether the log refused a transition, so that the state in memory is not what is recorded.
    pub(super) is_broken: bool,
    pub(super) waits_for_payloads: bool,
    /// Requests not decided yet.
    pub(super) queue: VecDeque<Asked>,
    /// Requests whose transitions the log refused, to be asked again.
    pub(super) given_back: Vec<Asked>,
    /// Attempts whose handlers this engine has called, or will once they may be resumed, and whose outcome is not recorded.
    pub(super) at_work: AtWork,
    /// Transitions on their way to the disk, oldest first.
    pub(super) held: VecDeque<Held>,
    /// Payloads loaded for the decision at hand.
    pub(super) payloads: BTreeMap<PayloadHash, Arc<[u8]>>,
    /// Payloads loaded for earlier decisions, newest last: the next one often needs them again.
    loaded: VecDeque<NewPayload>,
    /// What its handlers are told of it, once they are.
    names: OnceLock<Names>,
    /// Rows that go with the next transition.
    pub(super) rows: Vec<Row>,
    /// Time of the last decision.
    pub(super) last_given: Timestamp,
    /// Estimated size in memory.
    pub(super) bytes: usize,
    is_hungry: bool,
    events_since_snapshot: u32,
    bytes_since_snapshot: usize,
}

impl Resident {
    pub(super) fn new(plan: Arc<Plan>, run: Run, vault: Option<Arc<dyn Vault>>) -> Self {
        let bytes = estimate_bytes(&plan);
        Self {
            is_driven: run.started.is_none(),
            plan,
            run,
            vault,
            is_broken: false,
            waits_for_payloads: false,
            queue: VecDeque::new(),
            given_back: Vec::new(),
            at_work: BTreeMap::new(),
            held: VecDeque::new(),
            payloads: BTreeMap::new(),
            loaded: VecDeque::new(),
            names: OnceLock::new(),
            rows: Vec::new(),
            last_given: Timestamp::default(),
            bytes,
            is_hungry: false,
            events_since_snapshot: 0,
            bytes_since_snapshot: 0,
        }
    }

    /// The run was migrated: from here on this is its plan.
    pub(super) fn goes_on_with(&mut self, plan: Arc<Plan>) {
        self.plan = plan;
    }

    /// The function of the run has made calls: its plan has them from here on.
    pub(super) fn grows(&mut self, events: &[Event]) {
        let Some(Event::CallsMade(made)) = events.first() else { return };
        let plan = self.plan.with_calls(made).expect("calls that were decided are steps");
        self.plan = Arc::new(plan);
    }

    /// Has the function of the run asked what it does next, if there is one. It reads what is recorded, so it is told of all
    /// that is durable.
    fn tell_function(&self, run: RunId, revision: u32, out: &mut Vec<Output>) {
        let Some(started) = self.run.started.as_deref() else { return };
        if let Some(code) = &self.run.code {
            let began = code.began;
            let workflow = started.workflow.clone();
            out.push(Output::Function(Box::new(FunctionNews { run, workflow, began, revision })));
        }
    }

    /// Takes up a run that was read from the log: its timers, and the attempts that are under way without a handler of this
    /// engine. A run leaves memory only without running attempts, so these belong to a process that is gone: those that
    /// were at work were cut off by its end, those that rested are carried on.
    ///
    /// An engine that drives nothing leaves them alone; `is_kept`: a pause of the store applies.
    pub(super) fn take_up(
        &mut self,
        run: RunId,
        drives: bool,
        is_kept: bool,
        slots: &mut Slots,
        out: &mut Vec<Output>,
    ) {
        if std::mem::replace(&mut self.is_driven, true) {
            return;
        }
        // One that a pause keeps is set when that ends: it would only be refused now, and again each time the run is read.
        let timers = self.run.timers.iter();
        let timers = timers.filter(|(_, timer)| !is_kept && !self.run.holds_timer(timer.purpose));
        out.extend(timers.map(|(id, timer)| Output::TimerSet(run, *id, timer.due)));
        if drives {
            out.extend(self.calls(run));
        }
        // One that only its function asks for was told all there is, or it could not ask: told again, it would ask again.
        let is_asked = !self.queue.is_empty() && self.queue.iter().all(Asked::is_of_function);
        if drives && !is_asked && !self.run.status.is_terminal() {
            self.tell_function(run, self.run.revision, out);
        }
        if drives {
            out.extend(self.slots_to_ask_for(run));
            out.extend(self.events_to_read(run));
        }
        let mut cut_off = Vec::new();
        let running: Vec<StepIndex> =
            if drives { self.run.running().collect() } else { Vec::new() };
        for step in running {
            let attempt = self.run.step_run(step).attempt;
            if self.at_work.get(&(step, None)) == Some(&attempt) {
                continue;
            }
            match pending_for(&self.plan, &self.run, step) {
                // They are carried on when no pause keeps them.
                Some(Effect::ResumeAttempt { .. }) if is_kept => {}
                None if self.run.holds_cut_off(step) => {}
                Some(Effect::ResumeAttempt { alone, .. }) => {
                    slots.0 -= 1;
                    self.at_work.insert((step, None), attempt);
                    out.push(self.resume(run, (step, None, attempt), alone));
                }
                Some(Effect::ReadEvents(_)) => {}
                Some(Effect::RunAttempt(_) | Effect::StopAttempt { .. } | Effect::Call(_))
                | None => {
                    cut_off.push((step, attempt));
                }
            }
        }
        let items = if drives { self.take_up_items(run, is_kept, slots, out) } else { Vec::new() };
        if !cut_off.is_empty() {
            let interrupt =
                Command::InterruptAttempts { attempts: cut_off, how: Interruption::ProcessEnded };
            self.queue.push_front(Asked::silent(interrupt));
        }
        if drives && !items.is_empty() {
            let interrupt =
                Command::InterruptItems { attempts: items, how: Interruption::ProcessEnded };
            self.queue.push_front(Asked::silent(interrupt));
        }
    }

    /// An attempt that was cut off is to be carried on.
    fn resume(
        &self,
        run: RunId,
        (step, item, attempt): (StepIndex, Option<ItemIndex>, Attempt),
        alone: bool,
    ) -> Output {
        let (plan, undo) = (Arc::clone(&self.plan), self.run.step_run(step).undo().is_some());
        Output::Resume { plan, run, step, item, attempt, undo, alone }
    }

    /// Takes up attempts of items that are under way without a handler of this engine: those that rest are resumed. Returns the
    /// others.
    fn take_up_items(
        &mut self,
        run: RunId,
        is_kept: bool,
        slots: &mut Slots,
        out: &mut Vec<Output>,
    ) -> Vec<(StepIndex, ItemIndex, Attempt)> {
        let mut cut_off = Vec::new();
        let running: Vec<Effect> = self
            .run
            .iterating()
            .flat_map(|step| pending_items(&self.plan, &self.run, step))
            .collect();
        for effect in running {
            match effect {
                Effect::ResumeAttempt { .. } if is_kept => {}
                Effect::ResumeAttempt { step, item, attempt, alone } => {
                    if self.at_work.insert((step, item), attempt) != Some(attempt) {
                        slots.0 -= 1;
                        out.push(self.resume(run, (step, item, attempt), alone));
                    }
                }
                Effect::RunAttempt(RunAttempt { step, item: Some(item), attempt, .. })
                | Effect::StopAttempt { step, item: Some(item), attempt } => {
                    if self.at_work.get(&(step, Some(item))) != Some(&attempt) {
                        cut_off.push((step, item, attempt));
                    }
                }
                Effect::RunAttempt(_)
                | Effect::StopAttempt { .. }
                | Effect::Call(_)
                | Effect::ReadEvents(_) => {}
            }
        }
        cut_off
    }

    /// Events that were emitted before steps waited for them, to be offered to them.
    fn events_to_read(&self, run: RunId) -> impl Iterator<Item = Output> {
        let since = self.run.started_at;
        let reads = self.run.reading_events();
        reads.map(move |(step, waiting, event)| {
            Output::ReadEvents(run, Reading { step, waiting, event: event.to_owned(), since })
        })
    }

    /// Slots that are waited for. Whether their limits were told before is not known here; telling them again changes nothing.
    fn slots_to_ask_for(&self, run: RunId) -> impl Iterator<Item = Output> {
        let waits = self.run.slots.iter().filter(|(_, hold)| !hold.granted);
        waits.map(move |(slot, hold)| Output::Slot(asked_for(&self.plan, run, slot, hold)))
    }

    /// Whether its state is what is recorded.
    pub(super) fn is_durable(&self) -> bool {
        self.held.is_empty() && !self.is_broken && self.run.revision > 0
    }

    /// Whether nothing is undecided or on its way to the log.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.held.is_empty()
    }

    /// Takes payloads that a decision needs from transitions that are not durable yet; returns those that must be read.
    pub(super) fn take_held(&mut self, hashes: Vec<PayloadHash>) -> Vec<PayloadHash> {
        let held = self.held.iter().flat_map(|held| &held.payloads).chain(&self.loaded);
        let found = held.filter(|(hash, _)| hashes.contains(hash)).cloned();
        self.payloads.extend(found);
        hashes.into_iter().filter(|hash| !self.payloads.contains_key(hash)).collect()
    }

    /// Takes payloads that were read for the decision at hand, and keeps them for the next as far as there is room.
    pub(super) fn has_loaded(&mut self, payloads: Vec<NewPayload>) {
        let bytes =
            |kept: &VecDeque<NewPayload>| kept.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        self.loaded.extend(payloads.iter().cloned());
        while bytes(&self.loaded) > LOADED_BYTES_MAX {
            self.loaded.pop_front();
        }
        self.payloads.extend(payloads);
    }

    /// Turns what was decided into what is logged and what is held until it is durable.
    pub(super) fn hold(
        &mut self,
        run: RunId,
        asked: Asked,
        transition: Transition,
        given: Given,
    ) -> (Held, nexus_log::Transition) {
        let (effects, slots_taken) = self.effects_of(&transition.events);
        let mut rows = std::mem::take(&mut self.rows);
        rows.extend(asked.rows.iter().cloned());
        rows.extend(self.row_of_migration(run, &transition));
        if transition.events.iter().any(|event| matches!(event, Event::RunForgotten { .. })) {
            rows.extend(forgotten_rows(run));
        }
        // The transition of an encrypted run has its own payloads: those of the request are what it hides, and blobs, which are
        // sealed when they are kept.
        let is_stored = |(_, bytes): &&NewPayload| {
            self.vault.as_ref().is_none_or(|vault| vault.open(bytes).is_some())
        };
        let of_request: Vec<NewPayload> =
            asked.payloads.iter().filter(is_stored).cloned().collect();
        let logged = encode(&self.plan, run, &self.run, &transition, given, rows, &of_request);
        self.last_given = given.now;
        self.events_since_snapshot += logged.records.count();
        self.bytes_since_snapshot += logged.records.as_bytes().len();
        let payloads = of_request.into_iter().chain(self.opened(transition.payloads)).collect();
        let ends = self.run.status.is_terminal() && transition.events.iter().any(is_end);
        let held = Held {
            payloads,
            asked,
            effects,
            slots_taken,
            opens: opens(&transition.events),
            timers: transition.timers,
            slots: transition.slots,
            ended: if ends { self.tell_end(run) } else { Vec::new() },
            revision: self.run.revision,
            after: Vec::new(),
        };
        (held, logged)
    }

    /// A migration says from where on its definition counts.
    fn row_of_migration(&self, run: RunId, transition: &Transition) -> Option<Row> {
        let Some(Event::RunMigrated(migrated)) = transition.events.first() else { return None };
        let count = u32::try_from(transition.events.len()).unwrap_or(u32::MAX);
        Some(migration_row(run, self.run.revision.saturating_sub(count), migrated.definition))
    }

    /// Payloads of a transition as decisions read them.
    fn opened(&self, payloads: Vec<NewPayload>) -> Vec<NewPayload> {
        let Some(vault) = &self.vault else { return payloads };
        let open = |(hash, bytes): NewPayload| (hash, vault.open(&bytes).unwrap_or(bytes));
        payloads.into_iter().map(open).collect()
    }

    /// Lets out what waited for a transition that is now durable.
    pub(super) fn release(&mut self, run: RunId, held: Held, out: &mut Vec<Output>) {
        self.has_reported(&held.asked.command);
        out.extend((held.opens != 0).then_some(Output::Opened(held.opens)));
        for change in held.timers {
            out.push(match change {
                TimerChange::Set(timer, due) => Output::TimerSet(run, timer, due),
                TimerChange::Cleared(timer, due) => Output::TimerCleared(run, timer, due),
            });
        }
        out.extend(held.slots.into_iter().map(Output::Slot));
        for effect in held.effects {
            if !self.still_counts(&effect) {
                continue;
            }
            out.push(match effect {
                Effect::ReadEvents(reading) => Output::ReadEvents(run, reading),
                Effect::StopAttempt { step, item, attempt } => {
                    Output::Stop(run, step, item, attempt)
                }
                Effect::Call(call) => self.call(run, call),
                Effect::ResumeAttempt { step, item, attempt, alone } => {
                    self.at_work.insert((step, item), attempt);
                    self.resume(run, (step, item, attempt), alone)
                }
                Effect::RunAttempt(attempt) => {
                    self.at_work.insert((attempt.step, attempt.item), attempt.attempt);
                    Output::Attempt {
                        plan: Arc::clone(&self.plan),
                        info: Box::new(AttemptInfo {
                            fencing_token: held.revision,
                            ..self.attempt_info(
                                run,
                                (attempt.step, attempt.item, attempt.attempt),
                                attempt.undo,
                            )
                        }),
                        attempt: Box::new(attempt),
                    }
                }
            });
        }
        if ends_a_pause(&held.asked.command) {
            // Those that were due meanwhile fire now.
            let timers = self.run.timers.iter().filter(|(id, _)| !self.is_to_be_set(**id));
            out.extend(timers.map(|(id, timer)| Output::TimerSet(run, *id, timer.due)));
        }
        if !self.run.status.is_terminal() {
            self.tell_function(run, held.revision, out);
        }
        if let Some(reply) = held.asked.reply {
            out.push(Output::Reply(reply, Ok(Answer { run, revision: held.revision })));
        }
        out.extend(held.ended);
        for (asked, rejection) in held.after {
            self.answer_rejected(run, &asked, rejection, out);
        }
    }

    /// Whether the timer is set by a transition that is not durable yet.
    fn is_to_be_set(&self, timer: TimerId) -> bool {
        let mut changes = self.held.iter().flat_map(|held| &held.timers);
        changes.any(|change| matches!(change, TimerChange::Set(id, _) if *id == timer))
    }

    /// Says why a request does not fit the state.
    pub(super) fn answer_rejected(
        &mut self,
        run: RunId,
        asked: &Asked,
        rejection: Rejection,
        out: &mut Vec<Output>,
    ) {
        self.has_reported(&asked.command);
        out.extend(asked.withdrawal(run));
        if let (Rejection::StaleAttempt { .. }, Some((step, item, attempt))) =
            (&rejection, asked.report())
            && step.0 < self.plan.step_count()
        {
            let is_undo = self.run.step_run(step).undo().is_some();
            let info = self.attempt_info(run, (step, item, attempt), is_undo);
            out.push(Output::Ignored(Box::new(info)));
        }
        if let Some(reply) = asked.reply {
            out.push(Output::Reply(reply, Err(Refusal::Rejected(rejection))));
        }
    }

    /// Takes note that the handlers that `command` reports about are done.
    fn has_reported(&mut self, command: &Command) {
        let mut done = |step: &StepIndex, item: Option<ItemIndex>, attempt: &Attempt| {
            if self.at_work.get(&(*step, item)) == Some(attempt) {
                self.at_work.remove(&(*step, item));
            }
        };
        match command {
            Command::CompleteStep { step, attempt, .. }
            | Command::FailStep { step, attempt, .. } => done(step, None, attempt),
            Command::InterruptAttempts { attempts, .. } => {
                for (step, attempt) in attempts {
                    done(step, None, attempt);
                }
            }
            Command::CompleteItem { step, item, attempt, .. }
            | Command::FailItem { step, item, attempt, .. } => done(step, Some(*item), attempt),
            Command::InterruptItems { attempts, .. } => {
                for (step, item, attempt) in attempts {
                    done(step, Some(*item), attempt);
                }
            }
            Command::StartRun(_)
            | Command::ResumeAttempt { .. }
            | Command::ResumeItem { .. }
            | Command::RecordHeartbeat { .. }
            | Command::FireTimer { .. }
            | Command::PauseRun { .. }
            | Command::ResumeRun { .. }
            | Command::PauseStep { .. }
            | Command::ResumeStep { .. }
            | Command::HoldRun { .. }
            | Command::ReleaseRun
            | Command::InHold { .. }
            | Command::CancelRun { .. }
            | Command::RetryRun { .. }
            | Command::MigrateRun(_)
            | Command::ForgetRun { .. }
            | Command::DeliverSignal { .. }
            | Command::Update(_)
            | Command::EndChild { .. }
            | Command::FollowParent { .. }
            | Command::MakeCalls(_)
            | Command::ReturnFunction(_)
            | Command::OfferEvent { .. }
            | Command::EventsRead { .. }
            | Command::AllowCall { .. }
            | Command::RefuseCall { .. }
            | Command::GrantSlot { .. }
            | Command::AnswerApproval { .. }
            | Command::OfferSlots => {}
        }
    }

    /// Whether the run wants room and has not said so yet.
    pub(super) fn becomes_hungry(&mut self) -> bool {
        // One that waits for payloads was offered room before, or will look for itself when they come.
        let hungry = self.run.can_start()
            && !self.run.status.is_terminal()
            && !self.is_broken
            && !self.waits_for_payloads;
        hungry && !std::mem::replace(&mut self.is_hungry, hungry)
    }

    /// Forgets that the run has said that it wants room.
    pub(super) fn is_offered(&mut self) {
        self.is_hungry = false;
    }

    /// Whether nothing is going on with the run. An engine that drives nothing calls no handlers and fires no timers.
    pub(super) fn can_leave(&self, now: Timestamp, over_budget: bool, drives: bool) -> bool {
        if !self.is_idle() || self.waits_for_payloads || self.is_broken {
            return false;
        }
        if !drives || self.run.started.is_none() {
            return true;
        }
        let near = self.run.timers.values().any(|timer| {
            timer.purpose != TimerPurpose::RunTimeout
                && !self.run.holds_timer(timer.purpose)
                && timer.due.ms_since(now) < NEAR_TIMER_MS
        });
        // A run that a pause holds is of no use in memory, though one of the store is not parked.
        let rests = self.run.is_at_rest() || self.run.is_held();
        let waits = over_budget || (rests && !near);
        self.run.status.is_terminal() || (self.run.running_count() == 0 && waits)
    }

    /// A snapshot for a run that parks or has ended, if folding it again would take long.
    pub(super) fn snapshot_on_leaving(&mut self, run: RunId) -> Option<Output> {
        let is_long = if self.run.status.is_terminal() {
            self.events_since_snapshot > 0 && self.run.revision >= SNAPSHOT_ENDED_EVENTS_MIN
        } else {
            self.events_since_snapshot >= SNAPSHOT_EVENTS_MIN / 4
        };
        is_long.then(|| self.snapshot(run))
    }

    /// A snapshot for a run that goes on, when much has been added since the last.
    pub(super) fn snapshot_on_growth(&mut self, run: RunId) -> Option<Output> {
        let state_bytes = self.bytes.max(1);
        (self.events_since_snapshot >= SNAPSHOT_EVENTS_MIN
            && self.bytes_since_snapshot >= SNAPSHOT_GROWTH * state_bytes)
            .then(|| self.snapshot(run))
    }

    fn snapshot(&mut self, run: RunId) -> Output {
        let bytes = codec::encode_run(&self.plan, &self.run);
        self.bytes = self.bytes.max(bytes.len());
        self.events_since_snapshot = 0;
        self.bytes_since_snapshot = 0;
        Output::Snapshot(run, self.run.revision, bytes)
    }

    fn attempt_info(
        &self,
        run: RunId,
        (step, item, attempt): (StepIndex, Option<ItemIndex>, Attempt),
        is_undo: bool,
    ) -> AttemptInfo {
        let heartbeat_ms = self.plan.heartbeat_ms(step).filter(|_| !is_undo);
        let names = self.names.get_or_init(|| Names::of(self.run.started.as_deref()));
        let Names { run: run_name, workflow, folder } = names.clone();
        AttemptInfo {
            run,
            run_name,
            workflow,
            step,
            step_id: Arc::from(self.plan.id(step)),
            item,
            attempt,
            begun: self.run.revision,
            fencing_token: 0,
            may_repeat: may_repeat(&self.run, step, item),
            is_undo,
            undone_item: self.run.step_run(step).undo.as_ref().and_then(|undo| undo.item()),
            round_mark: self.run.round_mark(&self.plan, step),
            heartbeat: heartbeat_ms.map(Duration::from_millis),
            folder,
            store: None,
            vault: self.vault.clone(),
        }
    }
}

fn may_repeat(run: &Run, step: StepIndex, item: Option<ItemIndex>) -> bool {
    if let Some(item) = item {
        let run = run.items(step).and_then(|items| items.item(item));
        return run
            .is_some_and(|run| matches!(run.state, ItemState::Running { may_repeat: true, .. }));
    }
    matches!(run.step(step), StepState::Running { may_repeat: true, .. })
        || matches!(run.step_run(step).undo(), Some(UndoState::Running { may_repeat: true, .. }))
}

fn estimate_bytes(plan: &Plan) -> usize {
    600 + plan.step_count() as usize * 180
}
