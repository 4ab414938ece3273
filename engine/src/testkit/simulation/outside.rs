//! What is asked of a simulated engine from outside, beside starts and requests to runs: who asks waits for the answer, or does not.

use std::sync::Arc;

use nexus_log::Row;
use nexus_model::aggregate::{Command, Kind, State};
use nexus_model::id::RunId;
use nexus_model::input::check;
use nexus_model::pauses::{PauseCommand, STORE, Scope};
use nexus_model::plan::Plan;
use nexus_model::schedule::{CatchUp, Overlap, Schedule, ScheduleCommand, Timing};
use serde_json::Value;

use super::super::migrations::migration;
use super::super::schedules::put;
use super::super::start_keys::keyed;
use super::super::topics::trigger;
use super::{Request, Simulation};
use crate::handle::StartRequest;
use crate::shard::{Asked, AskedAggregate, Input};

impl Simulation {
    fn ask_aggregate(
        &mut self,
        kind: Kind,
        name: &str,
        command: Command,
        rows: Vec<Row>,
    ) -> Request {
        let request = self.request();
        let (name, reply) = (Arc::from(name), Some(request.reply));
        let id = kind.id(&name);
        let asked = AskedAggregate { name: Some(name), command, rows, reply };
        self.world().tell(Input::AskAggregate { id, asked }, None);
        request
    }

    /// Makes a schedule, or changes one.
    pub fn put_schedule(
        &mut self,
        name: &str,
        timing: Timing,
        plan: &Arc<Plan>,
        input: &Value,
        rules: (CatchUp, Overlap),
    ) -> Request {
        let (command, rows) = put(timing, plan, input, rules);
        self.ask_aggregate(Kind::Schedule, name, Command::Schedule(command), rows)
    }

    /// Asks something of a schedule.
    pub fn ask_schedule(&mut self, name: &str, command: ScheduleCommand) -> Request {
        self.ask_aggregate(Kind::Schedule, name, Command::Schedule(command), Vec::new())
    }

    /// Has an event start runs of a workflow: those of its trigger at this place.
    ///
    /// # Panics
    /// If it has no such trigger.
    pub fn set_trigger(&mut self, plan: &Arc<Plan>, at: usize) -> Request {
        let (event, command, rows) = trigger(plan, at);
        self.ask_aggregate(Kind::Topic, &event, command, rows)
    }

    /// Starts a run of a workflow with `dedupe` or `debounce`. A start that is asked for again with its token counts once.
    ///
    /// # Panics
    /// If the workflow has neither, or the input does not fit.
    pub fn begin(&mut self, plan: &Arc<Plan>, input: &Value, token: &str) -> Request {
        let request = StartRequest::new(Arc::clone(plan)).input(input.clone());
        let input = check(plan.definition(), input.clone()).expect("an input that fits");
        let rule = plan.start_rule(&input).expect("a rule that can be computed");
        let rule = rule.expect("a workflow with `dedupe` or `debounce`");
        let (name, command, rows) = keyed(&request, &input, rule, token.to_owned());
        self.ask_aggregate(Kind::StartKey, &name, command, rows)
    }

    /// Has a run go on with another definition; `retries`: one that has failed or was cancelled.
    pub fn migrate(&mut self, run: RunId, plan: &Arc<Plan>, retries: bool) -> Request {
        let (command, rows) = migration(plan, retries);
        let request = self.request();
        let reply = Some(request.reply);
        let asked = Asked { rows, reply, ..Asked::silent(command) };
        self.world().tell(Input::Ask { run, asked }, None);
        request
    }

    /// Pauses everything, a workflow or a label, or ends such a pause.
    pub fn change_pauses(&mut self, command: PauseCommand) -> Request {
        let (reply, life) = (self.next_reply(), self.engine.world().life);
        self.world().pausing.insert(reply);
        let name = Arc::from(STORE);
        let (id, command) = (Kind::Pauses.id(STORE), Command::Pauses(command));
        let asked =
            AskedAggregate { name: Some(name), command, rows: Vec::new(), reply: Some(reply) };
        self.world().tell(Input::AskAggregate { id, asked }, None);
        Request { reply, life }
    }

    /// A schedule, if it is there.
    pub fn schedule(&self, name: &str) -> Option<Schedule> {
        let entity =
            self.engine.world().loader.aggregate(Kind::Schedule.id(name)).ok().flatten()?;
        let State::Schedule(schedule) = entity.state else { return None };
        Some(schedule)
    }

    /// What is paused.
    pub fn pauses(&self) -> Vec<Scope> {
        let pauses = self.engine.world().recorded_pauses().unwrap_or_default();
        pauses.active.into_keys().collect()
    }
}
