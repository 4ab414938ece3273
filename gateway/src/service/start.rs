//! `start`: begins a run.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Begun, KeptStart, Linked, StartError, StartRequest, Started};
use serde_json::Value;

use super::{Service, show};
use crate::api::{Problem, StartRun, StartedRun};
use crate::problems;

/// What is to be started.
pub(super) struct Wanted {
    pub(super) plan: Arc<Plan>,
    pub(super) callees: Vec<Arc<Plan>>,
    pub(super) folder: Option<String>,
    /// Whether the version is meant that is current whenever a run is started.
    pub(super) follows: bool,
}

impl Service {
    /// A definition and what it calls, compiled, as they were sent.
    async fn compiled_as_sent(
        &self,
        definition: Value,
        callees: Vec<Value>,
    ) -> Result<Linked, Problem> {
        self.blocking(|_| {
            let callees: Result<Vec<_>, _> = callees.into_iter().map(compile).collect();
            Ok((compile(definition)?, callees?))
        })
        .await
    }

    /// A definition and what it calls, compiled.
    pub(super) async fn compiled(
        &self,
        definition: Value,
        callees: Vec<Value>,
    ) -> Result<Linked, Problem> {
        let (plan, callees) = self.compiled_as_sent(definition, callees).await?;
        // What it calls by name is what is published now.
        let linked = self.handle().link(plan, callees).await;
        linked.map_err(|error| problems::start_problem(&error))
    }

    /// What is to be started: a definition that is sent, or one that is published.
    pub(super) async fn wanted(
        &self,
        definition: Value,
        callees: Vec<Value>,
        workflow: Option<String>,
        folder: Option<String>,
    ) -> Result<Wanted, Problem> {
        match (workflow, definition) {
            (None, definition) => {
                // What it calls by name is resolved when it is taken.
                let (plan, callees) = self.compiled_as_sent(definition, callees).await?;
                Ok(Wanted { plan, callees, folder, follows: false })
            }
            (Some(reference), Value::Null) => {
                let found = self.find_definition(&reference).await?;
                let published = Some(found.folder).filter(|folder| !folder.is_empty());
                // A number or a hash means one definition for ever.
                let follows = found.number.is_some() && found.plan.definition().name == reference;
                let folder = folder.or(published);
                Ok(Wanted { plan: found.plan, callees: Vec::new(), folder, follows })
            }
            (Some(_), _) => {
                Err(problems::bad_request("say `definition` or `workflow`: one of them"))
            }
        }
    }

    /// Starts a run, or keeps its start; the same name with the same workflow and input answers with the existing run.
    ///
    /// # Errors
    /// A [`Problem`] if the definition, the input or the name cannot be used, or the name belongs to another run.
    pub async fn start(&self, request: StartRun) -> Result<StartedRun, Problem> {
        // The engine ends as soon as workers have reported about what they hold.
        if self.handle().workers().hands_out_nothing() {
            return Err(problems::shutting_down());
        }
        let StartRun { definition, workflow, callees, input, name, labels, folder, by } = request;
        let Wanted { plan, callees, folder, .. } =
            self.wanted(definition, callees, workflow, folder).await?;
        let workflow = plan.definition().name.clone();
        let folder = folder.map(PathBuf::from);
        let by = show::actor(by);
        let request = StartRequest { plan, callees, sent: None, input, name, labels, folder, by };
        let begun = match self.handle().begin(request).await {
            Ok(begun) => begun,
            Err(error) => return Err(self.not_started(&error).await),
        };
        let kind = "started/v1".into();
        Ok(match begun {
            Begun::Started(Started { run, name: id, existing, duplicate }) => {
                self.note_driven(run);
                StartedRun { kind, id, workflow, existing, duplicate, due: None }
            }
            Begun::Kept(KeptStart { name: id, due, existing, .. }) => {
                let due = Some(show::time(due));
                StartedRun { kind, id, workflow, existing, duplicate: false, due }
            }
        })
    }
}

impl Service {
    /// Why a run was not started. Of one that is forgotten nobody can say any more whether its input was the same.
    async fn not_started(&self, error: &StartError) -> Problem {
        if let StartError::Conflict { name, run } = error
            && let Ok((_, state)) = self.load(*run, name).await
            && state.forgotten
        {
            return problems::forgotten(name);
        }
        problems::start_problem(error)
    }
}

pub(super) fn compile(definition: Value) -> Result<Arc<Plan>, Problem> {
    let definition: Definition = serde_json::from_value(definition)
        .map_err(|error| problems::bad_request(format!("this is no definition: {error}")))?;
    Plan::compile(definition).map(Arc::new).map_err(|errors| problems::definition(&errors))
}
