//! Causes: everything that keeps a run from going on, and what would release it.
//!
//! Invariant: a run that has not ended has a cause. A state that this page does not know yet is still named, with the reason that
//! its step gives.

use nexus_engine::model::definition::StepKind;
use nexus_engine::model::event::Awaited;
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::run::{ItemState, ItemsRun, StepState, UndoState};

use super::super::show::standing::Standing;
use super::super::show::time;
use crate::api::Cause;

/// How many causes are told.
const CAUSES_MAX: usize = 50;

/// Everything that keeps the run from going on, what concerns all of it first.
pub(super) fn causes(standing: &Standing<'_>, name: &str) -> Vec<Cause> {
    if standing.run.status.is_terminal() {
        return Vec::new();
    }
    let mut causes = Vec::new();
    let mut whole = |cause: &str, why: &str, release: String| {
        causes.push(Cause { cause: cause.into(), step: None, why: why.into(), release });
    };
    if !standing.driven && !standing.is_stuck() {
        let release = format!("nexus-engine serve, or nexus-engine resume {name}");
        whole("orphaned", "no engine works on it", release);
    }
    if standing.run.paused {
        let release = format!("nexus-engine resume {name}");
        whole("paused", "nothing new starts until it is resumed", release);
    }
    if let Some(parent) = standing.paused_with() {
        let release = format!("nexus-engine resume {parent}");
        whole("paused", &format!("paused together with {parent}, which called it"), release);
    }
    for pause in &standing.run.holds.by_store {
        whole("paused", &format!("paused by the pause of {pause}"), resume_store(pause));
    }
    for (slot, hold) in standing.waiting_slots().filter(|(slot, _)| slot.step().is_none()) {
        let why = standing.slot_why(slot, hold);
        let release = format!("a slot of limit {} becomes free", hold.wish.limit);
        causes.push(Cause { cause: "limited".into(), step: None, why, release });
    }
    let at = standing.at().into_iter().take(CAUSES_MAX);
    causes.extend(at.map(|step| of_step(standing, name, step)));
    causes
}

fn of_step(standing: &Standing<'_>, name: &str, step: StepIndex) -> Cause {
    let id = standing.plan.id(step);
    let (cause, release) = released(standing, name, step);
    Cause { cause: cause.into(), step: Some(id.to_owned()), why: standing.step_why(step), release }
}

/// The word for what keeps a step, and what would release it.
fn released(standing: &Standing<'_>, name: &str, step: StepIndex) -> (&'static str, String) {
    if let Some(undo) = standing.run.step_run(step).undo().filter(|undo| undo.is_open()) {
        return undo_released(standing, undo, name);
    }
    let id = standing.plan.id(step);
    let state = standing.run.step(step);
    if standing.run.holds(step) && (!is_at_work(state) || standing.run.holds_cut_off(step)) {
        return ("paused", resume(standing, name, step));
    }
    if let StepState::Awaiting { what, timer } = state {
        let over = timer.map(|(_, at)| format!(", or its time is over at {}", time(at)));
        let comes = if let Awaited::Signal { name: signal } = what {
            format!("nexus-engine signal {name} {signal}")
        } else if let Awaited::Event { name: event, .. } = what {
            format!("nexus-engine emit {event}, or a step that emits it")
        } else if let Awaited::Update { name: update } = what {
            format!("nexus-engine update {name} {update}{}", data_of(standing, step))
        } else if matches!(what, Awaited::Approval { .. }) {
            format!("nexus-engine approve {name} {id}, or reject")
        } else {
            "what it waits for comes".into()
        };
        return ("waiting", format!("{comes}{}", over.unwrap_or_default()));
    }
    if let StepState::Sleeping { until, .. } = state {
        return ("sleeping", format!("its timer, at {}", time(*until)));
    }
    if let StepState::Retrying { timer: Some(_), at, .. } = state {
        return ("retrying", format!("its timer, at {}", time(*at)));
    }
    if matches!(state, StepState::Iterating) {
        return of_items(standing, name, step);
    }
    if standing.is_cut_off(step) && !standing.driven {
        return room(standing, name);
    }
    if matches!(state, StepState::Running { .. }) {
        return ("running", "its handler returns, fails or runs out of time".into());
    }
    if let Some(target) = standing.awaited_target(step) {
        return broken(target);
    }
    if standing.run.slots.blocks(step) {
        return ("limited", "a slot of its limit becomes free".into());
    }
    if !matches!(state, StepState::Waiting | StepState::Retrying { .. }) {
        return ("waiting", "what it waits for comes".into());
    }
    room(standing, name)
}

/// What is ready waits for room, or for an engine.
fn room(standing: &Standing<'_>, name: &str) -> (&'static str, String) {
    if standing.driven {
        ("limited", "another attempt ends and leaves room for it".into())
    } else {
        ("orphaned", format!("nexus-engine serve, or nexus-engine resume {name}"))
    }
}

/// How what an update carries is written, as far as its form says that.
fn data_of(standing: &Standing<'_>, step: StepIndex) -> String {
    let definition = standing.plan.step_definition(step);
    let fields: Vec<String> = match definition.map(|step| &step.kind) {
        Some(StepKind::Update(update)) => {
            update.form.keys().map(|name| format!("\"{name}\": …")).collect()
        }
        _ => Vec::new(),
    };
    if fields.is_empty() {
        " --data JSON".to_owned()
    } else {
        format!(" --data '{{{}}}'", fields.join(", "))
    }
}

/// What keeps the items of a step: those under way, else what the next of them waits for.
fn of_items(standing: &Standing<'_>, name: &str, step: StepIndex) -> (&'static str, String) {
    let items = standing.run.items(step);
    if items.is_some_and(|items| items.running_count() > 0) {
        return ("running", "its items return, fail or run out of time".into());
    }
    let retries = items.into_iter().flat_map(ItemsRun::open).filter_map(|(_, item)| {
        if let ItemState::Retrying { timer: Some(_), at, .. } = &item.state {
            Some(*at)
        } else {
            None
        }
    });
    let ready = items.and_then(ItemsRun::next_to_start);
    match retries.min().filter(|_| ready.is_none()) {
        Some(at) => ("retrying", format!("the timer of an item, at {}", time(at))),
        None if ready.is_none() && standing.run.slots.of_items(step).next().is_some() => {
            match standing.awaited_target(step) {
                Some(target) => broken(target),
                None => ("limited", "a slot of its limit becomes free".into()),
            }
        }
        None => room(standing, name),
    }
}

fn broken(target: &str) -> (&'static str, String) {
    let by_itself = "its time is over and those that came first have tried";
    ("broken", format!("nexus-engine breaker reset {target}, or {by_itself}"))
}

fn is_at_work(state: &StepState) -> bool {
    matches!(state, StepState::Running { .. })
}

/// What ends the pause that keeps a step; of several, the nearest.
fn resume(standing: &Standing<'_>, name: &str, step: StepIndex) -> String {
    let run = standing.run;
    if run.holds.steps.contains(&step) {
        return format!("nexus-engine resume {name} --step {}", standing.plan.id(step));
    }
    match (run.holds.by_store.first(), standing.paused_with()) {
        (Some(pause), _) if !run.paused => resume_store(pause),
        (None, Some(parent)) if !run.paused => format!("nexus-engine resume {parent}"),
        (Some(_) | None, _) => format!("nexus-engine resume {name}"),
    }
}

/// What ends a pause of the store, which is told in words such as `workflow order`.
fn resume_store(pause: &str) -> String {
    match pause.split_once(' ') {
        Some((scope @ ("workflow" | "label"), what)) => {
            format!("nexus-engine resume --{scope} '{what}'")
        }
        Some(_) | None => "nexus-engine resume --engine".to_owned(),
    }
}

fn undo_released(standing: &Standing<'_>, undo: &UndoState, name: &str) -> (&'static str, String) {
    match undo {
        UndoState::Failed { .. } => (
            "blocked",
            format!("nexus-engine retry {name}, or nexus-engine cancel {name} --no-undo"),
        ),
        UndoState::Running { .. } => {
            ("running", "its undo returns, fails or runs out of time".into())
        }
        UndoState::Retrying { timer: Some(_), at, .. } => {
            ("retrying", format!("its timer, at {}", time(*at)))
        }
        UndoState::Pending
        | UndoState::Retrying { timer: None, .. }
        | UndoState::Undone
        | UndoState::GivenUp => room(standing, name),
    }
}
