//! `schedule create`: makes a schedule, or changes one.

use std::path::PathBuf;
use std::time::Duration;

use nexus_definitions::calendar;
use nexus_gateway::api::{Problem, PutSchedule};

use super::super::published::{self, Meant};
use super::{note_idle, record, show, triggers};
use crate::args::{duration, pair};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::store::Purpose;

/// Arguments of `schedule create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine schedule create examples/schedule.workflow.yaml
  nexus-engine schedule create report.workflow.yaml --cron '0 6 * * *' --tz Europe/Berlin
  nexus-engine schedule create report --every 1d
  nexus-engine schedule create report.workflow.yaml --name hourly --every 1h --overlap queue --catch-up all")]
pub(crate) struct CreateArgs {
    /// File of the workflow, `-` for standard input, or what is published: NAME, NAME@3, or a hash.
    #[arg(value_name = "FILE|NAME")]
    file: PathBuf,
    /// Name of the schedule [default: the workflow's].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// When it is due, instead of the workflow's triggers: minute, hour, day of month, month, day of week; seconds may come first.
    #[arg(long, value_name = "EXPR", conflicts_with = "every")]
    cron: Option<String>,
    /// When it is due: at all multiples of this time since 1970.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    /// Time zone of the cron expression.
    #[arg(long, value_name = "ZONE", default_value = "UTC", conflicts_with = "every")]
    tz: String,
    /// What becomes of due times at which no engine was there.
    #[arg(long, value_name = "RULE", default_value = "latest", value_parser = ["none", "latest", "all"])]
    catch_up: String,
    /// What happens at a due time when a run is open.
    #[arg(long, value_name = "RULE", default_value = "skip", value_parser = ["skip", "queue", "cancel_old", "allow"])]
    overlap: String,
    /// Input of the runs: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// One input, read as the workflow declares it; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Change the schedule if it is there.
    #[arg(long)]
    replace: bool,
}

/// Makes a schedule.
pub(crate) fn run(context: &Context, args: &CreateArgs) -> Outcome {
    let Some(meant) = published::meant(context, &args.file)? else { return Ok(Code::Usage) };
    if args.cron.is_none() && args.every.is_none() {
        return of_triggers(context, args, &meant);
    }
    if let Some(cron) = &args.cron {
        check(cron, &args.tz)?;
    }
    let input = inputs::read(&meant.definition, args.input.as_deref(), &args.set)?;
    let (definition, workflow) = meant.to_send();
    let request = PutSchedule {
        id: args.name.clone().unwrap_or_else(|| meant.definition.name.clone()),
        definition,
        workflow,
        callees: meant.callees,
        input,
        cron: args.cron.clone(),
        timezone: args.cron.is_some().then(|| args.tz.clone()),
        every_ms: args.every.map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX)),
        catch_up: Some(args.catch_up.clone()),
        overlap: Some(args.overlap.clone()),
        folder: meant.folder,
        replace: args.replace,
        by: context.by(),
    };
    let (acted, here) =
        record(context, &Purpose::Begin, async |control| control.put_schedule(request).await)?;
    show(&acted);
    if here {
        note_idle(context, super::SCHEDULES);
    }
    Ok(Code::Done)
}

/// Makes the schedules of the workflow's triggers.
fn of_triggers(context: &Context, args: &CreateArgs, meant: &Meant) -> Outcome {
    let requests = triggers::requests(meant, args.replace, &context.by());
    if requests.is_empty() {
        let message = format!("{} has no triggers", args.file.display());
        return Err(Problem::new("NX1145", Code::Usage as u8, message)
            .hint("say when it is due: --cron '0 6 * * *', or --every 1h"));
    }
    let (all, here) = record(context, &Purpose::Begin, async |control| {
        let mut all = Vec::new();
        for request in requests {
            all.push(control.put_schedule(request).await?);
        }
        Ok(all)
    })?;
    all.iter().for_each(show);
    if here {
        note_idle(context, super::SCHEDULES);
    }
    Ok(Code::Done)
}

/// Checks a cron expression and its zone.
///
/// # Errors
/// NX4144 if there is no such zone, or the expression is none or never due.
pub(super) fn check(cron: &str, zone: &str) -> Result<(), Problem> {
    calendar::check(cron, zone).map_err(|error| {
        Problem::new("NX4144", Code::Usage as u8, error.to_string()).hint(
            "five fields (minute, hour, day of month, month, day of week) and a zone such as Europe/Berlin: --cron '0 6 * * 1-5' --tz Europe/Berlin",
        )
    })
}
