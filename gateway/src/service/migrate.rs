//! `migrate`: open runs of a workflow go on with another version.

use std::sync::Arc;

use nexus_engine::model::event::Actor;
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::shard::Refusal;
use nexus_engine::{MigrateRequest, RequestError, StartError};

use super::{Service, show};
use crate::api::{MigrateRuns, MigratedRun, MigrationView, Problem};
use crate::problems;

/// A run that is safe, mappable or blocked.
enum Verdict {
    Fits { kept: Vec<String> },
    Blocked { reasons: Vec<String> },
}

impl Service {
    /// Has the open runs of a workflow go on with a version of it, those that can; or only says which could.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such version, or the runs cannot be read.
    pub async fn migrate(
        &self,
        name: &str,
        request: MigrateRuns,
    ) -> Result<MigrationView, Problem> {
        let reference = match request.to {
            Some(number) => format!("{name}@{number}"),
            None => name.to_owned(),
        };
        let found = self.find_definition(&reference).await?;
        let to = found.number.ok_or_else(|| problems::no_such_workflow(name, None))?;
        let (plan, by) = (found.plan, show::actor(request.by));
        let reason = match request.reason.as_str() {
            "" => format!("{name}@{to}"),
            reason => format!("{name}@{to}: {reason}"),
        };
        let mut view = MigrationView {
            kind: "migration/v1".into(),
            workflow: name.to_owned(),
            to,
            dry_run: request.dry_run,
            ..MigrationView::default()
        };
        for row in self.open_runs(Some(name.to_owned())).await? {
            if row.definition == plan.hash() {
                view.there += 1;
                continue;
            }
            let Some(mut verdict) = self.verdict(row.run, &plan).await? else { continue };
            let mut migrated = false;
            if !request.dry_run && matches!(verdict, Verdict::Fits { .. }) {
                match self.migrate_run(row.run, &row.name, &plan, by.clone(), &reason).await? {
                    None => migrated = true,
                    // It went on meanwhile.
                    Some(reasons) => verdict = Verdict::Blocked { reasons },
                }
            }
            view.count(row.name, verdict, migrated);
        }
        Ok(view)
    }

    async fn verdict(&self, run: RunId, plan: &Arc<Plan>) -> Result<Option<Verdict>, Problem> {
        let examined = self.handle().examine(run, plan).await;
        let examined = examined.map_err(|error| problems::load(&error))?;
        Ok(examined.map(|examined| match examined {
            Ok(fit) => Verdict::Fits { kept: fit.kept },
            Err(reasons) => Verdict::Blocked { reasons },
        }))
    }

    /// Migrates a run; what is against it, if something is.
    async fn migrate_run(
        &self,
        run: RunId,
        name: &str,
        plan: &Arc<Plan>,
        by: Actor,
        reason: &str,
    ) -> Result<Option<Vec<String>>, Problem> {
        let plan = Arc::clone(plan);
        let request = MigrateRequest {
            plan,
            callees: Vec::new(),
            by,
            reason: reason.to_owned(),
            retries: false,
        };
        match self.handle().migrate(run, request).await {
            Ok(_) => Ok(None),
            Err(StartError::Request(RequestError::Refused(Refusal::Rejected(
                Rejection::Incompatible { reasons },
            )))) => Ok(Some(reasons)),
            Err(StartError::Request(error)) => Err(problems::request(&error, name)),
            Err(error) => Err(problems::start_problem(&error)),
        }
    }
}

impl MigrationView {
    fn count(&mut self, id: String, verdict: Verdict, migrated: bool) {
        let (word, reasons, count) = match verdict {
            Verdict::Fits { kept } if kept.is_empty() => ("safe", kept, &mut self.safe),
            Verdict::Fits { kept } => ("mappable", kept, &mut self.mappable),
            Verdict::Blocked { reasons } => ("blocked", reasons, &mut self.blocked),
        };
        *count += 1;
        self.runs.push(MigratedRun { id, verdict: word.into(), reasons, migrated });
    }
}
