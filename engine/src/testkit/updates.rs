//! Updates to runs of the engine under test.

use nexus_model::command::{Command, UpdateRequest};
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::payload::Payload;
use nexus_model::rejection::Rejection;
use serde_json::Value;

use super::engine::TestEngine;
use crate::handle::{UpdateError, UpdateReply, answered};
use crate::shard::Refusal;

impl TestEngine {
    /// Sends an update, and waits for the answer. If the engine crashes before it answers, it is sent again under its id.
    ///
    /// # Errors
    /// [`UpdateError`]
    pub fn update(
        &mut self,
        run: RunId,
        name: &str,
        data: &Value,
        id: &str,
        by: Actor,
    ) -> Result<UpdateReply, UpdateError> {
        let (payload, stored) = Payload::json(data);
        let request = UpdateRequest { name: name.into(), id: id.into(), data: payload, by };
        let command = Command::Update(Box::new(request));
        let refusal = match self.ask_once(run, &command, stored.as_slice()) {
            Err(Refusal::Rejected(Rejection::UpdateAccepted { .. })) | Ok(_) => None,
            Err(refusal) => Some(refusal),
        };
        let (_, state) = self.load(run);
        match (refusal, state.updates.get(id)) {
            (None, Some(revision)) => {
                answered(self.loader(), run, *revision, (name.into(), id.into(), data.clone()))
            }
            (None, None) => Err(Refusal::NotFound.into()),
            (Some(refusal), _) => Err(refusal.into()),
        }
    }
}
