//! What a request makes of a schedule.

use super::draft::Draft;
use super::{
    Backfilled, CatchUp, Cause, Changed, Created, DUES_MAX, Deleted, GRACE_MS, Overlap, Paused,
    Resumed, RunEnded, RunStarted, Schedule, ScheduleCommand, ScheduleEvent, ScheduleRejection,
    SkipReason, Spec, StartFailed, TimeCame, Triggered, is_name,
};
use crate::event::Actor;
use crate::id::TimerId;
use crate::time::Timestamp;

pub(super) fn decide(
    schedule: &mut Schedule,
    command: ScheduleCommand,
    now: Timestamp,
) -> Result<Vec<ScheduleEvent>, ScheduleRejection> {
    let mut draft = Draft::new(schedule.clone(), now);
    apply(&mut draft, command)?;
    let (state, events) = draft.finish();
    *schedule = state;
    Ok(events)
}

fn apply(draft: &mut Draft, command: ScheduleCommand) -> Result<(), ScheduleRejection> {
    match command {
        ScheduleCommand::Put { spec, replace, next, by } => put(draft, spec, replace, next, by),
        ScheduleCommand::Pause { by, reason } => pause(draft, by, reason),
        ScheduleCommand::Resume { next, by } => resume(draft, next, by),
        ScheduleCommand::Delete { by } => {
            spec(draft)?;
            draft.emit(ScheduleEvent::Deleted(Deleted { by }));
            Ok(())
        }
        ScheduleCommand::Trigger { by } => trigger(draft, by),
        ScheduleCommand::Backfill { from, to, dues, by } => backfill(draft, from, to, dues, by),
        ScheduleCommand::Fire { timer, dues, passed, next } => {
            fire(draft, timer, dues, passed, next)
        }
        ScheduleCommand::Started { due, run, existing } => {
            awaited(draft, due, false)?;
            draft.emit(ScheduleEvent::RunStarted(RunStarted { due, run, existing }));
            Ok(())
        }
        ScheduleCommand::NotStarted { due, code, message } => {
            awaited(draft, due, false)?;
            draft.emit(ScheduleEvent::StartFailed(StartFailed { due, code, message }));
            draft.go_on();
            Ok(())
        }
        ScheduleCommand::Ended { due, status } => {
            awaited(draft, due, true)?;
            draft.emit(ScheduleEvent::RunEnded(RunEnded { due, status }));
            draft.go_on();
            Ok(())
        }
    }
}

fn spec(draft: &Draft) -> Result<Spec, ScheduleRejection> {
    draft.state.spec.clone().ok_or(ScheduleRejection::NotThere)
}

fn put(
    draft: &mut Draft,
    spec: Spec,
    replace: bool,
    next: Option<Timestamp>,
    by: Actor,
) -> Result<(), ScheduleRejection> {
    if !is_name(&draft.state.name) {
        return Err(ScheduleRejection::Name);
    }
    match &draft.state.spec {
        Some(before) if *before == spec => return Err(ScheduleRejection::Unchanged),
        Some(_) if !replace => return Err(ScheduleRejection::Exists),
        Some(_) | None if next.is_none() => return Err(ScheduleRejection::NeverDue),
        Some(_) => draft.emit(ScheduleEvent::Changed(Changed { spec, next, by })),
        None => draft.emit(ScheduleEvent::Created(Created { spec, next, by })),
    }
    Ok(())
}

fn pause(draft: &mut Draft, by: Actor, reason: String) -> Result<(), ScheduleRejection> {
    spec(draft)?;
    if draft.state.paused.is_some() {
        return Err(ScheduleRejection::AlreadyPaused);
    }
    draft.emit(ScheduleEvent::Paused(Paused { by, reason }));
    Ok(())
}

fn resume(draft: &mut Draft, next: Option<Timestamp>, by: Actor) -> Result<(), ScheduleRejection> {
    spec(draft)?;
    if draft.state.paused.is_none() {
        return Err(ScheduleRejection::NotPaused);
    }
    draft.emit(ScheduleEvent::Resumed(Resumed { next, by }));
    draft.go_on();
    Ok(())
}

fn trigger(draft: &mut Draft, by: Actor) -> Result<(), ScheduleRejection> {
    let spec = spec(draft)?;
    draft.emit(ScheduleEvent::Triggered(Triggered { by: by.clone() }));
    // The fold has made the due time of it, later than that of any trigger before.
    let due = draft.state.triggered.unwrap_or(draft.now);
    draft.act(due, Cause::Trigger(by), spec.overlap);
    Ok(())
}

/// Runs of the past are all started: one after the other, or all at once if that is allowed.
fn backfill(
    draft: &mut Draft,
    from: Timestamp,
    to: Timestamp,
    dues: Vec<Timestamp>,
    by: Actor,
) -> Result<(), ScheduleRejection> {
    let spec = spec(draft)?;
    let missing: Vec<Timestamp> = dues.into_iter().filter(|due| !draft.state.has(*due)).collect();
    if missing.is_empty() {
        return Err(ScheduleRejection::NothingMissing);
    }
    if missing.len() > DUES_MAX {
        return Err(ScheduleRejection::TooMany { count: missing.len() });
    }
    let (dues, cause) = (missing.clone(), Cause::Backfill(by.clone()));
    draft.emit(ScheduleEvent::Backfilled(Backfilled { from, to, dues, by }));
    let overlap = match spec.overlap {
        Overlap::Allow => Overlap::Allow,
        Overlap::Skip | Overlap::Queue | Overlap::CancelOld => Overlap::Queue,
    };
    for due in missing {
        draft.act(due, cause.clone(), overlap);
    }
    Ok(())
}

fn fire(
    draft: &mut Draft,
    timer: TimerId,
    dues: Vec<Timestamp>,
    passed: Option<(Timestamp, Timestamp)>,
    next: Option<Timestamp>,
) -> Result<(), ScheduleRejection> {
    let spec = spec(draft)?;
    if draft.state.next.is_none_or(|(set, _)| set != timer) || draft.state.paused.is_some() {
        return Err(ScheduleRejection::NoSuchTimer);
    }
    let now = draft.now;
    let came = TimeCame { timer, dues: dues.clone(), passed, next };
    draft.emit(ScheduleEvent::TimeCame(came));
    let is_behind = next.is_some_and(|next| next <= now);
    let latest = dues.last().copied().filter(|_| !is_behind);
    let is_late = |due: Timestamp| now.ms_since(due) > GRACE_MS;
    let (acted_on, missed): (Vec<Timestamp>, Vec<Timestamp>) =
        dues.into_iter().partition(|due| match spec.catch_up {
            CatchUp::All => true,
            CatchUp::Latest => latest == Some(*due),
            CatchUp::None => latest == Some(*due) && !is_late(*due),
        });
    draft.skip(missed, SkipReason::Missed);
    for due in acted_on {
        let cause = if is_late(due) { Cause::CatchUp } else { Cause::Due };
        draft.act(due, cause, spec.overlap);
    }
    Ok(())
}

/// Whether a run of this due time is being started, or is watched.
fn awaited(draft: &Draft, due: Timestamp, is_running: bool) -> Result<(), ScheduleRejection> {
    spec(draft)?;
    let mut open = draft.state.open.iter();
    let found = open.any(|firing| firing.due == due && firing.run.is_some() == is_running);
    if found { Ok(()) } else { Err(ScheduleRejection::NotAwaited) }
}
