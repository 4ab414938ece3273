//! How transitions reach the log of the simulated engine.

use futures_util::FutureExt;
use nexus_log::{EventLog, Outcome, Partition, Submission};

use tokio::task::unconstrained;

use super::weather::Storm;
use super::world::{Flying, World};
use crate::shard::Input;

impl World {
    /// The log takes the oldest transition and answers, unless the engine ends just there.
    pub(super) fn append(&mut self) {
        let Some(Flying { run, transition, report }) = self.flying.pop_front() else { return };
        let here = self.crash_at.take_if(|at| at.transition == self.transitions);
        let chance = || self.storm.as_mut().and_then(Storm::crash);
        let crash = here.map(|at| at.kept).or_else(chance);
        if crash == Some(false) {
            self.crash();
            return;
        }
        let Some(permit) = self.log.permits().try_acquire(transition.bytes()) else { return };
        let transitions = vec![transition];
        let submission = Submission { partition: Partition(0), transitions, permit };
        // A runtime that the test itself runs on may say at any time that enough was polled.
        let answer = unconstrained(self.log.append(submission)).now_or_never();
        let outcomes = answer.and_then(Result::ok).unwrap_or_default();
        let Some(outcome) = outcomes.into_iter().next() else { return };
        self.transitions += 1;
        if matches!(outcome, Outcome::Appended(_)) {
            self.is_recorded(report);
        }
        if crash.is_some() {
            self.crash();
        } else {
            self.tell(Input::Answered { run, outcome }, None);
        }
    }

    /// Takes note that the outcome of a call is durable.
    pub(super) fn is_recorded(&mut self, report: Option<usize>) {
        if let Some(call) = report.and_then(|at| self.calls.get_mut(at)) {
            call.recorded = true;
        }
    }
}
