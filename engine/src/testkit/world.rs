//! The world around a shard: a log in memory, a clock that jumps, timers, and handlers that answer at once.
//!
//! It does what the driver does, one thing at a time. Which of several things that could happen now happens first is fixed,
//! or drawn from the seed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_log::{Revision, SimulatedLog, Transition};
use nexus_model::aggregate::{AggregateId, Effect};
use nexus_model::command::Command;
use nexus_model::effect::{Reading, RunAttempt};
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex, TimerId};
use nexus_model::pauses::Pauses;
use nexus_model::payload::{NewPayload, Payload, PayloadHash};
use nexus_model::plan::{EMIT_HANDLER, Plan};
use nexus_model::run::{Run, RunStatus};
use nexus_model::time::Timestamp;

use super::acting::{Acting, StandIns};
use super::call::{Call, Outcome};
use super::calling::Starts;
use super::mock::{Answer as Answered, Mocks};
use super::recovery::new_shard;
use super::reports;
use super::schedules::{Starting, fire};
use super::simulation::Watch;
use super::start_keys::Beginning;
use super::topics::Topics;
use super::weather::Storm;
use super::workshop::{Said, States, Workshop};
use crate::code::Functions;
use crate::config::Config;
use crate::driver::{accepted, timed_out};
use crate::handler::{AttemptInfo, Data, Registry, StepCx, StepResult};
use crate::loader::{LoadError, Loader};
use crate::shard::{
    Answer, Asked, FunctionNews, Input, Loaded, Output, Refusal, ReplyId, Shard, Slots,
};
use crate::tables::TABLES;

/// What a play is made of, beside its runs.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) began: Timestamp,
    /// Things that may happen before a play is taken for one without end.
    pub(super) turns_max: u64,
    pub(super) mocks: Mocks,
    pub(super) registry: Registry,
    /// The functions of workflows.
    pub(super) functions: Functions,
    pub(super) stand_ins: StandIns,
    /// What is called for real; `None`: everything that is registered.
    pub(super) real: Option<BTreeSet<String>>,
    pub(super) states: Arc<States>,
    /// Where handlers are called for real.
    pub(super) workshop: Option<Workshop>,
    /// What handlers said that were called for real: they are called once, also when the engine crashes.
    pub(super) said: Arc<Mutex<BTreeMap<Saying, Said>>>,
}

/// Key, attempt and input of a call.
type Saying = (String, u32, Vec<u8>);

/// Where an engine ends without notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CrashPoint {
    /// The transition, counted from 0.
    pub(super) transition: u32,
    /// Whether it is durable; otherwise it is lost.
    pub(super) kept: bool,
}

/// A transition on its way to the log, and the call it reports about.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) run: RunId,
    pub(super) transition: Transition,
    pub(super) report: Option<usize>,
}

/// Something to read.
#[derive(Debug)]
pub(super) enum Wanted {
    Run(RunId),
    Payloads(RunId, Vec<PayloadHash>),
    Rest(RunId),
    Aggregate(AggregateId),
    Call(Box<crate::shard::RunCall>),
    Events(RunId, Reading),
    Function(Box<FunctionNews>),
    Pauses,
}

/// A handler at work.
#[derive(Clone, Debug)]
pub(super) struct Working {
    pub(super) ends: Timestamp,
    pub(super) call: usize,
    pub(super) run: RunId,
    pub(super) step: StepIndex,
    pub(super) item: Option<ItemIndex>,
    pub(super) attempt: Attempt,
    pub(super) result: StepResult<Data>,
    /// How far it said it was, if it said so.
    progress: Option<Payload>,
    /// The blobs that its output names.
    kept: Vec<NewPayload>,
}

/// One thing that can happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Append,
    Read,
    Report(usize),
    Errand,
    Fire(u64, RunId, TimerId),
    Offer,
}

/// The world.
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) now: Timestamp,
    pub(super) shard: Shard,
    pub(super) slots: Slots,
    pub(super) log: Arc<SimulatedLog>,
    pub(super) loader: Loader,
    /// Runs that were read, as of then: a cache, as snapshots are.
    pub(super) folded: HashMap<RunId, (Arc<Plan>, Run)>,
    pub(super) timers: BTreeSet<(u64, RunId, TimerId)>,
    pub(super) hungry: VecDeque<RunId>,
    /// Runs of schedules that are being started.
    pub(super) starting: Starting,
    /// Runs of start keys that are being started.
    pub(super) beginning: Beginning,
    /// What aggregates want done.
    pub(super) errands: BTreeSet<(AggregateId, Effect)>,
    pub(super) topics: Topics,
    pub(super) acting: Acting,
    /// Called runs that are being started.
    pub(super) called: Starts,
    /// Who was told of a slot and has not answered.
    pub(super) told: BTreeMap<ReplyId, (AggregateId, Effect)>,
    pub(super) wanted: VecDeque<Wanted>,
    pub(super) flying: VecDeque<Flying>,
    pub(super) working: Vec<Working>,
    /// Attempts that are carried on once that is recorded.
    pub(super) resuming: BTreeSet<(RunId, StepIndex, Option<ItemIndex>, Attempt)>,
    pub(super) replies: BTreeMap<ReplyId, Result<Answer, Refusal>>,
    pub(super) ended: BTreeMap<RunId, RunStatus>,
    pub(super) calls: Vec<Call>,
    /// The last call of each attempt.
    pub(super) last_calls: HashMap<(String, u32), usize>,
    /// Steps that nothing stood in for, with what they call.
    pub(super) unanswered: BTreeSet<(String, String)>,
    /// The pauses that the shard keeps to.
    pub(super) pauses: Arc<Pauses>,
    /// Changes of the pauses that are not answered.
    pub(super) pausing: BTreeSet<ReplyId>,
    /// Whether the next that is read cannot be read, for now.
    pub(super) read_fails: bool,
    /// Rules that were broken.
    pub(super) broken: Vec<String>,
    pub(super) life: u32,
    pub(super) transitions: u32,
    pub(super) crash_at: Option<CrashPoint>,
    pub(super) storm: Option<Storm>,
    /// Who looks at everything that leaves the shard, in simulations.
    pub(super) watch: Option<Watch>,
    /// Snapshots of runs, in simulations.
    pub(super) snapshots: BTreeMap<RunId, Vec<u8>>,
    pub(super) requests: u64,
    turns: u64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let log = Arc::new(SimulatedLog::new(TABLES));
        Self {
            now: setup.began,
            shard: new_shard(&setup.config),
            slots: Slots(i64::from(setup.config.concurrency)),
            loader: Loader::new(log.clone(), None),
            acting: Acting::new(&setup.functions),
            setup,
            log,
            folded: HashMap::new(),
            timers: BTreeSet::new(),
            hungry: VecDeque::new(),
            starting: Starting::new(),
            beginning: Beginning::new(),
            errands: BTreeSet::new(),
            topics: Topics::default(),
            called: Starts::default(),
            told: BTreeMap::new(),
            wanted: VecDeque::new(),
            flying: VecDeque::new(),
            working: Vec::new(),
            resuming: BTreeSet::new(),
            replies: BTreeMap::new(),
            ended: BTreeMap::new(),
            calls: Vec::new(),
            last_calls: HashMap::new(),
            unanswered: BTreeSet::new(),
            pauses: Arc::default(),
            pausing: BTreeSet::new(),
            read_fails: false,
            broken: Vec::new(),
            life: 0,
            transitions: 0,
            crash_at: None,
            storm: None,
            watch: None,
            snapshots: BTreeMap::new(),
            requests: 0,
            turns: 0,
        }
    }

    /// Asks something until it is answered: again after a crash, unless it is seen to be done. `true`: there was one.
    pub(super) fn ask(
        &mut self,
        input: impl Fn(ReplyId) -> Input,
        is_done: impl Fn(&Self) -> Option<Answer>,
    ) -> (Result<Answer, Refusal>, bool) {
        let mut again = false;
        loop {
            self.requests += 1;
            let (reply, life) = (ReplyId(self.requests), self.life);
            self.tell(input(reply), None);
            while self.life == life {
                if let Some(answer) = self.replies.remove(&reply) {
                    return (answer, again);
                }
                if !self.turn() {
                    return (Err(Refusal::ShuttingDown), again);
                }
            }
            again = true;
            if let Some(answer) = is_done(self) {
                return (Ok(answer), again);
            }
        }
    }

    /// Does everything that can be done without time passing.
    pub(super) fn settle(&mut self) {
        while self.turn() {}
    }

    /// When something happens next, if nothing can happen now.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        if self.is_endless() {
            return None;
        }
        let timer = self.timers.first().map(|(due, ..)| {
            Timestamp(i64::try_from(*due).unwrap_or(i64::MAX).saturating_mul(1_000))
        });
        let handler = self.working.iter().map(|working| working.ends).min();
        timer.into_iter().chain(handler).min()
    }

    /// Whether so much has happened that there is no end in sight.
    pub(super) fn is_endless(&self) -> bool {
        self.turns >= self.setup.turns_max
    }

    /// Does one thing, if one can be done without time passing.
    pub(super) fn turn(&mut self) -> bool {
        if self.is_endless() {
            return false;
        }
        let Some(turn) = self.next_turn() else { return false };
        self.take(turn);
        true
    }

    /// Does this one.
    pub(super) fn take(&mut self, turn: Turn) {
        self.turns += 1;
        match turn {
            Turn::Append => self.append(),
            Turn::Read => self.read(),
            Turn::Report(at) => self.report(at),
            Turn::Fire(due, run, timer) => {
                self.timers.remove(&(due, run, timer));
                self.tell(fire(run, timer), None);
            }
            Turn::Errand => {
                if let Some((id, effect)) = self.next_errand() {
                    self.run_errand(id, effect);
                }
            }
            Turn::Offer => {
                if let Some(run) = self.hungry.pop_front() {
                    self.tell(Input::Offer { run }, None);
                }
            }
        }
    }

    fn next_turn(&mut self) -> Option<Turn> {
        let turns = self.turns_possible();
        let at = self.storm.as_mut().map_or(0, |storm| storm.pick(turns.len()));
        turns.get(at).copied()
    }

    /// What can happen now, the usual first.
    pub(super) fn turns_possible(&self) -> Vec<Turn> {
        let mut turns = Vec::new();
        if !self.flying.is_empty() {
            turns.push(Turn::Append);
        }
        if !self.wanted.is_empty() {
            turns.push(Turn::Read);
        }
        if self.next_errand().is_some() {
            turns.push(Turn::Errand);
        }
        let mut done: Vec<_> = self.working.iter().enumerate().collect();
        done.retain(|(_, working)| working.ends <= self.now);
        done.sort_by_key(|(_, working)| (working.ends, working.call));
        turns.extend(done.into_iter().map(|(at, _)| Turn::Report(at)));
        let now_ms = self.now.0.max(0).unsigned_abs() / 1_000;
        let due = self.timers.iter().take_while(|(due, ..)| *due <= now_ms);
        turns.extend(due.map(|(due, run, timer)| Turn::Fire(*due, *run, *timer)));
        if !self.hungry.is_empty() && self.slots.0 > 0 {
            turns.push(Turn::Offer);
        }
        turns
    }

    fn read(&mut self) {
        let Some(wanted) = self.wanted.pop_front() else { return };
        if std::mem::take(&mut self.read_fails) {
            return self.cannot_read(wanted);
        }
        let failed = |run, error: &dyn fmt::Display| {
            let loaded = Loaded::Failed { reason: error.to_string(), passing: false };
            Input::Loaded { run, loaded }
        };
        let input = match wanted {
            Wanted::Rest(run) => Input::Rested { run },
            Wanted::Aggregate(id) => {
                let loaded = self.loader.aggregate(id).map(|found| found.map(Box::new));
                let loaded = loaded.map_err(|error| (error.to_string(), false));
                Input::AggregateLoaded { id, loaded }
            }
            Wanted::Call(call) => return self.see_to(&call),
            Wanted::Events(run, reading) => return self.read_events(run, &reading),
            Wanted::Function(news) => return self.ask_function(&news),
            Wanted::Pauses => return self.follow_pauses(),
            Wanted::Run(run) => match self.fold(run) {
                Ok(Some((plan, state))) => {
                    let vault = self.loader.vault(run).ok().flatten();
                    let loaded = Loaded::Found { plan, state: Box::new(state), vault };
                    Input::Loaded { run, loaded }
                }
                Ok(None) => Input::Loaded { run, loaded: Loaded::NotFound },
                Err(error) => failed(run, &error),
            },
            Wanted::Payloads(run, hashes) => match self.loader.payloads(&hashes) {
                Ok(payloads) => Input::PayloadsLoaded { run, payloads },
                Err(error) => failed(run, &error),
            },
        };
        self.tell(input, None);
    }

    /// Reads a run: what was read before, and what came after it.
    pub(super) fn fold(&mut self, run: RunId) -> Result<Option<(Arc<Plan>, Run)>, LoadError> {
        let (mut plan, mut state) = match self.folded.remove(&run) {
            Some(folded) => folded,
            None => match self.first_of(run)? {
                Some(beginning) => beginning,
                None => return Ok(None),
            },
        };
        let from = Revision(state.revision);
        let loader = &self.loader;
        loader.each_frame(run, from, |frame| loader.fold_frame(&mut plan, &mut state, frame))?;
        self.folded.insert(run, (Arc::clone(&plan), state.clone()));
        Ok(Some((plan, state)))
    }

    /// A handler is done.
    fn report(&mut self, at: usize) {
        let working = self.working.swap_remove(at);
        self.slots.0 += 1;
        self.deliver_report(working);
    }

    /// What a handler says reaches the shard.
    pub(super) fn deliver_report(&mut self, working: Working) {
        let Working { call, run, step, item, attempt, result, progress, kept, .. } = working;
        if let (Err(_), Some(progress), None) = (&result, progress, item) {
            let asked = Asked::silent(Command::RecordHeartbeat { step, attempt, progress });
            self.tell(Input::Ask { run, asked }, None);
        }
        let max = self.setup.config.payload_bytes_max;
        let result = result.and_then(|data| accepted(data, max, item.is_some()));
        let result = result.map(|(output, mut stored)| {
            stored.extend(kept);
            (output, stored)
        });
        let (command, payloads) = reports::ended(step, item, attempt, result);
        let asked = Asked { payloads, ..Asked::silent(command) };
        self.tell(Input::Ask { run, asked }, Some(call));
    }

    pub(super) fn tell(&mut self, input: Input, report: Option<usize>) {
        let mut outputs = Vec::new();
        self.shard.on(input, self.now, &mut self.slots, &mut outputs);
        let batch = self.shard.take_batch();
        let flying = batch.into_iter().map(|(run, transition)| Flying { run, transition, report });
        let known = self.flying.len();
        self.flying.extend(flying);
        if let Some(watch) = &mut self.watch {
            watch.sees_pauses(&self.pauses, self.flying.range(known..));
        }
        for output in outputs {
            if let Some(watch) = &mut self.watch {
                watch.sees(&output, &self.loader);
            }
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Load(run) => self.wanted.push_back(Wanted::Run(run)),
            Output::LoadPayloads(run, hashes) => {
                self.wanted.push_back(Wanted::Payloads(run, hashes));
            }
            Output::Rest(run) => self.wanted.push_back(Wanted::Rest(run)),
            Output::Attempt { plan, info, attempt } => {
                self.resuming.remove(&(info.run, attempt.step, attempt.item, attempt.attempt));
                if !self.rests_without_code(&plan, info.run, &attempt) {
                    self.call(&plan, *info, &attempt);
                }
            }
            Output::Resume { plan, run, step, item, attempt, undo, .. } => {
                self.carry_on(&plan, (run, step, item, attempt), undo);
            }
            Output::Stop(run, step, item, attempt) => self.stop(run, step, item, attempt),
            Output::TimerSet(run, timer, due) => {
                self.timers.insert((due.as_ms(), run, timer));
            }
            Output::TimerCleared(run, timer, due) => {
                self.timers.remove(&(due.as_ms(), run, timer));
            }
            Output::ReadEvents(run, reading) => {
                self.wanted.push_back(Wanted::Events(run, reading));
            }
            Output::Slot(change) => self.tell_limit(change),
            Output::Reply(reply, answer) => {
                self.pauses_changed(reply);
                if !self.told_of_slot(reply, &answer)
                    && !self.scheduled(reply, &answer)
                    && !self.begun(reply, &answer)
                    && !self.topic_replied(reply, &answer)
                    && !self.function_answered(reply, &answer)
                    && !self.child_started(reply, &answer)
                {
                    self.replies.insert(reply, answer);
                }
            }
            Output::Ended(run, status) => {
                self.acting.ended(run);
                self.ended.insert(run, status);
            }
            Output::Hungry(run) => {
                if !self.hungry.contains(&run) {
                    self.hungry.push_back(run);
                }
            }
            Output::Function(news) => self.wanted.push_back(Wanted::Function(news)),
            Output::Snapshot(run, _, bytes) => self.keep_snapshot(run, bytes),
            Output::Ignored(_) | Output::Left(_) | Output::Opened(_) => {}
            call @ (Output::Call(_) | Output::ChildEnded(_)) => self.pass_on(call),
            Output::LoadAggregate(id) => self.wanted.push_back(Wanted::Aggregate(id)),
            Output::Errand(id, effect)
                if matches!(*effect, Effect::Limit(_) | Effect::Breaker(_)) =>
            {
                self.tell_of_slot(id, &effect);
            }
            Output::Errand(id, effect) => {
                self.errands.insert((id, *effect));
            }
            Output::ErrandOver(id, effect) => {
                self.errands.remove(&(id, *effect));
            }
        }
    }

    /// Calls a handler, which works out its answer now and gives it when its time is over.
    fn call(&mut self, plan: &Plan, info: AttemptInfo, attempt: &RunAttempt) {
        let bytes = self.loader.bytes(&attempt.input).unwrap_or_else(|_| Arc::from(*b"null"));
        let input = Data { content_type: attempt.input.content_type(), bytes };
        let key = StepCx::new(info.clone(), Arc::new(crate::handler::NoLogs), Arc::default());
        let step = attempt.step;
        let (uses, timeout_ms) = if attempt.undo {
            (plan.undo_handler(step), plan.undo_timeout_ms(step))
        } else {
            (plan.handler(step), plan.timeout_ms(step))
        };
        let mut call = Call {
            run: info.run,
            run_name: info.run_name.to_string(),
            step: info.step_id.to_string(),
            item: key.0.item(),
            uses: uses.unwrap_or_default().to_owned(),
            undo: attempt.undo,
            attempt: attempt.attempt.0,
            key: key.0.idempotency_key(),
            input,
            may_repeat: info.may_repeat,
            at: self.now,
            outcome: Outcome { result: Ok(Data::null()), takes: Duration::ZERO },
            recorded: false,
            life: self.life,
        };
        self.check_call(&call);
        let timeout = timeout_ms.map(Duration::from_millis);
        let run = info.run;
        let before = attempt.progress.clone();
        let ((mut result, progress, kept), mut takes) =
            self.answer(plan, &call, info, attempt, timeout);
        if let Some(timeout) = timeout.filter(|timeout| takes > *timeout) {
            (result, takes) = (Err(timed_out(timeout)), timeout);
        }
        let takes_ms = u64::try_from(takes.as_millis()).unwrap_or(u64::MAX);
        call.outcome = Outcome { result: result.clone().map_err(|error| error.0), takes };
        let working = Working {
            ends: self.now.plus_ms(takes_ms),
            call: self.calls.len(),
            run,
            step: attempt.step,
            item: attempt.item,
            attempt: attempt.attempt,
            result,
            progress: Some(progress).filter(|progress| *progress != before),
            kept,
        };
        self.put_to_work(&key.0, call, working);
    }

    fn answer(
        &mut self,
        plan: &Plan,
        call: &Call,
        info: AttemptInfo,
        attempt: &RunAttempt,
        timeout: Option<Duration>,
    ) -> (Said, Duration) {
        if call.uses == EMIT_HANDLER {
            return ((Ok(Data::null()), attempt.progress.clone(), Vec::new()), Duration::ZERO);
        }
        let work = self.code_of_call(plan, info.run, attempt.step, attempt.undo);
        let ((result, progress, kept), takes) =
            if let Some(error) = work.as_ref().and_then(|work| self.fails_first(work, call)) {
                ((Err(error), attempt.progress.clone(), Vec::new()), Duration::ZERO)
            } else if let Some(Answered { result, takes }) = self.setup.mocks.answer(call) {
                let result = result.and_then(|value| Data::json(&value));
                ((result, attempt.progress.clone(), Vec::new()), takes)
            } else {
                let handler = self.handler(call, work);
                let said = self.really(call, handler, info, timeout, attempt.progress.clone());
                (said, Duration::ZERO)
            };
        let Some(storm) = &mut self.storm else { return ((result, progress, kept), takes) };
        if result.is_ok()
            && !call.may_repeat
            && !call.undo
            && let Some(step) = plan.step_definition(attempt.step)
            && let Some(error) = storm.failure(step, call)
        {
            self.setup.mocks.take_back(call);
            return ((Err(error), progress, Vec::new()), Duration::ZERO);
        }
        let delay = storm.delay(takes, timeout);
        ((result, progress, kept), takes + delay)
    }
}
