//! The engine under test with somebody else choosing everything that happens, and what goes wrong.
//!
//! Invariants:
//! * Nothing happens but what was chosen: the same choices are the same play.
//! * What was not synced is neither read nor answered, and a crash loses all of it but a beginning.
//! * Every rule is checked against a fold of the durable log that only [`Watch`] has.

mod at_rest;
mod disk;
mod outside;
mod truth;
mod views;
mod watch;

use std::collections::VecDeque;
use std::fmt;

use futures_util::FutureExt;
use nexus_log::{EventLog, Outcome, Partition, Submission, Ticket};
use nexus_model::codec;
use nexus_model::command::Command;
use nexus_model::id::RunId;
use nexus_model::payload::NewPayload;
use nexus_model::time::Timestamp;
use nexus_projections::Stepwise;
use serde_json::Value;

use super::engine::{TestEngine, by};
use super::reports;
use super::topics::emit;
use super::world::{Turn, Working, World};
use crate::handle::{StartError, StartRequest};
use crate::handler::StepError;
use crate::loader::LoadError;
use crate::shard::{Answer, Asked, Input, Refusal, ReplyId};
pub(super) use watch::Watch;

/// An engine of which somebody else chooses every step.
#[derive(Debug)]
pub struct Simulation {
    engine: TestEngine,
    /// Submissions that are written, with the runs they are of and the calls that they report about.
    written: VecDeque<(Ticket, Vec<Written>)>,
    /// What the log has answered and the shard does not know yet.
    answers: VecDeque<Vec<(RunId, Outcome)>>,
    /// Reports that were delivered in this life of the engine.
    delivered: Vec<Working>,
    /// Workers that lost their lease and are at work all the same.
    late: Vec<Working>,
    views: Stepwise,
}

type Written = (RunId, Option<usize>);

/// Something that can happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    HandOver,
    Sync,
    Answer,
    Turn(Turn),
}

impl Move {
    /// A word for it.
    pub fn word(&self) -> &'static str {
        match self.0 {
            Kind::HandOver => "hand over",
            Kind::Sync => "sync",
            Kind::Answer => "answer",
            Kind::Turn(Turn::Append) => "append",
            Kind::Turn(Turn::Read) => "read",
            Kind::Turn(Turn::Report(_)) => "report",
            Kind::Turn(Turn::Errand) => "errand",
            Kind::Turn(Turn::Fire(..)) => "fire",
            Kind::Turn(Turn::Offer) => "offer",
        }
    }
}

/// A request that may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    reply: ReplyId,
    life: u32,
}

impl TestEngine {
    /// Has somebody else choose every step from here on.
    pub fn simulate(mut self) -> Simulation {
        let world = self.world_mut();
        world.log.hold();
        world.watch = Some(Watch::default());
        Simulation {
            engine: self,
            written: VecDeque::new(),
            answers: VecDeque::new(),
            delivered: Vec::new(),
            late: Vec::new(),
            views: Stepwise::default(),
        }
    }
}

impl Simulation {
    /// The engine, for what is recorded.
    pub fn engine(&self) -> &TestEngine {
        &self.engine
    }

    fn world(&mut self) -> &mut World {
        self.engine.world_mut()
    }

    /// Everything that can happen without time passing.
    pub fn moves(&self) -> Vec<Move> {
        let world = self.engine.world();
        let mut kinds = Vec::new();
        if !world.flying.is_empty() {
            kinds.push(Kind::HandOver);
        }
        if world.log.written() > 0 {
            kinds.push(Kind::Sync);
        }
        if !self.answers.is_empty() {
            kinds.push(Kind::Answer);
        }
        let turns = world.turns_possible().into_iter().filter(|turn| *turn != Turn::Append);
        kinds.extend(turns.map(Kind::Turn));
        kinds.into_iter().map(Move).collect()
    }

    /// Does one of the [`moves`](Self::moves). `count` is how many transitions are handed over at once, at most.
    pub fn make(&mut self, chosen: Move, count: usize) {
        match chosen.0 {
            Kind::HandOver => self.hand_over(count),
            Kind::Sync => self.sync(),
            Kind::Answer => self.answer_one(),
            Kind::Turn(turn) => {
                if let Turn::Report(at) = turn
                    && let Some(working) = self.engine.world().working.get(at).cloned()
                {
                    self.delivered.push(working);
                }
                self.world().take(turn);
            }
        }
    }

    fn hand_over(&mut self, count: usize) {
        let world = self.engine.world_mut();
        let count = count.clamp(1, world.flying.len().max(1));
        let (mut transitions, mut about) = (Vec::new(), Vec::new());
        for flying in world.flying.drain(..count.min(world.flying.len())) {
            about.push((flying.run, flying.report));
            transitions.push(flying.transition);
        }
        let bytes = transitions.iter().map(nexus_log::Transition::bytes).sum();
        let permit = world.log.permits().try_acquire(bytes).expect("room for a few transitions");
        let ticket = world.log.append(Submission { partition: Partition(0), transitions, permit });
        self.written.push_back((ticket, about));
        self.take_answers();
    }

    fn sync(&mut self) {
        let outcomes = self.world().log.sync();
        self.are_recorded(&outcomes);
        self.take_answers();
    }

    /// The first of what is written is durable.
    fn are_recorded(&mut self, outcomes: &[Vec<Outcome>]) {
        let about = self.written.iter().map(|(_, about)| about.clone()).collect::<Vec<_>>();
        for (outcomes, about) in outcomes.iter().zip(about) {
            self.engine.world_mut().transitions += u32::try_from(outcomes.len()).unwrap_or(0);
            for (outcome, (_, report)) in outcomes.iter().zip(about) {
                if matches!(outcome, Outcome::Appended(_)) {
                    self.world().is_recorded(report);
                }
            }
        }
    }

    /// Takes the answers that the log has given.
    fn take_answers(&mut self) {
        while let Some((ticket, about)) = self.written.front_mut()
            && let Some(answer) = tokio::task::unconstrained(ticket).now_or_never()
        {
            let runs = about.iter().map(|(run, _)| *run);
            self.answers.extend(answer.ok().map(|outcomes| runs.zip(outcomes).collect()));
            self.written.pop_front();
        }
    }

    /// The shard hears what became of one submission.
    fn answer_one(&mut self) {
        for (run, outcome) in self.answers.pop_front().unwrap_or_default() {
            self.world().tell(Input::Answered { run, outcome }, None);
        }
    }

    /// The process ends without notice and another begins at once: of what is written the first `kept` submissions are found.
    pub fn crash(&mut self, kept: usize) {
        let outcomes = self.world().log.crash(kept);
        self.are_recorded(&outcomes);
        self.written.clear();
        self.answers.clear();
        self.delivered.clear();
        // A worker that still holds the attempt has an old token, under which nothing is taken from it.
        let calls = &self.engine.world().calls;
        self.late.retain(|late| calls.get(late.call).is_some_and(|call| call.recorded));
        self.restart_views();
        self.world().crash();
    }

    /// How many submissions are written and not durable.
    pub fn written(&self) -> usize {
        self.engine.world().log.written()
    }

    /// How many reports were delivered in this life of the engine.
    pub fn delivered(&self) -> usize {
        self.delivered.len()
    }

    /// Delivers a report once more.
    pub fn deliver_again(&mut self, at: usize) {
        if let Some(report) = self.delivered.get(at).cloned()
            && self.is_taken(&report)
        {
            self.world().deliver_report(report);
        }
    }

    /// How many handlers are at work.
    pub fn at_work(&self) -> usize {
        self.engine.world().working.len()
    }

    /// A worker is not heard of any more: its attempt fails, though it works on.
    pub fn lose_lease(&mut self, at: usize) {
        let world = self.engine.world_mut();
        if at >= world.working.len() {
            return;
        }
        let lost = world.working.swap_remove(at);
        world.slots.0 += 1;
        let failure = StepError::retry("the worker was not heard of").code("NX3048");
        let (command, _) = reports::ended(lost.step, lost.item, lost.attempt, Err(failure));
        world.tell(Input::Ask { run: lost.run, asked: Asked::silent(command) }, Some(lost.call));
        self.late.push(lost);
    }

    /// How many workers are at work without a lease.
    pub fn late(&self) -> usize {
        self.late.len()
    }

    /// A worker without a lease reports.
    pub fn deliver_late(&mut self, at: usize) {
        if at < self.late.len() {
            let late = self.late.swap_remove(at);
            if self.is_taken(&late) {
                self.world().deliver_report(late);
            }
        }
    }

    /// Whether a report reaches the shard. The steps of functions have numbers that are used again, so a report without a task is
    /// refused before it comes there.
    fn is_taken(&mut self, report: &Working) -> bool {
        let world = self.world();
        let id = world.calls.get(report.call).map(|call| call.step.clone());
        let Ok(Some((plan, state))) = world.fold(report.run) else { return false };
        !plan.is_code()
            || id.is_some_and(|id| plan.find(&id) == Some(report.step))
                && !state.step(report.step).is_settled()
    }

    /// The runs that the engine has recorded.
    pub fn runs(&self) -> Vec<RunId> {
        self.engine.runs().into_iter().map(|(_, run)| run).collect()
    }

    /// Writes a snapshot of a run, as it is recorded.
    ///
    /// # Errors
    /// [`LoadError`]
    pub fn snapshot(&mut self, run: RunId) -> Result<(), LoadError> {
        let world = self.engine.world_mut();
        if let Some((plan, state)) = world.fold(run)? {
            world.snapshots.insert(run, codec::encode_run(&plan, &state));
        }
        Ok(())
    }

    /// Loses the snapshots, as a crash may.
    pub fn lose_snapshots(&mut self) {
        self.world().snapshots.clear();
    }

    /// Forgets the runs that were read: the next time they are read from their snapshots, or from the first event.
    pub fn forget_folded(&mut self) {
        self.world().folded.clear();
    }

    /// Forgets the functions of runs: they are run again from their beginning.
    pub fn forget_functions(&mut self) {
        self.world().acting.forget();
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// From here on it is a rule that no two runs of this schedule are open at a time.
    pub fn expect_one_run_at_a_time(&mut self, schedule: &str) {
        if let Some(watch) = &mut self.world().watch {
            watch.expects_one_at_a_time(schedule);
        }
    }

    /// Sets the simulated time.
    pub fn set_now(&mut self, now: Timestamp) {
        self.world().now = now;
    }

    /// When something happens next by itself, if nothing can happen now.
    pub fn next_time(&self) -> Option<Timestamp> {
        self.engine.next_time()
    }

    /// Asks for a start. Who is not answered may ask again, with the same name.
    ///
    /// # Errors
    /// [`StartError`] if it is refused before it comes to the shard.
    pub fn start(&mut self, request: StartRequest) -> Result<(Request, RunId), StartError> {
        let begin = self.engine.prepared_start(request)?;
        let request = self.request();
        self.world().tell(begin.input(request.reply), None);
        Ok((request, begin.run()))
    }

    /// Asks something of a run.
    pub fn ask(&mut self, run: RunId, command: Command, payloads: Vec<NewPayload>) -> Request {
        let request = self.request();
        let reply = Some(request.reply);
        let asked = Asked { payloads, reply, ..Asked::silent(command) };
        self.world().tell(Input::Ask { run, asked }, None);
        request
    }

    /// Emits an event with this id.
    pub fn emit(&mut self, event: &str, data: &Value, id: &str) -> Request {
        let request = self.request();
        self.world().tell(emit(event, data, id, by(), request.reply), None);
        request
    }

    fn next_reply(&mut self) -> ReplyId {
        let world = self.world();
        world.requests += 1;
        ReplyId(world.requests)
    }

    fn request(&mut self) -> Request {
        Request { reply: self.next_reply(), life: self.engine.world().life }
    }

    /// The answer to a request, once.
    pub fn answer(&mut self, request: Request) -> Option<Result<Answer, Refusal>> {
        self.world().replies.remove(&request.reply)
    }

    /// Whether a request will not be answered any more, because the engine ended.
    pub fn is_lost(&self, request: Request) -> bool {
        request.life != self.engine.world().life
    }

    /// The rules that are broken now.
    pub fn broken(&mut self) -> Vec<String> {
        let world = self.engine.world_mut();
        let mut broken = std::mem::take(&mut world.broken);
        if let Some(watch) = &mut world.watch {
            watch.follow(&world.loader);
            watch.compare(&world.shard, &world.loader);
            broken.extend(watch.broken());
        }
        broken
    }

    /// What is wrong when nothing is left to do: runs without a handler at work have their room back.
    pub fn broken_at_rest(&mut self) -> Vec<String> {
        let world = self.engine.world();
        let free = i64::from(world.setup.config.concurrency) - world.slots.0;
        let busy = i64::try_from(world.working.len()).unwrap_or(i64::MAX);
        let mut broken = self.engine.broken();
        if self.moves().is_empty() {
            if free != busy {
                broken.push(format!("{busy} handlers are at work and take room for {free}"));
            }
            if let Some(watch) = &mut self.engine.world_mut().watch {
                watch.compare_open();
                broken.extend(watch.broken());
            }
        }
        broken.extend(self.aggregates_broken());
        broken
    }
}

impl World {
    /// A run as it is read first: its snapshot, or its beginning.
    pub(super) fn first_of(&self, run: RunId) -> Result<Option<truth::Folded>, LoadError> {
        let snapshot = self.snapshots.get(&run).and_then(|bytes| {
            let plan = self.loader.plan(codec::definition_of(bytes)?).ok()?;
            let plan = codec::plan_of_snapshot(&plan, bytes).ok()?;
            let state = codec::decode_run(&plan, bytes).ok()?;
            Some((plan, state))
        });
        if let Some(snapshot) = snapshot {
            return Ok(Some(snapshot));
        }
        self.loader.beginning(run)
    }

    /// Keeps a snapshot, in simulations; elsewhere what was read is cache enough.
    pub(super) fn keep_snapshot(&mut self, run: RunId, bytes: Vec<u8>) {
        if self.watch.is_some() {
            self.snapshots.insert(run, bytes);
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Turn(Turn::Report(at)) => write!(f, "report {at}"),
            Kind::Turn(Turn::Fire(_, run, timer)) => write!(f, "fire {timer:?} of {run}"),
            Kind::HandOver | Kind::Sync | Kind::Answer | Kind::Turn(_) => f.write_str(self.word()),
        }
    }
}
