//! Code checked against a recorded history.

mod function;

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use nexus_model::event::Event;
use nexus_model::id::{StateHash, StepIndex};
use nexus_model::plan::Plan;

use super::engine::TestEngine;
use crate::handler::Data;
use crate::loader::{LoadError, Loader};
use crate::replay::{ReplayError, replay};
use crate::workflow::{History, HistoryError, Workflow};

/// What came of checking a workflow against a recorded history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryCheck {
    /// The events of the history.
    pub events: u32,
    /// Where the workflow, as it is now, would have done something else. Empty: nowhere.
    pub differences: Vec<HistoryDifference>,
}

/// A place where a workflow does something else now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryDifference {
    /// The number of the event, from 1, as `nexus-engine history` counts.
    pub event: u32,
    /// What is recorded from there on, to the end of the transition.
    pub recorded: Vec<String>,
    /// What would happen now.
    pub now: Vec<String>,
}

impl HistoryCheck {
    /// Whether it would do the same.
    pub fn all_same(&self) -> bool {
        self.differences.is_empty()
    }
}

impl TestEngine {
    /// Checks a workflow against a history that [`RunHandle::history`](crate::RunHandle::history) wrote: whether, given what came
    /// from outside then, it would have done the same, and whether its functions can read what their steps were given. No function
    /// of a step is called. A workflow that is a function is run through the history: the first place is told where it makes other
    /// calls than those that are recorded, or, if it makes the same, ends otherwise (NX5001): with another output, state of the
    /// next round, or failure. What a retry of the run took back is not compared.
    ///
    /// # Errors
    /// [`HistoryError`] if the file cannot be used, or its history is of another workflow.
    pub fn replay_history<In, Out>(
        &self,
        workflow: &Workflow<In, Out>,
        file: impl AsRef<Path>,
    ) -> Result<HistoryCheck, HistoryError> {
        let history = History::read(file)?;
        history.is_of(workflow.plan())?;
        if workflow.plan().is_code() {
            return function::check(workflow, &history);
        }
        let before = Plan::compile(history.definition()?);
        let before = before.map_err(|_| HistoryError::NoHistory("of a definition".to_owned()))?;
        let now = workflow.plan();
        let (loader, run) = history.as_if_under(now)?;
        let recorded = loader.history(run, 0, usize::MAX)?;
        let told = |revision, was: Vec<String>, is: Vec<String>| {
            let event = number(revision);
            (was != is).then_some(HistoryDifference { event, recorded: was, now: is })
        };
        let mut differences = Vec::new();
        differences.extend(recorded.iter().find_map(|one| {
            told(one.revision, vec![words(&before, &one.event)], vec![words(now, &one.event)])
        }));
        for one in &recorded {
            if let Some(why) = unreadable(workflow, &before, &loader, &one.event) {
                let recorded = vec![words(&before, &one.event)];
                let now = vec![why];
                differences.push(HistoryDifference { event: number(one.revision), recorded, now });
            }
        }
        let all =
            |plan: &Plan, events: &[Event]| events.iter().map(|one| words(plan, one)).collect();
        match replay(&loader, run, None) {
            Ok(replay) => differences.extend(replay.differences.iter().filter_map(|found| {
                told(found.revision, all(&before, &found.recorded), all(now, &found.derived))
            })),
            Err(ReplayError::Load(LoadError::Misfit { revision }))
                if differences.iter().any(|found| found.event == number(revision)) => {}
            Err(ReplayError::Load(LoadError::Misfit { revision })) => {
                let event = recorded.iter().find(|one| one.revision == revision);
                let was = event.map(|one| words(&before, &one.event)).into_iter().collect();
                let is = vec!["nothing: it does not fit the workflow".to_owned()];
                differences.extend(told(revision, was, is));
            }
            Err(ReplayError::Load(error)) => return Err(error.into()),
            Err(ReplayError::NotFound) => {
                return Err(HistoryError::NoHistory("of a run".to_owned()));
            }
        }
        differences.sort_by_key(|difference| difference.event);
        let events = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
        Ok(HistoryCheck { events, differences })
    }
}

/// The number of an event, as people count.
fn number(revision: u32) -> u32 {
    revision.saturating_add(1)
}

/// Why the function of a step cannot read what the step was given.
fn unreadable<In, Out>(
    workflow: &Workflow<In, Out>,
    before: &Plan,
    loader: &Loader,
    event: &Event,
) -> Option<String> {
    let Event::StepStarted { step, input: Some(input), .. } = event else { return None };
    let bytes = loader.bytes(input).ok()?;
    let plan = workflow.plan();
    let handler = plan.find(before.id(*step)).and_then(|at| plan.handler(at))?;
    let work = workflow.handlers().get(handler)?;
    let error = (work.reads)(&Data { content_type: input.content_type(), bytes }).err()?;
    Some(format!("{}: {}", error.0.code, error.0.message))
}

/// An event in words, with the names of a plan, and without the hash of the state, in which the definition is.
fn words(plan: &Plan, event: &Event) -> String {
    let mut event = event.clone();
    if let Event::RunCompleted { state, .. }
    | Event::RunFailed { state, .. }
    | Event::RunCancelled { state } = &mut event
    {
        *state = StateHash::default();
    }
    let text = format!("{event:?}");
    let mut parts = text.split("StepIndex(");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(')').unwrap_or((part, ""));
        let id = number.parse().map_or("", |number| plan.id(StepIndex(number)));
        let id = if id.is_empty() { "no such step" } else { id };
        let _ = write!(named, "`{id}`{rest}");
    }
    named
}

impl fmt::Display for HistoryCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, found) = (self.events, self.differences.len());
        let s = |is_one: bool| if is_one { "" } else { "s" };
        write!(f, "{events} event{}, {found} difference{}", s(events == 1), s(found == 1))?;
        for HistoryDifference { event, recorded, now } in &self.differences {
            write!(f, "\nfrom event {event} on")?;
            recorded.iter().try_for_each(|line| write!(f, "\n  recorded  {line}"))?;
            now.iter().try_for_each(|line| write!(f, "\n  now       {line}"))?;
        }
        Ok(())
    }
}
