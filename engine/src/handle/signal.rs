//! Signals: what other programs tell a run.

use nexus_model::command::Command;
use nexus_model::event::{Actor, Event};
use nexus_model::id::RunId;
use nexus_model::payload::{ContentType, Payload};
use nexus_model::rejection::Rejection;
use nexus_model::topic::event_of;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Handle, RequestError};
use crate::driver::Message;
use crate::loader::{LoadError, Loader};
use crate::shard::{Answer, Asked, Refusal};

/// Events that are read at one time.
const EVENTS: usize = 1_024;

impl Handle {
    /// Tells a run something. A step that waits for it takes it, or it is kept until one does.
    ///
    /// `id` makes it count once: with the same id again it is refused, as received already, or as another one if name or payload
    /// differ. Empty: it has none.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn signal(
        &self,
        run: RunId,
        name: &str,
        value: &Value,
        id: &str,
        by: Actor,
    ) -> Result<Answer, RequestError> {
        if event_of(name).is_some() {
            let name = name.to_owned();
            return Err(Refusal::Rejected(Rejection::SignalOfEvent { name }).into());
        }
        let bytes = value.to_string().into_bytes();
        if bytes.len() > self.shared.config.payload_bytes_max {
            return Err(Refusal::TooLarge.into());
        }
        let (payload, stored) = Payload::new(ContentType::Json, bytes);
        let (asked, name, id) = ((name.to_owned(), value.clone()), name.to_owned(), id.to_owned());
        let command = Command::DeliverSignal { name, id, payload, by };
        let payloads = stored.into_iter().collect();
        let answer = self.ask_with(run, Asked { payloads, ..Asked::silent(command) }).await;
        let Err(RequestError::Refused(Refusal::Rejected(Rejection::AlreadyReceived { id }))) =
            &answer
        else {
            return answer;
        };
        let id = id.clone();
        let found = self.blocking(move |loader| is_other(loader, run, &id, &asked)).await?;
        match found {
            Some(id) => Err(Refusal::Rejected(Rejection::OtherSignal { id }).into()),
            None => answer,
        }
    }

    pub(super) async fn ask_with(&self, run: RunId, asked: Asked) -> Result<Answer, RequestError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Ask { run, asked, reply: Some(reply) };
        self.inbox(run).send(message).map_err(|_| Refusal::ShuttingDown)?;
        Ok(answer.await.map_err(|_| RequestError::Unknown)??)
    }
}

/// Whether the signal that came with this id has another name or carries something else; then the id. What a forgotten run was
/// told nobody can say any more.
fn is_other(
    loader: &Loader,
    run: RunId,
    wanted: &str,
    (asked, value): &(String, Value),
) -> Result<Option<String>, LoadError> {
    let mut next = 0;
    loop {
        let events = loader.history(run, next, EVENTS)?;
        let Some(last) = events.last() else { return Ok(None) };
        next = last.revision.saturating_add(1);
        for recorded in &events {
            let Event::SignalReceived { name, id, payload, .. } = &recorded.event else { continue };
            if id != wanted {
                continue;
            }
            let is_same = name == asked
                && match loader.bytes(payload) {
                    Err(LoadError::Forgotten) => true,
                    bytes => serde_json::from_slice::<Value>(&bytes?).is_ok_and(|it| it == *value),
                };
            return Ok((!is_same).then(|| id.clone()));
        }
    }
}
