//! Causes: everything that keeps a run from going on, and what would release it.
//!
//! Invariant: a run that has not ended has a cause. A state that this page does not know yet is still named, with the reason that
//! its step gives. A step that goes through its items has a cause for each thing that keeps some of them.

mod items;

use nexus_engine::model::definition::StepKind;
use nexus_engine::model::event::Awaited;
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::run::{Slot, StepState, UndoState};
use nexus_engine::model::time::Timestamp;

use super::super::code_elsewhere::OF_PROGRAMS;
use super::super::show::standing::{Standing, Waits};
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
    let mut whole = |word: &str, why: &str, release: String| {
        causes.push(Cause { why: why.into(), ..cause(word, release) });
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
    let of_run = standing.waits().into_iter().filter(|waits| waits.slot.step().is_none());
    causes.extend(of_run.map(|waits| held_back(standing, &waits)));
    let at = standing.at().into_iter().take(CAUSES_MAX);
    causes.extend(at.flat_map(|step| of_step(standing, name, step)));
    causes.truncate(CAUSES_MAX);
    causes
}

/// What keeps a step: of one that goes through its items everything that keeps some of them.
fn of_step(standing: &Standing<'_>, name: &str, step: StepIndex) -> Vec<Cause> {
    let id = standing.plan.id(step);
    let why = standing.step_why(step);
    let undoes = standing.run.step_run(step).undo().is_some_and(UndoState::is_open);
    let iterates = matches!(standing.run.step(step), StepState::Iterating);
    let found = if iterates && !undoes {
        items::causes(standing, name, step)
    } else {
        vec![released(standing, name, step)]
    };
    let told = |cause: Cause| Cause {
        step: Some(id.to_owned()),
        why: if cause.why.is_empty() { why.clone() } else { cause.why },
        ..cause
    };
    found.into_iter().map(told).collect()
}

/// A cause by its word, with what would release it.
fn cause(word: &str, release: impl Into<String>) -> Cause {
    Cause { cause: word.into(), release: release.into(), ..Cause::default() }
}

/// The cause, which is there since then.
fn since(standing: &Standing<'_>, at: Option<Timestamp>, cause: Cause) -> Cause {
    let for_ms = at.map(|at| standing.now.ms_since(at));
    Cause { since: at.map(time), for_ms, ..cause }
}

fn until(at: Option<Timestamp>, cause: Cause) -> Cause {
    Cause { until: at.map(time), ..cause }
}

/// What keeps a step, and what would release it.
fn released(standing: &Standing<'_>, name: &str, step: StepIndex) -> Cause {
    if let Some(undo) = standing.run.step_run(step).undo().filter(|undo| undo.is_open()) {
        return undo_released(standing, undo, name);
    }
    let state = standing.run.step(step);
    if standing.run.holds(step) && (!is_at_work(state) || standing.run.holds_cut_off(step)) {
        return cause("paused", resume(standing, name, step));
    }
    let begun = standing.run.step_run(step).started_at;
    if let StepState::Awaiting { what, timer } = state {
        let timer = timer.map(|(_, at)| at);
        let over = timer.map(|at| format!(", or its time is over at {}", time(at)));
        let comes = comes(standing, what, name, step);
        let waiting = cause("waiting", format!("{comes}{}", over.unwrap_or_default()));
        return since(standing, begun, until(timer, waiting));
    }
    if let StepState::Sleeping { until: at, .. } = state {
        let sleeping = cause("sleeping", format!("its timer, at {}", time(*at)));
        return since(standing, begun, until(Some(*at), sleeping));
    }
    if let StepState::Retrying { timer: Some(_), at, .. } = state {
        return until(Some(*at), cause("retrying", format!("its timer, at {}", time(*at))));
    }
    if standing.rests(step) {
        return turn(standing, name);
    }
    if let StepState::Running { since: began, .. } = state {
        let running = cause("running", "its handler returns, fails or runs out of time");
        return since(standing, Some(*began), running);
    }
    let slots = [Slot::Step(step), Slot::Call(step)].into_iter();
    let mut asked = slots.filter_map(|slot| Some((slot, standing.run.slots.get(slot)?)));
    if let Some((slot, hold)) = asked.find(|(_, hold)| !hold.granted) {
        return held_back(standing, &Waits { slot, hold, count: 1 });
    }
    if let StepState::Calling { timer, .. } = state {
        let calling = cause("waiting", "what it waits for comes");
        return since(standing, begun, until(timer.map(|(_, at)| at), calling));
    }
    room(standing, name)
}

/// What brings that which a step waits for.
fn comes(standing: &Standing<'_>, what: &Awaited, name: &str, step: StepIndex) -> String {
    match what {
        Awaited::Signal { name: signal } => {
            // What waits in a program takes a value of a type, and not whatever comes.
            let started = standing.run.started.as_deref();
            let is_typed = started.is_some_and(|started| started.by.via == OF_PROGRAMS);
            format!("nexus-engine signal {name} {signal}{}", if is_typed { " JSON" } else { "" })
        }
        Awaited::Event { name: event, .. } => {
            format!("nexus-engine emit {event}, or a step that emits it")
        }
        Awaited::Update { name: update } => {
            format!("nexus-engine update {name} {update}{}", data_of(standing, step))
        }
        Awaited::Approval { .. } => {
            let (id, group) = (standing.plan.id(step), standing.deciding(step));
            format!("nexus-engine approve {name} {id}{group}, or reject")
        }
    }
}

/// A limit or a breaker that keeps the run, a step, or items of a step.
fn held_back(standing: &Standing<'_>, waits: &Waits<'_>) -> Cause {
    let on = waits.hold.wish.limit.clone();
    let found = if waits.slot.is_call() {
        let by_itself = "its time is over and those that came first have tried";
        cause("broken", format!("nexus-engine breaker reset {on}, or {by_itself}"))
    } else {
        cause("limited", format!("a slot of limit {on} becomes free"))
    };
    let (why, items) = (standing.waits_why(waits), waits.items());
    since(standing, Some(waits.hold.since), Cause { why, items, on: Some(on), ..found })
}

/// What is ready waits for room, or for an engine.
fn room(standing: &Standing<'_>, name: &str) -> Cause {
    if standing.driven {
        cause("limited", "another attempt ends and leaves room for it")
    } else {
        cause("orphaned", format!("nexus-engine serve, or nexus-engine resume {name}"))
    }
}

/// What waits to be called waits for its turn: for room, or for the call of its function.
fn turn(standing: &Standing<'_>, name: &str) -> Cause {
    if standing.driven && standing.plan.is_code() {
        return cause("limited", "its function makes the call, or another attempt ends");
    }
    room(standing, name)
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

fn undo_released(standing: &Standing<'_>, undo: &UndoState, name: &str) -> Cause {
    match undo {
        UndoState::Failed { .. } => {
            let give_up = format!("nexus-engine cancel {name} --no-undo");
            cause("blocked", format!("nexus-engine retry {name}, or {give_up}"))
        }
        UndoState::Running { .. } if standing.undo_rests(undo) => turn(standing, name),
        UndoState::Running { since: began, .. } => {
            let running = cause("running", "its undo returns, fails or runs out of time");
            since(standing, Some(*began), running)
        }
        UndoState::Retrying { timer: Some(_), at, .. } => {
            until(Some(*at), cause("retrying", format!("its timer, at {}", time(*at))))
        }
        UndoState::Pending
        | UndoState::Retrying { timer: None, .. }
        | UndoState::Undone
        | UndoState::GivenUp => room(standing, name),
    }
}
