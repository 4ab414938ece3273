//! What a function says in a turn, and how it is compared with what is recorded.

use std::collections::HashMap;
use std::sync::Arc;

use nexus_model::code::CallMade;
use nexus_model::definition::{Step, StepKind};
use nexus_model::event::Failure;
use nexus_model::id::StepIndex;
use nexus_model::payload::{NewPayload, Payload, PayloadHash};
use nexus_model::plan::Plan;

use super::Returned;
use crate::handler::Data;
use crate::workflow::Work;

/// Computes what is not to be computed again.
pub(super) type Effect = Box<dyn FnOnce() -> Result<Data, Failure> + Send>;

/// A side effect, and what it came to once it has happened.
pub(super) enum SideEffect {
    Ahead(Effect),
    Happened(Data),
}

/// A call that a function makes.
pub(super) struct Fresh {
    /// What it is known by in this process.
    pub(super) ticket: u64,
    pub(super) name: String,
    pub(super) does: Step,
    pub(super) input: Data,
    pub(super) work: Option<Work>,
    pub(super) undo: Option<Work>,
    pub(super) effect: Option<SideEffect>,
    /// The definitions it calls.
    pub(super) callees: Vec<Arc<Plan>>,
}

/// What a function says in a turn.
#[derive(Default)]
pub(super) struct Said {
    pub(super) calls: Vec<Fresh>,
    pub(super) returned: Option<Result<Returned, Failure>>,
    /// The step whose failure it returned, if it handed one on.
    pub(super) blamed: Option<StepIndex>,
    pub(super) patches: Vec<String>,
}

/// What tells calls of one turn apart, beside the order of those that are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Likeness {
    pub(super) name: String,
    /// What it does, in a word or two.
    pub(super) kind: String,
    pub(super) input: PayloadHash,
}

impl Said {
    /// Whether there is something to record.
    pub(super) fn is_nothing(&self) -> bool {
        self.calls.is_empty() && self.returned.is_none() && self.patches.is_empty()
    }
}

impl Fresh {
    pub(super) fn likeness(&self) -> Likeness {
        let (input, _) = self.payload();
        let kind = word(&self.does.kind);
        Likeness { name: self.name.clone(), kind, input: input.hash() }
    }

    /// What it comes to, if it is a side effect: that happens now, unless it has.
    pub(super) fn known_output(&mut self) -> Option<Result<Data, Failure>> {
        let output = match self.effect.take()? {
            SideEffect::Happened(data) => Ok(data),
            SideEffect::Ahead(effect) => effect(),
        };
        if let Ok(data) = &output {
            self.effect = Some(SideEffect::Happened(data.clone()));
        }
        Some(output)
    }

    pub(super) fn payload(&self) -> (Payload, Option<NewPayload>) {
        Payload::new(self.input.content_type, Arc::clone(&self.input.bytes))
    }
}

/// What a recorded call is like.
pub(super) fn likeness(call: &CallMade) -> Likeness {
    let kind =
        serde_json::from_str::<Step>(&call.does).map(|step| word(&step.kind)).unwrap_or_default();
    Likeness { name: call.name.clone(), kind, input: call.input.hash() }
}

fn word(kind: &StepKind) -> String {
    match kind {
        StepKind::Set { .. } => "side effect".to_owned(),
        StepKind::Action { .. } => "step".to_owned(),
        StepKind::Sleep { .. } | StepKind::SleepUntil { .. } => "sleep".to_owned(),
        StepKind::WaitFor { .. } | StepKind::Update(_) => "wait".to_owned(),
        StepKind::Approve(_) => "approve".to_owned(),
        StepKind::Call { workflow, .. } => format!("call {workflow}"),
        StepKind::Script { .. }
        | StepKind::Race { .. }
        | StepKind::Repeat(_)
        | StepKind::Switch(_) => "other".to_owned(),
    }
}

/// A call of the function with the step that it is recorded as.
pub(super) struct Paired {
    pub(super) fresh: Fresh,
    pub(super) step: StepIndex,
    pub(super) count: u32,
}

/// Finds for each call of a function the recorded one. The calls of a turn are a set: neither the order in which they were
/// made counts, nor that in which they were polled.
///
/// Returns the pairs, the calls that are not recorded, and the recorded ones that were not made.
pub(super) fn pair(
    made: Vec<Fresh>,
    recorded: &[CallMade],
) -> (Vec<Paired>, Vec<Fresh>, Vec<CallMade>) {
    let mut places: HashMap<Likeness, Vec<&CallMade>> = HashMap::new();
    for call in recorded.iter().rev() {
        places.entry(likeness(call)).or_default().push(call);
    }
    let (mut paired, mut added) = (Vec::new(), Vec::new());
    for fresh in made {
        match places.get_mut(&fresh.likeness()).and_then(Vec::pop) {
            Some(call) => paired.push(Paired { fresh, step: call.step, count: call.count }),
            None => added.push(fresh),
        }
    }
    let mut removed: Vec<CallMade> = places.into_values().flatten().cloned().collect();
    removed.sort_by(|left, right| (&left.name, left.count).cmp(&(&right.name, right.count)));
    (paired, added, removed)
}
