//! Approvals: what people decide.

use nexus_model::command::{ApprovalAnswer, Command};
use nexus_model::event::Actor;
use nexus_model::id::{RunId, StepIndex};
use nexus_model::payload::Payload;
use serde_json::Value;

use super::{Handle, RequestError};
use crate::code::{PastApproval, past_approval};
use crate::loader::LoadError;
use crate::shard::{Answer, Asked, Refusal};

/// What a person decides about a step that asks.
#[derive(Clone, Debug, Default)]
pub struct ApprovalDecision {
    /// The id of the step that they mean: its number may be that of another call of a function by now. Empty: whichever it is.
    pub of: String,
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: Actor,
    /// The groups they belong to.
    pub groups: Vec<String>,
    /// What they say to it; may be empty.
    pub note: String,
    /// What they fill in: a map of values by name, or `null`.
    pub form: Value,
}

impl Handle {
    /// What became of an approval that the function of a run asked for and that is over; `None` if it asked for none with this id,
    /// or if that is open: it was asked for only after the caller has looked.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn past_approval(
        &self,
        run: RunId,
        id: &str,
    ) -> Result<Option<PastApproval>, LoadError> {
        let id = id.to_owned();
        self.blocking(move |loader| past_approval(loader, run, &id)).await
    }

    /// Approves or rejects what a step asks. Refused if the step does not wait for that, if this is nobody it asks, and if
    /// the form does not fit.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn decide_approval(
        &self,
        run: RunId,
        step: StepIndex,
        decision: ApprovalDecision,
    ) -> Result<Answer, RequestError> {
        let ApprovalDecision { of, approved, by, groups, note, form } = decision;
        let (form, stored) = Payload::json(&form);
        let limit = self.shared.config.payload_bytes_max;
        if usize::try_from(form.len()).unwrap_or(usize::MAX).saturating_add(note.len()) > limit {
            return Err(Refusal::TooLarge.into());
        }
        let answer = Box::new(ApprovalAnswer { of, approved, by, groups, note, form });
        let command = Command::AnswerApproval { step, answer };
        let payloads = stored.into_iter().collect();
        self.ask_with(run, Asked { payloads, ..Asked::silent(command) }).await
    }
}
