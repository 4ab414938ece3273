//! The drivers of an engine, as they find each other.

use std::sync::Arc;

use nexus_model::id::RunId;
use tokio::sync::mpsc;

use super::Message;

/// The inboxes of all drivers of an engine.
#[derive(Clone)]
pub(crate) struct Peers(pub(crate) Arc<[mpsc::UnboundedSender<Message>]>);

impl Peers {
    pub(super) fn at(&self, at: usize) -> &mpsc::UnboundedSender<Message> {
        self.0.get(at).expect("each driver has an inbox")
    }

    /// Tells the driver of `run`; one that is gone hears of it when the run is read again.
    pub(super) fn send(&self, run: RunId, message: Message) {
        let _ = self.at(crate::shard_of(run) % self.0.len()).send(message);
    }
}
