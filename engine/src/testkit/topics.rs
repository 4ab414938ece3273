//! Events between runs in the simulated engine: what its driver does for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_log::{Change, EventLog, Partition, Position, Row};
use nexus_model::aggregate::{self, AggregateId, Effect, Kind, Rejection, State};
use nexus_model::command::Command;
use nexus_model::effect::Reading;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::plan::{EMIT_HANDLER, Plan};
use nexus_model::time::Timestamp;
use nexus_model::topic::{
    Deliver, EventTrigger, StartFailure, Topic, TopicCommand, TopicRejection, run_name,
};
use serde_json::Value;

use super::aggregates::done_before;
use super::call::Call;
use super::engine::TestEngine;
use super::world::{Working, World};
use crate::events::{
    Emitted, emitted_by_step, first_since, offer, read_events, step_actor, waiters,
};
use crate::handle::{Prepared, RequestError, StartRequest, prepare, rows};
use crate::handler::{Data, StepCx, StepError};
use crate::replay::replay_aggregate;
use crate::shard::{Answer, Asked, AskedAggregate, Input, Refusal, ReplyId, Start};
use crate::tables::{META, NAMES, definition_row, event_id_key};

/// What goes on with topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// Steps that emit an event, by the request that does it.
    emitting: BTreeMap<ReplyId, Working>,
    /// Events that are being delivered: what is not answered yet.
    delivering: BTreeMap<AggregateId, Delivering>,
}

#[derive(Debug)]
struct Delivering {
    deliver: Deliver,
    number: u32,
    open: BTreeSet<ReplyId>,
    started: u32,
    failures: Vec<StartFailure>,
    /// Whether somebody could not be reached for now.
    again: bool,
}

impl World {
    /// A handler is at work from now on; that of a step that emits an event is the engine itself.
    pub(super) fn put_to_work(&mut self, cx: &StepCx, call: Call, working: Working) {
        let input = Arc::clone(&call.input.bytes);
        let emits = call.uses == EMIT_HANDLER;
        self.calls.push(call);
        if emits {
            self.emit_for(cx, &input, working);
        } else {
            self.working.push(working);
        }
    }

    /// A step emits an event.
    fn emit_for(&mut self, cx: &StepCx, input: &[u8], mut working: Working) {
        let Some((topic, data)) = emitted_by_step(input) else {
            self.working.push(working);
            return;
        };
        working.result = Data::json(&data);
        let key = cx.idempotency_key();
        if self.is_emitted(&topic, &key) {
            self.working.push(working);
            return;
        }
        self.requests += 1;
        let reply = ReplyId(self.requests);
        self.topics.emitting.insert(reply, working);
        self.tell(emit(&topic, &data, &key, step_actor(cx), reply), None);
    }

    fn is_emitted(&self, topic: &str, id: &str) -> bool {
        self.log.row(META, &event_id_key(topic, id)).ok().flatten().is_some()
    }

    /// Offers a step what was emitted before it waited.
    pub(super) fn read_events(&mut self, run: RunId, reading: &Reading) {
        let Reading { step, waiting, event: topic, since } = reading;
        for event in self.events_since(topic, *since) {
            self.ask_silently(run, offer(topic, &event, *step));
        }
        self.ask_silently(run, Command::EventsRead { step: *step, waiting: Some(*waiting) });
    }

    fn events_since(&self, topic: &str, since: Timestamp) -> Vec<Emitted> {
        let records = self.topic(topic).map_or(0, |topic| topic.records);
        let first = first_since(&*self.log, topic, records, since).unwrap_or_default();
        let (mut found, mut next) = (Vec::new(), Some(first));
        while let Some(from) = next {
            let Ok((events, then)) = read_events(&*self.log, topic, from) else { break };
            found.extend(events.into_iter().filter(|event| event.at >= since));
            next = then;
        }
        found
    }

    fn topic(&self, name: &str) -> Option<Topic> {
        let entity = self.loader.aggregate(Kind::Topic.id(name)).ok().flatten()?;
        let State::Topic(topic) = entity.state else { return None };
        Some(topic)
    }

    /// Offers an event to all who wait for it, and starts what it starts.
    pub(super) fn deliver(&mut self, id: AggregateId, deliver: &Deliver) {
        let Deliver { topic, number, record } = deliver;
        let Ok((events, _)) = read_events(&*self.log, topic, *record) else { return };
        let Some(event) = events.first() else { return };
        let (number, deliver) = (*number, deliver.clone());
        let (open, failures) = (BTreeSet::new(), Vec::new());
        let delivering = Delivering { deliver, number, open, started: 0, failures, again: false };
        self.topics.delivering.insert(id, delivering);
        for (run, step) in waiters(&*self.log, topic).unwrap_or_default() {
            let reply = self.expect(id);
            let asked = Asked { reply: Some(reply), ..Asked::silent(offer(topic, event, step)) };
            self.tell(Input::Ask { run, asked }, None);
        }
        let triggers = self.topic(topic).unwrap_or_default().triggers;
        for (name, trigger) in triggers.iter().filter(|(_, trigger)| trigger.after < number) {
            self.start_triggered(id, (topic, number, event), name, trigger);
        }
        self.delivered(id);
    }

    fn expect(&mut self, id: AggregateId) -> ReplyId {
        self.requests += 1;
        let reply = ReplyId(self.requests);
        if let Some(delivering) = self.topics.delivering.get_mut(&id) {
            delivering.open.insert(reply);
        }
        reply
    }

    fn start_triggered(
        &mut self,
        id: AggregateId,
        (topic, number, event): (&str, u32, &Emitted),
        trigger: &str,
        set: &EventTrigger,
    ) {
        let Ok(plan) = self.loader.plan(set.definition) else { return };
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let failed = |code: &str, message: String| StartFailure {
            number,
            trigger: trigger.to_owned(),
            code: code.to_owned(),
            message,
        };
        let input = match plan.triggered_input(set.at as usize, &data) {
            Ok(Some(input)) => input,
            Ok(None) => return,
            Err(error) => return self.not_started(id, failed("NX2101", format!("{error:?}"))),
        };
        let name = run_name(trigger, topic, number);
        if self.log.row(NAMES, name.as_bytes()).ok().flatten().is_some() {
            return self.has_started(id);
        }
        let run = self.id_of(&name, event.at);
        let by = Actor { name: topic.to_owned(), via: "event".to_owned() };
        let request =
            StartRequest { by, ..StartRequest::new(Arc::clone(&plan)).input(input).name(name) };
        match prepare(request, run, self.setup.config.payload_bytes_max) {
            Err(error) => self.not_started(id, failed("NX1205", error.to_string())),
            Ok(prepared) => self.begin_triggered(id, &plan, prepared),
        }
    }

    fn begin_triggered(&mut self, id: AggregateId, plan: &Arc<Plan>, prepared: Prepared) {
        let prepared = prepared.for_test();
        let vault = prepared.vault();
        let Prepared { started, payloads, request, key, .. } = prepared;
        let reply = Some(self.expect(id));
        let mut rows = rows(plan, &started, &request, None, false);
        rows.extend(key.map(|key| key.row(started.run)));
        let (plan, started) = (Arc::clone(plan), Box::new(started));
        self.has_started(id);
        self.tell(
            Input::Start(Box::new(Start { plan, started, rows, payloads, reply, vault })),
            None,
        );
    }

    fn has_started(&mut self, id: AggregateId) {
        if let Some(delivering) = self.topics.delivering.get_mut(&id) {
            delivering.started += 1;
        }
    }

    fn not_started(&mut self, id: AggregateId, failure: StartFailure) {
        if let Some(delivering) = self.topics.delivering.get_mut(&id) {
            delivering.failures.push(failure);
        }
    }

    /// Takes an answer to a request for a topic's sake; `false`: it is another answer.
    pub(super) fn topic_replied(
        &mut self,
        reply: ReplyId,
        answer: &Result<Answer, Refusal>,
    ) -> bool {
        if let Some(working) = self.topics.emitting.remove(&reply) {
            let again = Err(Refusal::Aggregate(Rejection::Topic(TopicRejection::AlreadyEmitted)));
            let mut working = working;
            if let (Err(refusal), false) = (answer, *answer == again) {
                working.result = Err(if refusal.is_passing() {
                    RequestError::Refused(refusal.clone()).into()
                } else {
                    StepError::fatal(refusal.to_string()).code("NX4121")
                });
            }
            self.working.push(working);
            return true;
        }
        let mut of = self.topics.delivering.iter_mut();
        let Some(id) = of.find_map(|(id, it)| it.open.remove(&reply).then_some(*id)) else {
            return false;
        };
        if answer.as_ref().is_err_and(Refusal::is_passing)
            && let Some(delivering) = self.topics.delivering.get_mut(&id)
        {
            delivering.again = true;
        }
        self.delivered(id);
        true
    }

    /// Says that an event is delivered, once everybody has answered.
    fn delivered(&mut self, id: AggregateId) {
        let delivering = self.topics.delivering.get(&id);
        if delivering.is_none_or(|delivering| !delivering.open.is_empty()) {
            return;
        }
        let Some(delivering) = self.topics.delivering.remove(&id) else { return };
        let Delivering { deliver, number: through, started, failures, again, .. } = delivering;
        if again {
            // What was done of it does no harm when it is done again.
            self.errands.insert((id, Effect::Topic(deliver)));
            return;
        }
        let command = TopicCommand::Delivered { through, started, failures };
        let asked = AskedAggregate::silent(aggregate::Command::Topic(command));
        self.tell(Input::AskAggregate { id, asked }, None);
    }

    /// What is to be done for a topic.
    pub(super) fn topic_errand(&mut self, id: AggregateId, effect: &Effect) {
        if let Effect::Topic(deliver) = effect {
            self.deliver(id, deliver);
        }
    }
}

pub(super) fn emit(topic: &str, data: &Value, id: &str, by: Actor, reply: ReplyId) -> Input {
    let data = data.to_string();
    let hash = blake3::hash(data.as_bytes()).as_bytes().to_vec();
    let row = Row { table: META, key: event_id_key(topic, id), change: Change::Put(hash) };
    let command = aggregate::Command::Topic(TopicCommand::Emit { id: id.to_owned(), data, by });
    let asked = AskedAggregate {
        name: Some(Arc::from(topic)),
        command,
        rows: vec![row],
        reply: Some(reply),
    };
    Input::AskAggregate { id: Kind::Topic.id(topic), asked }
}

/// What has an event start runs: the event, the request to it, and the rows that go with it.
pub(super) fn trigger(plan: &Arc<Plan>, at: usize) -> (String, aggregate::Command, Vec<Row>) {
    let definition = plan.definition();
    let trigger = definition.event_triggers.get(at).expect("a trigger of the workflow");
    let rows = vec![definition_row(plan.hash(), definition.to_canonical_json())];
    let command = TopicCommand::SetTrigger {
        name: trigger.trigger_name(&definition.name, at),
        definition: plan.hash(),
        at: u32::try_from(at).unwrap_or(u32::MAX),
        follows: false,
        folder: String::new(),
        by: by(),
    };
    (trigger.event.clone(), aggregate::Command::Topic(command), rows)
}

/// The topics that the log knows.
pub(super) fn topics(log: &dyn EventLog) -> BTreeSet<AggregateId> {
    let frames = log.read(Partition(0), Position(0), usize::MAX).unwrap_or_default();
    let aggregates = frames.iter().filter_map(|frame| AggregateId::of(frame.stream.0));
    aggregates.filter(|id| id.kind() == Kind::Topic).collect()
}

impl TestEngine {
    /// Emits an event, as a program does. Each has an id of its own, so that it counts once.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn emit(&mut self, event: &str, data: &Value) -> Result<Answer, Refusal> {
        self.emit_with(event, data, None)
    }

    /// As [`emit`](Self::emit), with this id; one that was emitted before is not emitted again.
    pub(super) fn emit_with(
        &mut self,
        event: &str,
        data: &Value,
        id: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let world = self.world_mut();
        world.requests += 1;
        let id = id.map_or_else(|| format!("event-{}", world.requests), str::to_owned);
        if world.is_emitted(event, &id) {
            return Ok(Answer { run: RunId(Kind::Topic.id(event).bytes()), revision: 0 });
        }
        let input = |reply| emit(event, data, &id, by(), reply);
        let (answer, again) = world.ask(input, |_| None);
        done_before(Kind::Topic, event, answer, again)
    }

    /// Has an event start runs of a workflow: those of its trigger at this place.
    ///
    /// # Errors
    /// [`Refusal`]
    ///
    /// # Panics
    /// If it has no such trigger.
    pub fn set_trigger(&mut self, plan: &Arc<Plan>, at: usize) -> Result<Answer, Refusal> {
        let (event, command, rows) = trigger(plan, at);
        self.world_mut().ask_aggregate(Kind::Topic, &event, &command, &rows)
    }

    /// The state of a topic; an empty one if nothing was emitted.
    pub fn topic(&self, event: &str) -> Topic {
        self.world().topic(event).unwrap_or_default()
    }

    /// Whether a topic follows again from what is recorded.
    pub fn topic_replays(&self, event: &str) -> bool {
        let replay = replay_aggregate(&self.world().loader, Kind::Topic.id(event));
        replay.is_ok_and(|replay| replay.is_some_and(|replay| replay.differences.is_empty()))
    }
}

fn by() -> Actor {
    Actor { name: "test".to_owned(), via: "testkit".to_owned() }
}
