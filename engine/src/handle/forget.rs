//! Forgetting: the end of an encrypted run's values.

use nexus_log::{PurgeError, ReadError};
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::rejection::Rejection;
use tokio::task::JoinHandle;

use super::{Handle, RequestError};
use crate::shard::Refusal;
use crate::tables::{FORGETTING, FORGETTING_END, KEYS, META, forgetting_key};
use crate::vault::Kept;

/// Why a run was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// Its values were never encrypted, so they cannot be made unreadable.
    #[error("the run is not encrypted, so its values cannot be made unreadable")]
    NotEncrypted,
    /// The deletion is recorded, but the key may still be in a file: ask again.
    #[error("the deletion of the key is recorded, but the key may still be on the disk")]
    Purge(#[from] PurgeError),
    /// It was refused or lost.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Handle {
    /// Deletes the key of an encrypted run that has ended, and returns when it is in no file of the store: nobody can read the
    /// values of the run any more. Its events, their chain and the hashes of its state stay. Asking again is safe at any time;
    /// if it was cut off after the deletion was recorded, the next engine that works on the store's runs ends it.
    ///
    /// # Errors
    /// [`ForgetError`]
    pub async fn forget(&self, run: RunId, by: Actor) -> Result<(), ForgetError> {
        let kept = self.blocking(move |loader| loader.key(run)).await;
        if kept.map_err(RequestError::from)? == Kept::Nothing {
            let found = self.load(run).await.map_err(RequestError::from)?;
            return Err(match found {
                Some(_) => ForgetError::NotEncrypted,
                None => RequestError::Refused(Refusal::NotFound).into(),
            });
        }
        match self.ask(run, Command::ForgetRun { by }).await {
            // Recorded before; what is left is to clean the disk.
            Ok(_) | Err(RequestError::Refused(Refusal::Rejected(Rejection::Forgotten))) => {}
            Err(error) => return Err(error.into()),
        }
        let log = std::sync::Arc::clone(self.log());
        let done = vec![(META, forgetting_key(run))];
        Ok(self.blocking(move |_| log.purge(KEYS, done)).await?)
    }

    /// Cleans the disk of keys that an earlier process deleted, if it ended before that was done: the work that is to be waited for.
    pub(crate) fn end_forgetting(&self) -> Result<Option<JoinHandle<()>>, ReadError> {
        let rows = self.log().rows(META, FORGETTING, FORGETTING_END, usize::MAX)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let done: Vec<_> = rows.into_iter().map(|(key, _)| (META, key)).collect();
        tracing::info!(runs = done.len(), "cleaning the disk of keys of forgotten runs");
        let log = std::sync::Arc::clone(self.log());
        Ok(Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = log.purge(KEYS, done) {
                tracing::warn!(%error, "deleted keys may still be on the disk");
            }
        })))
    }
}
