//! Events that runs wait for, as a shard sees them: rows that say who waits.

use nexus_log::Row;
use nexus_model::decide::Transition;
use nexus_model::event::{Awaited, Event};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::plan::Plan;
use nexus_model::run::{Run, StepState};
use nexus_model::topic::event_of;

use crate::tables::event_wait_row;

/// The rows of steps that begin or end to wait for an event. `run` is the state after the transition.
///
/// A row may stay that is not needed any more, for the run says so when it is offered an event; one that is needed is there.
pub(super) fn rows(plan: &Plan, id: RunId, run: &Run, transition: &Transition) -> Vec<Row> {
    let waits = plan.event_waits();
    if waits.is_empty() || !transition.events.iter().any(ends_or_begins) {
        return Vec::new();
    }
    waits
        .iter()
        .map(|(step, event)| event_wait_row(event, id, *step, is_waiting(run, *step)))
        .collect()
}

fn is_waiting(run: &Run, step: StepIndex) -> bool {
    matches!(run.step(step), StepState::Awaiting { what: Awaited::Event { .. }, .. })
}

/// Whether the event may be one by which a step begins or ends to wait for an event.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event touches a step that waits")]
fn ends_or_begins(event: &Event) -> bool {
    match event {
        Event::StepWaits { signal, .. } => event_of(signal).is_some(),
        Event::SignalTaken { .. }
        | Event::StepFailed { .. }
        | Event::StepsCancelled { .. }
        | Event::StepsBypassed { .. }
        | Event::PathChosen { .. }
        | Event::RaceDecided { .. }
        | Event::RoundBegun { .. }
        | Event::RunRetried { .. } => true,
        _ => false,
    }
}
