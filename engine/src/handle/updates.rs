//! Updates: requests that a step of a run checks, takes and answers.

use nexus_model::command::{Command, UpdateRequest};
use nexus_model::event::{Actor, Event, UpdateAccepted};
use nexus_model::id::RunId;
use nexus_model::payload::{ContentType, Payload};
use nexus_model::rejection::Rejection;
use serde_json::Value;

use super::{Handle, RequestError};
use crate::loader::{LoadError, Loader, Recorded};
use crate::shard::{Asked, Refusal};

/// How many events are read at first to find the one that was recorded.
const EVENTS: u32 = 16;

/// The answer to an update.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateReply {
    /// What the workflow answers.
    pub reply: Value,
    /// The id of the step that took it, also if the run went on with another definition since.
    pub step: String,
    /// Whether it was accepted before, so that nothing was recorded.
    pub existing: bool,
    /// The revision of the event that says that it was accepted.
    pub revision: u32,
}

/// Why an update was not answered.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// An update with this id was accepted before, and it was another one.
    #[error("another update with the id `{id}` was accepted before")]
    Conflict {
        /// The id.
        id: String,
    },
    /// It was refused, or its outcome is not known.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl From<LoadError> for UpdateError {
    fn from(error: LoadError) -> Self {
        Self::Request(error.into())
    }
}

impl From<Refusal> for UpdateError {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal.into())
    }
}

impl Handle {
    /// Has a step of the run take an update, and answers when that is durable. One that no step waits for or accepts is refused,
    /// and nothing is recorded.
    ///
    /// `id` makes it count once: the same again is answered as it was then. Empty: it has none.
    ///
    /// # Errors
    /// [`UpdateError`]
    pub async fn update(
        &self,
        run: RunId,
        name: &str,
        data: &Value,
        id: &str,
        by: Actor,
    ) -> Result<UpdateReply, UpdateError> {
        let bytes = data.to_string().into_bytes();
        if bytes.len() > self.shared.config.payload_bytes_max {
            return Err(Refusal::TooLarge.into());
        }
        let (payload, stored) = Payload::new(ContentType::Json, bytes);
        let (name, id) = (name.to_owned(), id.to_owned());
        let request = UpdateRequest { name: name.clone(), id: id.clone(), data: payload, by };
        let command = Command::Update(Box::new(request));
        let payloads = stored.into_iter().collect();
        let answer = self.ask_with(run, Asked { payloads, ..Asked::silent(command) }).await;
        match answer {
            Ok(answer) => {
                self.blocking(move |loader| accepted_before(loader, run, answer.revision)).await
            }
            Err(RequestError::Refused(Refusal::Rejected(Rejection::UpdateAccepted {
                revision,
                ..
            }))) => {
                let asked = (name, id, data.clone());
                self.blocking(move |loader| answered(loader, run, revision, asked)).await
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The last update that was accepted before `revision`.
fn accepted_before(loader: &Loader, run: RunId, revision: u32) -> Result<UpdateReply, UpdateError> {
    let mut count = EVENTS;
    loop {
        let from = revision.saturating_sub(count);
        let events = loader.history(run, from, (revision - from) as usize)?;
        let found = events.iter().rev().find(|recorded| is_accepted(recorded));
        match found {
            Some(recorded) => return reply(loader, run, recorded, false),
            None if from == 0 => return Err(RequestError::Unknown.into()),
            None => count = count.saturating_mul(4),
        }
    }
}

/// The answer to an update that was accepted before, if it was the same one.
pub(crate) fn answered(
    loader: &Loader,
    run: RunId,
    revision: u32,
    (name, id, given): (String, String, Value),
) -> Result<UpdateReply, UpdateError> {
    let events = loader.history(run, revision, 1)?;
    let Some(recorded) = events.first().filter(|recorded| is_accepted(recorded)) else {
        return Err(RequestError::Unknown.into());
    };
    if let Event::UpdateAccepted(accepted) = &recorded.event {
        let UpdateAccepted { name: taken, data, step, .. } = &**accepted;
        let taken_data = json(loader, data)?;
        let plan = loader.plan_at(run, recorded.revision)?;
        let same = |given: Value| match &plan {
            Some(plan) if given != taken_data => plan.update_data(*step, given) == taken_data,
            Some(_) | None => given == taken_data,
        };
        if *taken != name || !same(given) {
            return Err(UpdateError::Conflict { id });
        }
    }
    reply(loader, run, recorded, true)
}

fn is_accepted(recorded: &Recorded) -> bool {
    matches!(recorded.event, Event::UpdateAccepted { .. })
}

fn reply(
    loader: &Loader,
    run: RunId,
    recorded: &Recorded,
    existing: bool,
) -> Result<UpdateReply, UpdateError> {
    let Event::UpdateAccepted(accepted) = &recorded.event else {
        return Err(RequestError::Unknown.into());
    };
    let revision = recorded.revision;
    // The step has its number in the definition of the time.
    let plan = loader.plan_at(run, revision)?.ok_or(RequestError::Unknown)?;
    let step = plan.id(accepted.step).to_owned();
    Ok(UpdateReply { reply: json(loader, &accepted.reply)?, step, existing, revision })
}

fn json(loader: &Loader, payload: &Payload) -> Result<Value, LoadError> {
    let bytes = loader.bytes(payload)?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}
