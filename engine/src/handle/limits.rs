//! Requests about limits.

use nexus_model::aggregate::{Command, Kind};
use nexus_model::event::Actor;
use nexus_model::limit::{Limit, LimitCommand, Size};

use super::{Handle, RequestError};
use crate::loader::LoadError;
use crate::shard::Answer;

impl Handle {
    /// The state of a limit; `None`: nobody has asked it for a slot or set it.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn limit(&self, name: &str) -> Result<Option<Limit>, LoadError> {
        self.state_of(name).await
    }

    /// Says what a limit allows from now on, whatever definitions say; `None`: what they say counts again.
    ///
    /// A limit that is lowered takes no slot away from who holds one.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn set_limit(
        &self,
        name: &str,
        size: Option<Size>,
        by: Actor,
    ) -> Result<Answer, RequestError> {
        // What is recorded counts, also if nobody waits for the answer any more.
        let (handle, name) = (self.clone(), name.to_owned());
        let setting = tokio::spawn(async move {
            let command = Command::Limit(LimitCommand::Set { size, by });
            let answer = handle.ask_aggregate(Kind::Limit, &name, command).await?;
            handle.has_set(&name, answer.revision, size.is_some());
            Ok(answer)
        });
        setting.await.unwrap_or(Err(RequestError::Unknown))
    }
}
