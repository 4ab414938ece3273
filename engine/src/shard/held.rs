//! Transitions on their way to the disk, and what waits for them.
//!
//! Invariants:
//! * What was asked leaves this place once: answered, or to be asked again.
//! * A handler's report is never dropped: one whose transition is too large becomes a failure of the attempt.

use nexus_log::Outcome;
use nexus_model::command::Command;
use nexus_model::decide::{SlotChange, TimerChange};
use nexus_model::effect::Effect;
use nexus_model::event::Failure;
use nexus_model::id::RunId;
use nexus_model::payload::NewPayload;
use nexus_model::rejection::Rejection;

use super::{Asked, Output, Refusal};
use crate::tables::read_name_row;

/// Code of an output that is too large.
const TOO_LARGE: &str = "NX3006";

/// A transition on its way to the disk.
#[derive(Debug)]
pub(super) struct Held {
    /// Kept so that it can be asked again if the log refuses.
    pub(super) asked: Asked,
    pub(super) effects: Vec<Effect>,
    /// How many attempts took a slot with it.
    pub(super) slots_taken: i64,
    /// How many more runs are open with it, or fewer.
    pub(super) opens: i64,
    pub(super) timers: Vec<TimerChange>,
    pub(super) slots: Vec<SlotChange>,
    /// Who is to hear that the run has ended with it, and how: what is decided behind it may be another end.
    pub(super) ended: Vec<Output>,
    pub(super) revision: u32,
    /// Payloads that become durable with it; until then they are found here.
    pub(super) payloads: Vec<NewPayload>,
    /// What was rejected because of the state this transition leads to.
    pub(super) after: Vec<(Asked, Rejection)>,
}

impl Held {
    /// How many handlers are called once it is durable.
    pub(super) fn calls(&self) -> usize {
        self.effects.iter().filter(|effect| matches!(effect, Effect::RunAttempt(_))).count()
    }

    /// Tells whoever waits why the log did not take the transition; returns what is to be asked again.
    pub(super) fn give_back(
        self,
        run: RunId,
        outcome: Outcome,
        out: &mut Vec<Output>,
    ) -> Vec<Asked> {
        let Self { asked, after, .. } = self;
        let is_start = matches!(asked.command, Command::StartRun(_));
        let refusal = match outcome {
            Outcome::Taken { value, .. } => {
                let (run, request) = read_name_row(&value).unwrap_or((run, [0; 32]));
                Some(Refusal::Taken(run, request))
            }
            Outcome::Unacceptable => Some(Refusal::TooLarge),
            // What a handler reports is not said again by somebody else: it is kept until there is room, whoever waits.
            Outcome::DiskNearlyFull { free_bytes }
                if is_start || (asked.reply.is_some() && asked.report().is_none()) =>
            {
                Some(Refusal::DiskNearlyFull(free_bytes))
            }
            Outcome::DiskNearlyFull { .. }
            | Outcome::Conflict { .. }
            | Outcome::Appended(_)
            | Outcome::Repeated(_) => None,
        };
        let again = match refusal {
            None => Some(asked),
            Some(refusal) => refused(run, asked, &refusal, out),
        };
        again.into_iter().chain(after.into_iter().map(|(asked, _)| asked)).collect()
    }
}

fn refused(run: RunId, asked: Asked, refusal: &Refusal, out: &mut Vec<Output>) -> Option<Asked> {
    tracing::debug!(%run, %refusal, "the log refused a transition");
    if let Some(reply) = asked.reply {
        let is_report = asked.report().is_some();
        out.push(Output::Reply(reply, Err(refusal.clone())));
        if !is_report {
            return None;
        }
    }
    let again = as_failure(asked.command);
    if again.is_none() {
        tracing::error!(%run, %refusal, "a run stands still");
    }
    again.map(Asked::silent)
}

/// A report that says less: its transition was larger than the log takes.
fn as_failure(command: Command) -> Option<Command> {
    let failure = Failure {
        code: TOO_LARGE.to_owned(),
        message: "what follows from the outcome is larger than the log takes at once".to_owned(),
        fatal: true,
        details: None,
    };
    match command {
        Command::CompleteStep { step, attempt, .. } => {
            Some(Command::FailStep { step, attempt, failure })
        }
        Command::CompleteItem { step, item, attempt, .. } => {
            Some(Command::FailItem { step, item, attempt, failure })
        }
        Command::FailItem { step, item, attempt, failure: before } if before != failure => {
            Some(Command::FailItem { step, item, attempt, failure })
        }
        Command::FailStep { step, attempt, failure: before } if before != failure => {
            Some(Command::FailStep { step, attempt, failure })
        }
        Command::FailStep { .. }
        | Command::FailItem { .. }
        | Command::StartRun(_)
        | Command::InterruptAttempts { .. }
        | Command::InterruptItems { .. }
        | Command::ResumeItem { .. }
        | Command::ResumeAttempt { .. }
        | Command::RecordHeartbeat { .. }
        | Command::FireTimer { .. }
        | Command::PauseRun { .. }
        | Command::ResumeRun { .. }
        | Command::PauseStep { .. }
        | Command::ResumeStep { .. }
        | Command::HoldRun { .. }
        | Command::ReleaseRun
        | Command::InHold { .. }
        | Command::CancelRun { .. }
        | Command::RetryRun { .. }
        | Command::MigrateRun(_)
        | Command::ForgetRun { .. }
        | Command::DeliverSignal { .. }
        | Command::Update(_)
        | Command::EndChild { .. }
        | Command::FollowParent { .. }
        | Command::MakeCalls(_)
        | Command::ReturnFunction(_)
        | Command::OfferEvent { .. }
        | Command::EventsRead { .. }
        | Command::AllowCall { .. }
        | Command::RefuseCall { .. }
        | Command::GrantSlot { .. }
        | Command::AnswerApproval { .. }
        | Command::OfferSlots => None,
    }
}
