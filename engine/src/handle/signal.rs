//! Signals: what other programs tell a run.

use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::payload::{ContentType, Payload};
use nexus_model::rejection::Rejection;
use nexus_model::topic::event_of;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Handle, RequestError};
use crate::driver::Message;
use crate::shard::{Answer, Asked, Refusal};

impl Handle {
    /// Tells a run something. A step that waits for it takes it, or it is kept until one does.
    ///
    /// `id` makes it count once: with the same id again it is refused as received already. Empty: it has none.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn signal(
        &self,
        run: RunId,
        name: &str,
        payload: &Value,
        id: &str,
        by: Actor,
    ) -> Result<Answer, RequestError> {
        if event_of(name).is_some() {
            let name = name.to_owned();
            return Err(Refusal::Rejected(Rejection::SignalOfEvent { name }).into());
        }
        let bytes = payload.to_string().into_bytes();
        if bytes.len() > self.shared.config.payload_bytes_max {
            return Err(Refusal::TooLarge.into());
        }
        let (payload, stored) = Payload::new(ContentType::Json, bytes);
        let (name, id) = (name.to_owned(), id.to_owned());
        let command = Command::DeliverSignal { name, id, payload, by };
        self.ask_with(
            run,
            Asked { payloads: stored.into_iter().collect(), ..Asked::silent(command) },
        )
        .await
    }

    pub(super) async fn ask_with(&self, run: RunId, asked: Asked) -> Result<Answer, RequestError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Ask { run, asked, reply: Some(reply) };
        self.inbox(run).send(message).map_err(|_| Refusal::ShuttingDown)?;
        Ok(answer.await.map_err(|_| RequestError::Unknown)??)
    }
}
