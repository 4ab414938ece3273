//! `list`: runs, newest first.

use std::sync::Arc;

use nexus_engine::Loader;
use nexus_engine::model::definition::StepKind;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::time::Timestamp;
use nexus_engine::projections::{RunFilter, RunRow, RunWord, Views, WaitingOn};

use super::Service;
use super::show::{self, time};
use crate::api::{FailureView, Problem, RunPage, RunSummary, RunsFilter};
use crate::problems;
use crate::selection::Selection;

/// Runs of a page, if none are said.
const RUNS_DEFAULT: usize = 50;
/// Runs of the largest page.
const RUNS_MAX: usize = 1_000;
/// What `waiting` can say.
const WAITING_FOR: [&str; 5] = ["signal", "update", "approval", "slot", "breaker"];

impl Service {
    /// Runs, newest first. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if the filter cannot be used, or the views cannot be read.
    pub async fn list(&self, filter: RunsFilter) -> Result<RunPage, Problem> {
        let mut wanted = run_filter(&filter)?;
        let selection = filter.selection.as_deref().map(Selection::parse).transpose()?;
        // What a pause of the store makes of a status is not in the views.
        let statuses = if self.handle().pauses().active.is_empty() {
            Vec::new()
        } else {
            wanted.statuses.clear();
            filter.statuses
        };
        self.blocking(move |service| {
            let views = service.views_now()?;
            let now_ms = service.handle().clock().now().as_ms();
            let is_wanted = |run: &RunSummary| {
                let by_status = statuses.is_empty() || statuses.contains(&run.status);
                by_status && selection.as_ref().is_none_or(|it| it.holds(run, now_ms))
            };
            let asks_where = selection.as_ref().is_some_and(Selection::asks_where);
            let mut summaries = Vec::new();
            let next = loop {
                let page = views.runs(&wanted).map_err(|error| problems::views(&error))?;
                let mut last = None;
                for row in &page.rows {
                    let plan = service.handle().loader().plan(row.definition).ok();
                    let mut summary = service.summary(row, plan.as_deref());
                    // What is not in the views is read only where it is shown, or asked for.
                    if (asks_where || is_wanted(&summary))
                        && let Some(plan) = plan
                    {
                        let with_calls = service.with_calls(&plan, row);
                        if let Some(plan) = &with_calls {
                            summary = service.summary(row, Some(plan));
                        }
                        service.tell_of_code(&mut summary, row, &with_calls.unwrap_or(plan));
                    }
                    if is_wanted(&summary) {
                        summaries.push(summary);
                    }
                    last = Some(row.run);
                    if summaries.len() == wanted.limit {
                        break;
                    }
                }
                let is_full = summaries.len() == wanted.limit;
                let is_cut = is_full && last != page.rows.last().map(|row| row.run);
                if page.next.is_none() && !is_cut || is_full {
                    break if is_cut { last } else { page.next };
                }
                wanted.after_cursor = page.next;
            };
            let total = views.metrics().map_err(|error| problems::views(&error))?.total;
            Ok(RunPage {
                kind: "runs/v1".into(),
                runs: summaries,
                total: total.runs_started,
                next: next.map(|run| run.to_string()),
            })
        })
        .await
    }

    /// The views, after they have seen everything that is durable now. Blocks.
    pub(super) fn views_now(&self) -> Result<&Views, Problem> {
        let views = self.views().ok_or_else(|| problems::bug("there are no views"))?;
        let durable = self.handle().log().durable(super::PARTITION);
        views.catch_up(durable).map_err(|error| problems::views(&error))?;
        Ok(views)
    }

    /// The run that was started last, or the last of those that failed. Blocks.
    pub(super) fn newest(&self, failed: bool) -> Result<Option<(RunId, String)>, Problem> {
        let statuses = if failed { vec![RunWord::Failed] } else { Vec::new() };
        let filter = RunFilter { statuses, limit: 1, ..RunFilter::default() };
        let page = self.views_now()?.runs(&filter).map_err(|error| problems::views(&error))?;
        Ok(page.rows.into_iter().next().map(|row| (row.run, row.name)))
    }

    /// The plan with the steps that the row of a run of a function speaks of: they are in its log only.
    fn with_calls(&self, plan: &Plan, row: &RunRow) -> Option<Arc<Plan>> {
        if !plan.is_code() || row.current.is_empty() && row.failed_step.is_none() {
            return None;
        }
        let loaded = self.handle().loader().run(row.run).ok().flatten();
        loaded.map(|(plan, _)| plan)
    }

    /// Says of a run that needs code of another program that it does.
    fn tell_of_code(&self, summary: &mut RunSummary, row: &RunRow, plan: &Plan) {
        if summary.status == RunWord::Paused.word() {
            return;
        }
        let Some(code) = self.code_elsewhere_of(row, plan) else { return };
        summary.elsewhere = Some(code.view(&row.name));
        let has_failed_undo = matches!(row.waiting_on, Some(WaitingOn::Undo { .. }));
        if !has_failed_undo {
            let now = self.handle().clock().now();
            let then = waiting_on(Some(plan), row, now, true);
            summary.waiting_on = Some(code.in_a_list());
            summary.then_waiting_on = then.filter(|then| summary.waiting_on.as_ref() != Some(then));
        }
    }

    /// What a list says of a run. A definition that cannot be read is no reason to show no list.
    fn summary(&self, row: &RunRow, plan: Option<&Plan>) -> RunSummary {
        let now = self.handle().clock().now();
        let ended = row.ended_at;
        let pauses = match ended {
            Some(_) => Vec::new(),
            None => self.handle().pauses().of_workflow(&row.workflow, &row.labels),
        };
        let is_held =
            !pauses.is_empty() && !matches!(row.status, RunWord::Failing | RunWord::Cancelling);
        let driven = self.drives(row.run);
        let behind = (!driven).then(|| waiting_on(plan, row, now, true)).flatten();
        RunSummary {
            id: row.name.clone(),
            workflow: row.workflow.clone(),
            status: if is_held { RunWord::Paused } else { row.status }.word().into(),
            at: at(plan, row),
            waiting_on: if pauses.is_empty() {
                waiting_on(plan, row, now, driven)
            } else {
                Some(format!("the end of the pause of {}", pauses.join(", ")))
            },
            then_waiting_on: behind.filter(|_| !row.status.is_terminal()),
            elsewhere: None,
            started_at: time(row.started_at),
            finished_at: ended.map(time),
            took_ms: ended.unwrap_or(now).ms_since(row.started_at),
            steps_completed: row.steps_completed,
            error: failure(self.handle().loader(), plan, row),
            labels: row.labels.iter().cloned().collect(),
            by: show::by(&row.by),
            forgotten: row.is_forgotten,
        }
    }
}

fn run_filter(filter: &RunsFilter) -> Result<RunFilter, Problem> {
    let statuses = filter.statuses.iter().map(|status| {
        RunWord::parse(status).ok_or_else(|| {
            let known = RunWord::ALL.map(RunWord::word).join(", ");
            problems::bad_request(format!("there is no status `{status}`"))
                .hint(format!("statuses are {known}"))
        })
    });
    let after = filter.after.as_deref().map(|after| {
        run_id(after).ok_or_else(|| problems::bad_request(format!("`{after}` begins no page")))
    });
    let waiting = filter.waiting.as_deref();
    if let Some(other) = waiting.filter(|what| !WAITING_FOR.contains(what)) {
        let problem = problems::bad_request(format!("a run cannot wait for `{other}`"));
        return Err(problem.hint(format!("it can wait for: {}", WAITING_FOR.join(", "))));
    }
    let since = filter.since_ms.map(|ms| Timestamp::default().plus_ms(ms));
    Ok(RunFilter {
        workflow: filter.workflow.clone(),
        statuses: statuses.collect::<Result<_, _>>()?,
        awaits_signal: waiting == Some("signal"),
        awaits_update: waiting == Some("update"),
        awaits_approval: waiting == Some("approval"),
        awaits_slot: waiting == Some("slot"),
        awaits_breaker: waiting == Some("breaker"),
        labels: filter.labels.clone().into_iter().collect(),
        started_after: since,
        limit: match filter.limit as usize {
            0 => RUNS_DEFAULT,
            limit => limit.min(RUNS_MAX),
        },
        after_cursor: after.transpose()?,
        ..RunFilter::default()
    })
}

/// Reads an id of 32 hexadecimal digits.
pub(super) fn run_id(text: &str) -> Option<RunId> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hex.then(|| u128::from_str_radix(text, 16).ok())??;
    Some(RunId(number.to_be_bytes()))
}

fn id(plan: Option<&Plan>, step: StepIndex) -> String {
    plan.map_or_else(|| format!("step {}", step.0), |plan| plan.id(step).to_owned())
}

fn at(plan: Option<&Plan>, row: &RunRow) -> Vec<String> {
    match row.status {
        RunWord::Failed => row.failed_step.iter().map(|step| id(plan, *step)).collect(),
        RunWord::Completed | RunWord::Cancelled => Vec::new(),
        RunWord::Queued
        | RunWord::Running
        | RunWord::Waiting
        | RunWord::Retrying
        | RunWord::Compensating
        | RunWord::Paused
        | RunWord::Failing
        | RunWord::Cancelling => row.current.iter().map(|current| id(plan, current.step)).collect(),
    }
}

fn waiting_on(plan: Option<&Plan>, row: &RunRow, now: Timestamp, driven: bool) -> Option<String> {
    let left = |until: Timestamp| match until.ms_since(now) {
        0 => "due now".to_owned(),
        ms => format!("{} left", show::duration(ms)),
    };
    match row.waiting_on {
        Some(WaitingOn::Resume) => Some("resume".into()),
        _ if row.status.is_terminal() => None,
        _ if !driven => Some("an engine".into()),
        Some(WaitingOn::Undo { step }) => Some(format!("NX3011 undo of {}", id(plan, step))),
        Some(WaitingOn::Sleep { until, .. }) => Some(format!("sleep, {}", left(until))),
        Some(WaitingOn::Signal { step, until }) => {
            let kind = plan.and_then(|plan| plan.step_definition(step));
            let name = match kind.map(|step| &step.kind) {
                Some(StepKind::WaitFor { signal, .. }) => format!(" {signal}"),
                _ => String::new(),
            };
            let rest = until.map(|until| format!(", {}", left(until))).unwrap_or_default();
            Some(format!("signal{name}{rest}"))
        }
        Some(WaitingOn::Update { step, until }) => {
            let kind = plan.and_then(|plan| plan.step_definition(step));
            let name = match kind.map(|step| &step.kind) {
                Some(StepKind::Update(update)) => format!(" {}", update.name),
                _ => String::new(),
            };
            let rest = until.map(|until| format!(", {}", left(until))).unwrap_or_default();
            Some(format!("update{name}{rest}"))
        }
        Some(WaitingOn::Run { step, until }) => {
            let rest = until.map(|until| format!(", {}", left(until))).unwrap_or_default();
            Some(format!("run {}/{}{rest}", row.name, id(plan, step)))
        }
        Some(WaitingOn::Slot { step }) => Some(format!("a slot for {}", id(plan, step))),
        Some(WaitingOn::Breaker { step }) => {
            Some(format!("the circuit breaker of {}", id(plan, step)))
        }
        Some(WaitingOn::Items { step, slots, calls }) => {
            Some(waiting_items(&id(plan, step), slots, calls))
        }
        Some(WaitingOn::Start) => Some("a slot".into()),
        Some(WaitingOn::Approval { step, until }) => {
            let kind = plan.and_then(|plan| plan.step_definition(step));
            let by = match kind.map(|step| &step.kind) {
                Some(StepKind::Approve(approval)) => show::people(&approval.by),
                _ => String::new(),
            };
            let rest = until.map(|until| format!(", {}", left(until))).unwrap_or_default();
            Some(format!("approval{by}{rest}"))
        }
        Some(WaitingOn::Retry { step, attempt, at }) => {
            let step = plan.and_then(|plan| plan.step_definition(step));
            let of = step.map(|step| step.retry.max_attempts);
            let of =
                of.filter(|of| *of >= attempt.0).map(|of| format!(" of {of}")).unwrap_or_default();
            let wait = match at.ms_since(now) {
                0 => "now".to_owned(),
                ms => format!("in {}", show::duration(ms)),
            };
            Some(format!("try {}{of} {wait}", attempt.0))
        }
        None => None,
    }
}

/// `slots for 3 items of a, the circuit breaker for 2`.
fn waiting_items(step: &str, slots: u32, calls: u32) -> String {
    let items =
        |count: u32| if count == 1 { "1 item".to_owned() } else { format!("{count} items") };
    let calls_for = |count: u32| format!("the circuit breaker for {}", items(count));
    match (slots, calls) {
        (slots, 0) => format!("slots for {} of {step}", items(slots)),
        (0, calls) => format!("{} of {step}", calls_for(calls)),
        (slots, calls) => format!("slots for {} of {step}, {}", items(slots), calls_for(calls)),
    }
}

fn failure(loader: &Loader, plan: Option<&Plan>, row: &RunRow) -> Option<FailureView> {
    let code = row.failure_code.clone()?;
    Some(FailureView {
        code,
        message: loader
            .reveal(row.run, row.failure_message.as_deref().unwrap_or_default())
            .into_owned(),
        details: None,
        step: row.failed_step.map(|step| id(plan, step)),
    })
}
