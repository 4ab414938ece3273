//! Forgetting: the end of an encrypted run's values.

use nexus_log::{PurgeError, ReadError, Table};
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::rejection::Rejection;
use tokio::task::JoinHandle;

use super::{Handle, RequestError};
use crate::loader::{LoadError, Loader};
use crate::shard::Refusal;
use crate::tables::{
    FORGETTING, FORGETTING_END, KEYS, META, NAMES, forgetting_key, read_forgetting_key,
    read_name_row,
};
use crate::vault::Kept;

/// Why a run was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// Its values were never encrypted, so they cannot be made unreadable.
    #[error("the run is not encrypted, so its values cannot be made unreadable")]
    NotEncrypted,
    /// A run that it called goes on, and what it was handed would stay readable there.
    #[error("run `{name}`, which it called, goes on: it is {status}")]
    CalledGoesOn {
        /// The called run.
        name: String,
        /// What it is.
        status: &'static str,
    },
    /// The deletion is recorded, but the key may still be in a file: ask again.
    #[error("the deletion of the key is recorded, but the key may still be on the disk")]
    Purge(#[from] PurgeError),
    /// It was refused or lost.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Handle {
    /// Deletes the key of an encrypted run that has ended and those of the runs it called, directly or not, and returns when they
    /// are in no file of the store: nobody can read the values of these runs any more. Their events, their chain and the hashes of their state stay. Asking again is safe at any time;
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
        // Nothing is recorded if it is seen now that a called run goes on.
        let called = self.called_with_keys(run).await?;
        match self.ask(run, Command::ForgetRun { by }).await {
            // Recorded before; what is left is to forget those it called, and to clean the disk.
            Ok(_) | Err(RequestError::Refused(Refusal::Rejected(Rejection::Forgotten))) => {}
            Err(error) => return Err(error.into()),
        }
        let mut done = self.forget_called(called).await?;
        done.push((META, forgetting_key(run)));
        let log = std::sync::Arc::clone(self.log());
        Ok(self.blocking(move |_| log.purge(KEYS, done)).await?)
    }

    /// The runs that `run` has called, directly or not, and that are not forgotten.
    async fn called_with_keys(&self, run: RunId) -> Result<Vec<Called>, ForgetError> {
        let found = self.blocking(move |loader| called_with_keys(loader, run)).await;
        let called = found.map_err(RequestError::from)?;
        match called.iter().find_map(|called| Some((called, called.goes_on?))) {
            Some((Called { name, .. }, status)) => {
                Err(ForgetError::CalledGoesOn { name: name.clone(), status })
            }
            None => Ok(called),
        }
    }

    /// Deletes the keys of called runs. Returns the rows that say that they may still be in a file.
    async fn forget_called(&self, called: Vec<Called>) -> Result<Vec<Done>, ForgetError> {
        let mut done = Vec::new();
        for Called { run, name, by, .. } in called {
            match self.ask(run, Command::ForgetRun { by }).await {
                Ok(_) | Err(RequestError::Refused(Refusal::Rejected(Rejection::Forgotten))) => {}
                // Somebody has continued it meanwhile.
                Err(RequestError::Refused(Refusal::Rejected(Rejection::NotEnded { status }))) => {
                    return Err(ForgetError::CalledGoesOn { name, status });
                }
                Err(error) => return Err(error.into()),
            }
            done.push((META, forgetting_key(run)));
        }
        Ok(done)
    }

    /// Ends what an earlier process began, if it ended before that was done: forgets the runs that a forgotten one called, and cleans
    /// the disk of deleted keys. The work is to be waited for.
    pub(crate) fn end_forgetting(&self) -> Result<Option<JoinHandle<()>>, ReadError> {
        let rows = self.log().rows(META, FORGETTING, FORGETTING_END, usize::MAX)?;
        if rows.is_empty() {
            return Ok(None);
        }
        tracing::info!(runs = rows.len(), "cleaning the disk of keys of forgotten runs");
        let handle = self.clone();
        Ok(Some(tokio::spawn(async move {
            let mut done = Vec::new();
            for (key, _) in rows {
                match handle.forget_called_of(&key).await {
                    Ok(called) => done.extend(called.into_iter().chain([(META, key)])),
                    Err(error) => tracing::warn!(%error, "a run is not forgotten as a whole"),
                }
            }
            let log = std::sync::Arc::clone(handle.log());
            if let Err(error) = handle.blocking(move |_| log.purge(KEYS, done)).await {
                tracing::warn!(%error, "deleted keys may still be on the disk");
            }
        })))
    }

    /// Forgets what the run of this row called.
    async fn forget_called_of(&self, forgetting: &[u8]) -> Result<Vec<Done>, ForgetError> {
        let Some(run) = read_forgetting_key(forgetting) else { return Ok(Vec::new()) };
        self.forget_called(self.called_with_keys(run).await?).await
    }
}

/// A row to be taken away when the disk is clean.
type Done = (Table, Vec<u8>);

/// A run that another has called, directly or not.
struct Called {
    run: RunId,
    name: String,
    /// Who has it forgotten: the run that called it.
    by: Actor,
    /// What it is, if it has not ended.
    goes_on: Option<&'static str>,
}

/// The encrypted runs below `run` whose keys are there, each before those that it called.
fn called_with_keys(loader: &Loader, run: RunId) -> Result<Vec<Called>, LoadError> {
    let Some(name) = loader.run(run)?.and_then(|(_, run)| Some(run.started?.name)) else {
        return Ok(Vec::new());
    };
    // `/` joins the name of a called run to that of the one that called it, and no other name has one.
    let (from, to) = (format!("{name}/"), format!("{name}0"));
    let mut found = Vec::new();
    for (key, row) in loader.log().rows(NAMES, from.as_bytes(), to.as_bytes(), usize::MAX)? {
        let Some((run, _)) = read_name_row(&row) else { continue };
        if !matches!(loader.key(run)?, Kept::Key(_)) {
            continue;
        }
        let Some((_, state)) = loader.run(run)? else { continue };
        let parent = state.started.as_ref().and_then(|started| started.parent.as_ref());
        let by = parent.map(|parent| parent.name.clone()).unwrap_or_default();
        found.push(Called {
            run,
            name: String::from_utf8_lossy(&key).into_owned(),
            by: Actor { name: by, via: "forget".to_owned() },
            goes_on: (!state.status.is_terminal()).then(|| state.status.word()),
        });
    }
    Ok(found)
}
