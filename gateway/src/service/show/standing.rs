//! Where a run stands, and why: computed from its state and from whether an engine works on it.

use nexus_engine::model::event::{Awaited, child_name};
use nexus_engine::model::id::{Attempt, StepIndex, TimerId};
use nexus_engine::model::payload::Payload;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus, Slot, StepState, UndoState};
use nexus_engine::model::time::Timestamp;

mod attempts;
mod awaited;
mod forgotten;
mod items;
mod pauses;
mod slots;

use self::awaited::{awaited, kind_of};
pub(crate) use self::items::RunningItems;
pub(crate) use self::slots::Waits;
use super::{duration, failure_line, shorten, time};
use crate::api::WaitingOn;

/// How many steps are named in a line.
const NAMES_MAX: usize = 3;
/// How much of what a step says of its progress stands in a line, in characters.
const PROGRESS_CHARS_MAX: usize = 60;

/// A run at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: &'a Run,
    pub(crate) now: Timestamp,
    /// Whether an engine works on it.
    pub(crate) driven: bool,
}

/// A step that waits for a timer.
struct Timed {
    step: StepIndex,
    at: Timestamp,
    /// The next attempt, if it is a retry.
    attempt: Option<Attempt>,
}

impl Standing<'_> {
    /// The run's status, as people see it.
    pub(crate) fn status(&self) -> &'static str {
        let status = &self.run.status;
        match status {
            RunStatus::Running if self.run.is_held() => "paused",
            RunStatus::Running if self.run.is_held_back() => "queued",
            RunStatus::Running if self.is_busy() || self.run.iterating().next().is_some() => {
                "running"
            }
            RunStatus::Running if self.run.slots.wait() => "waiting",
            RunStatus::Running if self.run.awaiting().next().is_some() => "waiting",
            RunStatus::Running if self.run.calling().next().is_some() => "waiting",
            RunStatus::Running if self.timed().any(|timed| timed.attempt.is_none()) => "waiting",
            RunStatus::Running if self.timed().next().is_some() => "retrying",
            RunStatus::Running => "running",
            RunStatus::Failing { .. }
            | RunStatus::Cancelling { .. }
            | RunStatus::Completed { .. }
            | RunStatus::Failed { .. }
            | RunStatus::Cancelled { .. } => self.run.word(),
        }
    }

    /// Whether a step is at work or could be.
    fn is_busy(&self) -> bool {
        self.run.running_count() > 0 || self.run.can_start()
    }

    /// Milliseconds from the run's start to its end, or to now.
    pub(crate) fn took_ms(&self) -> u64 {
        self.run.ended_at.unwrap_or(self.now).ms_since(self.run.started_at)
    }

    /// The steps the run is at.
    pub(crate) fn at(&self) -> Vec<StepIndex> {
        if let RunStatus::Failed { step, .. } = &self.run.status {
            return step.iter().copied().collect();
        }
        if self.run.status.is_terminal() {
            return Vec::new();
        }
        let undoes = self.run.open_undos() > 0;
        let has_open_undo = |step: &StepIndex| {
            let undo = self.run.step_run(*step).undo();
            undo.is_some_and(|undo| undo.is_open() && self.run.undo_blocks(*step) == 0)
        };
        let open = |step: &StepIndex| match self.run.step(*step) {
            StepState::Completed { .. } => has_open_undo(step),
            StepState::Running { .. }
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Iterating
            | StepState::Retrying { .. } => true,
            StepState::Waiting => !undoes && self.run.needs_met(*step),
            StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => false,
        };
        self.plan.steps().filter(open).collect()
    }

    /// The step whose timer is due first.
    fn next_timed(&self) -> Option<Timed> {
        self.timed().min_by_key(|timed| timed.at)
    }

    /// The step that waits for the outside and whose time is over first.
    fn next_awaited(&self) -> Option<(StepIndex, &Awaited, Option<Timestamp>)> {
        let awaited = self.run.awaiting().filter_map(|step| match self.run.step(step) {
            StepState::Awaiting { what, timer } => Some((step, what, timer.map(|(_, at)| at))),
            StepState::Waiting
            | StepState::Running { .. }
            | StepState::Sleeping { .. }
            | StepState::Calling { .. }
            | StepState::Iterating
            | StepState::Retrying { .. }
            | StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => None,
        });
        awaited.min_by_key(|(_, _, until)| until.unwrap_or(Timestamp(i64::MAX)))
    }

    /// A step that waits for something, and that no pause keeps.
    fn next_free(&self) -> Option<StepIndex> {
        let mut waiting = self.run.awaiting().chain(self.timed().map(|timed| timed.step));
        waiting.find(|step| !self.run.holds(*step))
    }

    /// The steps that ask somebody for a decision.
    pub(crate) fn asking(&self) -> impl Iterator<Item = StepIndex> {
        let asks = |step: &StepIndex| {
            matches!(
                self.run.step(*step),
                StepState::Awaiting { what: Awaited::Approval { .. }, .. }
            )
        };
        self.run.awaiting().filter(asks)
    }

    /// The flag under which anybody decides what only groups may.
    pub(crate) fn deciding(&self, step: StepIndex) -> String {
        let StepState::Awaiting { what: Awaited::Approval { by, .. }, .. } = self.run.step(step)
        else {
            return String::new();
        };
        let groups: Option<Vec<_>> = by.iter().map(|entry| entry.strip_prefix("group:")).collect();
        let first = groups.and_then(|groups| groups.first().copied());
        first.map_or_else(String::new, |group| format!(" --group {group}"))
    }

    /// The steps that wait for a timer.
    fn timed(&self) -> impl Iterator<Item = Timed> {
        self.run.steps().filter_map(|(step, state)| match &state.state {
            StepState::Completed { .. } => match state.undo() {
                Some(UndoState::Retrying { attempt, timer: Some(_), at, .. }) => {
                    Some(Timed { step, at: *at, attempt: Some(*attempt) })
                }
                Some(_) | None => None,
            },
            StepState::Sleeping { until, .. } => Some(Timed { step, at: *until, attempt: None }),
            StepState::Retrying { attempt, timer: Some(_), at, .. } => {
                Some(Timed { step, at: *at, attempt: Some(*attempt) })
            }
            StepState::Retrying { timer: None, .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Waiting
            | StepState::Iterating
            | StepState::Running { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => None,
        })
    }

    /// What the run waits for; `None` while a step is at work and when it has ended.
    pub(crate) fn waiting(&self) -> Option<WaitingOn> {
        if self.run.status.is_terminal() {
            return None;
        }
        let on = |on: &str| WaitingOn { on: on.into(), ..WaitingOn::default() };
        if self.run.is_held() && self.is_still() {
            return Some(on("pause"));
        }
        if !self.driven {
            return self
                .waits_for_undo()
                .filter(|_| self.is_stuck())
                .or_else(|| Some(on("engine")));
        }
        if self.run.running_count() > 0 {
            return None;
        }
        if let Some(Waits { slot, .. }) = self.waits().first().copied() {
            let kind = if slot.is_call() { "breaker" } else { "slot" };
            return Some(WaitingOn { step: slot.step().map(|step| self.id(step)), ..on(kind) });
        }
        let ready = self.run.ready().find(|step| !self.run.holds(*step));
        if let Some(step) = ready.or_else(|| self.run.steps_with_ready_items().next()) {
            return Some(WaitingOn { step: Some(self.id(step)), ..on("room") });
        }
        if let Some((step, what, until)) = self.next_awaited() {
            let kind = kind_of(what);
            let (step, at) = (Some(self.id(step)), until.map(time));
            return Some(WaitingOn { step, at, ..on(kind) });
        }
        if let Some(step) = self.run.calling().next() {
            return Some(WaitingOn { step: Some(self.id(step)), ..on("run") });
        }
        if let Some(waiting) = self.waiting_of_items() {
            return Some(waiting);
        }
        let Some(Timed { step, at, attempt }) = self.next_timed() else {
            let kept = self.run.holds.steps.first();
            let kept = kept.map(|step| WaitingOn { step: Some(self.id(*step)), ..on("pause") });
            return self.waits_for_undo().or(kept);
        };
        let is_undo = self.run.step_run(step).undo().is_some();
        Some(WaitingOn {
            on: if attempt.is_some() { "retry" } else { "sleep" }.into(),
            step: Some(self.id(step)),
            attempt: attempt.map(|attempt| match self.run.step_run(step).undo.as_deref() {
                Some(undo) => attempt.0.saturating_sub(undo.attempts_forgiven),
                None => self.counted(step, attempt),
            }),
            of: match attempt {
                Some(_) if is_undo => self.undo_attempts_max(step),
                attempt => attempt.map(|_| self.attempts_max(step)),
            },
            at: Some(time(at)),
            code: None,
        })
    }

    /// Why the run stands where it stands, whether or not its values can be read.
    fn why_it_stands(&self) -> String {
        match &self.run.status {
            RunStatus::Completed { .. } => format!("completed in {}", duration(self.took_ms())),
            RunStatus::Failed { failure, step } => {
                let place = step.map(|step| format!(" at {}", self.id(step))).unwrap_or_default();
                format!("failed{place}: {}", failure_line(failure))
            }
            RunStatus::Cancelled { reason } => format!("cancelled{}", because(reason)),
            RunStatus::Failing { failure, .. } if self.run.is_held() => {
                format!("fails with {}; {}", failure_line(failure), self.held())
            }
            RunStatus::Cancelling { reason } if self.run.is_held() => {
                format!("is being cancelled{}; {}", because(reason), self.held())
            }
            RunStatus::Failing { failure, .. } => {
                format!("fails with {}; {}", failure_line(failure), self.work())
            }
            RunStatus::Cancelling { reason } => {
                format!("is being cancelled{}; {}", because(reason), self.work())
            }
            RunStatus::Running if self.run.is_held() => self.held(),
            RunStatus::Running => self.work(),
        }
    }

    /// What a step that is ready waits for.
    pub(super) fn room(&self) -> &'static str {
        if self.driven { "room" } else { "an engine" }
    }

    /// Whether no handler is at work, nor would be but for the end of a pause.
    fn is_still(&self) -> bool {
        self.run.running().all(|step| self.run.holds_cut_off(step))
    }

    /// What is going on among the steps.
    fn work(&self) -> String {
        if let Some(failed) = self.failed_undos().filter(|_| self.is_stuck()) {
            return failed;
        }
        if !self.driven {
            return "no engine works on it; what was finished is kept".into();
        }
        if !self.run.holds.steps.is_empty() && !self.is_busy() && self.next_free().is_none() {
            let steps: Vec<StepIndex> = self.run.holds.steps.iter().copied().collect();
            return format!(
                "{} paused: nothing of it starts until it is resumed",
                self.names(&steps)
            );
        }
        let waits = self.waits();
        if self.run.is_held_back()
            && let Some(first) = waits.first()
        {
            return self.waits_why(first);
        }
        let iterating = self.run.iterating().filter(|step| self.has_items_at_work(*step));
        let (resting, running): (Vec<_>, Vec<_>) =
            self.run.running().partition(|step| self.rests(*step));
        let running: Vec<StepIndex> = running.into_iter().chain(iterating).collect();
        if !running.is_empty() {
            let work = if self.run.open_undos() > 0 { "being undone" } else { "at work" };
            return format!("{} {work}", self.names(&running));
        }
        if let Some(first) = resting.first() {
            return self.step_why(*first);
        }
        if let Some(first) = waits.first() {
            return match first.items().and_then(|_| first.slot.step()) {
                Some(step) => self.items_why(step),
                None => self.waits_why(first),
            };
        }
        let ready = self.run.ready().filter(|step| !self.run.holds(*step));
        let ready: Vec<StepIndex> = ready.chain(self.run.steps_with_ready_items()).collect();
        if !ready.is_empty() {
            return format!(
                "{} ready, waiting for room: the engine runs as many attempts as it may",
                self.names(&ready)
            );
        }
        if let Some((step, ..)) = self.next_awaited() {
            return self.step_why(step);
        }
        if let Some(step) = self.run.calling().next() {
            return self.step_why(step);
        }
        if let Some(step) = self.run.iterating().next() {
            return self.step_why(step);
        }
        match self.next_timed() {
            Some(timed) => self.step_why(timed.step),
            None => self.failed_undos().unwrap_or_else(|| "the engine is about to go on".into()),
        }
    }

    /// Why a step stands where it stands, in one line.
    #[expect(clippy::too_many_lines, reason = "one arm for each state of a step")]
    pub(crate) fn step_why(&self, step: StepIndex) -> String {
        if let Some(why) = self.undo_why(step) {
            return why;
        }
        let id = self.plan.id(step);
        match self.run.step(step) {
            StepState::Waiting | StepState::Retrying { .. } if self.run.slots.blocks(step) => {
                let waits = [Slot::Step(step), Slot::Call(step)].into_iter().find_map(|slot| {
                    let hold = self.run.slots.get(slot).filter(|hold| !hold.granted)?;
                    Some(self.waits_why(&Waits { slot, hold, count: 1 }))
                });
                waits.unwrap_or_default()
            }
            StepState::Waiting if !self.run.needs_met(step) => {
                format!("{id} needs {}", self.names_plain(&self.open_needs(step)))
            }
            StepState::Waiting if self.run.holds(step) => {
                format!("{id} is ready; {}", self.kept(step))
            }
            StepState::Waiting => {
                let timer = self.run.queued.get(&step).and_then(|timer| self.run.timers.get(timer));
                let limit =
                    timer.map(|timer| format!("; it has to start {}", self.in_time(timer.due)));
                format!("{id} is ready and waits for {}{}", self.room(), limit.unwrap_or_default())
            }
            StepState::Running { attempt, .. } if self.is_cut_off(step) => {
                let until = match (self.driven, self.plan.is_code()) {
                    (true, _) => "once the pause has ended",
                    (false, true) => "when the program that has the function opens the store",
                    (false, false) => "when an engine opens the store",
                };
                let attempt = self.counted(step, *attempt);
                if self.is_uncalled(step) {
                    return format!("attempt {attempt} of {id} has not begun; it does {until}");
                }
                format!(
                    "{id} was interrupted by the end of the engine; attempt {attempt} runs again {until}"
                )
            }
            StepState::Running { attempt, stopping: None, .. } if self.is_uncalled(step) => {
                format!(
                    "attempt {} of {} of {id} has not begun: it waits for its turn, or its code",
                    self.counted(step, *attempt),
                    self.attempts_max(step)
                )
            }
            StepState::Running { attempt, rests: true, stopping: None, .. } => format!(
                "{id} was cut off by the end of a process; attempt {} of {} waits for its turn to go on",
                self.counted(step, *attempt),
                self.attempts_max(step)
            ),
            StepState::Running { attempt, since, stopping, .. } => {
                let told = if stopping.is_some() { ", told to stop" } else { "" };
                let time = duration(self.now.ms_since(*since));
                format!(
                    "{id} is at work for {time} (attempt {} of {}{told}){}",
                    self.counted(step, *attempt),
                    self.attempts_max(step),
                    self.progress(step)
                )
            }
            StepState::Iterating => self.items_why(step),
            StepState::Sleeping { until, .. } => {
                format!(
                    "{id} sleeps until {}, {}{}",
                    time(*until),
                    self.left(*until),
                    self.and_kept(step)
                )
            }
            StepState::Awaiting { what, timer } => {
                format!(
                    "{id} waits for {}{}{}",
                    awaited(what),
                    self.left_of(*timer),
                    self.and_kept(step)
                )
            }
            StepState::Calling { timer, stopping, .. } => {
                let child = self.child(step).unwrap_or_default();
                let told = if stopping.is_some() { ", which is told to end" } else { "" };
                format!(
                    "{id} waits for the run {child} that it called{told}{}",
                    self.left_of(*timer)
                )
            }
            StepState::Retrying { attempt, timer, at, failure } => {
                let next = match timer {
                    Some(_) => format!("next try {}", self.in_time(*at)),
                    None => format!("the next try waits for {}", self.room()),
                };
                let next_of_all = self.counted(step, *attempt);
                let (made, of) = (next_of_all.saturating_sub(1), self.attempts_max(step));
                let kept = self.and_kept(step);
                format!("{id} failed {made} of {of} times: {}; {next}{kept}", failure_line(failure))
            }
            StepState::Completed { .. } => format!("{id} completed"),
            StepState::Failed { failure, continued } => {
                let rest = if *continued { self.what_went_on(step) } else { None };
                let rest = rest.map(|rest| format!("; {rest}")).unwrap_or_default();
                format!("{id} failed: {}{rest}", failure_line(failure))
            }
            StepState::Skipped { reason, router: None } => format!("{id} was skipped: {reason}"),
            StepState::Skipped { router: Some(router), .. } => {
                format!("{id} was skipped: {} went another way", self.plan.id(*router))
            }
            StepState::NotReached => format!("{id} was not reached"),
            StepState::Cancelled => format!("{id} was cancelled"),
        }
    }

    /// `, progress 7`: how far the step said it is.
    fn progress(&self, step: StepIndex) -> String {
        let Some(Payload::Inline(_, bytes)) = self.run.progress.get(&step) else {
            return String::new();
        };
        let said = shorten(&String::from_utf8_lossy(bytes), PROGRESS_CHARS_MAX);
        format!(", progress {said}")
    }

    /// What there is to say about a step beside its status.
    pub(crate) fn step_note(&self, step: StepIndex) -> Option<String> {
        if let Some(note) = self.undo_note(step) {
            return Some(note);
        }
        self.in_its_round(step, self.note_of_state(step))
    }

    fn note_of_state(&self, step: StepIndex) -> Option<String> {
        let of = self.attempts_max(step);
        match self.run.step(step) {
            StepState::Waiting | StepState::Retrying { .. }
                if self.awaited_target(step).is_some() =>
            {
                Some("waits for its breaker".into())
            }
            StepState::Waiting if self.run.needs_met(step) => Some("ready".into()),
            StepState::Waiting | StepState::Retrying { .. } if self.run.slots.blocks(step) => {
                Some("waits for a slot".into())
            }
            StepState::Waiting => match self.open_needs(step).as_slice() {
                [] if self.run.holds(step) => Some(self.kept(step)),
                [] => Some("ready".into()),
                needs => Some(format!("needs {}", self.names_plain(needs))),
            },
            StepState::Running { .. } if self.is_uncalled(step) => Some("not begun".into()),
            StepState::Running { .. } if self.rests(step) => Some("runs again".into()),
            StepState::Running { stopping: Some(_), .. } => Some("told to stop".into()),
            StepState::Running { attempt, .. } if self.counted(step, *attempt) > 1 => {
                Some(format!("attempt {} of {of}", self.counted(step, *attempt)))
            }
            StepState::Iterating => Some(self.items_note(step)),
            StepState::Sleeping { until, .. } => Some(self.left(*until)),
            StepState::Awaiting { what, timer } => {
                Some(format!("{}{}", awaited(what), self.left_of(*timer)))
            }
            StepState::Calling { timer, .. } => {
                let child = self.child(step).unwrap_or_default();
                Some(format!("run {child}{}", self.left_of(*timer)))
            }
            StepState::Retrying { timer: Some(_), at, .. } => {
                Some(format!("next try {}", self.in_time(*at)))
            }
            StepState::Retrying { timer: None, .. } => {
                Some(format!("next try waits for {}", self.room()))
            }
            StepState::Completed { .. } => {
                let attempts = self.attempts(step);
                let child = self.child(step).map(|child| format!("run {child}"));
                child.or_else(|| (attempts > 1).then(|| format!("attempt {attempts} of {of}")))
            }
            StepState::Failed { failure, continued } => {
                let rest = if *continued { self.what_went_on(step) } else { None };
                let rest = rest.map(|rest| format!(", {rest}")).unwrap_or_default();
                let attempts = self.attempts(step);
                let tried = match attempts {
                    0 => "not tried".to_owned(),
                    attempts => format!("attempt {attempts} of {of}"),
                };
                Some(format!("{} ({tried}{rest})", failure_line(failure)))
            }
            StepState::Skipped { reason, router: None } => Some(format!("skipped: {reason}")),
            StepState::Skipped { router: Some(router), .. } => {
                Some(format!("skipped: {} went another way", self.plan.id(*router)))
            }
            StepState::Running { .. } | StepState::NotReached | StepState::Cancelled => None,
        }
    }

    /// The name of the run that a step has called last.
    pub(crate) fn child(&self, step: StepIndex) -> Option<String> {
        child(self.plan, self.run, step)
    }

    /// The needs of a step that have not settled.
    fn open_needs(&self, step: StepIndex) -> Vec<StepIndex> {
        let open = |need: &StepIndex| !self.run.step(*need).is_settled();
        self.plan.needs(step).iter().copied().filter(open).collect()
    }

    fn id(&self, step: StepIndex) -> String {
        self.plan.id(step).to_owned()
    }

    pub(super) fn in_time(&self, at: Timestamp) -> String {
        match at.ms_since(self.now) {
            0 => "now".into(),
            ms => format!("in {}", duration(ms)),
        }
    }

    /// `, 23h left`.
    fn left_of(&self, timer: Option<(TimerId, Timestamp)>) -> String {
        timer.map(|(_, at)| format!(", {}", self.left(at))).unwrap_or_default()
    }

    fn left(&self, at: Timestamp) -> String {
        match at.ms_since(self.now) {
            0 => "due now".into(),
            ms => format!("{} left", duration(ms)),
        }
    }

    /// `a is`, `a and b are`.
    fn names(&self, steps: &[StepIndex]) -> String {
        let verb = if steps.len() == 1 { "is" } else { "are" };
        format!("{} {verb}", self.names_plain(steps))
    }

    /// `a`, `a, b, c and 7 more`.
    pub(super) fn names_plain(&self, steps: &[StepIndex]) -> String {
        let named: Vec<&str> =
            steps.iter().take(NAMES_MAX).map(|step| self.plan.id(*step)).collect();
        match steps.len().saturating_sub(NAMES_MAX) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

/// The name of the run that a step has called last.
pub(crate) fn child(plan: &Plan, run: &Run, step: StepIndex) -> Option<String> {
    let last = run.calls.get(&step)?;
    Some(child_name(&run.started.as_ref()?.name, plan.id(step), last.number))
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}
