//! Schedules in the simulated engine: what its driver does for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::{EventLog, Partition, Position, Row};
use nexus_model::aggregate::{AggregateId, Command, Effect, Kind, State};
use nexus_model::event::Actor;
use nexus_model::id::{RunId, TimerId};
use nexus_model::plan::Plan;
use nexus_model::schedule::{
    CatchUp, Overlap, Schedule, ScheduleCommand, ScheduleEffect, Spec, StartRun, Timing,
};
use serde_json::Value;

use super::engine::TestEngine;
use super::world::World;
use crate::handle::{Prepared, RequestError, StartError, StartRequest, prepare, rows};
use crate::replay::replay_aggregate;
use crate::shard::{Answer, Asked, AskedAggregate, Input, Refusal, ReplyId, Start};
use crate::tables::{NAMES, definition_row, read_name_row};

/// Who waits for the start of a run: the schedule, and the start.
pub(super) type Starting = BTreeMap<ReplyId, (AggregateId, StartRun)>;

impl World {
    /// The next errand of a schedule that can be carried out now.
    pub(super) fn next_errand(&self) -> Option<(AggregateId, Effect)> {
        let can = |(_, effect): &&(AggregateId, Effect)| match effect {
            Effect::Schedule(ScheduleEffect::Watch { run, .. }) => self.has_ended(*run),
            Effect::Schedule(_) | Effect::Topic(_) | Effect::StartKey(_) => true,
            Effect::Pauses(effect) => match *effect {},
            Effect::Versions(effect) => match *effect {},
            Effect::Limit(_) | Effect::Breaker(_) => false,
        };
        self.errands.iter().find(can).cloned()
    }

    fn has_ended(&self, run: RunId) -> bool {
        let found = self.loader.run(run).ok().flatten();
        found.is_some_and(|(_, state)| state.status.is_terminal())
    }

    pub(super) fn run_errand(&mut self, id: AggregateId, effect: Effect) {
        self.errands.remove(&(id, effect.clone()));
        self.topic_errand(id, &effect);
        self.begin_errand(id, &effect);
        let Effect::Schedule(effect) = effect else { return };
        match effect {
            ScheduleEffect::Start(start) => self.start_scheduled(id, *start),
            ScheduleEffect::Watch { due, run } => {
                let found = self.loader.run(run).ok().flatten();
                let status = found.map_or("gone", |(_, state)| state.status.word());
                self.tell_schedule(id, ScheduleCommand::Ended { due, status: status.to_owned() });
            }
            ScheduleEffect::Cancel { run, .. } => {
                let by = by();
                let command = nexus_model::command::Command::CancelRun {
                    by,
                    reason: "the next is due".to_owned(),
                    undo: true,
                };
                self.tell(Input::Ask { run, asked: Asked::silent(command) }, None);
            }
        }
    }

    fn start_scheduled(&mut self, id: AggregateId, start: StartRun) {
        let (due, asked) = (start.due, start.clone());
        let row = self.log.row(NAMES, start.name.as_bytes()).ok().flatten();
        if let Some((run, _)) = row.and_then(|row| read_name_row(&row)) {
            self.tell_schedule(id, ScheduleCommand::Started { due, run, existing: true });
            return;
        }
        let plan = match self.loader.plan(start.definition) {
            Ok(plan) => plan,
            Err(error) => {
                return self.not_scheduled(id, asked, &RequestError::from(error).into());
            }
        };
        let run = self.id_of(&start.name, due);
        let request = StartRequest {
            folder: (!start.folder.is_empty()).then(|| PathBuf::from(&start.folder)),
            by: by(),
            ..StartRequest::new(Arc::clone(&plan))
                .input(serde_json::from_str(&start.input).unwrap_or_default())
                .name(start.name)
        };
        let bytes_max = self.setup.config.payload_bytes_max;
        match prepare(request, run, bytes_max) {
            Err(error) => self.not_scheduled(id, asked, &error),
            Ok(prepared) => self.begin_scheduled(id, asked, &plan, prepared.for_test()),
        }
    }

    fn begin_scheduled(
        &mut self,
        id: AggregateId,
        start: StartRun,
        plan: &Arc<Plan>,
        prepared: Prepared,
    ) {
        let vault = prepared.vault();
        let Prepared { started, payloads, request, key, .. } = prepared;
        self.requests += 1;
        let reply = ReplyId(self.requests);
        self.starting.insert(reply, (id, start));
        let mut rows = rows(plan, &started, &request, None, false);
        rows.extend(key.map(|key| key.row(started.run)));
        let (plan, started, reply) = (Arc::clone(plan), Box::new(started), Some(reply));
        self.tell(
            Input::Start(Box::new(Start { plan, started, rows, payloads, reply, vault })),
            None,
        );
    }

    /// Takes the answer to the start of a run of a schedule; `false`: it is another answer.
    pub(super) fn scheduled(&mut self, reply: ReplyId, answer: &Result<Answer, Refusal>) -> bool {
        let Some((id, start)) = self.starting.remove(&reply) else { return false };
        let due = start.due;
        let (run, existing) = match answer {
            Ok(answer) => (answer.run, false),
            Err(Refusal::Taken(run, _)) => (*run, true),
            Err(refusal) => {
                let error = RequestError::Refused(refusal.clone()).into();
                self.not_scheduled(id, start, &error);
                return true;
            }
        };
        self.tell_schedule(id, ScheduleCommand::Started { due, run, existing });
        true
    }

    /// A start that failed: it is tried again, unless that does not help.
    fn not_scheduled(&mut self, id: AggregateId, start: StartRun, error: &StartError) {
        if let Some(code) = error.final_code() {
            let (due, code, message) = (start.due, code.to_owned(), error.words());
            self.tell_schedule(id, ScheduleCommand::NotStarted { due, code, message });
        } else {
            let effect = Effect::Schedule(ScheduleEffect::Start(Box::new(start)));
            self.errands.insert((id, effect));
        }
    }

    fn tell_schedule(&mut self, id: AggregateId, command: ScheduleCommand) {
        let asked = AskedAggregate::silent(Command::Schedule(command));
        self.tell(Input::AskAggregate { id, asked }, None);
    }
}

/// A timer of a run or of an aggregate is due.
pub(super) fn fire(stream: RunId, timer: TimerId) -> Input {
    match AggregateId::of(stream.0) {
        None => {
            let command = nexus_model::command::Command::FireTimer { timer };
            Input::Ask { run: stream, asked: Asked::silent(command) }
        }
        Some(id) => {
            Input::AskAggregate { id, asked: AskedAggregate::silent(id.kind().fire(timer)) }
        }
    }
}

/// What makes a schedule, or changes one, and the rows that go with it.
pub(super) fn put(
    timing: Timing,
    plan: &Arc<Plan>,
    input: &Value,
    rules: (CatchUp, Overlap),
) -> (ScheduleCommand, Vec<Row>) {
    let spec = Spec {
        timing,
        workflow: plan.definition().name.clone(),
        definition: plan.hash(),
        follows: false,
        input: input.to_string(),
        folder: String::new(),
        catch_up: rules.0,
        overlap: rules.1,
    };
    let rows = vec![definition_row(plan.hash(), plan.definition().to_canonical_json())];
    (ScheduleCommand::Put { spec, replace: true, next: None, by: by() }, rows)
}

/// The schedules that the log knows.
pub(super) fn schedules(log: &dyn EventLog) -> BTreeSet<AggregateId> {
    let frames = log.read(Partition(0), Position(0), usize::MAX).unwrap_or_default();
    let aggregates = frames.iter().filter_map(|frame| AggregateId::of(frame.stream.0));
    aggregates.filter(|id| id.kind() == Kind::Schedule).collect()
}

impl TestEngine {
    /// Makes a schedule of an interval, or changes one.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn put_schedule(
        &mut self,
        name: &str,
        timing: Timing,
        plan: &Arc<Plan>,
        input: &Value,
        rules: (CatchUp, Overlap),
    ) -> Result<Answer, Refusal> {
        let (command, rows) = put(timing, plan, input, rules);
        self.ask_schedule(name, &command, &rows)
    }

    /// Asks something of a schedule. If the engine crashes before it answers, it is asked again; that it then says that it was
    /// done already is as good as an answer.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn schedule_command(
        &mut self,
        name: &str,
        command: &ScheduleCommand,
    ) -> Result<Answer, Refusal> {
        self.ask_schedule(name, command, &[])
    }

    fn ask_schedule(
        &mut self,
        name: &str,
        command: &ScheduleCommand,
        rows: &[Row],
    ) -> Result<Answer, Refusal> {
        let command = Command::Schedule(command.clone());
        self.world_mut().ask_aggregate(Kind::Schedule, name, &command, rows)
    }

    /// The state of a schedule.
    ///
    /// # Panics
    /// If there is no such schedule.
    #[track_caller]
    pub fn schedule(&self, name: &str) -> Schedule {
        let entity = self.world().loader.aggregate(Kind::Schedule.id(name)).ok().flatten();
        let state = entity.map(|entity| entity.state);
        let found = if let Some(State::Schedule(schedule)) = state { Some(schedule) } else { None };
        found.expect("a schedule of this name")
    }

    /// Whether a schedule follows again from what is recorded.
    pub fn schedule_replays(&self, name: &str) -> bool {
        let replay = replay_aggregate(&self.world().loader, Kind::Schedule.id(name));
        replay.is_ok_and(|replay| replay.is_some_and(|replay| replay.differences.is_empty()))
    }
}

fn by() -> Actor {
    Actor { name: "test".to_owned(), via: "testkit".to_owned() }
}
