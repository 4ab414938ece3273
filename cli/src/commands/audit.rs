//! `audit`: who did what, when, and from where.

use clap::Args;
use nexus_gateway::api::{AuditEntry, AuditFilter};

use crate::args::since;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{self, Purpose};
use crate::text::{Table, one_line};

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine audit --run wf-001
  nexus-engine audit --by dana --since 7d -o json")]
pub(crate) struct AuditArgs {
    /// Of this run only.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// By this user or program only.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// From this time on: how long ago, such as 1d, or a time.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
    /// At most this many, the newest.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Lists entries, newest first.
pub(crate) fn run(context: &Context, args: &AuditArgs) -> Outcome {
    let filter = AuditFilter {
        run: args.run.clone(),
        by: args.by.clone(),
        since_ms: args.since,
        limit: args.limit,
        ..AuditFilter::default()
    };
    let page = store::ask(context, &Purpose::Look, async |control| control.audit(filter).await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.entries.iter().for_each(output::json),
        Format::Name => page.entries.iter().for_each(|entry| output::line(&entry.run)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["AT", "RUN", "ACTION", "BY", "VIA", "DETAIL"]);
            for entry in &page.entries {
                table.row([
                    entry.at.as_str(),
                    &entry.run,
                    &entry.action,
                    &one_line(&entry.by.name, 40),
                    &one_line(&entry.by.via, 20),
                    &one_line(&detail(entry), 80),
                ]);
            }
            table.print();
            if page.next.is_some() {
                output::note(format!("the newest {} · more: --limit", page.entries.len()));
            }
        }
    }
    Ok(Code::Done)
}

/// What there is to say, with the step it was done to.
fn detail(entry: &AuditEntry) -> String {
    match (&entry.step, entry.detail.is_empty()) {
        (None, _) => entry.detail.clone(),
        (Some(step), true) => step.clone(),
        (Some(step), false) => format!("{step}: {}", entry.detail),
    }
}
