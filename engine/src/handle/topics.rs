//! Events between workflows: emitted, waited for, and started by.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::{Change, Row};
use nexus_model::aggregate::{Command, Kind, Rejection};
use nexus_model::event::Actor;
use nexus_model::plan::Plan;
use nexus_model::topic::{Topic, TopicCommand, TopicRejection};
use serde_json::Value;

use super::{Handle, RequestError, StartError};
use crate::loader::LoadError;
use crate::shard::{Answer, Refusal};
use crate::tables::{META, definition_row, event_id_key};

/// Why an event was not emitted.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// An event with this id was emitted, and it carries something else.
    #[error("event `{event}` with id `{id}` was emitted before and carries something else")]
    Conflict {
        /// The event's name.
        event: String,
        /// The id.
        id: String,
    },
    /// It cannot be emitted.
    #[error(transparent)]
    Rejected(TopicRejection),
    /// The engine did not do it.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// A workflow whose runs events are to start.
#[derive(Clone, Debug)]
pub struct TriggerRequest {
    /// The workflow, compiled.
    pub plan: Arc<Plan>,
    /// The definitions it calls, directly or not, as far as they are not stored yet.
    pub callees: Vec<Arc<Plan>>,
    /// Which of its event triggers, from 0.
    pub at: usize,
    /// Whether they start the version that is current then, instead of this one.
    pub follows: bool,
    /// Where scripts of the runs work.
    pub folder: Option<PathBuf>,
    /// Who asks.
    pub by: Actor,
}

impl Handle {
    /// Emits an event: offers it to all steps that wait for it, and starts what it starts. Returns whether it had been emitted
    /// before, with the same id and data.
    ///
    /// # Errors
    /// [`EmitError`]
    pub async fn emit(
        &self,
        event: &str,
        data: &Value,
        id: &str,
        by: Actor,
    ) -> Result<bool, EmitError> {
        let data = data.to_string();
        let hash = *blake3::hash(data.as_bytes()).as_bytes();
        let key = event_id_key(event, id);
        let mut refused = None;
        loop {
            let wanted = key.clone();
            let known = self.blocking(move |loader| loader.log().row(META, &wanted)).await;
            let known = known.map_err(LoadError::from).map_err(RequestError::from)?;
            match known {
                Some(value) if value == hash => return Ok(true),
                Some(_) => return Err(EmitError::Conflict { event: event.into(), id: id.into() }),
                None => {}
            }
            if let Some(refused) = refused.take() {
                return Err(EmitError::Rejected(refused));
            }
            let row = Row { table: META, key: key.clone(), change: Change::Put(hash.to_vec()) };
            let command =
                TopicCommand::Emit { id: id.to_owned(), data: data.clone(), by: by.clone() };
            let command = Command::Topic(command);
            match self.ask_aggregate_with(Kind::Topic, event, command, vec![row]).await {
                Ok(_) => return Ok(false),
                Err(RequestError::Refused(Refusal::Aggregate(Rejection::Topic(rejection)))) => {
                    if rejection != TopicRejection::AlreadyEmitted {
                        return Err(EmitError::Rejected(rejection));
                    }
                    // Somebody else was faster, and the row is there by now.
                    refused = Some(rejection);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Has events start runs of a workflow from now on.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn set_trigger(&self, request: TriggerRequest) -> Result<Answer, StartError> {
        let TriggerRequest { plan, callees, at, follows, folder, by } = request;
        let (plan, callees) = self.link(plan, callees).await?;
        self.check_calls(&plan, &callees).await?;
        let definition = plan.definition();
        let Some(trigger) = definition.event_triggers.get(at) else {
            return Err(RequestError::from(Refusal::NotFound).into());
        };
        let stored = callees.iter().chain([&plan]);
        let row =
            |plan: &Arc<Plan>| definition_row(plan.hash(), plan.definition().to_canonical_json());
        let rows = stored.map(row).collect();
        let command = TopicCommand::SetTrigger {
            name: trigger.trigger_name(&definition.name, at),
            definition: plan.hash(),
            at: u32::try_from(at).unwrap_or(u32::MAX),
            follows,
            folder: folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default(),
            by,
        };
        let command = Command::Topic(command);
        let answer = self.ask_aggregate_with(Kind::Topic, &trigger.event, command, rows).await?;
        self.shared.loader.keep(&plan);
        Ok(answer)
    }

    /// Has events of this name start runs of a trigger no more. Runs that were started go on.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn remove_trigger(
        &self,
        event: &str,
        trigger: &str,
        by: Actor,
    ) -> Result<Answer, RequestError> {
        let command = TopicCommand::RemoveTrigger { name: trigger.to_owned(), by };
        self.ask_aggregate(Kind::Topic, event, Command::Topic(command)).await
    }

    /// The state of a topic; `None`: nothing is recorded of it.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn topic(&self, event: &str) -> Result<Option<Topic>, LoadError> {
        self.state_of(event).await
    }
}
