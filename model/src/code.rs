//! Code: runs whose steps are the calls of a function, made while the run goes on.
//!
//! A function is asked in turns. In the first it runs until it waits for the outcomes of its calls; each further turn begins
//! with exactly one outcome, in the order in which they were recorded. The calls of a turn are one event, [`CallsMade`], which
//! makes each of them a step; the end of the function is [`FunctionReturned`]. From then on a call is a step like any other.
//!
//! Invariants:
//! * A turn has at most one of these events, and turns do not go back.
//! * The number of a step is used again once the function got its outcome and it cannot be undone, so that a run is as large
//!   as what is open in it, not as what it has done.
//! * Ids of steps are never used again: [`step_id`] counts the rounds, and the calls of a name.
//!
//! A function that is repeated goes through rounds: each begins anew with a state that is recorded, so that only the last has to
//! be run again.

mod step_set;
mod trie;
mod turns;

use std::fmt;

use crate::definition::Step;
use crate::event::{Event, Failure};
use crate::id::StepIndex;
use crate::payload::Payload;

pub use step_set::{StepQueue, StepSet};
pub(crate) use trie::Trie;
pub use turns::CodeRun;

/// Longest name of a call, in characters.
pub const CALL_CHARS_MAX: usize = 128;
/// Most calls of one turn.
pub const CALLS_PER_TURN_MAX: usize = 10_000;

/// The calls of one turn of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallsMade {
    /// Which round of the function it is, from 0.
    pub round: u32,
    /// How many outcomes the function had got.
    pub turn: u32,
    /// The calls, in the order of their names.
    pub calls: Vec<CallMade>,
    /// Changes of the code that this run is the first time past, by name.
    pub patches: Vec<String>,
}

/// One call of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallMade {
    /// The step it is from here on; given by `decide`.
    pub step: StepIndex,
    /// Which round of the function it was made in, from 0.
    pub round: u32,
    /// Its name.
    pub name: String,
    /// How often that name was called before in this round.
    pub count: u32,
    /// What it does: a [`Step`] of a definition as JSON, without needs and expressions.
    pub does: String,
    /// What it is given. It tells apart calls with the same name, also where the step does not read it.
    pub input: Payload,
    /// What it comes to, if that is known already.
    pub output: Option<Payload>,
    /// Steps that are undone after this one; given by `decide`.
    pub needs: Vec<StepIndex>,
}

/// The end of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionReturned {
    /// Which round of the function it is, from 0.
    pub round: u32,
    /// How many outcomes the function had got.
    pub turn: u32,
    /// What it returned, if it did not fail: what the run brings, or the state with which the next round begins.
    pub output: Payload,
    /// Whether there is another round.
    pub again: bool,
    /// How it failed.
    pub failure: Option<Failure>,
    /// The call whose failure that is, if it handed one on. Logs of before do not say it.
    pub step: Option<StepIndex>,
    /// Changes of the code that this run is the first time past, by name.
    pub patches: Vec<String>,
    /// Signals that steps of this round took and that it has not heard of. The next round finds them.
    pub left: Vec<LeftSignal>,
}

/// A signal that was taken and that a function has not heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftSignal {
    /// Its number in the run.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// What it carries.
    pub payload: Payload,
}

impl CallMade {
    /// The id of its step.
    pub fn id(&self) -> String {
        step_id(&self.name, self.round, self.count)
    }

    /// What it does, if that can be read.
    pub(crate) fn step_definition(&self) -> Option<Step> {
        let step: Step = serde_json::from_str(&self.does).ok()?;
        Some(Step { id: self.id(), ..step })
    }
}

/// The id of the step that call number `count` of a name is: the name, then `name#2`, `name#3`; in the second round `name@2`, then
/// `name@2#2`.
pub fn step_id(name: &str, round: u32, count: u32) -> String {
    let round = match round {
        0 => String::new(),
        _ => format!("@{}", u64::from(round) + 1),
    };
    match count {
        0 => format!("{name}{round}"),
        _ => format!("{name}{round}#{}", u64::from(count) + 1),
    }
}

/// What came of a call, as its function gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// What it returned.
    Completed(Payload),
    /// How it failed for good.
    Failed(Failure),
}

/// The outcome of a call that an event brings; the function gets them in the order of these events.
pub fn outcome(event: &Event) -> Option<(StepIndex, CallOutcome)> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "these two bring an outcome")]
    match event {
        Event::StepCompleted { step, output, .. } => {
            Some((*step, CallOutcome::Completed(output.clone())))
        }
        Event::StepFailed { step, failure, .. } => {
            Some((*step, CallOutcome::Failed(failure.clone())))
        }
        _ => None,
    }
}

impl fmt::Display for CallMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Attempt;

    #[test]
    fn a_function_gets_what_its_calls_came_to() {
        let (step, attempt) = (StepIndex(3), Attempt(2));
        let (output, _) = Payload::json(&serde_json::json!(7));
        let failure = Failure { code: "E".to_owned(), ..Failure::default() };
        let completed =
            Event::StepCompleted { step, attempt, output: output.clone(), may_repeat: false };
        assert_eq!(outcome(&completed), Some((step, CallOutcome::Completed(output))));
        let failed = Event::StepFailed { step, failure: failure.clone(), continued: true };
        assert_eq!(outcome(&failed), Some((step, CallOutcome::Failed(failure.clone()))));
        assert_eq!(outcome(&Event::AttemptFailed { step, attempt, failure }), None);
    }
}
