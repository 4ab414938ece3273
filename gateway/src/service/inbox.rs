//! `inbox`: what waits for the decision of a person.

use nexus_engine::Loader;
use nexus_engine::model::decide;
use nexus_engine::model::definition::{OnApprovalTimeout, StepKind};
use nexus_engine::model::event::{Actor, Awaited};
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, StepState};
use nexus_engine::model::time::Timestamp;
use nexus_engine::projections::RunFilter;
use serde_json::json;

use super::Service;
use super::list::run_id;
use super::show::time;
use crate::api::{ApprovalItem, ApprovalsPage, InboxFilter, Problem};
use crate::problems;

/// Runs of a page, if none are said.
const RUNS_DEFAULT: usize = 50;
/// Runs of the largest page.
const RUNS_MAX: usize = 1_000;

impl Service {
    /// Open approvals. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if the filter cannot be used, or a run cannot be read.
    pub async fn inbox(&self, filter: InboxFilter) -> Result<ApprovalsPage, Problem> {
        let after = filter.after.as_deref().map(|after| {
            run_id(after).ok_or_else(|| problems::bad_request(format!("`{after}` begins no page")))
        });
        let wanted = RunFilter {
            workflow: filter.workflow.clone(),
            awaits_approval: true,
            limit: match filter.limit as usize {
                0 => RUNS_DEFAULT,
                limit => limit.min(RUNS_MAX),
            },
            after_cursor: after.transpose()?,
            ..RunFilter::default()
        };
        let now = self.handle().clock().now();
        self.blocking(move |service| {
            let views = service.views_now()?;
            let page = views.runs(&wanted).map_err(|error| problems::views(&error))?;
            let loader: &Loader = service.handle().loader();
            let mut items = Vec::new();
            for row in &page.rows {
                let loaded = loader.shown(row.run).map_err(|error| problems::load(&error))?;
                if let Some((plan, run)) = loaded {
                    items.extend(open_items(&plan, &run, &row.name, now, &filter));
                }
            }
            items.sort_by_key(|(due, _)| *due);
            Ok(ApprovalsPage {
                kind: "inbox/v1".into(),
                items: items.into_iter().map(|(_, item)| item).collect(),
                next: page.next.map(|run| run.to_string()),
            })
        })
        .await
    }
}

/// What the run asks of the person of the filter, with the time until when.
fn open_items(
    plan: &Plan,
    run: &Run,
    name: &str,
    now: Timestamp,
    filter: &InboxFilter,
) -> Vec<(Timestamp, ApprovalItem)> {
    let item = |step: StepIndex| {
        let StepState::Awaiting { what: Awaited::Approval { by, message }, timer } = run.step(step)
        else {
            return None;
        };
        if !concerns(by, filter) {
            return None;
        }
        let until = timer.map(|(_, at)| at);
        let (form, on_timeout) = declared(plan, step);
        let item = ApprovalItem {
            id: name.to_owned(),
            workflow: plan.definition().name.clone(),
            step: plan.id(step).to_owned(),
            by: by.clone(),
            message: message.clone(),
            form,
            since: time(run.step_run(step).started_at.unwrap_or(run.started_at)),
            until: until.map(time),
            on_timeout: on_timeout.to_owned(),
            left_ms: until.map(|until| until.ms_since(now)),
        };
        Some((until.unwrap_or(Timestamp(i64::MAX)), item))
    };
    run.awaiting().filter_map(item).collect()
}

fn concerns(by: &[String], filter: &InboxFilter) -> bool {
    let Some(user) = &filter.user else {
        return filter.groups.is_empty()
            || by.iter().any(|entry| decide::may_decide(entry, &Actor::default(), &filter.groups));
    };
    let actor = Actor { name: user.clone(), via: String::new() };
    by.iter().any(|entry| decide::may_decide(entry, &actor, &filter.groups))
}

/// The form as it is declared, and what happens when nobody decides.
fn declared(plan: &Plan, step: StepIndex) -> (serde_json::Value, &'static str) {
    let Some(StepKind::Approve(approval)) = plan.step_definition(step).map(|step| &step.kind)
    else {
        return (json!({}), "fail");
    };
    let on_timeout = match approval.on_timeout {
        OnApprovalTimeout::Fail => "fail",
        OnApprovalTimeout::Reject => "reject",
        OnApprovalTimeout::Continue => "continue",
    };
    (json!(approval.form), on_timeout)
}
