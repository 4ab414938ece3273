//! `update`: a request that a step of a run checks, takes and answers.

use super::signal::check_text;
use super::{Service, show};
use crate::api::{Problem, SendUpdate, UpdateView};
use crate::problems;

impl Service {
    /// Has a step of a run take an update, and answers when that is durable.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, no step waits for the update, or it is not accepted; nothing is recorded then.
    pub async fn update(
        &self,
        name: &str,
        update: &str,
        request: SendUpdate,
    ) -> Result<UpdateView, Problem> {
        let id = request.id.unwrap_or_default();
        check_text("name of an update", update, 1)?;
        check_text("id of an update", &id, 0)?;
        let (run, name) = self.resolve_whole(name).await?;
        let by = show::actor(request.by);
        let answer = self.handle().update(run, update, &request.data, &id, by).await;
        let answer = answer.map_err(|error| problems::update(&error, &name, update))?;
        self.note_driven(run);
        Ok(UpdateView {
            kind: "update/v1".into(),
            id: name,
            update: update.to_owned(),
            step: answer.step,
            reply: answer.reply,
            existing: answer.existing,
            event: answer.revision.saturating_add(1),
        })
    }
}
