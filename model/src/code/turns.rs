//! What a run knows of its function.

use super::{StepQueue, StepSet};
use crate::id::StepIndex;
use crate::payload::Payload;

/// What a run knows of its function. A copy costs the same whatever is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeRun {
    /// Which round it is in, from 0.
    pub round: u32,
    /// The event with which that began.
    pub began: u32,
    /// How many outcomes the function had got when it last said something.
    pub turn: u32,
    /// Whether it has said something in that turn.
    pub spoke: bool,
    /// Steps that it called in this round and that have no outcome yet.
    pub open: StepSet,
    /// Steps whose outcomes it gets next, in order.
    pub settled: StepQueue,
    /// Steps whose numbers are used again.
    pub free: StepSet,
    /// What it returned.
    pub output: Option<Payload>,
    /// The turn in which it failed, if it did. It has not got the outcomes up to it, as far as a retry of the run is concerned.
    pub failed: Option<u32>,
}

impl CodeRun {
    /// The first turn in which it may say something new.
    pub fn next_turn(&self) -> u32 {
        self.turn.saturating_add(u32::from(self.spoke))
    }

    /// The last turn that there can be yet: the one that begins with the newest outcome.
    pub fn last_turn(&self) -> u32 {
        self.turn.saturating_add(u32::try_from(self.settled.len()).unwrap_or(u32::MAX))
    }

    /// Whether the function may say something of this turn.
    pub fn expects(&self, turn: u32) -> bool {
        (self.next_turn()..=self.last_turn()).contains(&turn)
    }

    /// Whether there is a turn that it has said nothing of.
    pub fn has_turns(&self) -> bool {
        self.output.is_none() && self.next_turn() <= self.last_turn()
    }

    /// Steps whose outcomes it got after it had last said something, up to its failure.
    pub(crate) fn before_failure(&self, turn: u32) -> impl Iterator<Item = StepIndex> + '_ {
        self.settled.iter().take(turn.saturating_sub(self.turn) as usize)
    }

    /// The round is over: what is open belongs to nobody, and what has settled reaches nobody.
    pub(crate) fn next_round(&mut self, began: u32, is_kept: impl Fn(StepIndex) -> bool) {
        self.round = self.round.saturating_add(1);
        (self.began, self.turn, self.spoke) = (began, 0, false);
        self.open.clear();
        for step in self.settled.take(usize::MAX) {
            self.frees(step, &is_kept);
        }
    }

    /// It has said something in this turn, and has got the outcomes up to it.
    pub(crate) fn speaks(&mut self, turn: u32, is_kept: impl Fn(StepIndex) -> bool) {
        let got = turn.saturating_sub(self.turn) as usize;
        self.turn = self.turn.max(turn);
        self.spoke = true;
        for step in self.settled.take(got) {
            self.frees(step, &is_kept);
        }
    }

    /// The function has nothing to do with a step any more: its number is used again, unless the step is kept.
    pub(crate) fn frees(&mut self, step: StepIndex, is_kept: impl Fn(StepIndex) -> bool) {
        if !is_kept(step) {
            self.free.insert(step);
        }
    }
}
