//! `signal`: what other programs tell a run.

use nexus_engine::RequestError;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::shard::Refusal;

use super::{Service, show};
use crate::api::{Problem, SendSignal, SignalView};
use crate::problems;

/// Longest name and longest id of a signal, in characters.
const CHARS_MAX: usize = 128;
/// How many events are read at first to find the one that was recorded.
const EVENTS: u32 = 16;

impl Service {
    /// Tells a run something. A step that waits for it takes it, or it is kept until one does.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it has ended.
    pub async fn signal(
        &self,
        name: &str,
        signal: &str,
        request: SendSignal,
    ) -> Result<SignalView, Problem> {
        let id = request.id.unwrap_or_default();
        check_text("name of a signal", signal, 1)?;
        check_text("id of a signal", &id, 0)?;
        let (run, name) = self.resolve_whole(name).await?;
        let by = show::actor(request.by);
        let answer = self.handle().signal(run, signal, &request.payload, &id, by).await;
        let (existing, revision) = match answer {
            Ok(answer) => (false, Some(answer.revision)),
            Err(RequestError::Refused(Refusal::Rejected(Rejection::AlreadyReceived {
                ..
            }))) => (true, None),
            Err(RequestError::Refused(Refusal::Rejected(Rejection::Ended { status }))) => {
                return Err(problems::nobody_waits(&name, signal, status));
            }
            Err(error) => return Err(problems::request(&error, &name)),
        };
        let step = match revision {
            Some(revision) => {
                self.note_driven(run);
                self.taker(run, &name, revision).await?
            }
            None => None,
        };
        let kind = "signal/v1".into();
        Ok(SignalView { kind, id: name, signal: signal.into(), step, existing, revision })
    }

    /// The id of the step that took the signal which was recorded last before `revision`.
    async fn taker(
        &self,
        run: RunId,
        name: &str,
        revision: u32,
    ) -> Result<Option<String>, Problem> {
        let mut count = EVENTS;
        let events = loop {
            let from = revision.saturating_sub(count);
            let limit = (revision - from) as usize;
            let mut events = self.read(move |loader| loader.history(run, from, limit)).await?;
            let outside = events.iter().rposition(|recorded| recorded.given.is_some());
            if let Some(outside) = outside {
                break events.split_off(outside);
            }
            if from == 0 {
                return Ok(None);
            }
            count = count.saturating_mul(4);
        };
        // The signal is followed by the step that takes it, if one does.
        let Some(Event::SignalTaken { step, .. }) = events.get(1).map(|recorded| &recorded.event)
        else {
            return Ok(None);
        };
        let (plan, _) = self.load(run, name).await?;
        Ok(Some(plan.id(*step).to_owned()))
    }
}

/// Checks a name or a key that the sender has chosen.
pub(super) fn check_text(what: &str, text: &str, least: usize) -> Result<(), Problem> {
    let chars = text.chars().count();
    if (least..=CHARS_MAX).contains(&chars) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(problems::bad_request(format!(
        "the {what} has {least} to {CHARS_MAX} characters without control characters"
    )))
}
