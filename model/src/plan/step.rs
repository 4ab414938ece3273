//! One step of a plan.

use std::collections::BTreeSet;

use serde_json::Value;

use super::breaker::compile_breaker;
use super::compile::Problems;
use super::each::{compile_each, item_names};
use super::names::{Names, Place};
use super::slots::{Limited, SlotRule, compile_slot};
use super::undo::compile_undo;
use super::{Called, EMIT_HANDLER, PlanStep, SCRIPT_HANDLER, SignalWait, Work, inline_json};
use crate::definition::{Retry, Step, StepKind, WhenNeeds};
use crate::expression::{Condition, Template, duration_ms, point_in_time};
use crate::id::StepIndex;
use crate::topic::event_of;

/// Longest id.
const ID_CHARS_MAX: usize = 200;

/// What is needed to compile a step beside the names.
pub(super) struct Shape<'d> {
    pub(super) workflow: &'d str,
    pub(super) step: &'d Step,
    pub(super) index: StepIndex,
    pub(super) env: &'d Template,
}

/// Whether `id` is one that people may write: a letter or `_`, then letters, digits, `_` and `-`, at most 64 characters.
/// Imported graphs may have others.
pub fn is_plain_id(id: &str) -> bool {
    let mut chars = id.chars();
    id.len() <= 64
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Compiles a step; `None` if that is not possible, with the reasons among `problems`.
pub(super) fn compile_step(
    shape: &Shape<'_>,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<PlanStep> {
    let step = shape.step;
    check_id(&step.id, problems);
    let mut needs = explicit_needs(shape, names, problems);
    let condition = compile_condition(shape, names, &mut needs, problems);
    let each = compile_each(shape, names, &mut needs, problems);
    let work = compile_work(shape, names, &mut needs, problems);
    let slot = compile_limit(shape, names, &mut needs, problems);
    let breaker = compile_breaker(shape, names, &mut needs, problems);
    let undo = compile_undo(shape, names, &mut needs, problems);
    check_retry(&["steps", &step.id, "retry"], &step.retry, problems);
    check_times(step, problems);
    let outputs = step.outputs.as_ref().and_then(|value| {
        let place = Place::step(&step.id, shape.index, "outputs");
        let compiled = Template::compile_with(value, item_names(step).as_ref());
        let template = problems.take(place.path(), compiled)?;
        needs.extend(names.check(&template.references(), &place, problems));
        Some(template)
    });
    if needs.is_empty()
        && let Some(when) = of_one_need(step.when_needs)
    {
        let message = format!("step `{}` runs when a need {when}, but has no needs", step.id);
        problems.error("NX1107", &["steps", &step.id, "when_needs"], message).hint =
            Some("name the steps it watches under `needs`".to_owned());
    }
    Some(PlanStep {
        work: work?,
        needs: needs.into_iter().collect(),
        when_needs: if matches!(step.kind, StepKind::Race { .. }) {
            WhenNeeds::AnyOk
        } else {
            step.when_needs
        },
        router: None,
        races: Vec::new(),
        loops: Vec::new(),
        condition,
        retry: step.retry.clone(),
        deadline_ms: step.deadline_ms,
        start_within_ms: step.start_within_ms,
        on_error: step.on_error,
        each,
        slot,
        breaker,
        outputs,
        undo,
    })
}

/// What has to become of one need, if that is enough.
fn of_one_need(when_needs: WhenNeeds) -> Option<&'static str> {
    match when_needs {
        WhenNeeds::AnyOk => Some("completes"),
        WhenNeeds::AnyFailed => Some("fails"),
        WhenNeeds::AllOk | WhenNeeds::AllDone => None,
    }
}

fn compile_limit(
    shape: &Shape<'_>,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<SlotRule> {
    let Shape { workflow, step, index, .. } = shape;
    let concurrency = step.concurrency.as_ref()?;
    if !matches!(step.kind, StepKind::Action { .. } | StepKind::Script { .. }) {
        let message = format!("step `{}` makes no attempts that could be limited", step.id);
        problems.error("NX1153", &["steps", &step.id, "concurrency"], message).hint =
            Some("take it off; `run.concurrency` limits whole runs".to_owned());
    }
    let limited = Limited::Step(workflow, &step.id, *index);
    compile_slot(concurrency, (limited, item_names(step).as_ref()), names, needs, problems)
}

fn check_id(id: &str, problems: &mut Problems) {
    let chars = id.chars().count();
    if (1..=ID_CHARS_MAX).contains(&chars) && !id.chars().any(char::is_control) {
        return;
    }
    let shown: String = id.escape_debug().take(60).collect();
    let message = format!("`{shown}` cannot be the id of a step");
    problems.error("NX1106", &["steps", id], message).hint =
        Some("write a letter or `_`, then letters, digits, `_` and `-`".to_owned());
}

fn explicit_needs(
    shape: &Shape<'_>,
    names: &Names<'_>,
    problems: &mut Problems,
) -> BTreeSet<StepIndex> {
    let id = &shape.step.id;
    let mut needs = BTreeSet::new();
    for (at, need) in shape.step.needs.iter().enumerate() {
        let at = at.to_string();
        let path = ["steps", id, "needs", &at];
        match names.find(need) {
            Some(found) if found == shape.index => {
                problems.error("NX1105", &path, format!("step `{id}` needs itself: {id} → {id}"));
            }
            Some(found) => {
                needs.insert(found);
            }
            None => {
                let hint = names.similar_id(need).map(|id| format!("did you mean `{id}`?"));
                problems.error("NX1104", &path, format!("there is no step `{need}`")).hint = hint;
            }
        }
    }
    needs
}

fn compile_condition(
    shape: &Shape<'_>,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Condition> {
    let place = Place::step(&shape.step.id, shape.index, "if");
    let source = shape.step.condition.as_ref()?;
    let compiled = Condition::compile(source).map_err(|error| vec![error]);
    let condition = problems.take(place.path(), compiled)?;
    needs.extend(names.check(&condition.references(), &place, problems));
    Some(condition)
}

/// Where a field of a step stands. What an event carries and what a called run is given are recorded.
fn place_of<'a>(shape: &Shape<'a>, field: &'a str) -> Place<'a> {
    let place = Place::step(shape.step.id.as_str(), shape.index, field);
    match &shape.step.kind {
        StepKind::Call { .. } => place.recorded(),
        StepKind::Action { uses, .. } if uses == EMIT_HANDLER => place.recorded(),
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
        | StepKind::Repeat(_) => place,
    }
}

fn check_time(id: &str, time: &Template, problems: &mut Problems) {
    if let Some(Err(error)) = time.literal().map(point_in_time) {
        let path = ["steps", id, "sleep_until"];
        problems.error("NX1147", &path, error.to_string()).hint =
            Some("write the date, the time, and Z or an offset".to_owned());
    }
}

fn compile_work(
    shape: &Shape<'_>,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Work> {
    let id = shape.step.id.as_str();
    let item = item_names(shape.step);
    let mut compile = |field: &str, value: &Value, problems: &mut Problems| {
        let place = place_of(shape, field);
        let compiled = Template::compile_with(value, item.as_ref());
        let template = problems.take(place.path(), compiled)?;
        needs.extend(names.check(&template.references(), &place, problems));
        Some(template)
    };
    match &shape.step.kind {
        StepKind::Action { uses, with } => {
            if uses.is_empty() {
                problems.error("NX1202", &["steps", id, "uses"], "the handler has no name");
            }
            super::events::check_emit(id, uses, with, problems);
            compile("with", with, problems).map(|input| handler(uses, input))
        }
        StepKind::Set { values } => {
            compile("set", values, problems).map(|values| Work::Set { values })
        }
        StepKind::Sleep { duration } => {
            let duration = compile("sleep", duration, problems)?;
            if let Some(Err(error)) = duration.literal().map(duration_ms) {
                problems.error("NX1201", &["steps", id, "sleep"], error.to_string());
            }
            Some(Work::Sleep { duration })
        }
        StepKind::SleepUntil { time } => {
            let time = compile("sleep_until", time, problems)?;
            check_time(id, &time, problems);
            Some(Work::SleepUntil { time })
        }
        StepKind::Script { run, shell, env } => {
            let place = Place::step(id, shape.index, "");
            let script =
                Template::compile_script(run, shell.as_deref(), env, shape.env, item.as_ref());
            let template = problems.take(place.path(), script)?;
            needs.extend(names.check(&template.references(), &place, problems));
            Some(handler(SCRIPT_HANDLER, template))
        }
        StepKind::WaitFor { signal, matches, timeout_ms, on_timeout } => {
            check_wait(id, signal, *timeout_ms, problems);
            let is_event = event_of(signal).is_some();
            let matches = match matches {
                Some(source) => {
                    Some(compile_match(shape, (source, is_event), names, needs, problems)?)
                }
                None => None,
            };
            let (signal, timeout_ms, on_timeout) = (signal.clone(), *timeout_ms, *on_timeout);
            Some(Work::WaitFor(SignalWait { signal, matches, timeout_ms, on_timeout }))
        }
        StepKind::Call { workflow, version, definition, with } => {
            let by_name = definition.is_none() && version.is_none();
            check_called(shape, workflow, by_name, problems);
            let input = compile("with", with, problems)?;
            let literal = input.literal().map(inline_json).unwrap_or_default();
            Some(Work::Call(Called { definition: *definition, input, literal }))
        }
        StepKind::Switch(switch) => super::switch::compile(shape, switch, names, needs, problems),
        StepKind::Repeat(repeat) => super::repeat::compile(shape, repeat, names, needs, problems),
        StepKind::Race { of } => Some(super::race::compile(shape, of, names, needs, problems)),
        StepKind::Update(update) => super::update::compile(shape, update, names, needs, problems),
        StepKind::Approve(approval) => {
            super::approval::check(id, approval, problems);
            let asks = compile("approve", &super::approval::asks(approval), problems)?;
            Some(super::approval::work(approval, asks))
        }
    }
}

fn check_called(shape: &Shape<'_>, workflow: &str, by_name: bool, problems: &mut Problems) {
    let path = ["steps", &shape.step.id, "call"];
    if by_name && workflow == shape.workflow {
        let message = format!("`{workflow}` calls itself by its published name");
        problems.error("NX1183", &path, message).hint =
            Some("take the call away, or name an older one with `version`".to_owned());
    }
    if workflow.is_empty() {
        problems.error("NX1180", &path, "the called workflow has no name");
    }
}

/// Longest name of a signal.
const SIGNAL_CHARS_MAX: usize = 128;

fn check_wait(id: &str, signal: &str, timeout_ms: Option<u64>, problems: &mut Problems) {
    if let Some(event) = event_of(signal) {
        super::events::check_name(event, &["steps", id, "wait_for", "event"], problems);
    }
    let chars = signal.chars().count();
    if !(1..=SIGNAL_CHARS_MAX).contains(&chars) || signal.chars().any(char::is_control) {
        let message = "a signal needs a name of 1 to 128 characters";
        problems.error("NX1106", &["steps", id, "wait_for", "signal"], message);
    }
    if timeout_ms == Some(0) {
        let message = "`timeout` is 0, so the step could never complete";
        problems.error("NX1201", &["steps", id, "wait_for", "timeout"], message);
    }
}

fn compile_match(
    shape: &Shape<'_>,
    (source, is_event): (&str, bool),
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Condition> {
    let place = Place::signal_match(&shape.step.id, shape.index, is_event);
    let compiled = Condition::compile(source).map_err(|error| vec![error]);
    let condition = problems.take(place.path(), compiled)?;
    needs.extend(names.check(&condition.references(), &place, problems));
    Some(condition)
}

fn handler(name: &str, input: Template) -> Work {
    let literal = input.literal().map(inline_json).unwrap_or_default();
    Work::Handler { name: name.to_owned(), input, literal }
}

pub(super) fn check_retry(path: &[&str], retry: &Retry, problems: &mut Problems) {
    if retry.max_attempts == 0 {
        problems.error("NX1207", path, "`max_attempts` is 0, so the step could never run").hint =
            Some("1 means one attempt and no retry".to_owned());
    }
    if !(retry.factor.is_finite() && retry.factor >= 1.0) {
        let message = format!("`factor` is {}, but delays must not shrink", retry.factor);
        problems.error("NX1207", path, message).hint = Some("write a number from 1".to_owned());
    }
    if retry.max_attempts > 1 && retry.initial_ms > retry.max_ms {
        let message = "`initial` is longer than `max`, so every delay is `max`";
        problems.warning("NX1207", path, message);
    }
}

fn check_times(step: &Step, problems: &mut Problems) {
    let times = [
        ("timeout", step.timeout_ms),
        ("deadline", step.deadline_ms),
        ("heartbeat", step.heartbeat_ms),
        ("start_within", step.start_within_ms),
    ];
    for (key, time) in times {
        if time == Some(0) {
            let message = format!("`{key}` is 0, so the step could never complete");
            problems.error("NX1201", &["steps", &step.id, key], message);
        }
    }
    if matches!(step.kind, StepKind::Call { .. }) && step.heartbeat_ms.is_some() {
        let message = "a called run gives no heartbeats";
        problems.error("NX1109", &["steps", &step.id, "heartbeat"], message).hint =
            Some("put `heartbeat` on the steps of the called workflow".to_owned());
    }
}
