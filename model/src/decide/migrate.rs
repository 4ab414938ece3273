//! `MigrateRun`: the run goes on with another definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::undo::nothing_undone;
use super::{Context, Draft};
use crate::command::Command;
use crate::event::{Event, Migrated};
use crate::id::StepIndex;
use crate::migration::{Fit, MigrateRun, examine};
use crate::payload::{Payload, PayloadHash};
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::run::{Run, StepState};

/// What has to be known before the command is decided.
pub(super) enum Prepared {
    /// Nothing: the run keeps its plan.
    Keeps,
    /// The input of the run.
    Needs(PayloadHash),
    /// The run goes on with this plan.
    Moves(Moves),
}

/// How a run goes on with another plan.
pub(super) struct Moves {
    pub(super) plan: Arc<Plan>,
    pub(super) fit: Fit,
    /// Steps of the new plan that were looked at in the old one, and are the same in both.
    pub(super) looked_at: Vec<StepIndex>,
}

/// Looks at what a command says about the plan, before anything is decided.
pub(super) fn prepare(
    plan: &Plan,
    run: &Run,
    command: &Command,
    context: &Context<'_>,
) -> Result<Prepared, Rejection> {
    let Some(migrate) = command.migrates() else { return Ok(Prepared::Keeps) };
    if run.forgotten {
        return Err(Rejection::Forgotten);
    }
    let input = match run.started.as_deref().map(|started| &started.input) {
        None | Some(Payload::Null) => Value::Null,
        Some(Payload::Inline(_, bytes)) => json(bytes),
        Some(Payload::Stored(_, hash, _)) => match context.payloads.get(hash) {
            Some(bytes) => json(bytes),
            None => return Ok(Prepared::Needs(*hash)),
        },
    };
    let next = &migrate.to.0;
    let fit = examine(plan, next, run, &input, migrate.retries)
        .map_err(|reasons| Rejection::Incompatible { reasons })?;
    if migrate.retries {
        nothing_undone(plan, run)?;
    }
    let looked_at = looked_at(plan, next, run, &fit);
    Ok(Prepared::Moves(Moves { plan: Arc::clone(next), fit, looked_at }))
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn looked_at(old: &Plan, new: &Plan, run: &Run, fit: &Fit) -> Vec<StepIndex> {
    let places: BTreeMap<StepIndex, StepIndex> =
        old.steps().zip(&fit.steps).filter_map(|(step, place)| Some((step, (*place)?))).collect();
    let is_same = |(step, place): (&StepIndex, &StepIndex)| {
        let (was, is) = (&old.definition().steps[step.at()], &new.definition().steps[place.at()]);
        let ready = *run.step(*step) == StepState::Waiting && run.needs_met(*step);
        (ready && !run.holds(*step) && was == is).then_some(*place)
    };
    places.iter().filter_map(is_same).collect()
}

impl Draft<'_> {
    /// The plan of this draft is the new one already.
    pub(super) fn migrate_run(
        &mut self,
        migrate: MigrateRun,
        moves: Option<Moves>,
    ) -> Result<(), Rejection> {
        let Some(Moves { fit, looked_at, .. }) = moves else {
            return Err(Rejection::Incompatible { reasons: Vec::new() });
        };
        let MigrateRun { to, by, reason, retries } = migrate;
        let definition = to.0.hash();
        let migrated = Migrated { definition, steps: fit.steps, by: by.clone(), reason, retries };
        self.emit(Event::RunMigrated(Box::new(migrated)));
        if retries {
            return self.retry_run(by);
        }
        self.frontier = self.run.ready().filter(|step| !looked_at.contains(step)).collect();
        Ok(())
    }
}
