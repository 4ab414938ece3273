//! Runs of an earlier process, until each has been looked at.
//!
//! Invariants:
//! * All of them are looked at, in their order, also while nothing gets any further: a run may need no room to go on.
//! * Few of them wait to be read at one time, so that a run of which something is asked meanwhile is read soon.
//! * While enough runs wait for room the others follow step by step: they would only fill the memory, and be read twice.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nexus_model::id::RunId;

use super::Driver;
use crate::shard::Input;

/// Reads that wait before no more runs are taken up.
const READS_AHEAD: usize = 256;
/// Runs that wait for room before the others follow step by step.
const HUNGRY_ENOUGH: usize = 4_096;
/// Runs of a step.
const STEP_RUNS: usize = 64;
/// Time from step to step.
const STEP: Duration = Duration::from_millis(5);

/// Runs to be taken up.
#[derive(Debug, Default)]
pub(super) struct TakingUp {
    runs: VecDeque<RunId>,
    /// When the next step is due, if they follow step by step.
    next_at: Option<Instant>,
}

impl TakingUp {
    /// Adds runs.
    pub(super) fn extend(&mut self, runs: Vec<RunId>) {
        self.runs.extend(runs);
    }

    /// Takes the runs whose turn has come, while so many reads and so many hungry runs wait; none: wait for
    /// [`wake_in`](Self::wake_in), or until something has been read.
    fn next(&mut self, now: Instant, reads: usize, hungry: usize) -> Vec<RunId> {
        let mut count = READS_AHEAD.saturating_sub(reads).min(self.runs.len());
        let is_due = self.next_at.is_none_or(|at| at <= now);
        if count == 0 || hungry < HUNGRY_ENOUGH {
            self.next_at = None;
        } else if is_due {
            count = count.min(STEP_RUNS);
            self.next_at = Some(now + STEP);
        } else {
            count = 0;
        }
        self.runs.drain(..count).collect()
    }

    /// How long until the next step.
    pub(super) fn wake_in(&self) -> Option<Duration> {
        let at = self.next_at.filter(|_| !self.runs.is_empty())?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Driver {
    /// Takes up those whose turn has come.
    pub(super) fn take_up(&mut self) {
        loop {
            let (reads, hungry) = (self.reads.waiting(), self.hungry.len());
            let runs = self.taking_up.next(Instant::now(), reads, hungry);
            if runs.is_empty() {
                return;
            }
            for run in runs {
                self.tell(Input::Drive { run });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u8) -> TakingUp {
        let mut taking_up = TakingUp::default();
        taking_up.extend((0..count).map(|at| RunId([at; 16])).collect());
        taking_up
    }

    #[test]
    fn they_are_taken_up_in_order_as_far_as_few_reads_wait() {
        let (mut taking_up, now) = (of(200), Instant::now());
        let first = taking_up.next(now, READS_AHEAD - 3, 0);
        assert_eq!(first, [RunId([0; 16]), RunId([1; 16]), RunId([2; 16])]);
        assert_eq!(taking_up.next(now, READS_AHEAD, 0), []);
        assert_eq!(taking_up.wake_in(), None, "what has been read wakes the driver");
        assert_eq!(taking_up.next(now, 0, 0).len(), 197);
    }

    #[test]
    fn they_follow_step_by_step_while_enough_wait_for_room() {
        let (mut taking_up, now) = (of(200), Instant::now());
        assert_eq!(taking_up.next(now, 0, HUNGRY_ENOUGH).len(), STEP_RUNS);
        assert_eq!(taking_up.next(now, 0, HUNGRY_ENOUGH), []);
        assert!(taking_up.wake_in().is_some_and(|rest| rest <= STEP), "the step wakes the driver");
        assert_eq!(taking_up.next(now + STEP, 0, HUNGRY_ENOUGH).len(), STEP_RUNS);
        assert_eq!(taking_up.next(now + STEP, 0, HUNGRY_ENOUGH - 1).len(), 200 - 2 * STEP_RUNS);
        assert_eq!(taking_up.wake_in(), None);
    }
}
