//! `start`: begins a run.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Begun, KeptStart, StartError, StartRequest, Started};
use serde_json::Value;

use super::{Service, show};
use crate::api::{Problem, StartRun, StartedRun};
use crate::problems;

impl Service {
    /// A definition and what it calls, compiled.
    pub(super) async fn compiled(
        &self,
        definition: Value,
        callees: Vec<Value>,
    ) -> Result<(Arc<Plan>, Vec<Arc<Plan>>), Problem> {
        self.blocking(|_| {
            let callees: Result<Vec<_>, _> = callees.into_iter().map(compile).collect();
            Ok((compile(definition)?, callees?))
        })
        .await
    }

    /// Starts a run, or keeps its start; the same name with the same workflow and input answers with the existing run.
    ///
    /// # Errors
    /// A [`Problem`] if the definition, the input or the name cannot be used, or the name belongs to another run.
    pub async fn start(&self, request: StartRun) -> Result<StartedRun, Problem> {
        let StartRun { definition, workflow, callees, input, name, labels, folder, by } = request;
        let (plan, callees, folder) = match (workflow, definition) {
            (None, definition) => {
                let (plan, callees) = self.compiled(definition, callees).await?;
                (plan, callees, folder)
            }
            (Some(reference), Value::Null) => {
                let found = self.find_definition(&reference).await?;
                let published = Some(found.folder).filter(|folder| !folder.is_empty());
                (found.plan, Vec::new(), folder.or(published))
            }
            (Some(_), _) => {
                return Err(problems::bad_request("say `definition` or `workflow`: one of them"));
            }
        };
        let workflow = plan.definition().name.clone();
        let folder = folder.map(PathBuf::from);
        let by = show::actor(by);
        let request = StartRequest { plan, callees, input, name, labels, folder, by };
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
            Begun::Kept(KeptStart { name: id, due }) => {
                let due = Some(show::time(due));
                StartedRun { kind, id, workflow, existing: false, duplicate: false, due }
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
