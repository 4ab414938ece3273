//! `audit`: who did what, when, from where.

use nexus_engine::log::Position;
use nexus_engine::model::aggregate;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::time::Timestamp;
use nexus_engine::projections::{self, AuditAction, AuditRow};

use super::Service;
use super::show::{self, time};
use crate::api::{AuditEntry, AuditFilter, AuditPage, By, Problem};
use crate::problems;

/// Entries of a page, if none are said.
const ENTRIES_DEFAULT: usize = 100;
/// Entries of the largest page.
const ENTRIES_MAX: usize = 10_000;

impl Service {
    /// Who did what, newest first. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or the views cannot be read.
    pub async fn audit(&self, filter: AuditFilter) -> Result<AuditPage, Problem> {
        let run = match &filter.run {
            Some(name) => Some(self.resolve(name).await?.0),
            None => None,
        };
        let limit = match filter.limit as usize {
            0 => ENTRIES_DEFAULT,
            limit => limit.min(ENTRIES_MAX),
        };
        let wanted = projections::AuditFilter {
            run,
            actor: filter.by,
            after: filter.since_ms.map(|ms| Timestamp::default().plus_ms(ms)),
            before: None,
            limit,
            after_cursor: filter.after.map(Position),
        };
        self.blocking(move |service| {
            let views = service.views_now()?;
            let page = views.audit(&wanted).map_err(|error| problems::views(&error))?;
            let next = page.next.map(|position| position.0);
            let entries = page.rows.into_iter().map(|row| service.entry(row)).collect();
            Ok(AuditPage { kind: "audit/v1".into(), entries, next })
        })
        .await
    }
}

impl Service {
    fn entry(&self, row: AuditRow) -> AuditEntry {
        let engine = || By { name: "engine".into(), via: "engine".into() };
        AuditEntry {
            at: time(row.at),
            step: row.step.map(|step| self.step_id(row.run, row.position, step)),
            run: row.name,
            action: action(row.action).unwrap_or_else(|| managed(row.kind)).into(),
            by: row.by.as_ref().map_or_else(engine, show::by),
            detail: self.handle().loader().reveal(row.run, &row.detail).into_owned(),
        }
    }

    /// The id of a step in the definition that the run had at the time; its number if that cannot be read, which is no reason
    /// to show no audit.
    fn step_id(&self, run: RunId, position: Position, step: StepIndex) -> String {
        let loader = self.handle().loader();
        let frames = loader.log().read(super::PARTITION, position, 1).ok();
        let revision = frames.and_then(|frames| frames.first().map(|frame| frame.revision.0));
        let plan = revision.and_then(|revision| loader.plan_at(run, revision).ok().flatten());
        plan.map_or_else(|| format!("step {}", step.0), |plan| plan.id(step).to_owned())
    }
}

/// What was done to what is no run, as the event that recorded it is called.
fn managed(kind: u16) -> &'static str {
    aggregate::event_names().find(|(number, _)| *number == kind).map_or("managed", |(_, it)| it)
}

/// An action as the event that recorded it is called; `None`: it was done to what is no run.
fn action(action: AuditAction) -> Option<&'static str> {
    Some(match action {
        AuditAction::Started => "run.started",
        AuditAction::Paused => "run.paused",
        AuditAction::Resumed => "run.resumed",
        AuditAction::StepPaused => "step.paused",
        AuditAction::StepResumed => "step.resumed",
        AuditAction::CancelRequested => "cancel.requested",
        AuditAction::Retried => "run.retried",
        AuditAction::Migrated => "run.migrated",
        AuditAction::Completed => "run.completed",
        AuditAction::Failed => "run.failed",
        AuditAction::Cancelled => "run.cancelled",
        AuditAction::Signalled => "signal.received",
        AuditAction::Approved => "approval.granted",
        AuditAction::Rejected => "approval.rejected",
        AuditAction::Managed => return None,
        AuditAction::UndoRetried => "undo.retried",
        AuditAction::UndoWaived => "undo.waived",
        AuditAction::Forgotten => "run.forgotten",
        AuditAction::Updated => "update.accepted",
    })
}
