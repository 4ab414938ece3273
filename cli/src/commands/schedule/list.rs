//! `schedule list`: the schedules.

use nexus_gateway::api::ScheduleView;

use super::super::published;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{self, Purpose};
use crate::text::{Table, one_line, took};

/// Lists the schedules, by name.
pub(super) fn run(context: &Context) -> Outcome {
    let page = store::ask(context, &Purpose::Look, async |control| control.schedules().await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.schedules.iter().for_each(output::json),
        Format::Name | Format::Value => {
            page.schedules.iter().for_each(|schedule| output::line(&schedule.id));
        }
        Format::None => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&[
                "SCHEDULE", "WORKFLOW", "WHEN", "NEXT", "STARTED", "SKIPPED", "OPEN", "NOTE",
            ]);
            for schedule in &page.schedules {
                table.row([
                    schedule.id.as_str(),
                    &workflow(schedule),
                    &when(schedule),
                    schedule.next.as_deref().unwrap_or("–"),
                    &schedule.started.to_string(),
                    &schedule.skipped.to_string(),
                    &schedule.open.len().to_string(),
                    &one_line(&note(schedule), 80),
                ]);
            }
            table.print();
        }
    }
    Ok(Code::Done)
}

/// The workflow, and which version of it: the number under which it is published, or else its hash.
fn workflow(schedule: &ScheduleView) -> String {
    let name = &schedule.workflow;
    match schedule.version {
        _ if schedule.follows => format!("{name} (current)"),
        Some(version) => format!("{name}@{version}"),
        None => format!("{name} ({})", published::short(&schedule.definition)),
    }
}

fn when(schedule: &ScheduleView) -> String {
    match (&schedule.cron, schedule.every_ms) {
        (Some(cron), _) => {
            format!("{cron} {}", schedule.timezone.as_deref().unwrap_or("UTC"))
        }
        (None, Some(ms)) => format!("every {}", took(ms)),
        (None, None) => String::new(),
    }
}

fn note(schedule: &ScheduleView) -> String {
    let failure = schedule.failure.as_ref();
    let reason = schedule.reason.as_deref().unwrap_or_default();
    match (schedule.status.as_str(), failure) {
        ("paused", _) if reason.is_empty() => "paused".to_owned(),
        ("paused", _) => format!("paused: {reason}"),
        (_, Some(failure)) => {
            format!("not started at {}: {} {}", failure.due, failure.code, failure.message)
        }
        (_, None) if !schedule.waiting.is_empty() => {
            format!("{} wait for their turn", schedule.waiting.len())
        }
        (_, None) => String::new(),
    }
}
