//! The calls of a function, in the order in which they were made. The state of a run holds only those whose numbers no later call
//! was given; what became of the others is read from its history.

use std::collections::{HashMap, HashSet};

use nexus_engine::model::code::{CallMade, CallsMade};
use nexus_engine::model::definition::{Step, StepKind};
use nexus_engine::model::event::{Event, Failure, child_name};
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::payload::Payload;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;
use nexus_engine::model::time::Timestamp;
use nexus_engine::{LoadError, Loader, Recorded};

use super::graph::kind_word;
use super::show::event::about;
use super::show::{failure, failure_line, payload, time};
use crate::api::{GraphNode, StepView};

/// How many events are read, the newest ones.
const EVENTS_MAX: u32 = 20_000;
/// How many calls are shown beside those of the state, the newest ones.
const CALLS_MAX: usize = 1_000;

/// Calls in the order in which they were made.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// Whether there are earlier ones.
    pub(super) begins_late: bool,
}

/// A call, as far as its events tell of it.
pub(super) struct Call {
    pub(super) id: String,
    attempts: u32,
    /// What it does, if this version can read it.
    does: Option<Step>,
    child: Option<String>,
    began: Option<Timestamp>,
    end: Option<(Timestamp, End)>,
}

/// Where a call that is shown is described.
pub(super) enum Shown<'c> {
    /// In the state of the run.
    Kept(StepIndex),
    /// In its history alone: a later call has its number.
    Earlier(&'c Call),
}

/// What a call came to.
enum End {
    Completed(Payload),
    Failed(Failure),
    /// The word for it.
    Other(&'static str),
}

impl Calls {
    /// Reads the calls of a run.
    pub(super) fn read(loader: &Loader, run: &Run) -> Result<Self, LoadError> {
        let Some(started) = run.started.as_deref() else { return Ok(Self::default()) };
        let (id, name, from) =
            (started.run, started.name.as_str(), run.revision.saturating_sub(EVENTS_MAX));
        let mut calls = Self { calls: Vec::new(), begins_late: from > 0 };
        let mut places: HashMap<StepIndex, usize> = HashMap::new();
        for recorded in loader.history(id, from, usize::MAX)? {
            calls.take(&recorded, &mut places, name);
        }
        Ok(calls)
    }

    /// The last call of this id.
    pub(super) fn find(&self, id: &str) -> Option<&Call> {
        self.calls.iter().rev().find(|call| call.id == id)
    }

    /// The calls of a function, as many as are shown: `plan` has those that the state tells of, and all of them are.
    pub(super) fn shown(&mut self, plan: &Plan) -> Vec<Shown<'_>> {
        let read: HashSet<&str> = self.calls.iter().map(|call| call.id.as_str()).collect();
        let older = plan.steps().filter(|step| !read.contains(plan.id(*step)));
        let mut shown: Vec<_> = older.map(Shown::Kept).collect();
        let others = self.calls.iter().filter(|call| plan.find(&call.id).is_none()).count();
        let mut left_out = others.saturating_sub(CALLS_MAX);
        self.begins_late |= left_out > 0;
        for call in &self.calls {
            match plan.find(&call.id) {
                Some(step) => shown.push(Shown::Kept(step)),
                None if left_out > 0 => left_out -= 1,
                None => shown.push(Shown::Earlier(call)),
            }
        }
        shown
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is about several calls")]
    fn take(&mut self, recorded: &Recorded, places: &mut HashMap<StepIndex, usize>, run: &str) {
        let mut all_end = |steps: &[StepIndex], word: &'static str| {
            for call in steps.iter().filter_map(|step| places.get(step)) {
                if let Some(call) = self.calls.get_mut(*call) {
                    call.end = Some((recorded.time, End::Other(word)));
                }
            }
        };
        match &recorded.event {
            Event::CallsMade(made) => return self.made(made, places),
            Event::StepsCancelled { steps } => all_end(steps, "cancelled"),
            Event::StepsNotReached { steps } => all_end(steps, "not reached"),
            _ => {}
        }
        let (step, attempt) = about(&recorded.event);
        let Some(call) = step.and_then(|step| self.calls.get_mut(*places.get(&step)?)) else {
            return;
        };
        call.attempts = call.attempts.max(attempt.map_or(0, |attempt| attempt.0));
        call.take(recorded, run);
    }

    fn made(&mut self, made: &CallsMade, places: &mut HashMap<StepIndex, usize>) {
        for call in &made.calls {
            places.insert(call.step, self.calls.len());
            self.calls.push(Call::new(call));
        }
    }
}

impl Call {
    fn new(call: &CallMade) -> Self {
        let does = serde_json::from_str(&call.does).ok();
        Self { id: call.id(), attempts: 0, does, child: None, began: None, end: None }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what else happens to a call is not shown")]
    fn take(&mut self, Recorded { event, time, .. }: &Recorded, run: &str) {
        match event {
            Event::StepCompleted { output, .. } => {
                self.end = Some((*time, End::Completed(output.clone())));
            }
            Event::StepFailed { failure, .. } => {
                self.end = Some((*time, End::Failed(failure.clone())));
            }
            Event::StepCalled { number, .. } => {
                self.child = Some(child_name(run, &self.id, *number));
                self.began.get_or_insert(*time);
            }
            Event::StepStarted { .. }
            | Event::StepSlept { .. }
            | Event::StepWaits { .. }
            | Event::ApprovalRequested { .. } => {
                self.began.get_or_insert(*time);
            }
            _ => {}
        }
    }

    /// What it brought, if it has completed.
    pub(super) fn output(&self) -> Option<&Payload> {
        match &self.end {
            Some((_, End::Completed(output))) => Some(output),
            Some((_, End::Failed(_) | End::Other(_))) | None => None,
        }
    }

    /// How often it may be tried.
    fn attempts_max(&self) -> u32 {
        self.does.as_ref().map_or(1, |step| step.retry.max_attempts)
    }

    /// Where it stands, in a word.
    fn status(&self) -> &'static str {
        match self.end {
            Some((_, End::Failed(_))) => "failed",
            Some((_, End::Completed(_))) => "completed",
            Some((_, End::Other(word))) => word,
            None => "pending",
        }
    }

    /// As a step of a graph.
    pub(super) fn node(&self) -> GraphNode {
        let kind = self.does.as_ref().map(|step| &step.kind);
        let uses = match kind {
            Some(StepKind::Action { uses, .. }) => Some(uses.clone()),
            Some(StepKind::Call { workflow, .. }) => Some(workflow.clone()),
            _ => None,
        };
        GraphNode {
            id: self.id.clone(),
            kind: kind.map_or("", kind_word).to_owned(),
            uses,
            child: self.child.clone(),
            condition: None,
            undo: None,
            status: Some(self.status().to_owned()),
        }
    }

    /// A call that the state does not tell of any more; of its output at most so many bytes are shown.
    pub(super) fn view(&self, loader: &Loader, bytes_max: u64) -> Result<StepView, LoadError> {
        let tries = format!("attempt {} of {}", self.attempts, self.attempts_max());
        let (note, error) = match &self.end {
            Some((_, End::Failed(cause))) => {
                let note = format!("{} ({tries}, the run went on)", failure_line(cause));
                (Some(note), Some(failure(cause, Some(&self.id))))
            }
            Some((_, End::Completed(_))) => {
                let child = self.child.as_ref().map(|child| format!("run {child}"));
                (child.or_else(|| (self.attempts > 1).then_some(tries)), None)
            }
            Some((_, End::Other(_))) | None => (None, None),
        };
        let ended = self.end.as_ref().map(|(at, _)| *at);
        let output = self.output().map(|output| payload(loader, output, bytes_max));
        Ok(StepView {
            id: self.id.clone(),
            status: self.status().to_owned(),
            attempts: self.attempts,
            max_attempts: self.attempts_max(),
            started_at: self.began.map(time),
            took_ms: self.began.zip(ended).map(|(from, to)| to.ms_since(from)),
            note,
            progress: serde_json::Value::Null,
            output: output.transpose()?.unwrap_or_default(),
            error,
            child: self.child.clone(),
            undo: None,
            needs: Vec::new(),
            items: None,
        })
    }
}
