//! Shards: a set of runs and the decisions about them. Synchronous, without clock, channels or disk.
//!
//! Invariants:
//! * Effects, replies and timers of a transition leave only after the log has answered that it is durable.
//! * State in memory may run ahead of the log; when the log refuses a transition, the run rests, is read again, and what
//!   was asked of it meanwhile is asked again, in order. Handlers that are at work meanwhile are not called twice.
//! * A run is in memory only while something is going on with it.

mod aggregates;
mod away;
mod calls;
mod effects;
mod events;
mod held;
mod input;
mod names;
mod output;
mod pauses;
mod resident;
mod transition;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use nexus_log::Outcome;
use nexus_model::aggregate::{AggregateId, Calendar};
use nexus_model::command::Command;
use nexus_model::decide::{Context, Decision, decide};
use nexus_model::event::Given;
use nexus_model::id::RunId;
use nexus_model::pauses::Pauses;
use nexus_model::payload::{NewPayload, PayloadHash};
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use nexus_model::run::Run;
use nexus_model::time::Timestamp;

use aggregates::Aggregates;
pub use aggregates::LoadedAggregate;
use away::Away;
pub use calls::{ChildReport, RunCall};
pub use input::{Asked, AskedAggregate, Input, Loaded, ReplyId, Start};
pub use output::{Again, Answer, FunctionNews, Output, Refusal};
use resident::Resident;
pub use transition::encode;

/// What a shard may do at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether runs of an earlier process are taken up; otherwise requests are only recorded.
    pub drives: bool,
    /// An attempt that was cut off this often by the end of a process fails instead of running again.
    pub interruptions_max: u32,
    /// Bytes of run state kept in memory for runs that only wait for room.
    pub resident_bytes_max: usize,
}

/// A set of runs.
#[derive(Debug)]
pub struct Shard {
    limits: Limits,
    runs: HashMap<RunId, Resident>,
    away: HashMap<RunId, Away>,
    aggregates: Aggregates,
    /// Transitions by their streams: of runs, and of aggregates.
    batch: Vec<(RunId, nexus_log::Transition)>,
    resident_bytes: usize,
    /// The pauses of the store.
    pauses: Arc<Pauses>,
    /// Runs that left memory while a pause of the store held them.
    kept_away: BTreeSet<RunId>,
    calls_coming: usize,
}

/// The room there is: how many attempts may still be started, shared by the shards of one driver.
/// Negative while more run than configured, after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots(pub i64);

impl Slots {
    fn free(self) -> u32 {
        u32::try_from(self.0.max(0)).unwrap_or(u32::MAX)
    }

    /// What is free beside what the command itself takes: attempts that were cut off are carried on.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else takes room by itself")]
    fn free_for(self, command: &Command) -> u32 {
        let taken = match command {
            Command::InterruptAttempts { attempts, .. } => attempts.len(),
            Command::InterruptItems { attempts, .. } => attempts.len(),
            _ => 0,
        };
        self.free().saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }
}

impl Shard {
    /// Starts without runs.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            runs: HashMap::new(),
            away: HashMap::new(),
            aggregates: Aggregates::new(limits.drives),
            batch: Vec::new(),
            resident_bytes: 0,
            pauses: Arc::default(),
            kept_away: BTreeSet::new(),
            calls_coming: 0,
        }
    }

    /// Lets aggregates know when rules of the calendar are due.
    #[must_use]
    pub fn with_calendar(mut self, calendar: Arc<dyn Calendar>) -> Self {
        self.aggregates.set_calendar(calendar);
        self
    }

    /// Takes one input. What follows from it is appended to `out`; transitions collect until [`take_batch`](Self::take_batch).
    pub fn on(&mut self, input: Input, now: Timestamp, slots: &mut Slots, out: &mut Vec<Output>) {
        match input {
            Input::Start(start) => self.start(*start, now, slots, out),
            Input::Ask { run, asked } => self.ask(run, asked, now, slots, out),
            Input::Loaded { run, loaded } => self.loaded(run, loaded, now, slots, out),
            Input::PayloadsLoaded { run, payloads } => {
                self.payloads_loaded(run, payloads, now, slots, out);
            }
            Input::Rested { run } => match AggregateId::of(run.0) {
                Some(id) => self.aggregates.rested(id, out),
                None => self.rested(run, now, slots, out),
            },
            Input::Answered { run, outcome } => match AggregateId::of(run.0) {
                Some(id) => self.aggregates.answered(id, &outcome, out),
                None => self.answered(run, outcome, slots, out),
            },
            Input::Pauses(pauses) => self.set_pauses(pauses, now, slots, out),
            Input::Drive { run } => self.drive(run, now, slots, out),
            Input::Offer { run } => self.offer(run, now, slots, out),
            Input::AskAggregate { id, asked } => {
                self.aggregates.ask(id, asked, now, &mut self.batch, out);
            }
            Input::AggregateLoaded { id, loaded } => {
                self.aggregates.loaded(id, loaded, now, &mut self.batch, out);
            }
            Input::DriveAggregate { id } => self.aggregates.drive(id, out),
        }
    }

    /// The transitions decided since the last call, in order.
    pub fn take_batch(&mut self) -> Vec<(RunId, nexus_log::Transition)> {
        std::mem::take(&mut self.batch)
    }

    /// Whether transitions wait to be taken.
    pub fn has_batch(&self) -> bool {
        !self.batch.is_empty()
    }

    /// How many runs are in memory.
    pub fn resident_count(&self) -> usize {
        self.runs.len()
    }

    /// The runs in memory of which everything is durable.
    pub fn at_rest(&self) -> impl Iterator<Item = (RunId, &Plan, &Run)> {
        let rest = self.runs.iter().filter(|(_, resident)| resident.is_durable());
        rest.map(|(id, resident)| (*id, &*resident.plan, &resident.run))
    }

    /// Whether the run is in memory.
    pub fn is_resident(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// Whether the run is in memory and has not ended there.
    pub fn is_open(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|resident| !resident.run.status.is_terminal())
    }

    /// How many handlers are called once what is on its way to the log is durable.
    pub fn calls_coming(&self) -> usize {
        self.calls_coming
    }

    /// Whether nothing is undecided or on its way to the log.
    pub fn is_idle(&self) -> bool {
        self.away.is_empty()
            && self.batch.is_empty()
            && self.runs.values().all(Resident::is_idle)
            && self.aggregates.is_idle()
    }

    fn start(&mut self, start: Start, now: Timestamp, slots: &mut Slots, out: &mut Vec<Output>) {
        let run = start.started.run;
        let mut resident = Resident::new(start.plan.clone(), Run::new(&start.plan), start.vault);
        resident.rows = start.rows;
        self.insert(run, resident);
        let command = Command::StartRun(start.started);
        self.ask(
            run,
            Asked { payloads: start.payloads, reply: start.reply, ..Asked::silent(command) },
            now,
            slots,
            out,
        );
    }

    fn insert(&mut self, run: RunId, resident: Resident) {
        self.resident_bytes += resident.bytes;
        self.runs.insert(run, resident);
    }

    fn remove(&mut self, run: RunId) {
        if let Some(resident) = self.runs.remove(&run) {
            self.resident_bytes = self.resident_bytes.saturating_sub(resident.bytes);
        }
    }

    fn ask(
        &mut self,
        run: RunId,
        asked: Asked,
        now: Timestamp,
        slots: &mut Slots,
        out: &mut Vec<Output>,
    ) {
        let Some(resident) = self.runs.get_mut(&run) else {
            self.load_then(run, asked, out);
            return;
        };
        resident.queue.push_back(asked);
        self.work_off(run, now, slots, out);
    }

    fn load_then(&mut self, run: RunId, asked: Asked, out: &mut Vec<Output>) {
        let away = self.away.entry(run).or_insert_with(|| {
            out.push(Output::Load(run));
            Away::default()
        });
        away.queue.push_back(asked);
    }

    fn loaded(
        &mut self,
        run: RunId,
        loaded: Loaded,
        now: Timestamp,
        slots: &mut Slots,
        out: &mut Vec<Output>,
    ) {
        match loaded {
            Loaded::Found { plan, state, vault } => {
                let away = self.away.remove(&run).unwrap_or_default();
                let mut resident = Resident::new(plan, *state, vault);
                resident.queue = away.queue;
                resident.at_work = away.at_work;
                self.insert(run, resident);
                self.work_off(run, now, slots, out);
            }
            Loaded::NotFound => {
                let away = self.away.remove(&run).unwrap_or_default();
                refuse_all(away.queue, &Refusal::NotFound, out);
            }
            Loaded::Failed { reason, passing } => self.unreadable(run, reason, passing, out),
        }
    }

    /// A run, or a payload it needs, cannot be read. Whoever waits is told; the rest is tried again if that may help.
    fn unreadable(&mut self, run: RunId, reason: String, passing: bool, out: &mut Vec<Output>) {
        tracing::error!(%run, %reason, tried_again = passing, "a run stands still");
        let refusal = Refusal::Unreadable { reason, passing };
        if let Some(resident) = self.runs.get_mut(&run) {
            let queue = std::mem::take(&mut resident.queue);
            resident.queue = refuse_those_who_wait(queue, &refusal, out);
        } else if let Some(away) = self.away.get_mut(&run) {
            let queue = std::mem::take(&mut away.queue);
            away.queue = refuse_those_who_wait(queue, &refusal, out);
            away.rests = true;
        }
        if passing {
            out.push(Output::Rest(run));
            return;
        }
        let away = self.away.remove(&run).map(|away| away.queue).unwrap_or_default();
        out.extend(away.iter().filter_map(|asked| asked.withdrawal(run)));
        refuse_all(away, &refusal, out);
        if let Some(resident) = self.runs.get_mut(&run) {
            let queue = std::mem::take(&mut resident.queue);
            out.extend(queue.iter().filter_map(|asked| asked.withdrawal(run)));
            refuse_all(queue, &refusal, out);
            resident.waits_for_payloads = false;
        }
    }

    /// A run has rested after the log refused it or could not be read.
    fn rested(&mut self, run: RunId, now: Timestamp, slots: &mut Slots, out: &mut Vec<Output>) {
        if let Some(away) = self.away.get_mut(&run)
            && std::mem::take(&mut away.rests)
        {
            out.push(Output::Load(run));
        } else if let Some(resident) = self.runs.get_mut(&run) {
            resident.waits_for_payloads = false;
            self.work_off(run, now, slots, out);
        }
    }

    /// Brings a run back to life after the engine was opened: attempts without an engine are taken up again.
    fn drive(&mut self, run: RunId, now: Timestamp, slots: &mut Slots, out: &mut Vec<Output>) {
        let Some(resident) = self.runs.get_mut(&run) else {
            // Loading comes first; asking for slots makes the run look at what it could do.
            self.load_then(run, Asked::silent(Command::OfferSlots), out);
            return;
        };
        if !resident.is_driven {
            resident.queue.push_back(Asked::silent(Command::OfferSlots));
            self.work_off(run, now, slots, out);
        }
    }

    fn offer(&mut self, run: RunId, now: Timestamp, slots: &mut Slots, out: &mut Vec<Output>) {
        if let Some(resident) = self.runs.get_mut(&run) {
            resident.is_offered();
        }
        self.ask(run, Asked::silent(Command::OfferSlots), now, slots, out);
    }

    fn payloads_loaded(
        &mut self,
        run: RunId,
        payloads: Vec<NewPayload>,
        now: Timestamp,
        slots: &mut Slots,
        out: &mut Vec<Output>,
    ) {
        let Some(resident) = self.runs.get_mut(&run) else { return };
        resident.has_loaded(payloads);
        resident.waits_for_payloads = false;
        self.work_off(run, now, slots, out);
    }

    /// Decides what was asked of a run, in order, until the queue is empty or payloads are missing.
    fn work_off(&mut self, run: RunId, now: Timestamp, slots: &mut Slots, out: &mut Vec<Output>) {
        let interruptions_max = self.limits.interruptions_max;
        let pauses = Arc::clone(&self.pauses);
        let Some(resident) = self.runs.get_mut(&run) else { return };
        if !resident.is_broken {
            let is_kept = resident.is_kept_by(&pauses);
            resident.take_up(run, self.limits.drives, is_kept, slots, out);
        }
        while !resident.waits_for_payloads && !resident.is_broken {
            resident.keep_to(&pauses);
            let Some(asked) = resident.queue.pop_front() else { break };
            let given = Given { now, slots: slots.free_for(&asked.command) };
            for (hash, bytes) in &asked.payloads {
                resident.payloads.insert(*hash, Arc::clone(bytes));
            }
            let command = resident.in_hold(&asked.command, &pauses);
            match decide_one(resident, command, given, interruptions_max) {
                Err(rejection) => reject(resident, run, asked, rejection, out),
                Ok(Decision::Needs(hashes)) => {
                    resident.queue.push_front(asked);
                    let missing = resident.take_held(hashes);
                    if !missing.is_empty() {
                        resident.waits_for_payloads = true;
                        out.push(Output::LoadPayloads(run, missing));
                    }
                }
                Ok(Decision::Happens(transition)) => {
                    let (held, logged) = resident.hold(run, asked, transition, given);
                    slots.0 -= held.slots_taken;
                    self.calls_coming += held.calls();
                    resident.held.push_back(held);
                    self.batch.push((run, logged));
                }
            }
        }
        // A run whose start was refused is not there.
        if resident.run.started.is_some() && resident.becomes_hungry() {
            out.push(Output::Hungry(run));
        }
        self.let_go(run, now, out);
    }

    fn answered(&mut self, run: RunId, outcome: Outcome, slots: &mut Slots, out: &mut Vec<Output>) {
        let Some(resident) = self.runs.get_mut(&run) else { return };
        let Some(held) = resident.held.pop_front() else { return };
        self.calls_coming -= held.calls();
        if matches!(outcome, Outcome::Appended(_) | Outcome::Repeated(_)) && !resident.is_broken {
            resident.release(run, held, out);
            let now = resident.last_given;
            self.let_go(run, now, out);
            return;
        }
        if matches!(held.asked.command, Command::StartRun(_)) {
            // The run is not there, and no pause keeps it.
            resident.run.started = None;
        }
        slots.0 += held.slots_taken;
        resident.is_broken = true;
        resident.given_back.extend(held.give_back(run, outcome, out));
        if resident.held.is_empty() {
            let is_kept = resident.is_kept_by(&self.pauses);
            let mut away = Away::of(resident);
            if self.limits.drives
                && !is_kept
                && resident.run.started.is_some()
                && resident.run.code.is_some()
            {
                // What was refused may have kept its function from being told of what is recorded: it is when the run is read.
                away.queue.push_back(Asked::silent(Command::OfferSlots));
            }
            self.remove(run);
            out.push(Output::Left(run));
            if !away.is_empty() {
                self.away.insert(run, away);
                out.push(Output::Rest(run));
            } else if is_kept && self.limits.drives {
                // What is recorded of it may be that it is held.
                self.kept_away.insert(run);
            }
        }
    }

    /// Forgets a run with which nothing is going on; it is read from the log when it is needed again.
    fn let_go(&mut self, run: RunId, now: Timestamp, out: &mut Vec<Output>) {
        let over_budget = self.resident_bytes > self.limits.resident_bytes_max;
        let Some(resident) = self.runs.get_mut(&run) else { return };
        if !resident.held.is_empty() {
            return;
        }
        let bytes = resident.bytes;
        if resident.can_leave(now, over_budget, self.limits.drives) {
            out.extend(resident.snapshot_on_leaving(run));
        } else {
            out.extend(resident.snapshot_on_growth(run));
            self.resident_bytes = self.resident_bytes + resident.bytes - bytes;
            return;
        }
        self.resident_bytes = self.resident_bytes + resident.bytes - bytes;
        self.note_kept_away(run);
        self.remove(run);
    }
}

fn decide_one(
    resident: &mut Resident,
    command: Command,
    given: Given,
    interruptions_max: u32,
) -> Result<Decision, Rejection> {
    let plan: Arc<Plan> = Arc::clone(&resident.plan);
    let payloads: BTreeMap<PayloadHash, Arc<[u8]>> = std::mem::take(&mut resident.payloads);
    let vault = resident.vault.clone();
    let vault = vault.as_deref();
    let context = Context { given, payloads: &payloads, interruptions_max, vault };
    let next = command.migrates().map(|migrate| Arc::clone(&migrate.to.0));
    let decision = decide(&plan, &mut resident.run, command, context);
    match (&decision, next) {
        (Ok(Decision::Needs(_)), _) => resident.payloads = payloads,
        (Ok(Decision::Happens(_)), Some(next)) => resident.goes_on_with(next),
        (Ok(Decision::Happens(transition)), None) => resident.grows(&transition.events),
        (Err(_), _) => {}
    }
    decision
}

fn reject(
    resident: &mut Resident,
    run: RunId,
    asked: Asked,
    why: Rejection,
    out: &mut Vec<Output>,
) {
    tracing::debug!(%run, rejection = %why, "refused");
    // A refusal may depend on a transition that is not durable yet: it waits its turn.
    match resident.held.back_mut() {
        Some(last) => last.after.push((asked, why)),
        None => resident.answer_rejected(run, &asked, why, out),
    }
}

fn refuse(reply: Option<ReplyId>, refusal: &Refusal, out: &mut Vec<Output>) {
    out.extend(reply.map(|reply| Output::Reply(reply, Err(refusal.clone()))));
}

fn refuse_all(queue: impl IntoIterator<Item = Asked>, refusal: &Refusal, out: &mut Vec<Output>) {
    let replies = queue.into_iter().filter_map(|asked| asked.reply);
    out.extend(replies.map(|reply| Output::Reply(reply, Err(refusal.clone()))));
}

/// Refuses the requests whose answer somebody waits for; returns the others, and the reports of handlers, which are kept.
fn refuse_those_who_wait(
    queue: VecDeque<Asked>,
    refusal: &Refusal,
    out: &mut Vec<Output>,
) -> VecDeque<Asked> {
    let (waited_for, silent): (VecDeque<_>, VecDeque<_>) =
        queue.into_iter().partition(|asked| asked.reply.is_some() && asked.report().is_none());
    refuse_all(waited_for, refusal, out);
    silent
}

#[cfg(test)]
mod tests;
