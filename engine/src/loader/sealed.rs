//! What is sealed, shown to who may read the store.

use std::borrow::Cow;
use std::sync::Arc;

use nexus_log::Revision;
use nexus_model::event::ValueMut;
use nexus_model::evolve::{evolve, fits};
use nexus_model::id::RunId;
use nexus_model::plan::Plan;
use nexus_model::run::Run;
use nexus_model::vault::{self, Vault};

use super::{LoadError, Loader, Recorded, events_of};
use crate::tables::KEYS;
use crate::vault::{Kept, run_of};

impl Loader {
    /// What the store has of the key of a run.
    pub(crate) fn key(&self, run: RunId) -> Result<Kept, LoadError> {
        Ok(Kept::read(self.log.row(KEYS, &run.0)?.as_deref()))
    }

    /// What hides and shows the values of a run; `None`: it is not encrypted, or forgotten.
    ///
    /// # Errors
    /// [`LoadError::NoEncryption`] if this program cannot.
    pub fn vault(&self, run: RunId) -> Result<Option<Arc<dyn Vault>>, LoadError> {
        match self.key(run)? {
            Kept::Nothing | Kept::Forgotten => Ok(None),
            Kept::Key(key) => key.vault(run).map(Some).ok_or(LoadError::NoEncryption),
        }
    }

    /// Whether the run is encrypted and its key is deleted.
    ///
    /// # Errors
    /// [`LoadError`] if the log cannot be read.
    pub fn is_forgotten(&self, run: RunId) -> Result<bool, LoadError> {
        Ok(self.key(run)? == Kept::Forgotten)
    }

    /// Bytes of a payload as they were before they were sealed. What only looks sealed is what it is.
    pub(super) fn open(&self, bytes: Arc<[u8]>) -> Result<Arc<[u8]>, LoadError> {
        let Some(run) = run_of(&bytes) else { return Ok(bytes) };
        match self.key(run)? {
            Kept::Nothing => Ok(bytes),
            Kept::Forgotten => Err(LoadError::Forgotten),
            Kept::Key(key) => {
                let vault = key.vault(run).ok_or(LoadError::NoEncryption)?;
                Ok(vault.open(&bytes).unwrap_or(bytes))
            }
        }
    }

    /// A text of a run, with everything in it shown that is sealed; what nobody can open is replaced by a word.
    pub fn reveal<'t>(&self, run: RunId, text: &'t str) -> Cow<'t, str> {
        if !vault::holds_sealed(text) {
            return Cow::Borrowed(text);
        }
        match self.key(run) {
            Ok(Kept::Nothing) => Cow::Borrowed(text),
            _ => Cow::Owned(vault::reveal(self.vault(run).ok().flatten().as_deref(), text)),
        }
    }

    /// Shows the texts of an event.
    pub(super) fn reveal_all(&self, run: RunId, mut recorded: Recorded) -> Recorded {
        recorded.event.each_value(&mut |value| {
            if let ValueMut::Text(text) = value
                && let Cow::Owned(shown) = self.reveal(run, text)
            {
                *text = shown;
            }
        });
        recorded
    }

    /// Reads a run as it is shown: the texts of an encrypted one are open. No state to go on with.
    ///
    /// # Errors
    /// [`LoadError`]; `Ok(None)` if there is no such run.
    pub fn shown(&self, id: RunId) -> Result<Option<(Arc<Plan>, Run)>, LoadError> {
        if self.key(id)? == Kept::Nothing {
            return self.run(id);
        }
        let Some(plan) = self.plan_of(id)? else { return Ok(None) };
        let mut run = Run::new(&plan);
        self.each_frame(id, Revision(0), |frame| {
            for recorded in events_of(frame)? {
                let Recorded { revision, time, event, .. } = self.reveal_all(id, recorded);
                if !fits(&plan, &event) {
                    return Err(LoadError::Misfit { revision });
                }
                evolve(&plan, &mut run, &event, time);
            }
            Ok(())
        })?;
        Ok(Some((plan, run)))
    }
}
