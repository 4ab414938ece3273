//! Forgetting: the end of an encrypted run's values.

use nexus_log::PurgeError;
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::rejection::Rejection;

use super::{Handle, RequestError};
use crate::shard::Refusal;
use crate::tables::KEYS;
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
    /// values of the run any more. Its events, their chain and the hashes of its state stay. Asking again is safe at any time,
    /// and needed if it was cut off.
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
        Ok(self.blocking(move |_| log.purge(KEYS)).await?)
    }
}
