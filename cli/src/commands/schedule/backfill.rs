//! `schedule backfill`: starts the runs of a stretch of the past that are missing.

use nexus_definitions::calendar;
use nexus_engine::model::time::Timestamp;
use nexus_gateway::api::{BackfillSchedule, BackfillView, Problem};

use super::{note_idle, record};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::Purpose;
use crate::text::count;

/// Arguments of `schedule backfill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine schedule backfill report --from 2026-11-01 --to 2026-11-08
  nexus-engine schedule backfill report --from 2026-11-01T06:00:00Z --to 2026-11-01T12:00:00Z -o json")]
pub(crate) struct BackfillArgs {
    /// The schedule.
    #[arg(value_name = "SCHEDULE")]
    name: String,
    /// From this time on: a date, or a time, in the schedule's time zone.
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Up to this time, exclusive.
    #[arg(long, value_name = "TIME")]
    to: String,
}

/// Makes up for the past.
pub(crate) fn run(context: &Context, args: &BackfillArgs) -> Outcome {
    let by = context.by();
    let (view, here) = record(context, &Purpose::Record, async |control| {
        let schedule = control.schedule(&args.name).await?;
        let zone = schedule.timezone.unwrap_or_else(|| "UTC".to_owned());
        let from_ms = moment(&args.from, &zone)?.0 / 1_000;
        let to_ms = moment(&args.to, &zone)?.0 / 1_000;
        control.backfill_schedule(&args.name, BackfillSchedule { from_ms, to_ms, by }).await
    })?;
    show(&view);
    if here && !view.runs.is_empty() {
        note_idle(context, super::SCHEDULES);
    }
    Ok(Code::Done)
}

fn show(view: &BackfillView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(view),
        Format::Name | Format::Value => view.runs.iter().for_each(output::line),
        Format::Table | Format::Wide => {
            view.runs.iter().for_each(output::line);
            let (due, missing) = (count(view.due, "due time"), view.runs.len());
            output::note(format!("{due} · {} missing", count(missing, "run")));
        }
        Format::None => {}
    }
}

/// Reads a date or a time; without an offset it is meant in `zone`.
///
/// # Errors
/// NX1407 if it is none.
pub(super) fn moment(text: &str, zone: &str) -> Result<Timestamp, Problem> {
    calendar::read(text, zone).ok_or_else(|| {
        Problem::new("NX1407", Code::Usage as u8, format!("`{text}` is no date or time"))
            .hint("for example 2026-11-21, 2026-11-21T06:00, or 2026-11-21T06:00:00Z")
    })
}
