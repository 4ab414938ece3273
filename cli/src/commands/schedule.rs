//! `schedule`: runs that are started by the clock.

mod backfill;
mod create;
mod list;
mod preview;
pub(crate) mod triggers;

use clap::{Args, Subcommand};
use nexus_gateway::Control;
use nexus_gateway::api::{Problem, ScheduleActed};

use super::acting::act;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Access, Purpose};

/// Arguments of `schedule`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine schedule preview --cron '0 6 * * 1-5' --tz Europe/Berlin
  nexus-engine schedule create report.workflow.yaml --cron '0 6 * * *' --tz Europe/Berlin
  nexus-engine schedule backfill report --from 2026-11-01 --to 2026-11-08")]
pub(crate) struct ScheduleArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show when a schedule or a rule is due next; nothing is changed.
    Preview(preview::PreviewArgs),
    /// List the schedules.
    #[command(after_help = "Example:\n  nexus-engine schedule list")]
    List,
    /// Make a schedule, or change one.
    Create(create::CreateArgs),
    /// Delete a schedule; runs that it started go on.
    #[command(after_help = "Example:\n  nexus-engine schedule delete report")]
    Delete(NameArgs),
    /// Start nothing until the schedule is resumed.
    #[command(
        after_help = "Example:\n  nexus-engine schedule pause report --reason 'until the books are closed'"
    )]
    Pause(PauseArgs),
    /// End the pause; what was due meanwhile is not made up for.
    #[command(after_help = "Example:\n  nexus-engine schedule resume report")]
    Resume(NameArgs),
    /// Start a run now.
    #[command(after_help = "Example:\n  nexus-engine schedule trigger report")]
    Trigger(NameArgs),
    /// Start the runs of a stretch of the past that are missing.
    Backfill(backfill::BackfillArgs),
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The schedule.
    #[arg(value_name = "SCHEDULE")]
    name: String,
}

#[derive(Debug, Args)]
struct PauseArgs {
    /// The schedule.
    #[arg(value_name = "SCHEDULE")]
    name: String,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Does what the verb says.
pub(crate) fn run(context: &Context, args: &ScheduleArgs) -> Outcome {
    match &args.verb {
        Verb::Preview(args) => preview::run(context, args),
        Verb::List => list::run(context),
        Verb::Create(args) => create::run(context, args),
        Verb::Delete(args) => {
            ask(context, async |control, act| control.delete_schedule(&args.name, act).await)
        }
        Verb::Pause(args) => {
            let reason = &args.reason;
            asked(context, reason, async |control, act| {
                control.pause_schedule(&args.name, act).await
            })
        }
        Verb::Resume(args) => {
            ask(context, async |control, act| control.resume_schedule(&args.name, act).await)
        }
        Verb::Trigger(args) => {
            ask(context, async |control, act| control.trigger_schedule(&args.name, act).await)
        }
        Verb::Backfill(args) => backfill::run(context, args),
    }
}

type Act = nexus_gateway::api::Act;

fn ask(
    context: &Context,
    request: impl AsyncFnOnce(&Control, Act) -> Result<ScheduleActed, Problem>,
) -> Outcome {
    asked(context, "", request)
}

fn asked(
    context: &Context,
    reason: &str,
    request: impl AsyncFnOnce(&Control, Act) -> Result<ScheduleActed, Problem>,
) -> Outcome {
    let act = act(context, reason);
    let (acted, here) =
        record(context, &Purpose::Record, async |control| request(control, act).await)?;
    show(&acted);
    if here && acted.run.is_some() {
        note_idle(context, SCHEDULES);
    }
    Ok(Code::Done)
}

/// Asks for something; also says whether the store was opened for it, so that no engine acts on what was recorded.
fn record<T>(
    context: &Context,
    purpose: &Purpose,
    request: impl AsyncFnOnce(&Control) -> Result<T, Problem>,
) -> Result<(T, bool), Problem> {
    context.block_on(async {
        let access = Access::get(context, purpose).await?;
        let here = access.is_here();
        let answer = request(access.control()).await;
        access.close().await;
        answer.map(|answer| (answer, here))
    })
}

/// What waits for an engine.
const SCHEDULES: &str = "schedules start runs";

/// Says on standard error that nobody acts on what was recorded.
pub(super) fn note_idle(context: &Context, what: &str) {
    let flag = context.store_flag();
    output::note(format!(
        "note: no engine has the store open; {what} when one does: nexus-engine serve{flag}"
    ));
}

fn show(acted: &ScheduleActed) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(acted),
        Format::Name | Format::Value => output::line(acted.run.as_ref().unwrap_or(&acted.id)),
        Format::Table | Format::Wide => output::line(said(acted)),
        Format::None => {}
    }
}

fn said(acted: &ScheduleActed) -> String {
    let ScheduleActed { id, action, run, outcome, next, .. } = acted;
    match (run, outcome.as_deref()) {
        (Some(run), Some("queued")) => format!("{id} is busy: {run} waits for its turn"),
        (Some(run), Some(_)) => format!("{run} requested"),
        (None, Some(_)) => format!("{id} is busy, and skips runs then; nothing was started"),
        (_, None) => match next {
            Some(next) => format!("{id} {action} · next {next}"),
            None => format!("{id} {action}"),
        },
    }
}
