//! A migration of a case: the run goes on with another definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_model::id::RunId;
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;

use super::super::engine::TestEngine;
use crate::shard::Refusal;

/// Definitions that runs of the cases are migrated to, by their files.
pub(super) type Versions = BTreeMap<String, Arc<Plan>>;

/// Has the run go on with the definition of `file`. An error says what is not as it should be.
pub(super) fn carry_out(
    engine: &mut TestEngine,
    run: RunId,
    (file, refused): (&str, Option<&str>),
    versions: &Versions,
) -> Result<(), String> {
    let Some(plan) = versions.get(file) else { return Err("is of no file that was read".into()) };
    let answer = engine.migrate(run, plan);
    match (answer, refused) {
        (Ok(_), None) => Ok(()),
        (Ok(_), Some(wanted)) => Err(format!("is done, expected {wanted}")),
        (Err(refusal), Some(wanted)) if code(&refusal) == Some(wanted) => Ok(()),
        (Err(refusal), _) => {
            let code = code(&refusal).map(|code| format!(" with {code}")).unwrap_or_default();
            Err(format!("is refused{code}: {refusal}"))
        }
    }
}

/// As the verb `migrate` says it.
fn code(refusal: &Refusal) -> Option<&'static str> {
    matches!(refusal, Refusal::Rejected(Rejection::Incompatible { .. })).then_some("NX5014")
}
