//! A picture of a run: its steps, and what became of them, kept up to date by its events.

mod items;

use std::collections::HashMap;

use nexus_gateway::api::{EventView, RunView};
use serde_json::Value;

use crate::text;

/// How much of a note is shown.
const NOTE_CHARS_MAX: usize = 100;
/// Steps with longer ids do not line up.
const ID_WIDTH_MAX: usize = 28;

/// A picture of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    name: String,
    head: String,
    steps: Vec<Step>,
    places: HashMap<String, usize>,
    /// Events that are no news.
    old: u32,
    summary: Option<Vec<String>>,
    pub(super) id_width: usize,
}

/// A step in a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) status: Status,
    attempt: u64,
    /// The last attempt before this round.
    attempts_before: u64,
    max_attempts: u32,
    /// When it began, and when that was recorded, in milliseconds since the run began and the Unix epoch.
    began: Option<(u64, u64)>,
    /// As `began`, of the undo.
    undo_began: Option<(u64, u64)>,
    pub(super) took_ms: Option<u64>,
    error: Option<String>,
    pub(super) note: String,
    items: items::Items,
}

/// What became of a step, or is becoming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Pending,
    Running,
    Sleeping,
    Waiting,
    Retrying,
    Completed,
    Failed,
    Skipped,
    NotReached,
    Cancelled,
    Undoing,
    Undone,
    UndoFailed,
}

impl Status {
    /// The word, as in the API.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::NotReached => "not reached",
            Self::Cancelled => "cancelled",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::UndoFailed => "undo failed",
        }
    }

    /// Whether the step is at work, or waits for a time.
    pub(super) fn is_active(self) -> bool {
        matches!(
            self,
            Self::Running | Self::Sleeping | Self::Waiting | Self::Retrying | Self::Undoing
        )
    }
}

/// A change that is worth a line.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// Of a step.
    Step(usize),
    /// Of the run.
    Run(String),
}

impl Picture {
    /// A picture of a run before its first event, with room for its steps. Its first `old` events are no news.
    pub(crate) fn new(view: &RunView, old: u32) -> Self {
        let step = |step: &nexus_gateway::api::StepView| Step {
            id: step.id.clone(),
            max_attempts: step.max_attempts,
            ..Step::default()
        };
        let version = view.version.map(|version| format!(" v{version}")).unwrap_or_default();
        let steps: Vec<Step> = view.steps.iter().map(step).collect();
        let widest = steps.iter().map(|step| text::width(&step.id)).max().unwrap_or(0);
        let places = steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        Self {
            name: view.id.clone(),
            head: format!("▸ {}{version} · {}\n", view.workflow, view.id),
            steps,
            places,
            old,
            summary: None,
            id_width: widest.clamp(10, ID_WIDTH_MAX),
        }
    }

    /// The run's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The first line.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// The steps.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The last lines, once the run has ended.
    pub(crate) fn summary(&self) -> Option<&[String]> {
        self.summary.as_deref()
    }

    /// Takes up an event; what changed, if it is news and worth a line.
    pub(crate) fn apply(&mut self, event: &EventView) -> Option<Line> {
        let line = self.fold(event);
        line.filter(|_| event.n > self.old)
    }

    /// The run has ended.
    pub(crate) fn end(&mut self, view: &RunView) {
        self.summary = Some(super::lines::summary(view));
    }

    fn fold(&mut self, event: &EventView) -> Option<Line> {
        match event.event.as_str() {
            "attempts.interrupted" => self.interrupted(&event.data["attempts"]),
            "calls.made" => self.called(&event.data["calls"]),
            "round.begun" => {
                self.each(&event.data["steps"], Status::Pending);
                self.begin_round(&event.data["steps"]);
                return Some(Line::Run(format!("↻ {}", event.detail)));
            }
            "path.chosen" => {
                self.each(&event.data["steps"], Status::Skipped);
                return None;
            }
            "steps.bypassed" => {
                self.each(&event.data["steps"], Status::Skipped);
                return Some(Line::Run(format!("– skipped: {}", event.detail)));
            }
            "steps.not_reached" => {
                self.each(&event.data["steps"], Status::NotReached);
                return Some(Line::Run(format!("– not reached: {}", event.detail)));
            }
            "steps.cancelled" => {
                self.each(&event.data["steps"], Status::Cancelled);
                return Some(Line::Run(format!("– stopped: {}", event.detail)));
            }
            "run.retried" => {
                let again = [Status::Failed, Status::Cancelled, Status::NotReached];
                let open = self.steps.iter_mut().filter(|step| again.contains(&step.status));
                open.for_each(|step| step.status = Status::Pending);
                return Some(Line::Run(format!("↻ continued {}", event.detail)));
            }
            "undo.waived" => {
                return Some(Line::Run(format!("– cancelled without undo {}", event.detail)));
            }
            "undo.retried" => return Some(Line::Run(format!("↻ undo again {}", event.detail))),
            "run.paused" => return Some(Line::Run(format!("‖ paused {}", event.detail))),
            "run.held" => return Some(Line::Run(format!("‖ held {}", event.detail))),
            "run.released" => return Some(Line::Run("▸ goes on".to_owned())),
            "step.paused" | "step.resumed" => {
                let step = event.step.as_deref().unwrap_or_default();
                let (mark, word) = match event.event.as_str() {
                    "step.paused" => ("‖", "paused"),
                    _ => ("▸", "resumed"),
                };
                return Some(Line::Run(format!("{mark} {step} {word} {}", event.detail)));
            }
            "run.resumed" => return Some(Line::Run(format!("▸ resumed {}", event.detail))),
            "cancel.requested" => return Some(Line::Run(format!("– cancelled {}", event.detail))),
            _ => {
                let at = *self.places.get(event.step.as_deref()?)?;
                return self.fold_step(at, event).then_some(Line::Step(at));
            }
        }
        None
    }

    /// A function has made calls: each is a step from here on.
    fn called(&mut self, calls: &Value) {
        for call in calls.as_array().into_iter().flatten() {
            let Some(id) = call["step"].as_str().filter(|id| !self.places.contains_key(*id)) else {
                continue;
            };
            let attempts = call["does"]["retry"]["max_attempts"].as_u64().unwrap_or(1);
            let max_attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            self.places.insert(id.to_owned(), self.steps.len());
            self.id_width = self.id_width.max(text::width(id).min(ID_WIDTH_MAX));
            self.steps.push(Step { id: id.to_owned(), max_attempts, ..Step::default() });
        }
    }

    /// Steps whose attempts were cut off wait to run again; one that is being undone goes on being so.
    fn interrupted(&mut self, attempts: &Value) {
        for attempt in attempts.as_array().into_iter().flatten() {
            let step = attempt["step"].as_str().and_then(|id| self.places.get(id));
            if let Some(step) = step.and_then(|at| self.steps.get_mut(*at))
                && step.status != Status::Undoing
            {
                step.status = Status::Pending;
            }
        }
    }

    fn each(&mut self, steps: &Value, status: Status) {
        for step in steps.as_array().into_iter().flatten() {
            let id = step.as_str().or_else(|| step["step"].as_str());
            if let Some(at) = id.and_then(|id| self.places.get(id)) {
                self.steps[*at].status = status;
            }
        }
    }

    /// Steps that are open again are tried and timed anew.
    fn begin_round(&mut self, steps: &Value) {
        for id in steps.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if let Some(step) = self.places.get(id).and_then(|at| self.steps.get_mut(*at)) {
                step.attempts_before += step.attempt;
                step.attempt = 0;
                (step.began, step.error) = (None, None);
            }
        }
    }

    /// Takes up an event about a step; whether it is worth a line.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    fn fold_step(&mut self, at: usize, event: &EventView) -> bool {
        let Some(step) = self.steps.get_mut(at) else { return false };
        let EventView { after_ms, data, .. } = event;
        if step.fold_items(event) {
            return false;
        }
        if let Some(attempt) = event.attempt {
            step.attempt = u64::from(attempt).saturating_sub(step.attempts_before);
        }
        match event.event.as_str() {
            "step.started" => {
                step.status = Status::Running;
                step.note.clear();
                step.began.get_or_insert_with(|| (*after_ms, text::now_ms()));
                false
            }
            "step.called" => {
                step.status = Status::Waiting;
                step.began.get_or_insert_with(|| (*after_ms, text::now_ms()));
                step.note.clone_from(&event.detail);
                false
            }
            "step.slept" => {
                step.status = Status::Sleeping;
                step.began = Some((*after_ms, text::now_ms()));
                step.note.clone_from(&event.detail);
                false
            }
            "step.waits" | "approval.requested" => {
                step.status = Status::Waiting;
                step.began = Some((*after_ms, text::now_ms()));
                step.note.clone_from(&event.detail);
                true
            }
            "attempt.failed" | "undo.attempt_failed" => {
                step.error = Some(failure(data));
                false
            }
            "retry.scheduled" => {
                step.status = Status::Retrying;
                let error = step.error.clone().unwrap_or_default();
                let next = format!("try {} of {}", step.attempt, step.max_attempts);
                let when = event.detail.split_once(" in ").map_or("", |(_, when)| when);
                step.note = format!("{next} in {when} · {error}");
                true
            }
            "step.completed" => {
                step.status = Status::Completed;
                step.took_ms =
                    Some(step.began.map_or(0, |(began, _)| after_ms.saturating_sub(began)));
                step.note = step.items.summary().unwrap_or_else(|| step.tries());
                true
            }
            "step.failed" => {
                step.status = Status::Failed;
                step.took_ms =
                    Some(step.began.map_or(0, |(began, _)| after_ms.saturating_sub(began)));
                step.note = format!("{}{}", failure(data), step.last_try());
                if data["continued"] == true {
                    let goes_on = event.detail.rfind("; ").map_or("", |at| &event.detail[at..]);
                    step.note.push_str(goes_on);
                }
                true
            }
            "undo.started" | "item.undo_started" => {
                step.status = Status::Undoing;
                step.note = format!("undo by {}", data["by"].as_str().unwrap_or_default());
                step.undo_began.get_or_insert_with(|| (*after_ms, text::now_ms()));
                false
            }
            "undo.retry_scheduled" => {
                let error = step.error.clone().unwrap_or_default();
                let when = event.detail.split_once(" in ").map_or("", |(_, when)| when);
                step.note = format!("undo again in {when} · {error}");
                true
            }
            "undo.completed" => {
                step.status = Status::Undone;
                let began = step.undo_began.map_or(*after_ms, |(began, _)| began);
                step.took_ms = Some(after_ms.saturating_sub(began));
                step.note.clone_from(&event.detail);
                true
            }
            "undo.failed" => {
                step.status = Status::UndoFailed;
                let commands = "retry it, or give it up with cancel --no-undo";
                step.note = format!("NX3011 undo failed: {}; {commands}", failure(data));
                true
            }
            "step.skipped" => {
                step.status = Status::Skipped;
                let reason = data["reason"].as_str().unwrap_or_default();
                step.note = text::one_line(&format!("skipped: {reason}"), NOTE_CHARS_MAX);
                true
            }
            _ => false,
        }
    }
}

impl Step {
    /// The time of a step that is at work or has ended.
    pub(super) fn time(&self) -> String {
        let now = text::now_ms();
        let undoes = self.status == Status::Undoing;
        let began = if undoes { self.undo_began } else { self.began };
        match (self.status, self.took_ms, began) {
            (
                Status::Running | Status::Sleeping | Status::Waiting | Status::Undoing,
                _,
                Some((_, began)),
            ) => text::took(now.saturating_sub(began)),
            (Status::Completed | Status::Failed | Status::Undone, Some(took), _) => {
                text::took(took)
            }
            _ => String::new(),
        }
    }

    fn tries(&self) -> String {
        match &self.error {
            Some(error) if self.attempt > 1 => {
                format!("attempt {} of {} ({error})", self.attempt, self.max_attempts)
            }
            Some(_) | None => String::new(),
        }
    }

    fn last_try(&self) -> String {
        match self.max_attempts {
            0 | 1 => String::new(),
            of => format!(" (attempt {} of {of})", self.attempt),
        }
    }
}

fn failure(data: &Value) -> String {
    let text = |key: &str| data["failure"][key].as_str().unwrap_or_default();
    text::one_line(format!("{} {}", text("code"), text("message")).trim(), NOTE_CHARS_MAX)
}
