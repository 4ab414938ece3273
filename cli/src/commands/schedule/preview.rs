//! `schedule preview`: when something is due next.

use std::time::Duration;

use nexus_definitions::calendar::{self, CronCalendar};
use nexus_engine::model::schedule::{Timing, due_times};
use nexus_engine::model::time::Timestamp;
use nexus_gateway::api::Problem;
use serde_json::json;

use super::backfill::moment;
use super::create::check;
use crate::args::duration;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;
use crate::store::{self, Purpose};
use crate::text::now_ms;

/// Arguments of `schedule preview`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine schedule preview report
  nexus-engine schedule preview --cron '30 2 * * *' --tz Europe/Berlin --after 2026-10-23 --count 4")]
pub(crate) struct PreviewArgs {
    /// The schedule; or a rule, by --cron or --every.
    #[arg(value_name = "SCHEDULE", required_unless_present_any = ["cron", "every"], conflicts_with_all = ["cron", "every"])]
    name: Option<String>,
    /// A cron expression.
    #[arg(long, value_name = "EXPR", conflicts_with = "every")]
    cron: Option<String>,
    /// An interval.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    /// Time zone of the expression, and of what is shown [default: the schedule's, or UTC].
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Show what is due after this time [default: now].
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// How many times are shown.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

/// Shows due times.
pub(crate) fn run(context: &Context, args: &PreviewArgs) -> Outcome {
    let (timing, zone) = timing(context, args)?;
    calendar::check_zone(&zone).map_err(|error| {
        Problem::new("NX4144", Code::Usage as u8, error.to_string())
            .hint("zones have names such as Europe/Berlin or UTC")
    })?;
    let after = match &args.after {
        Some(text) => moment(text, &zone)?,
        None => Timestamp::default().plus_ms(now_ms()),
    };
    let from = Timestamp(after.0.saturating_add(1));
    let count = args.count as usize;
    let calendar = CronCalendar::default();
    let dues = due_times(&timing, from, Timestamp(i64::MAX), count, &calendar);
    let words = |due: &Timestamp| calendar::show(*due, &zone).unwrap_or_default();
    let shown: Vec<String> = dues.iter().map(words).collect();
    if output::format().is_json() {
        let due: Vec<String> = dues.iter().map(|due| in_utc(*due)).collect();
        output::json(&json!({
            "kind": "schedule-preview/v1", "timezone": zone, "due": due, "local": shown,
        }));
        return Ok(Code::Done);
    }
    let mut before = words(&after).split(' ').next_back().unwrap_or_default().to_owned();
    for line in &shown {
        let name = line.split(' ').next_back().unwrap_or_default();
        let change = if name == before { "" } else { "   clock change" };
        output::line(format!("{line}{change}"));
        name.clone_into(&mut before);
    }
    Ok(Code::Done)
}

/// What is asked for, and the zone in which it is shown.
fn timing(context: &Context, args: &PreviewArgs) -> Result<(Timing, String), Problem> {
    let utc = || "UTC".to_owned();
    if let Some(expression) = args.cron.clone() {
        let zone = args.tz.clone().unwrap_or_else(utc);
        check(&expression, &zone)?;
        return Ok((Timing::Cron { expression, zone: zone.clone() }, zone));
    }
    if let Some(every) = args.every {
        let ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        return Ok((Timing::Every { ms }, args.tz.clone().unwrap_or_else(utc)));
    }
    let name = args.name.clone().unwrap_or_default();
    let schedule =
        store::ask(context, &Purpose::Look, async |control| control.schedule(&name).await)?;
    let zone = schedule.timezone.unwrap_or_else(utc);
    let timing = match (schedule.cron, schedule.every_ms) {
        (Some(expression), _) => Timing::Cron { expression, zone: zone.clone() },
        (None, ms) => Timing::Every { ms: ms.unwrap_or_default() },
    };
    Ok((timing, args.tz.clone().unwrap_or(zone)))
}

fn in_utc(time: Timestamp) -> String {
    chrono::DateTime::from_timestamp_micros(time.0)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
