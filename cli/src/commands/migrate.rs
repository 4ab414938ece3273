//! `migrate`: open runs of a workflow go on with another version.

use nexus_gateway::api::{MigrateRuns, MigrationView};

use super::acting;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// How much of a reason is shown in a table.
const REASON_CHARS_MAX: usize = 160;

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine migrate order-processing --to 2 --dry-run
  nexus-engine migrate order-processing --to 2 --reason 'asks before it charges' --yes")]
pub(crate) struct MigrateArgs {
    /// The workflow.
    #[arg(value_name = "WORKFLOW")]
    workflow: String,
    /// The number of the version to go on with [default: the current one].
    #[arg(long, value_name = "N")]
    to: Option<u32>,
    /// Show which runs could, and why others could not; change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Migrates runs.
pub(crate) fn run(context: &Context, args: &MigrateArgs) -> Outcome {
    let asked = |dry_run| MigrateRuns {
        to: args.to,
        dry_run,
        reason: args.reason.clone(),
        by: context.by(),
    };
    let name = args.workflow.as_str();
    let request = asked(true);
    let plan = ask(context, &Purpose::Look, async |control| control.migrate(name, request).await)?;
    if args.dry_run {
        show(&plan);
        return Ok(Code::Done);
    }
    let count = plan.safe + plan.mappable;
    if count == 0 {
        show(&plan);
        return Ok(if plan.blocked > 0 { Code::Conflict } else { Code::Done });
    }
    acting::agree(context, &format!("{} — migrate {count} of them?", summary(&plan)))?;
    let request = asked(false);
    let done =
        ask(context, &Purpose::Record, async |control| control.migrate(name, request).await)?;
    show(&done);
    Ok(if done.blocked > 0 { Code::Conflict } else { Code::Done })
}

fn summary(view: &MigrationView) -> String {
    let MigrationView { workflow, to, safe, mappable, blocked, there, .. } = view;
    let there = if *there > 0 { format!(" · {there} have it") } else { String::new() };
    format!("{workflow}@{to}: {safe} safe · {mappable} mappable · {blocked} blocked{there}")
}

fn show(view: &MigrationView) {
    match output::format() {
        Format::Json => output::json(view),
        Format::Jsonl => view.runs.iter().for_each(output::json),
        Format::Name | Format::Value => {
            let fit = view.runs.iter().filter(|run| run.verdict != "blocked");
            fit.for_each(|run| output::line(&run.id));
        }
        Format::None => {}
        Format::Table | Format::Wide => {
            output::line(summary(view));
            if view.runs.is_empty() {
                return;
            }
            let mut table = Table::new(&["RUN", "VERDICT", "MIGRATED", "REASONS"]);
            for run in &view.runs {
                let migrated = if run.migrated { "✔" } else { "–" };
                let reasons = one_line(&run.reasons.join("; "), REASON_CHARS_MAX);
                table.row([run.id.as_str(), &run.verdict, migrated, &reasons]);
            }
            table.print();
        }
    }
}
