//! Events as they are sent.

use nexus_engine::model::codec::{event_name, show_state_hash};
use nexus_engine::model::event::{
    ChildEnd, Event, Failure, Interruption, ItemUndone, Migrated, RunStarted, SlotAnswer,
};
use nexus_engine::model::id::{Attempt, StepIndex, TimerId};
use nexus_engine::model::payload::Payload;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::time::Timestamp;
use nexus_engine::model::topic::event_of;
use nexus_engine::{LoadError, Loader, Recorded};
use serde_json::{Value, json};

mod attempts;
mod function;
mod items;
mod slots;
mod updates;

use super::{by, duration, failure_line, payload, shorten, time};
use crate::api::EventView;
use items::events_of_items;
use slots::{events_of_slots, wish_data};

/// The largest payload that stands in an event, in bytes.
const PAYLOAD_BYTES_MAX: u64 = 16 * 1024;
/// How much of a payload a line shows, in characters.
const DETAIL_CHARS_MAX: usize = 80;
/// How many steps a line names.
const STEPS_MAX: usize = 6;

/// An event of a run that began at `began`.
pub(crate) fn event_view(
    loader: &Loader,
    plan: &Plan,
    began: Timestamp,
    recorded: &Recorded,
) -> Result<EventView, LoadError> {
    let Recorded { revision, position, time: at, given, event } = recorded;
    let shown = Showing { loader, plan, at: *at };
    let (step, attempt) = about(event);
    Ok(EventView {
        n: revision.saturating_add(1),
        position: *position,
        at: time(*at),
        after_ms: at.ms_since(began),
        event: event_name(event).into(),
        step: step.map(|step| plan.id(step).to_owned()),
        attempt: attempt.map(|attempt| attempt.0),
        outside: given.is_some(),
        data: shown.data(event)?,
        detail: shown.detail(event)?,
    })
}

/// An event in one line, with its name and step: for reports about differences.
pub(crate) fn event_line(loader: &Loader, plan: &Plan, event: &Event) -> Result<String, LoadError> {
    let shown = Showing { loader, plan, at: Timestamp::default() };
    let step = about(event).0.map(|step| plan.id(step)).unwrap_or_default();
    let detail = shown.detail(event)?;
    let parts = [event_name(event), step, detail.as_str()];
    Ok(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The step and the attempt that an event is about.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
pub(in crate::service) fn about(event: &Event) -> (Option<StepIndex>, Option<Attempt>) {
    match event {
        Event::StepCompleted { step, attempt, .. } => {
            (Some(*step), Some(*attempt).filter(|attempt| attempt.0 > 0))
        }
        Event::AttemptFailed { step, attempt, .. }
        | Event::AttemptResumed { step, attempt }
        | Event::HeartbeatRecorded { step, attempt, .. }
        | Event::StepStarted { step, attempt, .. }
        | Event::StepCalled { step, attempt, .. }
        | Event::StepSlotRequested { step, attempt, .. }
        | Event::StepCallRequested { step, attempt, .. }
        | Event::RetryScheduled { step, attempt, .. }
        | Event::ItemStarted { step, attempt, .. }
        | Event::ItemResumed { step, attempt, .. }
        | Event::ItemCompleted { step, attempt, .. }
        | Event::ItemAttemptFailed { step, attempt, .. }
        | Event::ItemFailed { step, attempt, .. }
        | Event::ItemRetryScheduled { step, attempt, .. }
        | Event::UndoStarted { step, attempt, .. }
        | Event::ItemUndone(ItemUndone { step, attempt, .. })
        | Event::UndoCompleted { step, attempt, .. }
        | Event::UndoAttemptFailed { step, attempt, .. }
        | Event::UndoRetryScheduled { step, attempt, .. } => (Some(*step), Some(*attempt)),
        Event::ItemUndoStarted(started) => (Some(started.step), Some(started.attempt)),
        Event::StepSlept { step, .. }
        | Event::StepPaused { step, .. }
        | Event::StepResumed { step, .. }
        | Event::StepSlotGranted(SlotAnswer { step, .. })
        | Event::StepCallAllowed(SlotAnswer { step, .. })
        | Event::StepCallRefused(SlotAnswer { step, .. })
        | Event::StepQueued { step, .. }
        | Event::StepWaits { step, .. }
        | Event::EventsRead { step }
        | Event::SignalTaken { step, .. }
        | Event::ChildEnded { step, .. }
        | Event::ApprovalGranted { step, .. }
        | Event::ApprovalRejected { step, .. }
        | Event::ApprovalRequested { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::RoundBegun { step, .. }
        | Event::RaceDecided { step, .. }
        | Event::PathChosen { step, .. }
        | Event::StepsBypassed { router: step, .. }
        | Event::StepFailed { step, .. }
        | Event::ItemsStarted { step, .. }
        | Event::ItemOutputMapped { step, .. }
        | Event::OutputsStored { step, .. }
        | Event::OutputMapped { step, .. }
        | Event::UndoFailed { step, .. } => (Some(*step), None),
        Event::UpdateAccepted(accepted) => (Some(accepted.step), None),
        Event::UpdateAwaited(awaited) => (Some(awaited.step), None),
        Event::RunFailed { step, .. } => (*step, None),
        Event::RunStarted(_)
        | Event::CallsMade(_)
        | Event::FunctionReturned(_)
        | Event::AttemptsInterrupted { .. }
        | Event::ItemsInterrupted { .. }
        | Event::TimerFired { .. }
        | Event::RunPaused { .. }
        | Event::RunResumed { .. }
        | Event::RunHeld { .. }
        | Event::RunMigrated(_)
        | Event::RunReleased
        | Event::CancelRequested { .. }
        | Event::RunRetried { .. }
        | Event::SlotsOffered
        | Event::RunQueued { .. }
        | Event::RunSlotGranted { .. }
        | Event::SignalReceived { .. }
        | Event::ParentPaused
        | Event::ParentResumed
        | Event::StepsNotReached { .. }
        | Event::StopRequested { .. }
        | Event::StepsCancelled { .. }
        | Event::UndoWaived { .. }
        | Event::UndoRetried { .. }
        | Event::RunForgotten { .. }
        | Event::UndoRequested { .. }
        | Event::RunCompleted { .. }
        | Event::RunCancelled { .. } => (None, None),
    }
}

struct Showing<'a> {
    loader: &'a Loader,
    plan: &'a Plan,
    at: Timestamp,
}

impl Showing<'_> {
    /// The fields of an event.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    fn data(&self, event: &Event) -> Result<Value, LoadError> {
        Ok(match event {
            Event::RunStarted(started) => self.started(started)?,
            Event::StepCompleted { step, attempt, output, may_repeat } => json!({
                "step": self.id(*step), "attempt": attempt.0,
                "output": self.payload(output)?, "may_repeat": may_repeat,
            }),
            Event::UndoCompleted { step, attempt, may_repeat } => json!({
                "step": self.id(*step), "attempt": attempt.0, "may_repeat": may_repeat,
                "by": self.plan.undo_handler(*step),
            }),
            Event::UndoStarted { step, attempt, input } => json!({
                "step": self.id(*step), "attempt": attempt.0,
                "input": input.as_ref().map(|input| self.payload(input)).transpose()?,
                "by": self.plan.undo_handler(*step),
            }),
            Event::UndoFailed { step, failure } => {
                json!({"step": self.id(*step), "failure": failure_data(failure)})
            }
            Event::AttemptFailed { step, attempt, failure }
            | Event::UndoAttemptFailed { step, attempt, failure } => json!({
                "step": self.id(*step), "attempt": attempt.0, "failure": failure_data(failure),
            }),
            Event::AttemptsInterrupted { attempts, how } => {
                let attempts = attempts
                    .iter()
                    .map(|(step, attempt)| json!({"step": self.id(*step), "attempt": attempt.0}));
                json!({"attempts": attempts.collect::<Vec<_>>(), "how": how.name()})
            }
            events_of_items!() => self.data_of_items(event)?,
            Event::AttemptResumed { step, attempt } => {
                json!({"step": self.id(*step), "attempt": attempt.0})
            }
            Event::HeartbeatRecorded { step, attempt, progress } => json!({
                "step": self.id(*step), "attempt": attempt.0, "progress": self.payload(progress)?,
            }),
            Event::TimerFired { timer } => json!({"timer": timer.0}),
            Event::RunPaused { by: who, reason }
            | Event::CancelRequested { by: who, reason }
            | Event::UndoWaived { by: who, reason } => {
                json!({"by": by(who), "reason": reason})
            }
            Event::RunForgotten { by: who, state } => {
                json!({"by": by(who), "state": show_state_hash(state)})
            }
            Event::RunResumed { by: who } | Event::UndoRetried { by: who } => {
                json!({"by": by(who)})
            }
            Event::RunRetried { by: who, timeout } => {
                json!({"by": by(who), "timeout": due_data(*timeout)})
            }
            Event::StepPaused { step, by: who, reason } => {
                json!({"step": self.id(*step), "by": by(who), "reason": reason})
            }
            Event::StepResumed { step, by: who } => {
                json!({"step": self.id(*step), "by": by(who)})
            }
            Event::RunHeld { pauses } => json!({"pauses": pauses}),
            Event::RunMigrated(migrated) => json!({
                "definition": migrated.definition.to_string(),
                "steps": migrated.steps.iter().map(|step| step.map(|step| self.id(step))).collect::<Vec<_>>(),
                "by": by(&migrated.by), "reason": migrated.reason, "retries": migrated.retries,
            }),
            Event::SlotsOffered
            | Event::RunReleased
            | Event::ParentPaused
            | Event::ParentResumed => json!({}),
            Event::StepCalled { step, attempt, number, input, timer, deadline } => json!({
                "step": self.id(*step), "attempt": attempt.0, "number": number,
                "input": input.as_ref().map(|input| self.payload(input)).transpose()?,
                "timeout": due_data(*timer), "deadline": due_data(*deadline),
            }),
            Event::ChildEnded { step, child, revision, ended } => {
                let mut data = json!({"step": self.id(*step), "run": child, "events": revision});
                match ended {
                    ChildEnd::Completed { output } => data["output"] = self.payload(output)?,
                    ChildEnd::Failed { failure, goes_on } => {
                        data["failure"] = failure_data(failure);
                        data["goes_on"] = json!(goes_on);
                    }
                    ChildEnd::Cancelled { reason, goes_on } => {
                        data["cancelled"] = json!(reason);
                        data["goes_on"] = json!(goes_on);
                    }
                }
                data
            }
            Event::EventsRead { step } => json!({"step": self.id(*step)}),
            events_of_slots!() => self.data_of_slots(event),
            Event::StepStarted { step, attempt, input, deadline } => json!({
                "step": self.id(*step), "attempt": attempt.0,
                "input": input.as_ref().map(|input| self.payload(input)).transpose()?,
                "deadline": due_data(*deadline),
            }),
            Event::StepQueued { step, timer, until } | Event::StepSlept { step, timer, until } => {
                json!({"step": self.id(*step), "timer": timer.0, "until": time(*until)})
            }
            Event::SignalReceived { name, id, payload, by: who } => json!({
                "name": name, "id": Some(id).filter(|id| !id.is_empty()),
                "payload": self.payload(payload)?, "by": by(who),
            }),
            Event::StepWaits { step, signal, timer } => json!({
                "step": self.id(*step), "for": awaited(signal), "timeout": due_data(*timer),
            }),
            Event::UpdateAwaited(_) | Event::UpdateAccepted(_) => self.update(event)?,
            Event::ApprovalRequested { step, by: people, message, timer } => json!({
                "step": self.id(*step), "by": people, "message": message,
                "timeout": due_data(*timer),
            }),
            Event::ApprovalGranted { step, by: who, role, note, form }
            | Event::ApprovalRejected { step, by: who, role, note, form } => json!({
                "step": self.id(*step), "by": by(who), "role": role, "note": note,
                "form": self.payload(form)?,
            }),
            Event::SignalTaken { step, signal } => {
                json!({"step": self.id(*step), "signal": signal})
            }
            Event::StepSkipped { step, reason } => {
                json!({"step": self.id(*step), "reason": reason})
            }
            Event::PathChosen { step, case, reason, skipped } => json!({
                "step": self.id(*step), "case": case, "reason": reason, "steps": self.ids(skipped),
            }),
            Event::CallsMade(made) => self.calls_made(made)?,
            Event::FunctionReturned(returned) => self.function_returned(returned)?,
            Event::RaceDecided { step, winner } => json!({
                "step": self.id(*step), "winner": winner.map(|step| self.id(step)),
            }),
            Event::RoundBegun { step, round, reason, carry } => json!({
                "step": self.id(*step), "round": round, "reason": reason,
                "carry": self.payload(carry)?, "steps": self.ids(self.plan.body(*step)),
            }),
            Event::StepsBypassed { router, steps } => {
                json!({"router": self.id(*router), "steps": self.ids(steps)})
            }
            Event::StepsNotReached { steps }
            | Event::StopRequested { steps }
            | Event::StepsCancelled { steps }
            | Event::UndoRequested { steps } => json!({"steps": self.ids(steps)}),
            Event::RetryScheduled { step, attempt, timer, at }
            | Event::UndoRetryScheduled { step, attempt, timer, at } => json!({
                "step": self.id(*step), "attempt": attempt.0, "timer": timer.0, "at": time(*at),
            }),
            Event::StepFailed { step, failure, continued } => json!({
                "step": self.id(*step), "failure": failure_data(failure), "continued": continued,
            }),
            Event::OutputMapped { step, output } => {
                json!({"step": self.id(*step), "output": self.payload(output)?})
            }
            Event::RunCompleted { output, state } => {
                json!({"output": self.payload(output)?, "state": show_state_hash(state)})
            }
            Event::RunFailed { failure, step, state } => json!({
                "failure": failure_data(failure), "step": step.map(|step| self.id(step)),
                "state": show_state_hash(state),
            }),
            Event::RunCancelled { state } => json!({"state": show_state_hash(state)}),
        })
    }

    fn started(&self, started: &RunStarted) -> Result<Value, LoadError> {
        let labels: serde_json::Map<String, Value> =
            started.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        Ok(json!({
            "run": started.run.to_string(),
            "name": started.name,
            "workflow": started.workflow,
            "definition": started.definition.to_string(),
            "input": self.payload(&started.input)?,
            "labels": labels,
            "folder": Some(&started.folder).filter(|folder| !folder.is_empty()),
            "by": by(&started.by),
            "seed": started.seed.to_string(),
            "timeout": due_data(started.timeout),
            "parent": started.parent.as_ref().map(|parent| &parent.name),
            "limits": started.limits.iter().map(wish_data).collect::<Vec<_>>(),
        }))
    }

    /// An event in one line.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    fn detail(&self, event: &Event) -> Result<String, LoadError> {
        Ok(match event {
            Event::RunStarted(started) => {
                let version = self.plan.definition().version;
                let version = version.map(|version| format!(" v{version}")).unwrap_or_default();
                let who = &started.by.name;
                format!("{}{version}, input {} B, by {who}", started.workflow, started.input.len())
            }
            Event::StepCompleted { output, may_repeat, .. } => {
                let repeats = if *may_repeat { " (may have run twice)" } else { "" };
                format!("{}{repeats}", self.brief(output)?)
            }
            Event::UndoCompleted { step, may_repeat, .. } => {
                let repeats = if *may_repeat { " (may have run twice)" } else { "" };
                let by = self.plan.undo_handler(*step).unwrap_or_default();
                format!("undone by {by}{repeats}")
            }
            Event::UndoFailed { failure, .. } => {
                format!("{}; the run waits", failure_line(failure))
            }
            Event::UndoRequested { steps } if steps.is_empty() => "nothing to undo".into(),
            Event::AttemptFailed { .. }
            | Event::UndoAttemptFailed { .. }
            | Event::StepStarted { .. }
            | Event::AttemptResumed { .. }
            | Event::UndoStarted { .. }
            | Event::RetryScheduled { .. }
            | Event::UndoRetryScheduled { .. }
            | Event::StepCalled { .. } => self.detail_of_attempts(event),
            Event::AttemptsInterrupted { attempts, how } => {
                let steps: Vec<StepIndex> = attempts.iter().map(|(step, _)| *step).collect();
                let how = interruption(*how);
                format!("{}: {how}", self.some(&steps))
            }
            events_of_items!() => self.detail_of_items(event)?,
            Event::TimerFired { timer } => format!("timer {}", timer.0),
            Event::RunPaused { by, reason }
            | Event::StepPaused { by, reason, .. }
            | Event::CancelRequested { by, reason }
            | Event::UndoWaived { by, reason } => {
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                format!("by {}{}", by.name, shorten(&reason, DETAIL_CHARS_MAX))
            }
            Event::RunResumed { by }
            | Event::StepResumed { by, .. }
            | Event::RunRetried { by, .. }
            | Event::RunForgotten { by, .. }
            | Event::UndoRetried { by } => {
                format!("by {}", by.name)
            }
            Event::RunMigrated(migrated) => migrated_line(migrated),
            Event::RunHeld { pauses } => format!("by the pause of {}", pauses.join(", ")),
            Event::SlotsOffered
            | Event::RunReleased
            | Event::EventsRead { .. }
            | Event::ParentPaused
            | Event::ParentResumed
            | Event::RunCancelled { .. } => String::new(),
            Event::ChildEnded { child, ended, .. } => match ended {
                ChildEnd::Completed { output } => {
                    format!("{child} completed: {}", self.brief(output)?)
                }
                ChildEnd::Failed { failure, .. } => {
                    format!("{child} failed: {}", failure_line(failure))
                }
                ChildEnd::Cancelled { .. } => format!("{child} was cancelled"),
            },
            events_of_slots!() => slots::detail(event),
            Event::StepQueued { until, .. } | Event::StepSlept { until, .. } => self.until(*until),
            Event::SignalReceived { name, payload, by, .. } => {
                let carried = match payload {
                    Payload::Null => String::new(),
                    Payload::Inline(..) | Payload::Stored(..) => {
                        format!(" {}", self.brief(payload)?)
                    }
                };
                format!("{name}{carried}, by {}", by.name)
            }
            Event::StepWaits { signal, timer, .. } => {
                let until = timer.map(|(_, at)| format!(", {}", self.until(at)));
                let what = match event_of(signal) {
                    Some(event) => format!("event {event}"),
                    None => format!("signal {signal}"),
                };
                format!("{what}{}", until.unwrap_or_default())
            }
            Event::UpdateAwaited(_) | Event::UpdateAccepted(_) => self.update_line(event)?,
            Event::ApprovalRequested { by, message, timer, .. } => {
                let what = if message.is_empty() { String::new() } else { format!(": {message}") };
                let until = timer.map(|(_, at)| format!(", {}", self.until(at)));
                let asked = shorten(&format!("{}{what}", by.join(", ")), DETAIL_CHARS_MAX);
                format!("by {asked}{}", until.unwrap_or_default())
            }
            Event::ApprovalGranted { by, note, .. } | Event::ApprovalRejected { by, note, .. } => {
                let note = if note.is_empty() { String::new() } else { format!(": {note}") };
                format!("by {}{}", by.name, shorten(&note, DETAIL_CHARS_MAX))
            }
            Event::SignalTaken { signal, .. } => format!("signal number {signal}"),
            Event::StepSkipped { reason, .. } => shorten(reason, DETAIL_CHARS_MAX),
            Event::PathChosen { case, reason, skipped, .. } => {
                let case = case.map_or_else(
                    || "the default".to_owned(),
                    |case| format!("case {}", case.saturating_add(1)),
                );
                let not = if skipped.is_empty() {
                    String::new()
                } else {
                    format!(", not {}", self.some(skipped))
                };
                format!("{case}{not}: {}", shorten(reason, DETAIL_CHARS_MAX))
            }
            Event::CallsMade(made) => function::calls_line(made),
            Event::FunctionReturned(returned) => function::end_line(returned),
            Event::RaceDecided { winner, .. } => winner
                .map_or_else(|| "nobody won".to_owned(), |step| format!("{} won", self.id(step))),
            Event::RoundBegun { round, reason, .. } => {
                format!("round {round}: {}", shorten(reason, DETAIL_CHARS_MAX))
            }
            Event::StepsBypassed { steps, .. }
            | Event::StepsNotReached { steps }
            | Event::StopRequested { steps }
            | Event::StepsCancelled { steps }
            | Event::UndoRequested { steps } => self.some(steps),
            Event::StepFailed { failure, continued, .. } => {
                let rest = match (*continued, self.plan.is_code()) {
                    (false, _) => "",
                    (true, true) => "; its function is told",
                    (true, false) => "; the run goes on",
                };
                format!("{}{rest}", failure_line(failure))
            }
            Event::HeartbeatRecorded { progress, .. } => self.brief(progress)?,
            Event::OutputMapped { output, .. } | Event::RunCompleted { output, .. } => {
                self.brief(output)?
            }
            Event::RunFailed { failure, .. } => failure_line(failure),
        })
    }

    fn id(&self, step: StepIndex) -> &str {
        self.plan.id(step)
    }

    fn ids(&self, steps: &[StepIndex]) -> Vec<&str> {
        steps.iter().map(|step| self.id(*step)).collect()
    }

    /// `a, b and 7 more`.
    fn some(&self, steps: &[StepIndex]) -> String {
        let named = self.ids(steps.get(..STEPS_MAX).unwrap_or(steps)).join(", ");
        match steps.len().saturating_sub(STEPS_MAX) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }

    fn until(&self, at: Timestamp) -> String {
        match self.at {
            Timestamp(0) => format!("at {}", time(at)),
            now => format!("in {}", duration(at.ms_since(now))),
        }
    }

    fn payload(&self, value: &Payload) -> Result<Value, LoadError> {
        payload(self.loader, value, PAYLOAD_BYTES_MAX)
    }

    fn brief(&self, value: &Payload) -> Result<String, LoadError> {
        if value.len() > PAYLOAD_BYTES_MAX {
            return Ok(format!("{} B", value.len()));
        }
        Ok(shorten(&self.payload(value)?.to_string(), DETAIL_CHARS_MAX))
    }
}

fn failure_data(failure: &Failure) -> Value {
    let Failure { code, message, fatal, details } = failure;
    json!({"code": code, "message": message, "fatal": fatal, "details": details})
}

fn due_data(due: Option<(TimerId, Timestamp)>) -> Value {
    due.map_or(Value::Null, |(timer, at)| json!({"timer": timer.0, "at": time(at)}))
}

/// `to order@2 (9f86d081884c) by dana`.
fn migrated_line(migrated: &Migrated) -> String {
    let definition = migrated.definition.to_string();
    let hash = definition.get(..12).unwrap_or(&definition);
    let reason = match migrated.reason.as_str() {
        "" => String::new(),
        reason => format!("{reason} "),
    };
    format!("to {reason}({hash}) by {}", migrated.by.name)
}

/// What a step waits for, by the name of the signal.
fn awaited(signal: &str) -> Value {
    match event_of(signal) {
        Some(event) => json!({"event": event}),
        None => json!({"signal": signal}),
    }
}

/// How attempts came to rest.
fn interruption(how: Interruption) -> &'static str {
    match how {
        Interruption::ProcessEnded => "the process ended",
        Interruption::ShutDown => "the engine was shut down",
        Interruption::NotCalled => "not begun yet",
    }
}
