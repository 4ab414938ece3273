//! `list`: runs, newest first.

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunPage, RunSummary, RunsFilter};

use crate::args::{pair, since};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{self, Table};

/// Runs of one page of the control API.
const PAGE: u32 = 1_000;
/// The statuses of runs that wait for something.
const WAITING: [&str; 3] = ["waiting", "retrying", "paused"];

/// What `--waiting` stands for without a word.
const ANYTHING: &str = "anything";

/// Arguments of `list`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine list --status failed,cancelled
  nexus-engine list --workflow order-processing --since 1d --label team=shop -o json")]
pub(crate) struct ListArgs {
    /// Only runs of this workflow.
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// Only runs in one of these statuses.
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Only runs with this label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// Only runs that began since then, such as 1d or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<u64>,
    /// Only runs that wait for something, or for this: signal, update, approval, slot, breaker.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = ANYTHING)]
    pub(crate) waiting: Option<String>,
    /// Only runs that this selection means, such as 'status = failed and age < 1d'.
    #[arg(long = "where", value_name = "SELECTION")]
    pub(crate) selection: Option<String>,
    /// At most this many, the newest.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Lists runs.
pub(crate) fn run(context: &Context, args: ListArgs) -> Outcome {
    let mut statuses = args.status;
    let waiting = args.waiting.filter(|what| {
        let anything = what == ANYTHING;
        if anything {
            statuses.extend(WAITING.map(str::to_owned));
        }
        !anything
    });
    let filter = RunsFilter {
        workflow: args.workflow,
        statuses,
        waiting,
        labels: args.labels.into_iter().collect(),
        since_ms: args.since,
        selection: args.selection,
        limit: args.limit.min(PAGE),
        after: None,
    };
    let limit = args.limit as usize;
    let page = ask(context, &Purpose::Look, async |control| pages(control, filter, limit).await)?;
    show(&page);
    Ok(Code::Done)
}

/// As many pages as hold `limit` runs.
async fn pages(control: &Control, filter: RunsFilter, limit: usize) -> Result<RunPage, Problem> {
    let mut page = control.list(filter.clone()).await?;
    while page.runs.len() < limit
        && let Some(after) = page.next.take()
    {
        let next = control.list(RunsFilter { after: Some(after), ..filter.clone() }).await?;
        page.runs.extend(next.runs);
        page.next = next.next;
    }
    page.runs.truncate(limit);
    Ok(page)
}

fn show(page: &RunPage) {
    match output::format() {
        Format::Json => output::json(page),
        Format::Jsonl => page.runs.iter().for_each(output::json),
        Format::Name | Format::Value => page.runs.iter().for_each(|run| output::line(&run.id)),
        Format::None => {}
        Format::Table => table(page, false),
        Format::Wide => table(page, true),
    }
}

fn table(page: &RunPage, wide: bool) {
    if page.runs.is_empty() {
        return output::note(format!("no runs here · {} in the store", page.total));
    }
    let mut heads = vec!["RUN", "WORKFLOW", "STATUS", "AT", "WAITING ON", "STARTED", "TOOK"];
    if wide {
        heads.extend(["STEPS", "BY", "LABELS", "ERROR"]);
    }
    let mut table = Table::new(&heads);
    page.runs.iter().for_each(|run| table.row(row(run, wide)));
    table.print();
    output::note(footer(page));
}

fn footer(page: &RunPage) -> String {
    let shown = page.runs.len();
    let more = match page.next {
        Some(_) => format!(" · more: --limit {}", shown.saturating_mul(4).max(200)),
        None => String::new(),
    };
    let runs = if page.total == 1 { "run" } else { "runs" };
    format!("{shown} of {} {runs}{more}", page.total)
}

fn row(run: &RunSummary, wide: bool) -> Vec<String> {
    let dash = || "–".to_owned();
    let at = match run.at.as_slice() {
        [] => dash(),
        [one] => one.clone(),
        [one, rest @ ..] => format!("{one} +{}", rest.len()),
    };
    let mut row = vec![
        run.id.clone(),
        run.workflow.clone(),
        text::status_of(&run.status, run.forgotten),
        at,
        run.waiting_on.clone().unwrap_or_else(dash),
        text::since(&run.started_at),
        if run.finished_at.is_some() { text::took(run.took_ms) } else { dash() },
    ];
    if wide {
        let labels: Vec<String> =
            run.labels.iter().map(|(key, value)| text::word(&format!("{key}={value}"))).collect();
        let error = run.error.as_ref();
        let error =
            error.map(|error| format!("{} {}", error.code, text::one_line(&error.message, 60)));
        row.extend([
            run.steps_completed.to_string(),
            text::word(&run.by.name),
            labels.join(","),
            error.unwrap_or_else(dash),
        ]);
    }
    row
}
