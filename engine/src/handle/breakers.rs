//! Requests about circuit breakers.

use nexus_model::aggregate::{Command, Kind};
use nexus_model::breaker::{Breaker, BreakerCommand};
use nexus_model::event::Actor;

use super::{Handle, RequestError};
use crate::loader::LoadError;
use crate::shard::Answer;

impl Handle {
    /// The state of the breaker of this target; `None`: nobody has asked it.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn breaker(&self, target: &str) -> Result<Option<Breaker>, LoadError> {
        self.state_of(target).await
    }

    /// Closes a breaker, whatever has happened: those who wait call at once.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn reset_breaker(&self, target: &str, by: Actor) -> Result<Answer, RequestError> {
        let command = Command::Breaker(BreakerCommand::Reset { by });
        self.ask_aggregate(Kind::Breaker, target, command).await
    }
}
