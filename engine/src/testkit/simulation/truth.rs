//! The truth of a simulation: a fold of the durable log, event by event, with what every event has to keep to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_log::{Frame, Partition, Position};
use nexus_model::aggregate::AggregateId;
use nexus_model::event::Event;
use nexus_model::evolve::{evolve, fits};
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus, StepState};

use crate::loader::{Loader, Recorded, events_of};

/// A plan and the state of a run of it.
pub(crate) type Folded = (Arc<Plan>, Run);

/// An attempt of a step or an item, or to undo one (`true`; then it is counted for the step).
pub(super) type Try = (StepIndex, Option<ItemIndex>, Attempt, bool);

/// A run, and what it has begun.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) plan: Arc<Plan>,
    pub(super) run: Run,
    /// Attempts that have begun.
    pub(super) begun: BTreeSet<Try>,
    /// Attempts that have an outcome.
    pub(super) ended: BTreeSet<Try>,
    /// Steps that have called a run. A step of a function may have another call by now.
    pub(super) called: BTreeSet<StepIndex>,
    /// Whether it went on after its end.
    pub(super) is_reopened: bool,
    /// How it has ended so far.
    pub(super) ends: Vec<RunStatus>,
}

/// What the log says.
#[derive(Debug, Default)]
pub(super) struct Truth {
    next: Position,
    /// How many events streams have that are no runs.
    others: BTreeMap<[u8; 16], u32>,
    pub(super) runs: BTreeMap<RunId, Known>,
    pub(super) broken: Vec<String>,
}

impl Truth {
    /// Reads what has become durable. Returns whether there was something.
    pub(super) fn follow(&mut self, loader: &Loader) -> bool {
        let frames = loader.log().read(Partition(0), self.next, usize::MAX);
        let frames = frames.unwrap_or_default();
        for frame in &frames {
            if frame.position != self.next {
                let (is, next) = (frame.position.0, self.next.0);
                self.broken.push(format!("a frame is at position {is} and not at {next}"));
            }
            self.next = frame.next_position();
            self.fold(loader, frame);
        }
        !frames.is_empty()
    }

    /// How many runs are open.
    pub(super) fn open(&self) -> i64 {
        let open = self.runs.values().filter(|known| !known.run.status.is_terminal());
        i64::try_from(open.count()).unwrap_or(i64::MAX)
    }

    fn fold(&mut self, loader: &Loader, frame: &Frame) {
        let stream = frame.stream.0;
        if AggregateId::of(stream).is_some() {
            let next = self.others.entry(stream).or_default();
            if frame.revision.0 != *next {
                self.broken
                    .push(format!("a frame is at revision {} and not {next}", frame.revision.0));
            }
            *next = frame.next_revision().0;
            return;
        }
        let id = RunId(stream);
        let mut known = match self.runs.remove(&id) {
            Some(known) => known,
            None => match loader.beginning(id) {
                Ok(Some((plan, run))) => {
                    let (begun, ended) = (BTreeSet::new(), BTreeSet::new());
                    let called = BTreeSet::new();
                    Known { plan, run, begun, ended, called, is_reopened: false, ends: Vec::new() }
                }
                other => return self.broken.push(format!("a run does not begin: {other:?}")),
            },
        };
        match events_of(frame) {
            Ok(events) => {
                for recorded in &events {
                    known.fold(loader, recorded, &mut self.broken);
                }
            }
            Err(error) => self.broken.push(format!("a frame cannot be read: {error}")),
        }
        self.runs.insert(id, known);
    }
}

impl Known {
    fn fold(&mut self, loader: &Loader, recorded: &Recorded, broken: &mut Vec<String>) {
        let mut rules = Vec::new();
        if recorded.revision != self.run.revision {
            rules.push("is not the next of its run");
        }
        self.check(&recorded.event, &mut rules);
        if let Event::CallsMade(made) = &recorded.event {
            // The numbers of steps are used again.
            let is_taken = |it: &Try| made.calls.iter().any(|call| call.step == it.0);
            self.begun.retain(|begun| !is_taken(begun));
            self.ended.retain(|ended| !is_taken(ended));
        }
        self.is_reopened |= goes_on(&recorded.event);
        if let Event::StepCalled { step, .. } = recorded.event {
            self.called.insert(step);
        }
        let old = Arc::clone(&self.plan);
        if loader.follow_plan(&mut self.plan, &recorded.event).is_err()
            || !fits(&self.plan, &recorded.event)
        {
            rules.push("does not fit the definition");
        }
        evolve(&self.plan, &mut self.run, &recorded.event, recorded.time);
        if self.run.status.is_terminal() && !self.ends.contains(&self.run.status) {
            self.ends.push(self.run.status.clone());
        }
        if matches!(recorded.event, Event::RunMigrated(_)) {
            self.moves(&old);
        }
        let name = self.run.started.as_ref().map_or("", |started| started.name.as_str());
        let what = recorded.kind();
        broken.extend(
            rules.iter().map(|rule| format!("{what} {} of {name} {rule}", recorded.revision)),
        );
    }

    /// The steps have the numbers of another definition.
    fn moves(&mut self, old: &Plan) {
        let new = Arc::clone(&self.plan);
        let moved = |tries: &BTreeSet<Try>| {
            let step = |step: StepIndex| {
                if step.0 < old.step_count() { new.find(old.id(step)) } else { None }
            };
            let tries = tries.iter().filter_map(|it| Some((step(it.0)?, it.1, it.2, it.3)));
            tries.collect::<BTreeSet<Try>>()
        };
        (self.begun, self.ended) = (moved(&self.begun), moved(&self.ended));
    }

    /// What must hold before an event.
    fn check(&mut self, event: &Event, rules: &mut Vec<&'static str>) {
        if self.run.status.is_terminal() && !goes_on(event) {
            rules.push("comes after the end");
        }
        if let Some(begun) = begins(event) {
            if !self.begun.insert(begun) {
                rules.push("begins an attempt a second time");
            }
            let (step, item, _, is_undo) = begun;
            // A list goes on when a loop begins again what it needed first.
            if !is_undo && item.is_none() && !self.run.needs_met(step) {
                rules.push("begins before what it needs");
            }
        }
        // That a step with items is undone follows from its items.
        let follows =
            matches!(event, Event::UndoCompleted { step, .. } if self.run.items(*step).is_some());
        let Some(ended) = ends(event).filter(|_| !follows) else { return };
        if !self.ended.insert(ended) {
            rules.push("is a second outcome of one attempt");
        }
        if matches!(self.run.step(ended.0), StepState::Running { .. })
            && !self.begun.contains(&ended)
        {
            rules.push("is the outcome of an attempt that never began");
        }
    }
}

/// Whether it may come after the end of a run.
fn goes_on(event: &Event) -> bool {
    matches!(
        event,
        Event::RunRetried { .. }
            | Event::RunMigrated(_)
            | Event::RunForgotten { .. }
            | Event::UndoRetried { .. }
    )
}

fn begins(event: &Event) -> Option<Try> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else begins an attempt")]
    match event {
        Event::StepStarted { step, attempt, .. } => Some((*step, None, *attempt, false)),
        Event::ItemStarted { step, item, attempt, .. } => {
            Some((*step, Some(*item), *attempt, false))
        }
        Event::UndoStarted { step, attempt, .. } => Some((*step, None, *attempt, true)),
        Event::ItemUndoStarted(it) => Some((it.step, None, it.attempt, true)),
        _ => None,
    }
}

fn ends(event: &Event) -> Option<Try> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else ends an attempt")]
    match event {
        Event::StepCompleted { step, attempt, .. } | Event::AttemptFailed { step, attempt, .. } => {
            Some((*step, None, *attempt, false))
        }
        Event::ItemCompleted { step, item, attempt, .. }
        | Event::ItemAttemptFailed { step, item, attempt, .. } => {
            Some((*step, Some(*item), *attempt, false))
        }
        Event::UndoCompleted { step, attempt, .. }
        | Event::UndoAttemptFailed { step, attempt, .. } => Some((*step, None, *attempt, true)),
        Event::ItemUndone(it) => Some((it.step, None, it.attempt, true)),
        _ => None,
    }
}
