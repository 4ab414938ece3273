//! Pauses of the store: of everything, of a workflow, of a label.

use nexus_engine::model::pauses::Scope;

use super::{Service, show};
use crate::api::{PauseScope, PauseStore, PauseView, PausesView, Problem};
use crate::problems;

impl Service {
    /// Starts nothing new in the runs that are meant, also in those that are started later; the pauses there are then.
    ///
    /// # Errors
    /// A [`Problem`] if that is paused already, or it is not said what is meant.
    pub async fn pause_store(&self, request: PauseStore) -> Result<PausesView, Problem> {
        let scope = scope(request.scope)?;
        let done = self.handle().pause_store(scope, show::actor(request.by), request.reason).await;
        done.map_err(|error| problems::request(&error, "the store"))?;
        self.pauses().await
    }

    /// Ends such a pause; the pauses that are left.
    ///
    /// # Errors
    /// A [`Problem`] if that is not paused, or it is not said what is meant.
    pub async fn resume_store(&self, request: PauseStore) -> Result<PausesView, Problem> {
        let scope = scope(request.scope)?;
        let done = self.handle().resume_store(scope, show::actor(request.by)).await;
        done.map_err(|error| problems::request(&error, "the store"))?;
        self.pauses().await
    }

    /// The pauses of the store.
    ///
    /// # Errors
    /// None; the answer of another process may fail.
    #[expect(clippy::unused_async, reason = "as every request")]
    pub async fn pauses(&self) -> Result<PausesView, Problem> {
        let pauses = self.handle().pauses();
        let view = |(scope, pause): (&Scope, &nexus_engine::model::pauses::Pause)| PauseView {
            what: scope.to_string(),
            scope: shown(scope),
            reason: pause.reason.clone(),
            by: show::by(&pause.by),
            since: show::time(pause.since),
        };
        Ok(PausesView {
            kind: "pauses/v1".into(),
            pauses: pauses.active.iter().map(view).collect(),
        })
    }
}

fn scope(scope: PauseScope) -> Result<Scope, Problem> {
    match scope {
        PauseScope { engine: true, workflow: None, label: None } => Ok(Scope::Engine),
        PauseScope { engine: false, workflow: Some(name), label: None } => {
            Ok(Scope::Workflow(name))
        }
        PauseScope { engine: false, workflow: None, label: Some((key, value)) } => {
            Ok(Scope::Label(key, value))
        }
        PauseScope { .. } => Err(problems::bad_request(
            "say one thing that is meant: the engine, a workflow or a label",
        )),
    }
}

fn shown(scope: &Scope) -> PauseScope {
    let nothing = PauseScope::default();
    match scope {
        Scope::Engine => PauseScope { engine: true, ..nothing },
        Scope::Workflow(name) => PauseScope { workflow: Some(name.clone()), ..nothing },
        Scope::Label(key, value) => {
            PauseScope { label: Some((key.clone(), value.clone())), ..nothing }
        }
    }
}
