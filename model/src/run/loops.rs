//! Loops of a run: which round each is in.

use std::fmt::Write as _;

use super::Run;
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::plan::Plan;

/// A loop that has gone back, or is open again after a `retry` of the run. Only its last round is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loop {
    /// The number of the round it is in, from 1.
    pub round: u32,
    /// Rounds up to this number do not count against its limit (they were before a `retry` of the run).
    pub forgiven: u32,
    /// What the round sees of the one before.
    pub carry: Payload,
}

impl Run {
    /// The number of the round that the loop `step` is in, from 1.
    pub fn round(&self, step: StepIndex) -> u32 {
        self.loops.get(&step).map_or(1, |found| found.round)
    }

    /// What tells this round of `step` from others: empty in the first round of every loop around it, else such as `~3`, or
    /// `~3.1` with a loop in a loop. Part of keys that have to be different in every round.
    pub fn round_mark(&self, plan: &Plan, step: StepIndex) -> String {
        let loops = plan.loops(step);
        if self.loops.is_empty() || !loops.iter().any(|step| self.round(*step) > 1) {
            return String::new();
        }
        let mut mark = String::new();
        for (at, step) in loops.iter().enumerate() {
            let _ = write!(mark, "{}{}", if at == 0 { "~" } else { "." }, self.round(*step));
        }
        mark
    }
}
