//! Runs go on with another definition.

use std::sync::Arc;

use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::migration::{Fit, MigrateRun, Target, examine};
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;

use super::{Handle, RequestError, StartError};
use crate::loader::{LoadError, Loader};
use crate::shard::{Answer, Asked, Refusal};
use crate::tables::{DEFINITIONS, definition_row};
use crate::vault::Kept;

/// A definition to go on with.
#[derive(Clone, Debug)]
pub struct MigrateRequest {
    /// The definition, compiled.
    pub plan: Arc<Plan>,
    /// The definitions it calls, directly or not, as far as they are not stored yet.
    pub callees: Vec<Arc<Plan>>,
    /// Who asks.
    pub by: Actor,
    /// Why, or where the definition comes from.
    pub reason: String,
    /// Whether the run has ended and is to be retried with it.
    pub retries: bool,
}

impl Handle {
    /// Has a run go on with another definition. It keeps what it has done.
    ///
    /// The definition, and those it calls, are durable in the same batch as the event that names it, or were before.
    ///
    /// # Errors
    /// [`StartError`] if what it calls is not there, or it is refused.
    pub async fn migrate(&self, run: RunId, request: MigrateRequest) -> Result<Answer, StartError> {
        let MigrateRequest { plan, callees, by, reason, retries } = request;
        self.check_calls(&plan, &callees).await?;
        let (hash, next) = (plan.hash(), Arc::clone(&plan));
        let against = self.blocking(move |loader| against(loader, run, &next)).await;
        if let Some(reason) = against.map_err(RequestError::from)? {
            let reasons = vec![reason];
            let refusal = Refusal::Rejected(Rejection::Incompatible { reasons });
            return Err(RequestError::from(refusal).into());
        }
        let is_stored = self
            .blocking(move |loader| loader.log().row(DEFINITIONS, &hash.0))
            .await
            .map_err(|error| RequestError::Load(LoadError::from(error)))?
            .is_some();
        let rows = if is_stored {
            Vec::new()
        } else {
            let stored = callees.iter().chain([&plan]);
            stored
                .map(|plan| definition_row(plan.hash(), plan.definition().to_canonical_json()))
                .collect()
        };
        let to = Target(Arc::clone(&plan));
        let command = Command::MigrateRun(Box::new(MigrateRun { to, by, reason, retries }));
        let answer = self.ask_with(run, Asked { rows, ..Asked::silent(command) }).await?;
        self.shared.loader.keep(&plan);
        Ok(answer)
    }

    /// Whether a run could go on with another definition, as it is recorded now; nothing is changed.
    /// `Ok(None)`: there is no such run; the inner error has all that is against it.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn examine(
        &self,
        run: RunId,
        plan: &Arc<Plan>,
    ) -> Result<Option<Result<Fit, Vec<String>>>, LoadError> {
        let next = Arc::clone(plan);
        self.blocking(move |loader| {
            let Some((plan, state)) = loader.run(run)? else { return Ok(None) };
            if let Some(reason) = against(loader, run, &next)? {
                return Ok(Some(Err(vec![reason])));
            }
            let input = match state.started.as_deref() {
                Some(started) => loader.bytes(&started.input)?,
                None => Arc::from(*b"null"),
            };
            let input = serde_json::from_slice(&input).unwrap_or_default();
            Ok(Some(examine(&plan, &next, &state, &input, false)))
        })
        .await
    }
}

/// What is against it whatever the definitions are: a run is encrypted from its first event on, or not at all.
fn against(loader: &Loader, run: RunId, next: &Plan) -> Result<Option<String>, LoadError> {
    let is_encrypted = loader.key(run)? != Kept::Nothing;
    Ok(match (is_encrypted, next.definition().encrypt) {
        (true, _) => {
            Some("the run is encrypted, and keeps the definition it began with".to_owned())
        }
        (false, true) => Some("`encrypt` is for runs that begin with it".to_owned()),
        (false, false) => None,
    })
}
