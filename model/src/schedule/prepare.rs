//! What the calendar adds to a request.

use super::{CatchUp, Schedule, ScheduleCommand, Timing};
use crate::aggregate::Calendar;
use crate::time::Timestamp;

/// Due times that one event takes.
pub const DUES_MAX: usize = 1_000;
/// Stretches before now in which the latest due time is looked for, in milliseconds: a minute, an hour, a day, a month, a
/// year, eight years, which is as long as a leap day can be away.
const LOOK_BACK_MS: [i64; 6] =
    [60_000, 3_600_000, 86_400_000, 2_678_400_000, 31_622_400_000, 252_979_200_000];

pub(super) fn prepare(
    schedule: &Schedule,
    command: ScheduleCommand,
    now: Timestamp,
    calendar: &dyn Calendar,
) -> ScheduleCommand {
    match command {
        ScheduleCommand::Put { spec, replace, by, .. } => {
            let next = spec.timing.next(now, calendar);
            ScheduleCommand::Put { spec, replace, next, by }
        }
        ScheduleCommand::Resume { by, .. } => {
            let spec = schedule.spec.as_ref();
            let next = spec.and_then(|spec| spec.timing.next(now, calendar));
            ScheduleCommand::Resume { next, by }
        }
        ScheduleCommand::Fire { timer, .. } => {
            let (Some(spec), Some((_, due))) = (&schedule.spec, schedule.next) else {
                return ScheduleCommand::Fire { timer, dues: Vec::new(), passed: None, next: None };
            };
            let (dues, passed, next) = up_to(&spec.timing, spec.catch_up, due, now, calendar);
            ScheduleCommand::Fire { timer, dues, passed, next }
        }
        other @ (ScheduleCommand::Pause { .. }
        | ScheduleCommand::Delete { .. }
        | ScheduleCommand::Trigger { .. }
        | ScheduleCommand::Backfill { .. }
        | ScheduleCommand::Started { .. }
        | ScheduleCommand::NotStarted { .. }
        | ScheduleCommand::Ended { .. }) => other,
    }
}

type Dues = (Vec<Timestamp>, Option<(Timestamp, Timestamp)>, Option<Timestamp>);

/// The due times from `first` up to `now`. If they are more than are taken at once: all of the first ones if all are made
/// up for, else the latest.
fn up_to(
    timing: &Timing,
    catch_up: CatchUp,
    first: Timestamp,
    now: Timestamp,
    calendar: &dyn Calendar,
) -> Dues {
    let mut dues = vec![first];
    let mut last = first;
    loop {
        let next = timing.next(last, calendar);
        match next {
            Some(due) if due <= now && dues.len() < DUES_MAX => {
                dues.push(due);
                last = due;
            }
            Some(due) if due <= now && catch_up != CatchUp::All => {
                let Some(latest) = latest(timing, now, calendar) else {
                    return (dues, None, next);
                };
                return (vec![latest], Some((first, due)), timing.next(latest, calendar));
            }
            Some(_) | None => return (dues, None, next),
        }
    }
}

/// The latest due time up to `now`.
fn latest(timing: &Timing, now: Timestamp, calendar: &dyn Calendar) -> Option<Timestamp> {
    let starts = LOOK_BACK_MS.iter().map(|ms| Timestamp(now.0.saturating_sub(ms * 1000)));
    let mut found =
        starts.filter_map(|start| timing.next(start, calendar)).find(|due| *due <= now)?;
    while let Some(later) = timing.next(found, calendar).filter(|later| *later <= now) {
        found = later;
    }
    Some(found)
}

/// The due times from `from` on, before `to`, at most `count_max` of them.
pub fn due_times(
    timing: &Timing,
    from: Timestamp,
    to: Timestamp,
    count_max: usize,
    calendar: &dyn Calendar,
) -> Vec<Timestamp> {
    let before = Timestamp(from.0.saturating_sub(1));
    let dues =
        std::iter::successors(timing.next(before, calendar), |due| timing.next(*due, calendar));
    dues.take_while(|due| *due < to).take(count_max).collect()
}
