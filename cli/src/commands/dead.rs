//! `dead`: dead letters, which are runs that wait for a person because a step, or its undo, has failed for good.

use std::cell::RefCell;

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunPage, RunSummary, RunsFilter};

use super::acting;
use crate::args::{pair, since};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Access, Purpose, ask, note_parked};
use crate::text::{self, Table};

/// Runs of one page of the control API.
const PAGE: u32 = 1_000;
/// How a run that cannot be undone says what it waits for.
const UNDO_FAILED: &str = "NX3011";

/// Arguments of `dead`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine dead list --code NX3007
  nexus-engine dead requeue --workflow order-processing --since 1d --yes")]
pub(crate) struct DeadArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the runs that failed, or whose undo failed, and where.
    #[command(after_help = "Example:\n  nexus-engine dead list --workflow order-processing")]
    List(Which),
    /// Continue them with the steps that did not complete, as `retry` does.
    #[command(after_help = "Examples:
  nexus-engine dead requeue wf-001
  nexus-engine dead requeue --all --code NX3024 --yes")]
    Requeue(Requeue),
}

/// Which dead letters.
#[derive(Clone, Debug, clap::Args)]
struct Which {
    /// Only of this workflow.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only with this label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Only runs that began since then, such as 1d or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
    /// Only those that failed with this code.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Only those that failed at this step.
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Requeue {
    /// These runs.
    #[arg(value_name = "RUN", conflicts_with_all = ["all", "workflow", "labels", "since", "code", "step"])]
    runs: Vec<String>,
    /// All dead letters that the other flags leave.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
}

/// Lists or continues dead letters.
pub(crate) fn run(context: &Context, args: DeadArgs) -> Outcome {
    match args.verb {
        Verb::List(which) => {
            let page = ask(context, &Purpose::Look, async |control| dead(control, &which).await)?;
            show(&page);
            Ok(Code::Done)
        }
        Verb::Requeue(requeue) => requeued(context, requeue),
    }
}

fn requeued(context: &Context, args: Requeue) -> Outcome {
    let Requeue { mut runs, all, which } = args;
    if runs.is_empty() && !all && !which.says_something() {
        let problem = Problem::new("NX1408", Code::Usage as u8, "which dead letters?");
        return Err(
            problem.hint("name runs, or say --all, --workflow, --label, --since, --code or --step")
        );
    }
    if runs.is_empty() {
        let page = ask(context, &Purpose::Look, async |control| dead(control, &which).await)?;
        runs = page.runs.into_iter().map(|run| run.id).collect();
    }
    if runs.is_empty() {
        output::note("no dead letters here");
        return Ok(Code::Done);
    }
    acting::confirm(context, &runs, "requeue")?;
    let act = acting::act(context, "");
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let continued = RefCell::new(Vec::new());
        let retry = async |control: &Control, run: &str| {
            let acted = control.retry(run, act.clone()).await?;
            continued.borrow_mut().push(acted.id.clone());
            Ok(acted)
        };
        let done = acting::each(access.control(), &runs, "continues", retry).await;
        for run in continued.take() {
            note_parked(context, &access, &[run]).await;
        }
        access.close().await;
        done
    })
}

impl Which {
    fn says_something(&self) -> bool {
        self.workflow.is_some()
            || !self.labels.is_empty()
            || self.since.is_some()
            || self.code.is_some()
            || self.step.is_some()
    }

    fn fits(&self, run: &RunSummary) -> bool {
        let error = run.error.as_ref();
        let has_code = |code: &String| error.is_some_and(|error| error.code == *code);
        let has_step = |step: &String| {
            run.at.contains(step) || error.is_some_and(|error| error.step.as_ref() == Some(step))
        };
        is_dead(run)
            && self.code.as_ref().is_none_or(has_code)
            && self.step.as_ref().is_none_or(has_step)
    }
}

/// Whether nothing happens until somebody does something about it, and something can be done.
fn is_dead(run: &RunSummary) -> bool {
    run.status == "failed" && !run.forgotten
        || run.waiting_on.as_ref().is_some_and(|on| on.starts_with(UNDO_FAILED))
}

/// All dead letters, newest first.
async fn dead(control: &Control, which: &Which) -> Result<RunPage, Problem> {
    let mut filter = RunsFilter {
        workflow: which.workflow.clone(),
        statuses: ["failed", "compensating"].map(str::to_owned).to_vec(),
        labels: which.labels.iter().cloned().collect(),
        since_ms: which.since,
        limit: PAGE,
        ..RunsFilter::default()
    };
    let mut page = control.list(filter.clone()).await?;
    let mut runs = std::mem::take(&mut page.runs);
    while let Some(after) = page.next.take() {
        filter.after = Some(after);
        page = control.list(filter.clone()).await?;
        runs.append(&mut page.runs);
    }
    runs.retain(|run| which.fits(run));
    Ok(RunPage { runs, ..page })
}

fn show(page: &RunPage) {
    match output::format() {
        Format::Json => output::json(page),
        Format::Jsonl => page.runs.iter().for_each(output::json),
        Format::Name | Format::Value => page.runs.iter().for_each(|run| output::line(&run.id)),
        Format::None => {}
        Format::Table | Format::Wide => table(page),
    }
}

fn table(page: &RunPage) {
    if page.runs.is_empty() {
        return output::note("no dead letters here");
    }
    let mut table = Table::new(&["RUN", "WORKFLOW", "STATUS", "STEP", "ERROR", "SINCE"]);
    page.runs.iter().for_each(|run| table.row(row(run)));
    table.print();
    output::note("continue them: nexus-engine dead requeue RUN …");
}

fn row(run: &RunSummary) -> [String; 6] {
    let dash = || "–".to_owned();
    let error = run.error.as_ref();
    let step = error.and_then(|error| error.step.clone()).or_else(|| run.at.first().cloned());
    let error = error.map(|error| format!("{} {}", error.code, text::one_line(&error.message, 60)));
    [
        run.id.clone(),
        run.workflow.clone(),
        text::status(&run.status),
        step.unwrap_or_else(dash),
        error.or_else(|| run.waiting_on.clone()).unwrap_or_else(dash),
        text::since(run.finished_at.as_ref().unwrap_or(&run.started_at)),
    ]
}
