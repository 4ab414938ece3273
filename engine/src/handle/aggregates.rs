//! Requests to aggregates.

use std::sync::Arc;

use nexus_log::Row;
use nexus_model::aggregate::{AggregateId, Command, Entity, Kind, OfKind};
use tokio::sync::oneshot;

use super::{Handle, RequestError};
use crate::driver::Message;
use crate::loader::LoadError;
use crate::shard::{Answer, AskedAggregate, Refusal};
use crate::tables::raw;

impl Handle {
    /// Asks something of an aggregate, which is made if it is not there and the request is one that makes it.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn ask_aggregate(
        &self,
        kind: Kind,
        name: &str,
        command: Command,
    ) -> Result<Answer, RequestError> {
        self.ask_aggregate_with(kind, name, command, Vec::new()).await
    }

    /// As [`ask_aggregate`](Self::ask_aggregate), with rows that go with what comes of it.
    pub(super) async fn ask_aggregate_with(
        &self,
        kind: Kind,
        name: &str,
        command: Command,
        rows: Vec<Row>,
    ) -> Result<Answer, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.send_aggregate(kind, name, command, rows, Some(reply))?;
        Ok(answer.await.map_err(|_| RequestError::Unknown)??)
    }

    /// Tells an aggregate something without waiting for an answer.
    pub fn tell_aggregate(&self, kind: Kind, name: &str, command: Command) {
        // An engine that is shutting down needs no answer: what should be told is asked for again by the next.
        let _ = self.send_aggregate(kind, name, command, Vec::new(), None);
    }

    fn send_aggregate(
        &self,
        kind: Kind,
        name: &str,
        command: Command,
        rows: Vec<Row>,
        reply: Option<crate::driver::ReplySender>,
    ) -> Result<(), RequestError> {
        let id = kind.id(name);
        let asked = AskedAggregate { name: Some(Arc::from(name)), command, rows, reply: None };
        let message = Message::AskAggregate { id, asked, reply };
        self.inbox(raw(id)).send(message).map_err(|_| Refusal::ShuttingDown)?;
        Ok(())
    }

    /// The state of an aggregate as it is recorded; `None`: nothing is recorded of it.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn aggregate(&self, kind: Kind, name: &str) -> Result<Option<Entity>, LoadError> {
        let id = kind.id(name);
        self.blocking(move |loader| loader.aggregate(id)).await
    }

    /// The state of the aggregate of this kind; `None`: nothing is recorded of it.
    pub(super) async fn state_of<T: OfKind>(&self, name: &str) -> Result<Option<T>, LoadError> {
        let entity = self.aggregate(T::KIND, name).await?;
        Ok(entity.and_then(|entity| T::of(entity.state)))
    }

    pub(crate) fn drive_aggregate(&self, id: AggregateId) {
        let _ = self.inbox(raw(id)).send(Message::DriveAggregate { id });
    }
}
