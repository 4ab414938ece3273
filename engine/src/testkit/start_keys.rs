//! Starts that have a key in the simulated engine: what its driver does for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_log::{EventLog, Partition, Position, Row};
use nexus_model::aggregate::{AggregateId, Command, Effect, Kind, State};
use nexus_model::event::Actor;
use nexus_model::input::check;
use nexus_model::plan::Plan;
use nexus_model::start_key::{
    BeginRun, RunRequest, StartKey, StartKeyCommand, StartRule, aggregate_name,
};
use serde_json::Value;

use super::engine::TestEngine;
use super::world::World;
use crate::handle::{Prepared, RequestError, StartError, StartRequest, prepare, rows, rule_error};
use crate::replay::replay_aggregate;
use crate::shard::{Answer, AskedAggregate, Input, Refusal, ReplyId, Start};
use crate::tables::{NAMES, definition_row, read_name_row};

/// Runs that are being started for a key: by the request, the key and the run.
pub(super) type Beginning = BTreeMap<ReplyId, (AggregateId, BeginRun)>;

impl World {
    /// Starts a run that a key has named.
    pub(super) fn begin_errand(&mut self, id: AggregateId, effect: &Effect) {
        let Effect::StartKey(begin) = effect else { return };
        let BeginRun { run, .. } = begin;
        let number = run.number;
        let row = self.log.row(NAMES, run.name.as_bytes()).ok().flatten();
        if let Some((run, _)) = row.and_then(|row| read_name_row(&row)) {
            self.tell_start_key(id, StartKeyCommand::Begun { number, run });
            return;
        }
        let plan = match self.loader.plan(run.request.definition) {
            Ok(plan) => plan,
            Err(error) => return self.not_begun(id, begin, &RequestError::from(error).into()),
        };
        let uuid = self.id_of(&run.name, self.setup.began);
        let request = StartRequest {
            sent: run.request.sent,
            labels: run.request.labels.clone(),
            folder: (!run.request.folder.is_empty()).then(|| (&run.request.folder).into()),
            by: run.request.by.clone(),
            ..StartRequest::new(Arc::clone(&plan))
                .input(serde_json::from_str(&run.request.input).unwrap_or_default())
                .name(run.name.clone())
        };
        match prepare(request, uuid, self.setup.config.payload_bytes_max) {
            Err(error) => self.not_begun(id, begin, &error),
            Ok(Prepared { started, payloads, request, .. }) => {
                self.requests += 1;
                let reply = ReplyId(self.requests);
                self.beginning.insert(reply, (id, begin.clone()));
                let rows = rows(&plan, &started, &request, None, false);
                let (started, reply) = (Box::new(started), Some(reply));
                let start = Start { plan, started, rows, payloads, reply, vault: None };
                self.tell(Input::Start(Box::new(start)), None);
            }
        }
    }

    /// Takes the answer to the start of a run of a key; `false`: it is another answer.
    pub(super) fn begun(&mut self, reply: ReplyId, answer: &Result<Answer, Refusal>) -> bool {
        let Some((id, begin)) = self.beginning.remove(&reply) else { return false };
        match answer {
            Ok(Answer { run, .. }) | Err(Refusal::Taken(run, _)) => {
                let number = begin.run.number;
                self.tell_start_key(id, StartKeyCommand::Begun { number, run: *run });
            }
            Err(refusal) => {
                self.not_begun(id, &begin, &RequestError::Refused(refusal.clone()).into());
            }
        }
        true
    }

    /// A start that failed: it is tried again, unless that does not help.
    fn not_begun(&mut self, id: AggregateId, begin: &BeginRun, error: &StartError) {
        if let Some(code) = error.final_code() {
            let number = begin.run.number;
            let (code, message) = (code.to_owned(), error.words());
            self.tell_start_key(id, StartKeyCommand::NotBegun { number, code, message });
        } else {
            self.errands.insert((id, Effect::StartKey(begin.clone())));
        }
    }

    fn tell_start_key(&mut self, id: AggregateId, command: StartKeyCommand) {
        let asked = AskedAggregate::silent(Command::StartKey(command));
        self.tell(Input::AskAggregate { id, asked }, None);
    }
}

/// What starts a run by its key: the name of the key, the request to it, and the rows that go with it.
pub(super) fn keyed(
    asked: &StartRequest,
    input: &Value,
    rule: StartRule,
    token: String,
) -> (String, Command, Vec<Row>) {
    let plan = &asked.plan;
    let folder = asked.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    let workflow = plan.definition().name.clone();
    let request = RunRequest {
        workflow: workflow.clone(),
        definition: plan.hash(),
        input: input.to_string(),
        folder: folder.unwrap_or_default(),
        by: Actor { name: "test".to_owned(), via: "testkit".to_owned() },
        ..RunRequest::default()
    };
    let (key, command) = match rule {
        StartRule::Dedupe { key, within_ms } => {
            (key, StartKeyCommand::Admit { within_ms, name: String::new(), request })
        }
        StartRule::Debounce { key, wait_ms, at_most_ms } => {
            (key, StartKeyCommand::Keep { wait_ms, at_most_ms, token, request })
        }
    };
    let name = aggregate_name(&workflow, &key);
    let plans = std::iter::once(plan).chain(&asked.callees);
    let rows = plans.map(|plan| definition_row(plan.hash(), plan.definition().to_canonical_json()));
    (name, Command::StartKey(command), rows.collect())
}

/// The start keys that the log knows.
pub(super) fn start_keys(log: &dyn EventLog) -> BTreeSet<AggregateId> {
    let frames = log.read(Partition(0), Position(0), usize::MAX).unwrap_or_default();
    let aggregates = frames.iter().filter_map(|frame| AggregateId::of(frame.stream.0));
    aggregates.filter(|id| id.kind() == Kind::StartKey).collect()
}

impl TestEngine {
    /// Starts a run of a workflow with `dedupe` or `debounce`, as the engine itself does: unless its key was seen, or when it
    /// has been quiet. After a crash it is asked again, and that it then says that it was done already is as good as an answer.
    ///
    /// # Errors
    /// [`StartError`] if the input does not fit; a [`Refusal`] in it if the key was seen.
    ///
    /// # Panics
    /// If the workflow has neither.
    pub fn begin(&mut self, plan: &Arc<Plan>, input: Value) -> Result<Answer, StartError> {
        let request = StartRequest::new(Arc::clone(plan)).input(input);
        let input = check(plan.definition(), request.input.clone()).map_err(StartError::Inputs)?;
        let rule = plan.start_rule(&input).map_err(rule_error)?;
        self.begin_by(&request, &input, rule.expect("a workflow with `dedupe` or `debounce`"))
    }

    /// The same, of a whole request; a workflow without such a rule is started at once.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_with(&mut self, request: &StartRequest) -> Result<(), StartError> {
        let plan = &request.plan;
        let input = check(plan.definition(), request.input.clone()).map_err(StartError::Inputs)?;
        match plan.start_rule(&input).map_err(rule_error)? {
            Some(rule) => self.begin_by(request, &input, rule).map(|_| ()),
            None => self.start_as(request.clone()).map(|_| ()),
        }
    }

    fn begin_by(
        &mut self,
        asked: &StartRequest,
        input: &Value,
        rule: StartRule,
    ) -> Result<Answer, StartError> {
        let world = self.world_mut();
        world.requests += 1;
        let token = format!("start-{}", world.requests);
        let (name, command, rows) = keyed(asked, input, rule, token);
        self.world_mut()
            .ask_aggregate(Kind::StartKey, &name, &command, &rows)
            .map_err(|refusal| StartError::Request(RequestError::Refused(refusal)))
    }

    /// Asks something of the starts of a key.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn ask_start_key(
        &mut self,
        name: &str,
        command: &StartKeyCommand,
        plan: &Arc<Plan>,
    ) -> Result<Answer, Refusal> {
        let rows = [definition_row(plan.hash(), plan.definition().to_canonical_json())];
        let command = Command::StartKey(command.clone());
        self.world_mut().ask_aggregate(Kind::StartKey, name, &command, &rows)
    }

    /// The starts of a key of a workflow; empty if there were none.
    pub fn start_key(&self, workflow: &str, key: &str) -> StartKey {
        let id = Kind::StartKey.id(&aggregate_name(workflow, key));
        let entity = self.world().loader.aggregate(id).ok().flatten();
        match entity.map(|entity| entity.state) {
            Some(State::StartKey(key)) => key,
            Some(_) | None => StartKey::default(),
        }
    }

    /// Whether the starts of a key follow again from what is recorded.
    pub fn start_key_replays(&self, workflow: &str, key: &str) -> bool {
        let id = Kind::StartKey.id(&aggregate_name(workflow, key));
        let replay = replay_aggregate(&self.world().loader, id);
        replay.is_ok_and(|replay| replay.is_some_and(|replay| replay.differences.is_empty()))
    }
}
