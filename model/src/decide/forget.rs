//! `ForgetRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::id::StateHash;
use crate::rejection::Rejection;

impl Draft<'_> {
    /// Only a run that has ended can be forgotten, once and for ever.
    pub(super) fn forget_run(&mut self, by: Actor) -> Result<(), Rejection> {
        if !self.run.status.is_terminal() {
            return Err(Rejection::NotEnded { status: self.run.status.word() });
        }
        self.check_remembered()?;
        self.emit(Event::RunForgotten { by, state: StateHash::default() });
        self.amend_state_hash();
        Ok(())
    }

    /// Refuses what needs the values of a run, once nobody can read them.
    pub(super) fn check_remembered(&self) -> Result<(), Rejection> {
        if self.run.forgotten { Err(Rejection::Forgotten) } else { Ok(()) }
    }
}
