//! A run in memory.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::{Outcome, Row};
use nexus_model::codec;
use nexus_model::command::Command;
use nexus_model::decide::{TimerChange, Transition};
use nexus_model::effect::{Effect, pending_for};
use nexus_model::event::{Event, Given};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::payload::{NewPayload, PayloadHash};
use nexus_model::plan::Plan;
use nexus_model::run::{Run, StepState, TimerPurpose, UndoState};
use nexus_model::time::Timestamp;

use super::{Answer, Asked, Output, Refusal, ReplyId, encode};
use crate::handler::AttemptInfo;
use crate::tables::read_name_row;

/// A parked run whose next timer is this near stays in memory, in milliseconds.
const NEAR_TIMER_MS: u64 = 2_000;
/// A run with fewer events than this is folded again rather than read from a snapshot.
const SNAPSHOT_EVENTS_MIN: u32 = 256;
/// A snapshot is worth writing when the events since the last one take this many times its bytes.
const SNAPSHOT_GROWTH: usize = 4;

/// A run in memory.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) plan: Arc<Plan>,
    pub(super) run: Run,
    /// Whether the attempts of an earlier process have been taken up.
    pub(super) is_driven: bool,
    /// Whether the log refused a transition, so that the state in memory is not what is recorded.
    pub(super) is_broken: bool,
    pub(super) waits_for_payloads: bool,
    /// Requests not decided yet.
    pub(super) queue: VecDeque<Asked>,
    /// Transitions on their way to the disk, oldest first.
    pub(super) held: VecDeque<Held>,
    /// Payloads loaded for the decision at hand.
    pub(super) payloads: BTreeMap<PayloadHash, Arc<[u8]>>,
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

/// A transition on its way to the disk, with what waits for it.
#[derive(Debug)]
pub(super) struct Held {
    /// Kept so that it can be asked again if the log refuses.
    asked: Option<Asked>,
    reply: Option<ReplyId>,
    effects: Vec<Effect>,
    timers: Vec<TimerChange>,
    ended: bool,
    revision: u32,
    refusal: Option<Refusal>,
    /// Payloads that become durable with it; until then they are found here.
    payloads: Vec<NewPayload>,
    /// Refusals that were decided on the state this transition leads to.
    pub(super) after: Vec<Self>,
}

impl Held {
    pub(super) fn refused(reply: Option<ReplyId>, refusal: Refusal) -> Self {
        Self {
            asked: None,
            reply,
            effects: Vec::new(),
            timers: Vec::new(),
            ended: false,
            revision: 0,
            refusal: Some(refusal),
            payloads: Vec::new(),
            after: Vec::new(),
        }
    }

    pub(super) fn answer_refused(self, out: &mut Vec<Output>) {
        if let (Some(reply), Some(refusal)) = (self.reply, self.refusal) {
            out.push(Output::Reply(reply, Err(refusal)));
        }
    }

    pub(super) fn attempts_started(&self) -> i64 {
        let calls =
            self.effects.iter().filter(|effect| matches!(effect, Effect::RunAttempt(_))).count();
        i64::try_from(calls).unwrap_or(i64::MAX)
    }
}

impl Resident {
    pub(super) fn new(plan: Arc<Plan>, run: Run) -> Self {
        let bytes = estimate_bytes(&plan);
        Self {
            is_driven: run.started.is_none(),
            plan,
            run,
            is_broken: false,
            waits_for_payloads: false,
            queue: VecDeque::new(),
            held: VecDeque::new(),
            payloads: BTreeMap::new(),
            rows: Vec::new(),
            last_given: Timestamp::default(),
            bytes,
            is_hungry: false,
            events_since_snapshot: 0,
            bytes_since_snapshot: 0,
        }
    }

    /// Takes up a run that was read from the log: its timers, and the attempts that were under way. A run leaves memory only
    /// without running attempts, so these belong to a process that is gone.
    ///
    /// An engine that drives nothing leaves them alone, unless the run is to be cancelled: then they are settled.
    pub(super) fn take_up(&mut self, run: RunId, drives: bool, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.is_driven, true) {
            return;
        }
        out.extend(self.run.timers.iter().map(|(id, timer)| Output::TimerSet(run, *id, timer.due)));
        let attempts: Vec<_> = self
            .run
            .running()
            .filter_map(|step| Some((step, running_attempt(&self.run, step)?)))
            .collect();
        if attempts.is_empty() {
            return;
        }
        let interrupt = Asked::silent(Command::InterruptAttempts { attempts, orderly: !drives });
        match self.queue.iter().position(|asked| matches!(asked.command, Command::CancelRun { .. }))
        {
            Some(cancel) if !drives => self.queue.insert(cancel + 1, interrupt),
            _ if drives => self.queue.push_front(interrupt),
            _ => {}
        }
    }

    /// Takes payloads that a decision needs from transitions that are not durable yet; returns those that must be read.
    pub(super) fn take_held(&mut self, hashes: Vec<PayloadHash>) -> Vec<PayloadHash> {
        let held = self.held.iter().flat_map(|held| &held.payloads);
        let found = held.filter(|(hash, _)| hashes.contains(hash)).cloned();
        self.payloads.extend(found);
        hashes.into_iter().filter(|hash| !self.payloads.contains_key(hash)).collect()
    }

    /// Turns what was decided into what is logged and what is held until it is durable.
    pub(super) fn hold(
        &mut self,
        run: RunId,
        asked: Asked,
        transition: Transition,
        given: Given,
    ) -> (Held, nexus_log::Transition) {
        let effects = self.effects_of(&transition.events);
        let rows = std::mem::take(&mut self.rows);
        let logged = encode(run, &self.run, &transition, given, rows, &asked.payloads);
        self.last_given = given.now;
        self.events_since_snapshot += logged.records.count();
        self.bytes_since_snapshot += logged.records.as_bytes().len();
        let payloads = asked.payloads.iter().cloned().chain(transition.payloads).collect();
        let held = Held {
            payloads,
            reply: asked.reply,
            asked: Some(asked),
            effects,
            timers: transition.timers,
            ended: self.run.status.is_terminal(),
            revision: self.run.revision,
            refusal: None,
            after: Vec::new(),
        };
        (held, logged)
    }

    /// The effects of a transition: what `pending` says about the steps it touched.
    fn effects_of(&self, events: &[Event]) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut add = |step: StepIndex| effects.extend(pending_for(&self.plan, &self.run, step));
        for event in events {
            match event {
                Event::StepStarted { step, .. } | Event::UndoStarted { step, .. } => add(*step),
                Event::UndoWaived { .. } => self.run.running().for_each(&mut add),
                Event::StopRequested { steps } => steps.iter().copied().for_each(&mut add),
                Event::AttemptsInterrupted { attempts, orderly: false } => {
                    attempts.iter().for_each(|(step, _)| add(*step));
                }
                _ => {}
            }
        }
        effects
    }

    /// Lets out what waited for a transition that is now durable.
    pub(super) fn release(&self, run: RunId, held: Held, out: &mut Vec<Output>) {
        for change in held.timers {
            out.push(match change {
                TimerChange::Set(timer, due) => Output::TimerSet(run, timer, due),
                TimerChange::Cleared(timer, due) => Output::TimerCleared(run, timer, due),
            });
        }
        for effect in held.effects {
            out.push(match effect {
                Effect::StopAttempt { step, attempt } => Output::Stop(run, step, attempt),
                Effect::RunAttempt(attempt) => Output::Attempt {
                    plan: Arc::clone(&self.plan),
                    info: Box::new(self.attempt_info(run, &attempt)),
                    attempt: Box::new(attempt),
                },
            });
        }
        if let Some(reply) = held.reply {
            out.push(Output::Reply(reply, Ok(Answer { run, revision: held.revision })));
        }
        if held.ended && self.run.status.is_terminal() {
            out.push(Output::Ended(run, self.run.status.clone()));
        }
        held.after.into_iter().for_each(|refused| refused.answer_refused(out));
    }

    /// Says why a transition was not taken, or has it asked again.
    pub(super) fn give_back(
        &self,
        run: RunId,
        held: Held,
        outcome: Outcome,
        out: &mut Vec<Output>,
    ) {
        let is_start = matches!(&held.asked, Some(Asked { command: Command::StartRun(_), .. }));
        let refusal = match outcome {
            Outcome::Taken { value, .. } => {
                let (run, request) = read_name_row(&value).unwrap_or((run, [0; 32]));
                Some(Refusal::Taken(run, request))
            }
            Outcome::Unacceptable => Some(Refusal::TooLarge),
            Outcome::DiskNearlyFull { free_bytes } if is_start => {
                Some(Refusal::DiskNearlyFull(free_bytes))
            }
            Outcome::DiskNearlyFull { .. }
            | Outcome::Conflict { .. }
            | Outcome::Appended(_)
            | Outcome::Repeated(_) => None,
        };
        match (refusal, held.asked) {
            (Some(refusal), _) => {
                tracing::debug!(%run, %refusal, "the log refused a transition");
                out.extend(held.reply.map(|reply| Output::Reply(reply, Err(refusal))));
            }
            (None, Some(asked)) => out.push(Output::AskAgain { run, asked }),
            (None, None) => {}
        }
        held.after.into_iter().for_each(|refused| refused.answer_refused(out));
    }

    /// Whether the run wants room and has not said so yet.
    pub(super) fn becomes_hungry(&mut self) -> bool {
        let hungry = self.run.has_ready()
            && !self.run.paused
            && !self.run.status.is_terminal()
            && !self.is_broken;
        hungry && !std::mem::replace(&mut self.is_hungry, hungry)
    }

    /// Forgets that the run has said that it wants room.
    pub(super) fn is_offered(&mut self) {
        self.is_hungry = false;
    }

    /// Whether nothing is going on with the run.
    pub(super) fn can_leave(&self, now: Timestamp, over_budget: bool) -> bool {
        if !self.queue.is_empty() || self.waits_for_payloads || self.run.running_count() > 0 {
            return false;
        }
        let near = self.run.timers.values().any(|timer| {
            timer.purpose != TimerPurpose::RunTimeout && timer.due.ms_since(now) < NEAR_TIMER_MS
        });
        self.run.status.is_terminal() || over_budget || (self.run.is_parked() && !near)
    }

    /// A snapshot for a run that parks, if folding it again would take long.
    pub(super) fn snapshot_on_leaving(&mut self, run: RunId) -> Option<Output> {
        (!self.run.status.is_terminal() && self.events_since_snapshot >= SNAPSHOT_EVENTS_MIN / 4)
            .then(|| self.snapshot(run))
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

    fn attempt_info(&self, run: RunId, attempt: &nexus_model::effect::RunAttempt) -> AttemptInfo {
        let started = self.run.started.as_deref();
        let text =
            |read: fn(&nexus_model::event::RunStarted) -> &str| Arc::from(started.map_or("", read));
        let folder = started
            .map(|started| PathBuf::from(&started.folder))
            .filter(|folder| !folder.as_os_str().is_empty());
        AttemptInfo {
            run,
            run_name: text(|started| &started.name),
            workflow: text(|started| &started.workflow),
            step: attempt.step,
            step_id: Arc::from(self.plan.id(attempt.step)),
            attempt: attempt.attempt,
            may_repeat: may_repeat(&self.run, attempt.step),
            is_undo: attempt.undo,
            folder,
            store: None,
        }
    }
}

fn running_attempt(run: &Run, step: StepIndex) -> Option<nexus_model::id::Attempt> {
    match (run.step(step), run.step_run(step).undo()) {
        (StepState::Running { attempt, .. }, _)
        | (_, Some(UndoState::Running { attempt, .. })) => Some(*attempt),
        _ => None,
    }
}

fn may_repeat(run: &Run, step: StepIndex) -> bool {
    matches!(run.step(step), StepState::Running { may_repeat: true, .. })
        || matches!(
            run.step_run(step).undo(),
            Some(UndoState::Running { may_repeat: true, .. })
        )
}

fn estimate_bytes(plan: &Plan) -> usize {
    600 + plan.step_count() as usize * 180
}
