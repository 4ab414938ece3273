//! `starts`: what is kept and has not led to a run yet.

use clap::{Args, Subcommand};
use nexus_gateway::Control;
use nexus_gateway::api::{Problem, StartPage, StartView};

use super::acting::act;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// Starts that are asked for at one time.
const PAGE: u32 = 1_000;

/// Arguments of `starts`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine starts list
  nexus-engine starts get reindex@shop-7+1
  nexus-engine starts cancel reindex@shop-7+1")]
pub(crate) struct StartsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the starts that are kept, and those whose runs are about to be started.
    #[command(after_help = "Example:\n  nexus-engine starts list")]
    List(ListArgs),
    /// Show a start: its input, and why it has not started.
    #[command(after_help = "Example:\n  nexus-engine starts get reindex@shop-7+1")]
    Get(IdArgs),
    /// Have a start that is kept not happen.
    #[command(after_help = "Example:\n  nexus-engine starts cancel reindex@shop-7+1")]
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// At most this many, those that are due first.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Debug, Args)]
struct IdArgs {
    /// The id that the run will have.
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Args)]
struct CancelArgs {
    /// The id that the run would have.
    #[arg(value_name = "ID")]
    id: String,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Does what the verb says.
pub(crate) fn run(context: &Context, args: &StartsArgs) -> Outcome {
    match &args.verb {
        Verb::List(ListArgs { limit }) => list(context, *limit),
        Verb::Get(IdArgs { id }) => {
            let start = ask(context, &Purpose::Look, async |control| control.start_of(id).await)?;
            show(&start);
            Ok(Code::Done)
        }
        Verb::Cancel(args) => cancel(context, args),
    }
}

fn cancel(context: &Context, args: &CancelArgs) -> Outcome {
    let act = act(context, &args.reason);
    let acted =
        ask(context, &Purpose::Record, async |control| control.cancel_start(&args.id, act).await)?;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(&acted),
        Format::Name | Format::Value => output::line(&acted.id),
        Format::Table | Format::Wide => output::line(format!("{} is not started", acted.id)),
        Format::None => {}
    }
    Ok(Code::Done)
}

/// As many pages as hold `limit` starts.
async fn pages(control: &Control, limit: u32) -> Result<StartPage, Problem> {
    let size = limit.min(PAGE);
    let mut page = control.starts(size, None).await?;
    while page.starts.len() < limit as usize
        && let Some(after) = page.next.take()
    {
        let left = limit - u32::try_from(page.starts.len()).unwrap_or(limit);
        let next = control.starts(left.min(PAGE), Some(after)).await?;
        page.starts.extend(next.starts);
        page.next = next.next;
    }
    Ok(page)
}

fn list(context: &Context, limit: u32) -> Outcome {
    let page = ask(context, &Purpose::Look, async |control| pages(control, limit).await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.starts.iter().for_each(output::json),
        Format::Name => page.starts.iter().for_each(|start| output::line(&start.id)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["ID", "WORKFLOW", "KEY", "STATUS", "STARTS", "DUE"]);
            for start in &page.starts {
                table.row([
                    start.id.clone(),
                    one_line(&start.workflow, 40),
                    one_line(&start.key, 40),
                    start.status.clone(),
                    start.starts.to_string(),
                    start.due.clone().unwrap_or_else(|| "-".to_owned()),
                ]);
            }
            table.print();
            if page.next.is_some() {
                output::note(format!("the first {limit} · more: --limit"));
            }
        }
    }
    Ok(Code::Done)
}

fn show(start: &StartView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(start),
        Format::Name => output::line(&start.id),
        Format::Value => output::json(&start.input),
        Format::None => {}
        Format::Table | Format::Wide => {
            let StartView { id, workflow, key, why, .. } = start;
            output::line(format!("{id} · {workflow} · key {key}"));
            output::line(why);
            if let Some(at_most) = &start.at_most {
                output::line(format!("it is started at {at_most} at the latest"));
            }
            if !start.input.is_null() {
                output::line(format!("input {}", one_line(&start.input.to_string(), 100)));
            }
        }
    }
}
