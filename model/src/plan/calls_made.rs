//! A plan that grows: the calls of a function as steps.

use std::sync::Arc;

use serde_json::{Value, json};

use super::compile::Problems;
use super::grown::{CallStep, Grown};
use super::step::check_retry;
use super::undo::endless;
use super::{ApprovalWait, Called, Plan, PlanStep, PlanUndo, SignalWait, Work};
use crate::code::{CALL_CHARS_MAX, CallMade, CallsMade};
use crate::definition::{OnError, Retry, Step, StepKind, WhenNeeds};
use crate::expression::Template;
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::topic::event_of;

impl Plan {
    /// Whether its steps are the calls of a function.
    pub fn is_code(&self) -> bool {
        self.definition.code
    }

    /// The calls that are its steps, in order.
    pub fn calls_made(&self) -> impl Iterator<Item = &Arc<CallMade>> {
        self.grown.calls().map(|call| &call.made)
    }

    /// The signal that `step` waits for, if it does so without end.
    pub(crate) fn endless_wait(&self, step: StepIndex) -> Option<&str> {
        if let Work::WaitFor(SignalWait { signal, timeout_ms: None, .. }) = &self.step(step).work {
            return Some(signal);
        }
        None
    }

    /// The call that is `step`.
    pub fn call_made(&self, step: StepIndex) -> Option<&Arc<CallMade>> {
        self.grown.get(step).map(|call| &call.made)
    }

    /// The steps that can be undone and come before no other such step that is `kept`.
    pub(crate) fn last_undone(&self, kept: impl Fn(StepIndex) -> bool) -> Vec<StepIndex> {
        self.grown.last_undone(kept)
    }

    /// This plan with further calls as steps, each at the number that the event gives it. It costs as much as there are of these.
    ///
    /// # Errors
    /// What is wrong with a call, after its name.
    pub fn with_calls(&self, made: &CallsMade) -> Result<Self, (String, String)> {
        let calls: Vec<Arc<CallMade>> = made.calls.iter().cloned().map(Arc::new).collect();
        self.with_steps_of(&calls)
    }

    /// The plan of a definition with exactly these calls as steps.
    ///
    /// # Errors
    /// As [`with_calls`](Self::with_calls).
    pub fn of_calls(&self, calls: &[Arc<CallMade>]) -> Result<Self, (String, String)> {
        let base = Self { grown: Grown::default(), ..self.copy() };
        base.with_steps_of(calls)
    }

    fn with_steps_of(&self, calls: &[Arc<CallMade>]) -> Result<Self, (String, String)> {
        let mut grown = self.grown.clone();
        let mut count = grown.count();
        for call in calls {
            if call.step.0 > count {
                return Err(refused(call, "its step has no number that could be given"));
            }
            count = count.max(call.step.0.saturating_add(1));
        }
        for call in calls {
            let does = call
                .step_definition()
                .ok_or_else(|| refused(call, "what it does cannot be read"))?;
            let compiled = compile(call, &does, count as usize)?;
            grown.put(CallStep { made: Arc::clone(call), does, compiled });
        }
        if let Some(twice) = calls.iter().find(|call| grown.is_twice(&call.id())) {
            return Err((twice.id(), "there is a step with its id".to_owned()));
        }
        Ok(Self { grown, ..self.copy() })
    }

    /// The plan of a function without its steps.
    fn copy(&self) -> Self {
        Self {
            hash: self.hash,
            definition: self.definition.without_steps(),
            steps: Vec::new(),
            successor_ends: Vec::new(),
            successors: Vec::new(),
            by_id: Vec::new(),
            warnings: Vec::new(),
            run_id: None,
            start_rule: None,
            calls_by_name: self.calls_by_name,
            slot: None,
            event_triggers: Vec::new(),
            event_waits: Vec::new(),
            env: Template::default(),
            outputs: None,
            steps_with_undo: Vec::new(),
            grown: Grown::default(),
            queries: std::collections::BTreeMap::new(),
        }
    }
}

fn refused(call: &CallMade, reason: &str) -> (String, String) {
    (call.name.clone(), reason.to_owned())
}

fn compile(call: &CallMade, step: &Step, count: usize) -> Result<PlanStep, (String, String)> {
    let chars = call.name.chars().count();
    if !(1..=CALL_CHARS_MAX).contains(&chars)
        || call.name.chars().any(|c| c.is_control() || c == '#' || c == '@')
    {
        let reason = format!(
            "a name has 1 to {CALL_CHARS_MAX} characters, without `#`, `@` and control characters"
        );
        return Err(refused(call, &reason));
    }
    if call.name.contains('/') && !matches!(step.kind, StepKind::WaitFor { .. }) {
        let reason = "only the name of a signal may hold a `/`, which parts others from `undo` in idempotency keys and from the names of called runs";
        return Err(refused(call, reason));
    }
    if call.needs.iter().any(|need| need.at() >= count || *need == call.step) {
        return Err(refused(call, "it comes after a step that there is not"));
    }
    check(call, step)?;
    let work = work(call, step).ok_or_else(|| refused(call, "code cannot call this"))?;
    Ok(PlanStep {
        work,
        needs: call.needs.clone(),
        when_needs: WhenNeeds::AllOk,
        router: None,
        races: Vec::new(),
        loops: Vec::new(),
        condition: None,
        retry: step.retry.clone(),
        deadline_ms: step.deadline_ms,
        start_within_ms: step.start_within_ms,
        on_error: OnError::Continue,
        each: None,
        slot: None,
        breaker: None,
        outputs: None,
        undo: undo(call, step)?,
    })
}

/// What a step of a definition may have, and a call may not, and numbers that make no sense.
fn check(call: &CallMade, step: &Step) -> Result<(), (String, String)> {
    let plain = Step {
        id: step.id.clone(),
        retry: step.retry.clone(),
        timeout_ms: step.timeout_ms,
        deadline_ms: step.deadline_ms,
        heartbeat_ms: step.heartbeat_ms,
        start_within_ms: step.start_within_ms,
        compensate: step.compensate.clone(),
        ..Step::new("", step.kind.clone())
    };
    if *step != plain {
        return Err(refused(call, "it has what only a step of a definition can have"));
    }
    let times = [step.timeout_ms, step.deadline_ms, step.heartbeat_ms, step.start_within_ms];
    let undo_ms = step.compensate.as_ref().and_then(|undo| undo.timeout_ms);
    if times.into_iter().chain([undo_ms]).any(|ms| ms == Some(0)) {
        return Err(refused(call, "one of its times is 0, so it could never complete"));
    }
    check_tries(call, &step.retry)
}

fn check_tries(call: &CallMade, retry: &Retry) -> Result<(), (String, String)> {
    let mut problems = Problems::default();
    check_retry(&[], retry, &mut problems);
    match problems.errors.first() {
        Some(error) => Err(refused(call, &error.message)),
        None => Ok(()),
    }
}

fn work(call: &CallMade, step: &Step) -> Option<Work> {
    let literal = call.input.clone();
    Some(match &step.kind {
        StepKind::Action { uses, with: Value::Null } if !uses.is_empty() => {
            Work::Handler { name: uses.clone(), input: Template::default(), literal }
        }
        StepKind::Set { values: Value::Null } if call.output.is_some() => {
            Work::Set { values: Template::default() }
        }
        StepKind::Sleep { duration: Value::Number(ms) } => {
            Work::Sleep { duration: Template::literally(Value::Number(ms.clone())) }
        }
        StepKind::WaitFor { signal, matches: None, timeout_ms, on_timeout }
            if is_signal(signal) && *timeout_ms != Some(0) =>
        {
            let (signal, timeout_ms, on_timeout) = (signal.clone(), *timeout_ms, *on_timeout);
            Work::WaitFor(SignalWait { signal, matches: None, timeout_ms, on_timeout })
        }
        StepKind::Approve(approval) if approval.timeout_ms != Some(0) => {
            let asks = json!({"by": approval.by, "message": approval.message});
            Work::Approve(ApprovalWait {
                asks: Template::literally(asks),
                form: approval.form.clone(),
                timeout_ms: approval.timeout_ms,
                on_timeout: approval.on_timeout,
            })
        }
        StepKind::Call { definition: Some(definition), with: Value::Null, .. } => {
            let definition = Some(*definition);
            Work::Call(Called { definition, input: Template::default(), literal })
        }
        StepKind::Action { .. }
        | StepKind::Script { .. }
        | StepKind::Set { .. }
        | StepKind::Sleep { .. }
        | StepKind::SleepUntil { .. }
        | StepKind::WaitFor { .. }
        | StepKind::Approve(_)
        | StepKind::Update(_)
        | StepKind::Call { .. }
        | StepKind::Race { .. }
        | StepKind::Repeat(_)
        | StepKind::Switch(_) => return None,
    })
}

/// Whether it is the name of a signal, and not of an event.
fn is_signal(name: &str) -> bool {
    let chars = name.chars().count();
    (1..=CALL_CHARS_MAX).contains(&chars)
        && !name.chars().any(char::is_control)
        && event_of(name).is_none()
}

/// What undoes it is given what it returned.
fn undo(call: &CallMade, step: &Step) -> Result<Option<Box<PlanUndo>>, (String, String)> {
    let Some(undo) = &step.compensate else { return Ok(None) };
    let (StepKind::Action { uses, with: Value::Null }, StepKind::Action { .. }) =
        (&undo.kind, &step.kind)
    else {
        return Err(refused(call, "only a step can be undone, and by a step"));
    };
    let input = Template::compile(&json!("${{ this.output }}"))
        .map_err(|_| refused(call, "its output cannot be handed on"))?;
    let retry = undo.retry.clone().unwrap_or_else(endless);
    check_tries(call, &retry)?;
    let (name, literal) = (uses.clone(), Payload::Null);
    Ok(Some(Box::new(PlanUndo { name, input, literal, retry })))
}
