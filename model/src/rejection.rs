//! Rejections: why a command changed nothing. Values, not failures.

use crate::breaker::CallOutcome;
use crate::event::LABELS_MAX;
use crate::id::{Attempt, StepIndex, TimerId};
use crate::input::InputError;

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No step waits for the event.
    #[error("no step waits for event `{event}`")]
    EventNotAwaited {
        /// The event's name.
        event: String,
    },
    /// Steps wait for such events, but not for this one.
    #[error("event `{event}` is not the one that is waited for")]
    EventNotWanted {
        /// The event's name.
        event: String,
    },
    /// A signal whose name is that of an event: only the event itself comes so.
    #[error("`{name}` is no signal: names that begin with `event:` are of events")]
    SignalOfEvent {
        /// The signal's name.
        name: String,
    },
    /// The run exists.
    #[error("the run was started already")]
    AlreadyStarted,
    /// The run was to have more labels than a run can have.
    #[error("the run has {count} labels; at most {LABELS_MAX} are possible")]
    TooManyLabels {
        /// How many.
        count: usize,
    },
    /// The run does not exist yet.
    #[error("the run was not started")]
    NotStarted,
    /// The run has ended.
    #[error("the run has ended ({status})")]
    Ended {
        /// How.
        status: &'static str,
    },
    /// The report is about an attempt that is not under way.
    #[error("ignored: stale attempt {attempt} of step `{step}`", attempt = attempt.0)]
    StaleAttempt {
        /// The step's id.
        step: String,
        /// The attempt of the report.
        attempt: Attempt,
    },
    /// The attempt does not wait to be carried on.
    #[error("attempt {attempt} of step `{step}` does not rest", attempt = attempt.0)]
    NotResting {
        /// The step's id.
        step: String,
        /// The attempt.
        attempt: Attempt,
    },
    /// No such timer is set.
    #[error("timer {timer} is not set", timer = timer.0)]
    NoSuchTimer {
        /// Which.
        timer: TimerId,
    },
    /// The run cannot go on with the new definition.
    #[error("it cannot go on with the new definition: {}", reasons.join("; "))]
    Incompatible {
        /// All that is against it, one line each.
        reasons: Vec<String>,
    },
    /// The run is paused already.
    #[error("the run is paused already")]
    AlreadyPaused,
    /// The run is not paused.
    #[error("the run is not paused")]
    NotPaused,
    /// The timer is due, but a pause keeps it.
    #[error("timer {timer} waits for the end of a pause", timer = timer.0)]
    TimerHeld {
        /// Which.
        timer: TimerId,
    },
    /// The attempt was cut off, and a pause keeps it from being carried on.
    #[error("attempt {attempt} of step `{step}` waits for the end of a pause", attempt = attempt.0)]
    AttemptHeld {
        /// The step's id.
        step: String,
        /// Which.
        attempt: Attempt,
    },
    /// The run has no such step.
    #[error("there is no step number {step}", step = step.0)]
    NoSuchStep {
        /// Which was asked for.
        step: StepIndex,
    },
    /// The step is paused already.
    #[error("step `{step}` is paused already")]
    StepPaused {
        /// The step's id.
        step: String,
    },
    /// The step is not paused.
    #[error("step `{step}` is not paused")]
    StepNotPaused {
        /// The step's id.
        step: String,
    },
    /// The step has settled, so that nothing of it could be kept.
    #[error("step `{step}` is {status} already")]
    StepEnded {
        /// The step's id.
        step: String,
        /// How it stands.
        status: &'static str,
    },
    /// The run is being cancelled already.
    #[error("the run is being cancelled already")]
    AlreadyCancelling,
    /// Only a failed or cancelled run can be retried.
    #[error("the run is {status}; only a failed or cancelled run can be retried")]
    NotRetryable {
        /// Its status.
        status: &'static str,
    },
    /// The run has no function that could make calls or return.
    #[error("workflow `{workflow}` is no code: its runs have no function")]
    NoFunction {
        /// The workflow.
        workflow: String,
    },
    /// The function says something of a turn that is over, or that has not come.
    #[error(
        "the function is at turn {turn}, and that is over or has not come; the run expects {expected}"
    )]
    OtherTurn {
        /// What the function says.
        turn: u32,
        /// The first turn in which something new may be said.
        expected: u32,
    },
    /// A call cannot be a step.
    #[error("call `{name}` cannot be made: {reason}")]
    BadCall {
        /// The call.
        name: String,
        /// Why.
        reason: String,
    },
    /// What the steps of a run do is said by its function, so it cannot be told to do something else.
    #[error("what this run does is said by its function: it cannot be migrated")]
    OfFunction,
    /// The function has failed without a call that could be tried again: it would say the same.
    #[error(
        "the function of this run failed by itself, after all that its calls came to, and would fail again: the run cannot be retried"
    )]
    FailedByItself,
    /// Only a run that has ended can be forgotten.
    #[error("the run is {status}; only a run that has ended can be forgotten")]
    NotEnded {
        /// Its status.
        status: &'static str,
    },
    /// The values of the run can no longer be read.
    #[error("the run is forgotten")]
    Forgotten,
    /// A signal with this id came before, and it was another one. Said by the shell, which can read what it carried.
    #[error("a signal with the id `{id}` was received before, and it was another one")]
    OtherSignal {
        /// The signal's id.
        id: String,
    },
    /// A signal with this id came before.
    #[error("signal `{id}` was received already")]
    AlreadyReceived {
        /// The signal's id.
        id: String,
    },
    /// The slot was granted before, and is held.
    #[error("the slot is held already")]
    SlotHeld,
    /// Nothing waits for the slot, or for a slot any more.
    #[error("nothing waits for this slot")]
    SlotNotWanted,
    /// The attempt was allowed before.
    #[error("the attempt is allowed already")]
    CallAllowed,
    /// Nothing waits for an answer of the breaker, or for one any more.
    #[error("nothing waits for this answer of the breaker")]
    CallNotWanted {
        /// What came of the attempt, as far as the run can tell.
        outcome: CallOutcome,
    },
    /// The step does not wait for a decision.
    #[error("step `{step}` does not wait for an approval, it is {status}")]
    NotAwaitingApproval {
        /// The step's id.
        step: String,
        /// Where it stands.
        status: &'static str,
    },
    /// The step was approved or rejected before.
    #[error("step `{step}` was decided already")]
    AlreadyDecided {
        /// The step's id.
        step: String,
    },
    /// Somebody who may not decide.
    #[error("`{name}` may not decide about step `{step}`; it asks {}", by.join(", "))]
    NotAnApprover {
        /// The step's id.
        step: String,
        /// Who tried.
        name: String,
        /// Who may.
        by: Vec<String>,
    },
    /// No step waits for the update.
    #[error("no step waits for update `{name}`; {}", awaited(waits_for))]
    UpdateNotAwaited {
        /// The update's name.
        name: String,
        /// What the run waits for, in words.
        waits_for: Vec<String>,
    },
    /// The step does not accept the update.
    #[error("step `{step}` refuses update `{name}`: {message}")]
    UpdateRefused {
        /// The step's id.
        step: String,
        /// The update's name.
        name: String,
        /// What the workflow says to it, or why.
        message: String,
    },
    /// What the update carries is not as it was declared.
    #[error("update `{name}` does not fit step `{step}`: {message}")]
    UpdateMisfit {
        /// The step's id.
        step: String,
        /// The update's name.
        name: String,
        /// The first thing that is wrong.
        message: String,
        /// Everything that is wrong.
        errors: Vec<InputError>,
    },
    /// An expression that would check or answer the update fails.
    #[error("step `{step}` cannot answer update `{name}`: {code} {message}")]
    UpdateFailed {
        /// The step's id.
        step: String,
        /// The update's name.
        name: String,
        /// The error's code.
        code: String,
        /// What is wrong.
        message: String,
    },
    /// An update with this id was accepted before.
    #[error("update `{id}` was accepted already")]
    UpdateAccepted {
        /// Its id.
        id: String,
        /// The revision of the event that says so.
        revision: u32,
    },
    /// The form is not filled in as it should be.
    #[error("the form of step `{step}` does not fit: {}", errors.first().map_or("", |error| error.message.as_str()))]
    FormMisfit {
        /// The step's id.
        step: String,
        /// Everything that is wrong.
        errors: Vec<InputError>,
    },
    /// What it did was undone, so it cannot go on from there.
    #[error("{}", undone(steps))]
    Undone {
        /// Ids of the steps that were undone.
        steps: Vec<String>,
    },
    /// There is nothing to start.
    #[error("nothing is ready to start")]
    NothingReady,
    /// The run was called by another, which is paused.
    #[error("the run is paused together with `{parent}`, which called it")]
    PausedWithParent {
        /// The name of the run that called it.
        parent: String,
    },
    /// The report is about a called run that nobody waits for.
    #[error("nobody waits for the end of `{child}`")]
    StaleChild {
        /// The name of the called run.
        child: String,
    },
}

fn undone(steps: &[String]) -> String {
    const NAMED_MAX: usize = 5;
    let mut named: Vec<String> =
        steps.iter().take(NAMED_MAX).map(|step| format!("`{step}`")).collect();
    let more = steps.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    format!("a retry would keep the results of {}, but they were undone", named.join(", "))
}

impl Rejection {
    /// The code, `NXnnnn`, of what is explained under `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyLabels { .. } => "NX7005",
            Self::NotAwaitingApproval { .. } => "NX4105",
            Self::AlreadyDecided { .. } => "NX4104",
            Self::NotAnApprover { .. } => "NX4103",
            Self::FormMisfit { .. } => "NX4106",
            Self::UpdateNotAwaited { .. } => "NX4127",
            Self::UpdateRefused { .. } => "NX4128",
            Self::UpdateMisfit { .. } => "NX4129",
            Self::UpdateAccepted { .. } => "NX4130",
            Self::UpdateFailed { .. } => "NX4131",
            Self::NotEnded { .. } => "NX6020",
            Self::Forgotten => "NX6022",
            Self::Incompatible { .. } => "NX5014",
            Self::Undone { .. } => "NX5005",
            Self::PausedWithParent { .. } => "NX4190",
            Self::StepPaused { .. }
            | Self::StepNotPaused { .. }
            | Self::StepEnded { .. }
            | Self::NoSuchStep { .. } => "NX4180",
            Self::SignalOfEvent { .. } => "NX4003",
            Self::OtherSignal { .. } => "NX3046",
            Self::OfFunction | Self::FailedByItself => "NX3055",
            Self::NoFunction { .. } | Self::OtherTurn { .. } | Self::BadCall { .. } => "NX3056",
            Self::Ended { .. }
            | Self::NotRetryable { .. }
            | Self::AlreadyPaused
            | Self::AlreadyStarted
            | Self::EventNotAwaited { .. }
            | Self::EventNotWanted { .. }
            | Self::TimerHeld { .. }
            | Self::AttemptHeld { .. }
            | Self::NotStarted
            | Self::StaleAttempt { .. }
            | Self::NotResting { .. }
            | Self::NoSuchTimer { .. }
            | Self::NotPaused
            | Self::AlreadyCancelling
            | Self::AlreadyReceived { .. }
            | Self::StaleChild { .. }
            | Self::SlotHeld
            | Self::SlotNotWanted
            | Self::CallAllowed
            | Self::CallNotWanted { .. }
            | Self::NothingReady => "NX7007",
        }
    }

    /// The code of a refused update; `None`: it is refused for a reason that has nothing to do with updates.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are no answers to an update")]
    pub fn update_code(&self) -> Option<&'static str> {
        match self {
            Self::Ended { .. } => Some("NX4127"),
            Self::UpdateNotAwaited { .. }
            | Self::UpdateRefused { .. }
            | Self::UpdateMisfit { .. }
            | Self::UpdateAccepted { .. }
            | Self::UpdateFailed { .. } => Some(self.code()),
            _ => None,
        }
    }
}

fn awaited(waits_for: &[String]) -> String {
    match waits_for {
        [] => "the run waits for nothing from outside".to_owned(),
        words => format!("the run waits for {}", words.join(", ")),
    }
}
