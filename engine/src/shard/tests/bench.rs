//! A shard on a test bench.

use std::sync::Arc;

use nexus_log::{EventLog, MemoryLog, Partition, Submission, Transition};
use nexus_model::aggregate::Effect;
use nexus_model::breaker::BreakerEffect;
use nexus_model::decide::SlotChange;
use nexus_model::definition::Step;
use nexus_model::event::{Actor, Event, Failure, Interruption, RunStarted};
use nexus_model::id::{Attempt, StepIndex};
use nexus_model::limit::LimitEffect;
use nexus_model::payload::Payload;
use nexus_model::schedule::ScheduleEffect;

use super::*;
use crate::loader::Loader;
use crate::tables::TABLES;
use crate::testkit;

const LIMITS: Limits = Limits { drives: true, interruptions_max: 2, resident_bytes_max: 1 << 20 };

/// A shard, the log behind it, and what came out and was not looked at yet.
pub(super) struct Bench {
    pub(super) shard: Shard,
    pub(super) slots: Slots,
    pub(super) now: Timestamp,
    pub(super) out: Vec<Output>,
    /// How many runs are open, of what was seen.
    pub(super) open: i64,
    plan: Arc<Plan>,
    log: Arc<MemoryLog>,
    loader: Loader,
    flying: VecDeque<(RunId, Transition)>,
    runs: u8,
}

impl Bench {
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        let log = Arc::new(MemoryLog::new(TABLES));
        let loader = Loader::new(log.clone(), None);
        loader.keep(plan);
        Self {
            shard: Shard::new(LIMITS),
            slots: Slots(8),
            now: Timestamp(1_000_000),
            out: Vec::new(),
            open: 0,
            plan: Arc::clone(plan),
            log,
            loader,
            flying: VecDeque::new(),
            runs: 0,
        }
    }

    /// A shard with a run whose start is durable; what came out of that has been looked at.
    pub(super) fn begun(plan: &Arc<Plan>) -> (Self, RunId) {
        let mut bench = Self::new(plan);
        let run = bench.start(None);
        bench.durable();
        bench.seen();
        (bench, run)
    }

    /// Begins anew with other limits; nothing may be going on.
    pub(super) fn limits(&mut self, change: impl FnOnce(&mut Limits)) {
        let mut limits = LIMITS;
        change(&mut limits);
        self.shard = Shard::new(limits);
    }

    /// Forgets everything but the log.
    pub(super) fn crash(&mut self) {
        self.shard = Shard::new(LIMITS);
        self.slots = Slots(8);
        self.out.clear();
        self.flying.clear();
    }

    /// Another process takes up the run: nothing but the log is left, and the run is read from it.
    pub(super) fn next_process(&mut self, run: RunId) {
        self.crash();
        self.tell(Input::Drive { run });
        self.load(run);
    }

    pub(super) fn tell(&mut self, input: Input) {
        self.shard.on(input, self.now, &mut self.slots, &mut self.out);
        self.flying.extend(self.shard.take_batch());
    }

    pub(super) fn start(&mut self, reply: Option<u64>) -> RunId {
        self.runs += 1;
        let run = RunId([self.runs; 16]);
        let started = RunStarted { run, definition: self.plan.hash(), ..RunStarted::default() };
        self.tell(Input::Start(Box::new(Start {
            plan: Arc::clone(&self.plan),
            started: Box::new(started),
            rows: Vec::new(),
            payloads: Vec::new(),
            reply: reply.map(ReplyId),
            vault: None,
        })));
        run
    }

    pub(super) fn ask(&mut self, run: RunId, command: Command, reply: Option<u64>) {
        let asked = Asked { reply: reply.map(ReplyId), ..Asked::silent(command) };
        self.tell(Input::Ask { run, asked });
    }

    /// A handler is done: its room is free before its report is.
    pub(super) fn reported(&mut self) {
        self.slots.0 += 1;
    }

    /// The log takes the oldest transition and answers.
    pub(super) fn durable_one(&mut self) {
        let (run, transition) = self.flying.pop_front().expect("a transition is on its way");
        let permit = self.log.permits().try_acquire(transition.bytes()).expect("there is room");
        let transitions = vec![transition];
        let submission = Submission { partition: Partition(0), transitions, permit };
        let outcome = self.log.append(submission).wait().expect("an answer").remove(0);
        self.tell(Input::Answered { run, outcome });
    }

    /// The log takes all there is.
    pub(super) fn durable(&mut self) {
        while !self.flying.is_empty() {
            self.durable_one();
        }
    }

    /// The log refuses the oldest transition; what comes behind it gets what the log says then.
    pub(super) fn refuse(&mut self, outcome: Outcome) {
        let (run, _) = self.flying.pop_front().expect("a transition is on its way");
        self.tell(Input::Answered { run, outcome });
        self.durable();
    }

    /// Reads the run for the shard.
    pub(super) fn load(&mut self, run: RunId) {
        let loaded = match self.loader.run(run).expect("it can be read") {
            Some((plan, state)) => Loaded::Found { plan, state: Box::new(state), vault: None },
            None => Loaded::NotFound,
        };
        self.tell(Input::Loaded { run, loaded });
    }

    pub(super) fn unreadable(&mut self, run: RunId, passing: bool) {
        self.tell(Input::Loaded { run, loaded: Loaded::Failed { reason: "no".into(), passing } });
    }

    /// The run has rested and is read.
    pub(super) fn rested(&mut self, run: RunId) {
        self.tell(Input::Rested { run });
        assert!(matches!(self.out.pop(), Some(Output::Load(_))), "it is read first");
        self.load(run);
    }

    /// Whether nothing is in memory.
    pub(super) fn is_empty(&self) -> bool {
        self.shard.resident_count() == 0 && self.shard.is_idle()
    }

    pub(super) fn events(&self, run: RunId) -> Vec<Event> {
        let history = self.loader.history(run, 0, 10_000).expect("it can be read");
        history.into_iter().map(|recorded| recorded.event).collect()
    }

    /// What came out since the last look, in words.
    pub(super) fn seen(&mut self) -> String {
        let mut words = Vec::new();
        for output in self.out.drain(..) {
            if let Output::Opened(change) = output {
                self.open += change;
            } else {
                words.push(in_words(&output));
            }
        }
        words.join("; ")
    }
}

fn in_words(output: &Output) -> String {
    match output {
        Output::Load(_) => "load".into(),
        Output::LoadPayloads(..) => "load payloads".into(),
        Output::Attempt { attempt, .. } => format!("call {}/{}", attempt.step.0, attempt.attempt.0),
        Output::Resume { step, attempt, alone, .. } => {
            format!("resume {}/{}{}", step.0, attempt.0, if *alone { " alone" } else { "" })
        }
        Output::Ignored(info) => format!("ignored {}/{}", info.step.0, info.attempt.0),
        Output::Stop(_, step, _, attempt) => format!("stop {}/{}", step.0, attempt.0),
        Output::TimerSet(_, timer, _) => format!("set {}", timer.0),
        Output::TimerCleared(_, timer, _) => format!("cleared {}", timer.0),
        Output::Reply(reply, answer) => {
            let answer = match answer {
                Ok(_) => "ok",
                Err(Refusal::Rejected(_) | Refusal::Aggregate(_)) => "rejected",
                Err(Refusal::NotFound) => "not found",
                Err(Refusal::Taken(..)) => "taken",
                Err(Refusal::Unreadable { .. }) => "unreadable",
                Err(Refusal::DiskNearlyFull(_)) => "disk",
                Err(Refusal::TooLarge) => "too large",
                Err(Refusal::ShuttingDown) => "shutting down",
            };
            format!("reply {} {answer}", reply.0)
        }
        Output::Slot(SlotChange::Requested(holder, wish)) => {
            format!("ask {} for slot {}", wish.limit, holder.ticket.0)
        }
        Output::Slot(SlotChange::Released(holder, limit)) => {
            format!("give {limit} slot {}", holder.ticket.0)
        }
        Output::Slot(SlotChange::CallRequested(holder, wish)) => {
            format!("ask to call {} as {}", wish.target, holder.ticket.0)
        }
        Output::Slot(SlotChange::CallOver(holder, target, outcome)) => {
            format!("call {} of {target} over: {outcome:?}", holder.ticket.0)
        }
        Output::Opened(change) => format!("open {change:+}"),
        Output::Ended(_, status) => format!("ended {}", status.word()),
        Output::Call(call) => format!("see to {}: {:?}", call.call.child, call.call.wish),
        Output::ChildEnded(report) => format!("{} tells", report.child),
        Output::ReadEvents(_, reading) => format!("read {} for {}", reading.event, reading.step.0),
        Output::Hungry(_) => "hungry".into(),
        Output::Snapshot(..) => "snapshot".into(),
        Output::Left(_) => "left".into(),
        Output::Rest(_) => "rest".into(),
        Output::Function(news) => format!("tell the function of {}", news.revision),
        Output::LoadAggregate(_) => "load aggregate".into(),
        Output::Errand(_, effect) => format!("begin {}", errand(effect)),
        Output::ErrandOver(_, effect) => format!("end {}", errand(effect)),
    }
}

fn errand(effect: &Effect) -> String {
    match effect {
        Effect::Pauses(effect) => match *effect {},
        Effect::Topic(deliver) => format!("deliver {} {}", deliver.topic, deliver.number),
        Effect::Versions(effect) => match *effect {},
        Effect::Limit(LimitEffect(holder)) => format!("grant slot {}", holder.ticket.0),
        Effect::Breaker(BreakerEffect::Allow(holder)) => format!("allow call {}", holder.ticket.0),
        Effect::Breaker(BreakerEffect::Refuse(holder)) => {
            format!("refuse call {}", holder.ticket.0)
        }
        Effect::StartKey(begin) => format!("begin {}", begin.run.name),
        Effect::Schedule(ScheduleEffect::Start(start)) => format!("start {}", start.name),
        Effect::Schedule(ScheduleEffect::Watch { run, .. }) => format!("watch {}", run.0[15]),
        Effect::Schedule(ScheduleEffect::Cancel { run, .. }) => format!("cancel {}", run.0[15]),
    }
}

/// The attempts that the run's history says were started.
pub(super) fn started(bench: &Bench, run: RunId) -> Vec<(StepIndex, Attempt)> {
    let started = |event| {
        let Event::StepStarted { step, attempt, .. } = event else { return None };
        Some((step, attempt))
    };
    bench.events(run).into_iter().filter_map(started).collect()
}

pub(super) fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

pub(super) fn complete(step: u32, attempt: u32) -> Command {
    let (step, attempt) = (StepIndex(step), Attempt(attempt));
    Command::CompleteStep { step, attempt, output: Payload::Null }
}

pub(super) fn fail(step: u32, attempt: u32) -> Command {
    let failure = Failure { code: "NX3001".into(), fatal: true, ..Failure::default() };
    Command::FailStep { step: StepIndex(step), attempt: Attempt(attempt), failure }
}

pub(super) fn resume(step: u32, attempt: u32) -> Command {
    Command::ResumeAttempt { step: StepIndex(step), attempt: Attempt(attempt) }
}

/// The attempt that was to be carried on was not called.
pub(super) fn turned_back(step: u32, attempt: u32) -> Command {
    let attempts = vec![(StepIndex(step), Attempt(attempt))];
    Command::InterruptAttempts { attempts, how: Interruption::ShutDown }
}

pub(super) fn pause() -> Command {
    Command::PauseRun { by: by(), reason: "look".into() }
}

/// A step that calls the one handler there is.
pub(super) fn action(id: &str, needs: &[&str]) -> Step {
    testkit::action(id, "one", needs)
}

pub(super) fn sleep(id: &str, duration: &str) -> Step {
    testkit::sleep(id, duration, &[])
}
