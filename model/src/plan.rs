//! Plans: a definition, checked and compiled to flat arrays.
//!
//! Invariants:
//! * The graph has no cycle, and every reference of an expression to a step is an edge.
//! * Every reference leads to something that is declared; what cannot be known is what a value holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::definition::{
    Definition, InputSpec, OnApprovalTimeout, OnError, OnSignalTimeout, Retry, Step, StepKind,
    WhenNeeds,
};
use crate::expression::{Condition, EvalError, Scope, SecretPlace, Template};
use crate::id::{DefinitionHash, StepIndex};
use crate::limit::Wish;
use crate::payload::Payload;
use crate::run::Run;

mod approval;
mod breaker;
mod call_fit;
mod calls_made;
mod compile;
mod difference;
mod each;
mod events;
mod graph;
mod grown;
mod names;
mod nullable;
mod query;
mod race;
mod repeat;
mod slots;
mod start_rule;
mod step;
mod switch;
mod undo;
mod update;

pub(crate) use breaker::CallRule;
pub use call_fit::CallMisfit;
pub(crate) use difference::changes_of_step;
pub use difference::{Change, Difference, differences};
pub(crate) use each::Each;
pub use graph::Levels;
use grown::Grown;
pub(crate) use race::PlanRace;
pub(crate) use repeat::PlanRepeat;
pub(crate) use slots::SlotRule;
pub use step::is_plain_id;
pub(crate) use switch::PlanSwitch;
pub(crate) use undo::PlanUndo;
pub(crate) use update::UpdateWait;

/// An executable definition. Immutable; shared by all runs of it.
#[derive(Debug)]
pub struct Plan {
    definition: Definition,
    hash: DefinitionHash,
    steps: Vec<Arc<PlanStep>>,
    /// Successors of step `i` stand at `successor_ends[i-1]..successor_ends[i]`.
    successor_ends: Vec<u32>,
    successors: Vec<StepIndex>,
    /// Sorted by id.
    by_id: Vec<StepIndex>,
    warnings: Vec<DefinitionError>,
    run_id: Option<Template>,
    /// The limit that each of its runs needs a slot of.
    slot: Option<SlotRule>,
    /// What decides whether and when its runs are started.
    start_rule: Option<start_rule::CompiledStartRule>,
    /// Whether it calls workflows by name that are not pinned.
    calls_by_name: bool,
    event_triggers: Vec<events::TriggerRule>,
    event_waits: Vec<(StepIndex, String)>,
    pub(crate) env: Template,
    pub(crate) outputs: Option<Template>,
    queries: BTreeMap<String, Template>,
    steps_with_undo: Vec<StepIndex>,
    /// The calls of a function that are its steps; it has no others then.
    grown: Grown,
}

/// A step, compiled.
#[derive(Debug)]
pub struct PlanStep {
    /// What it does.
    pub(crate) work: Work,
    /// Its needs, explicit and by reference, sorted, each once.
    pub(crate) needs: Vec<StepIndex>,
    /// When they let it run.
    pub(crate) when_needs: WhenNeeds,
    /// The router that says whether it runs.
    pub(crate) router: Option<StepIndex>,
    /// The races in which it, or what it leads to, may lose.
    pub(crate) races: Vec<StepIndex>,
    /// The loops it is in, the outermost first; a loop is in itself.
    pub(crate) loops: Vec<StepIndex>,
    /// Its condition.
    pub(crate) condition: Option<Condition>,
    /// How it is tried again.
    pub(crate) retry: Retry,
    /// Time of all attempts, in milliseconds.
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) start_within_ms: Option<u64>,
    /// What its failure means.
    pub(crate) on_error: OnError,
    /// What it is done for, once for each item.
    pub(crate) each: Option<Each>,
    /// The limit it needs a slot of.
    pub(crate) slot: Option<SlotRule>,
    /// The breaker it asks.
    pub(crate) breaker: Option<CallRule>,
    /// Its output mapping.
    pub(crate) outputs: Option<Template>,
    /// How it is undone.
    pub(crate) undo: Option<Box<PlanUndo>>,
}

/// What a step does, compiled.
#[derive(Debug)]
pub(crate) enum Work {
    /// A handler is called with a rendered input.
    Handler { name: String, input: Template, literal: Payload },
    /// Values are computed.
    Set { values: Template },
    /// A timer is waited for.
    Sleep { duration: Template },
    /// A point in time is waited for.
    SleepUntil { time: Template },
    /// A signal is waited for.
    WaitFor(SignalWait),
    /// The decision of a person is waited for.
    Approve(ApprovalWait),
    /// An update is waited for.
    Update(Box<UpdateWait>),
    /// Another workflow is called with a rendered input.
    Call(Called),
    /// Earlier steps are opened again.
    Repeat(PlanRepeat),
    /// The first of several steps is taken.
    Race(PlanRace),
    /// Other steps are chosen.
    Switch(PlanSwitch),
}

/// What a step calls, compiled.
#[derive(Debug)]
pub(crate) struct Called {
    /// The called definition; `None`: the calls of this definition are not resolved.
    pub(crate) definition: Option<DefinitionHash>,
    pub(crate) input: Template,
    pub(crate) literal: Payload,
}

/// What a step that waits for a signal waits for, compiled.
#[derive(Debug)]
pub(crate) struct SignalWait {
    pub(crate) signal: String,
    pub(crate) matches: Option<Condition>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) on_timeout: OnSignalTimeout,
}

/// What a step asks of people, compiled.
#[derive(Debug)]
pub(crate) struct ApprovalWait {
    /// A map of `by` and `message`.
    pub(crate) asks: Template,
    pub(crate) form: BTreeMap<String, InputSpec>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) on_timeout: OnApprovalTimeout,
}

/// The name under which scripts are handed to a handler.
pub const SCRIPT_HANDLER: &str = "script";

/// The name of the handler that emits an event: the engine itself.
pub const EMIT_HANDLER: &str = "event.emit";

/// Something wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DefinitionError {
    /// Error code, `NXnnnn`.
    pub code: &'static str,
    /// Where: keys and list indexes from the root of the YAML document, such as `steps`, `charge`, `with`, `amount`.
    pub path: Vec<String>,
    /// Byte range inside the string at `path` that is wrong, if only part of it is.
    pub range: Option<std::ops::Range<usize>>,
    /// What is wrong, one line.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether it is only a warning.
    pub warning: bool,
}

impl Plan {
    /// Checks `definition` and compiles it. Edges are explicit needs and references in expressions.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the document. Cycles are spelled out.
    pub fn compile(definition: Definition) -> Result<Self, Vec<DefinitionError>> {
        compile::compile(definition)
    }

    /// What is suspicious, but no reason to refuse the definition.
    pub fn warnings(&self) -> &[DefinitionError] {
        &self.warnings
    }

    /// How many levels the graph has, and how wide the widest is.
    pub fn levels(&self) -> Levels {
        graph::levels(self)
    }

    /// Renders the name the definition wants for a run with this input; `None` if it leaves that to the engine.
    ///
    /// # Errors
    /// What is wrong with the template, given this input.
    pub fn run_name(&self, input: &Value) -> Result<Option<String>, EvalError> {
        let Some(template) = &self.run_id else { return Ok(None) };
        let name = self.render_at_start(template, input)?;
        Ok(Some(crate::expression::json_as_text(&name)))
    }

    /// Renders the slot that a run with this input needs before it starts; `None` if its runs are not limited.
    ///
    /// # Errors
    /// What is wrong with the templates, given this input.
    pub fn run_wish(&self, input: &Value) -> Result<Option<Wish>, EvalError> {
        let Some(rule) = &self.slot else { return Ok(None) };
        let mut values: [Value; 3] = Default::default();
        for (value, template) in values.iter_mut().zip(rule.templates()) {
            *value = self.render_at_start(template, input)?;
        }
        let wish = rule.wish(&values);
        wish.map(Some).map_err(|message| EvalError::Failed { code: "NX4161", message })
    }

    /// Renders a template before there is a run.
    fn render_at_start(&self, template: &Template, input: &Value) -> Result<Value, EvalError> {
        let mut run = Run::new(self);
        let input = inline_json(input);
        run.started = Some(Box::new(crate::event::RunStarted { input, ..Default::default() }));
        template.render(&Scope {
            plan: self,
            run: &run,
            payloads: &BTreeMap::new(),
            step: None,
            this_output: None,
            signal: None,
            item: None,
            now: crate::time::Timestamp::default(),
            vault: None,
        })
    }

    /// The definition it was compiled from.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The definition's content hash.
    pub fn hash(&self) -> DefinitionHash {
        self.hash
    }

    /// How many steps there are.
    pub fn step_count(&self) -> u32 {
        let of_definition = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        if self.is_code() { self.grown.count() } else { of_definition }
    }

    /// All steps in order.
    pub fn steps(&self) -> impl Iterator<Item = StepIndex> + use<> {
        (0..self.step_count()).map(StepIndex)
    }

    /// How many needs `step` has.
    pub fn needs_count(&self, step: StepIndex) -> u32 {
        u32::try_from(self.needs(step).len()).unwrap_or(u32::MAX)
    }

    /// The needs of `step`, in order.
    pub fn needs(&self, step: StepIndex) -> &[StepIndex] {
        &self.step(step).needs
    }

    /// The steps that need `step`, in order.
    pub fn successors(&self, step: StepIndex) -> impl Iterator<Item = StepIndex> + '_ {
        let end = |at: usize| self.successor_ends.get(at).copied().unwrap_or(0) as usize;
        let from = if step.at() == 0 { 0 } else { end(step.at() - 1) };
        let of_definition = self.successors.get(from..end(step.at())).unwrap_or(&[]);
        of_definition.iter().chain(self.grown.successors(step)).copied()
    }

    /// The id of `step`.
    pub fn id(&self, step: StepIndex) -> &str {
        self.step_definition(step).map_or("", |step| &step.id)
    }

    /// What is defined of `step`.
    pub fn step_definition(&self, step: StepIndex) -> Option<&Step> {
        match self.grown.get(step) {
            Some(call) => Some(&call.does),
            None => self.definition.steps.get(step.at()),
        }
    }

    /// The step with this id.
    pub fn find(&self, id: &str) -> Option<StepIndex> {
        if self.is_code() {
            return self.grown.find(id);
        }
        let at = self.by_id.binary_search_by(|step| self.id(*step).cmp(id)).ok()?;
        self.by_id.get(at).copied()
    }

    /// The handler `step` calls, if it calls one.
    pub fn handler(&self, step: StepIndex) -> Option<&str> {
        match &self.step(step).work {
            Work::Handler { name, .. } => Some(name),
            Work::Set { .. }
            | Work::Sleep { .. }
            | Work::SleepUntil { .. }
            | Work::Switch(_)
            | Work::Race(_)
            | Work::Repeat(_)
            | Work::WaitFor(_)
            | Work::Approve(_)
            | Work::Update(_)
            | Work::Call(_) => None,
        }
    }

    /// The steps that call a workflow: what they call, and its definition once that is resolved.
    pub fn calls(&self) -> impl Iterator<Item = (StepIndex, &str, Option<DefinitionHash>)> {
        let steps = self.steps().filter_map(|step| Some((step, self.step_definition(step)?)));
        steps.filter_map(|(at, step)| match &step.kind {
            StepKind::Call { workflow, definition, .. } => {
                Some((at, workflow.as_str(), *definition))
            }
            StepKind::Action { .. }
            | StepKind::Script { .. }
            | StepKind::Set { .. }
            | StepKind::Sleep { .. }
            | StepKind::SleepUntil { .. }
            | StepKind::WaitFor { .. }
            | StepKind::Approve(_)
            | StepKind::Update(_)
            | StepKind::Switch(_)
            | StepKind::Race { .. }
            | StepKind::Repeat(_) => None,
        })
    }

    /// What `step` is done for, once for each item.
    pub(crate) fn each(&self, step: StepIndex) -> Option<&Each> {
        self.known_step(step).and_then(|step| step.each.as_ref())
    }

    /// Time of one attempt of `step`, in milliseconds.
    pub fn timeout_ms(&self, step: StepIndex) -> Option<u64> {
        self.step_definition(step).and_then(|step| step.timeout_ms)
    }

    /// Time between two heartbeats of an attempt of `step`, in milliseconds.
    pub fn heartbeat_ms(&self, step: StepIndex) -> Option<u64> {
        self.step_definition(step).and_then(|step| step.heartbeat_ms)
    }

    /// Where secrets have to be filled in, in what the handler of `step` gets, or that of its undo.
    pub fn secrets(&self, step: StepIndex, is_undo: bool) -> Vec<SecretPlace> {
        if self.definition.secrets.is_empty() {
            return Vec::new();
        }
        match (&self.step(step).work, self.undo(step)) {
            (_, Some(undo)) if is_undo => undo.input.secrets(),
            (Work::Handler { input, .. }, _) if !is_undo => input.secrets(),
            _ => Vec::new(),
        }
    }

    /// The input of `step` if it holds no expression.
    pub fn literal_input(&self, step: StepIndex) -> Payload {
        match &self.step(step).work {
            Work::Handler { literal, .. } | Work::Call(Called { literal, .. }) => literal.clone(),
            Work::Set { .. }
            | Work::Sleep { .. }
            | Work::SleepUntil { .. }
            | Work::Switch(_)
            | Work::Race(_)
            | Work::Repeat(_)
            | Work::WaitFor(_)
            | Work::Update(_)
            | Work::Approve(_) => Payload::Null,
        }
    }

    pub(crate) fn step(&self, step: StepIndex) -> &PlanStep {
        self.known_step(step).expect("a step of this plan")
    }

    fn known_step(&self, step: StepIndex) -> Option<&PlanStep> {
        match self.grown.get(step) {
            Some(call) => Some(&call.compiled),
            None => self.steps.get(step.at()).map(|step| &**step),
        }
    }
}

/// A payload that is part of a plan and never of an event, so it is not cut off at the size of an event.
fn inline_json(value: &Value) -> Payload {
    if value.is_null() {
        return Payload::Null;
    }
    Payload::Inline(crate::payload::ContentType::Json, value.to_string().into_bytes().into())
}

#[cfg(test)]
mod tests;
