//! Pauses of the store: of everything, of a workflow, of a label.

use std::sync::{Arc, PoisonError};

use nexus_log::ReadError;
use nexus_model::aggregate::{Command, Kind, State};
use nexus_model::event::Actor;
use nexus_model::pauses::{PauseCommand, Pauses, STORE, Scope};
use tokio::sync::oneshot;

use super::{Handle, RequestError};
use crate::calls::parents;
use crate::driver::Message;
use crate::loader::LoadError;
use crate::shard::Answer;

impl Handle {
    /// Starts nothing new in the runs that are meant, also in those that are started later. When it answers, nothing new begins.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn pause_store(
        &self,
        scope: Scope,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        self.change_pauses(PauseCommand::Pause { scope, by, reason }).await
    }

    /// Ends such a pause.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn resume_store(&self, scope: Scope, by: Actor) -> Result<Answer, RequestError> {
        self.change_pauses(PauseCommand::Resume { scope, by }).await
    }

    /// The pauses of the store.
    pub fn pauses(&self) -> Arc<Pauses> {
        let current = self.shared.pauses.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.1)
    }

    /// What is recorded is kept to, also if nobody waits for the answer any more.
    async fn change_pauses(&self, command: PauseCommand) -> Result<Answer, RequestError> {
        let handle = self.clone();
        let changing = tokio::spawn(async move { handle.record_pauses(command).await });
        changing.await.unwrap_or(Err(RequestError::Unknown))
    }

    async fn record_pauses(&self, command: PauseCommand) -> Result<Answer, RequestError> {
        // What means every run means the called ones too.
        let reaches_all = matches!(
            command,
            PauseCommand::Pause { scope: Scope::Engine, .. } | PauseCommand::Resume { .. }
        );
        let answer = self.ask_aggregate(Kind::Pauses, STORE, Command::Pauses(command)).await?;
        let found = self.aggregate(Kind::Pauses, STORE).await?;
        if let Some((revision, State::Pauses(pauses))) =
            found.map(|entity| (entity.revision, entity.state))
        {
            for told in self.keep_to(revision, &Arc::new(pauses)) {
                // A driver that is gone begins nothing either.
                let _ = told.await;
            }
            if !reaches_all {
                self.drive_parents().await?;
            }
        }
        Ok(answer)
    }

    /// Has runs that are parked while they wait for a called run look at the pauses: the called run is paused with them, also
    /// where the pause does not mean it.
    async fn drive_parents(&self) -> Result<(), RequestError> {
        let found =
            self.blocking(|loader| parents(&**loader.log(), |_, _| Ok::<_, ReadError>(true)));
        for run in found.await.map_err(LoadError::from)? {
            self.drive(run);
        }
        Ok(())
    }

    /// Has all drivers keep to these pauses, unless they know newer ones; each says when it does.
    pub(crate) fn keep_to(
        &self,
        revision: u32,
        pauses: &Arc<Pauses>,
    ) -> Vec<oneshot::Receiver<()>> {
        let mut current = self.shared.pauses.write().unwrap_or_else(PoisonError::into_inner);
        if revision >= current.0 {
            *current = (revision, Arc::clone(pauses));
        }
        let tell = |inbox: &tokio::sync::mpsc::UnboundedSender<Message>| {
            let (done, told) = oneshot::channel();
            let pauses = Arc::clone(pauses);
            let _ = inbox.send(Message::Pauses { revision, pauses, done });
            told
        };
        self.shared.inboxes.iter().map(tell).collect()
    }
}
