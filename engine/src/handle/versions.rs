//! The published versions of workflows.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_model::aggregate::{Command, Kind};
use nexus_model::event::Actor;
use nexus_model::plan::Plan;
use nexus_model::versions::{VersionCommand, Versions};

use super::{Handle, RequestError, StartError};
use crate::loader::LoadError;
use crate::shard::Answer;
use crate::tables::definition_row;

/// A definition to publish.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// The definition, compiled. Its name is that of the workflow.
    pub plan: Arc<Plan>,
    /// The definitions it calls, directly or not, as far as they are not stored yet.
    pub callees: Vec<Arc<Plan>>,
    /// Where scripts of its runs work.
    pub folder: Option<PathBuf>,
    /// Who asks.
    pub by: Actor,
    /// What they say about it.
    pub note: String,
}

impl Handle {
    /// Makes a definition the current version of its workflow: a new version, or the one it was published as.
    ///
    /// The definition, and those it calls, are durable in the same batch as the event that names it.
    ///
    /// # Errors
    /// [`StartError`] if its runs could not be started, or it is refused.
    pub async fn publish(&self, request: PublishRequest) -> Result<Answer, StartError> {
        let PublishRequest { plan, callees, folder, by, note } = request;
        let (plan, callees) = self.link(plan, callees).await?;
        self.check_calls(&plan, &callees).await?;
        let definition = plan.definition();
        let stored = callees.iter().chain([&plan]);
        let row =
            |plan: &Arc<Plan>| definition_row(plan.hash(), plan.definition().to_canonical_json());
        let rows = stored.map(row).collect();
        let folder = folder.map(|folder| folder.to_string_lossy().into_owned());
        let command = VersionCommand::Publish {
            definition: plan.hash(),
            folder: folder.unwrap_or_default(),
            by,
            note,
        };
        let command = Command::Versions(command);
        let answer =
            self.ask_aggregate_with(Kind::Versions, &definition.name, command, rows).await?;
        self.shared.loader.keep(&plan);
        Ok(answer)
    }

    /// Makes a version that was published before current.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn choose_version(
        &self,
        workflow: &str,
        number: u32,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        let command = Command::Versions(VersionCommand::Choose { number, by, reason });
        self.ask_aggregate(Kind::Versions, workflow, command).await
    }

    /// The published versions of a workflow; `None`: none is.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn versions(&self, workflow: &str) -> Result<Option<Versions>, LoadError> {
        let versions = self.state_of::<Versions>(workflow).await?;
        Ok(versions.filter(|versions| versions.newest() > 0))
    }
}
