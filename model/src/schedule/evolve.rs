//! The fold of a schedule.

use super::{Cause, Firing, Pause, Schedule, ScheduleEvent, StartFailure, Waiting};
use crate::id::TimerId;
use crate::time::Timestamp;

pub(super) fn evolve(schedule: &mut Schedule, event: &ScheduleEvent, at: Timestamp) {
    match event {
        ScheduleEvent::Created(event) => {
            schedule.spec = Some(event.spec.clone());
            schedule.set_timer(event.next);
        }
        ScheduleEvent::Changed(event) => {
            schedule.spec = Some(event.spec.clone());
            schedule.set_timer(event.next);
            if schedule.paused.is_some() {
                schedule.next = None;
            }
        }
        ScheduleEvent::Paused(event) => {
            let (by, reason) = (event.by.clone(), event.reason.clone());
            schedule.paused = Some(Pause { by, reason, at });
            schedule.next = None;
        }
        ScheduleEvent::Resumed(event) => {
            schedule.paused = None;
            schedule.set_timer(event.next);
        }
        ScheduleEvent::Deleted(_) => {
            schedule.spec = None;
            schedule.paused = None;
            schedule.next = None;
            schedule.open.clear();
            schedule.waiting.clear();
        }
        ScheduleEvent::Triggered(_) => schedule.is_triggered(at),
        ScheduleEvent::Backfilled(_) => {}
        ScheduleEvent::TimeCame(event) => {
            schedule.set_timer(event.next);
            schedule.last = event.dues.last().copied().or(schedule.last);
        }
        ScheduleEvent::RunStarted(event) => {
            for firing in schedule.open.iter_mut().filter(|firing| firing.due == event.due) {
                firing.run = Some(event.run);
            }
            schedule.counts.started += u64::from(!event.existing);
        }
        ScheduleEvent::StartFailed(event) => {
            schedule.open.retain(|firing| firing.due != event.due);
            schedule.counts.failed += 1;
            let (due, code, message) = (event.due, event.code.clone(), event.message.clone());
            schedule.failure = Some(StartFailure { due, code, message });
        }
        ScheduleEvent::RunEnded(event) => schedule.open.retain(|firing| firing.due != event.due),
        ScheduleEvent::RunRequested(event) => {
            schedule.waiting.retain(|waiting| waiting.due != event.due);
            let (due, cause) = (event.due, event.cause.clone());
            schedule.open.push(Firing { due, cause, run: None, is_cancelled: false });
        }
        ScheduleEvent::Queued(event) => {
            let (due, cause): (Timestamp, Cause) = (event.due, event.cause.clone());
            schedule.waiting.push_back(Waiting { due, cause });
        }
        ScheduleEvent::Skipped(event) => {
            schedule.waiting.retain(|waiting| !event.dues.contains(&waiting.due));
            schedule.counts.skipped += event.dues.len() as u64;
        }
        ScheduleEvent::CancelRequested(event) => {
            for firing in schedule.open.iter_mut().filter(|firing| firing.due == event.due) {
                firing.is_cancelled = true;
            }
        }
    }
}

impl Schedule {
    fn set_timer(&mut self, next: Option<Timestamp>) {
        self.timers = self.timers.saturating_add(u32::from(next.is_some()));
        self.next = next.map(|due| (TimerId(self.timers), due));
    }

    /// Each trigger has a millisecond of its own, and no whole second, so that its run has a name of its own.
    fn is_triggered(&mut self, at: Timestamp) {
        let after_ms = self.triggered.map_or(i64::MIN, |last| last.0 / 1000 + 1);
        let ms = at.0.div_euclid(1000).max(after_ms);
        let ms = ms + i64::from(ms % 1000 == 0);
        self.triggered = Some(Timestamp(ms.saturating_mul(1000)));
    }
}
