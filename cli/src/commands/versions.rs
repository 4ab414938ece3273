//! `versions`: the workflows that are published, or the versions of one.

use nexus_gateway::api::{VersionRow, WorkflowView};

use super::published::short;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// Arguments of `versions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine versions
  nexus-engine versions order-processing")]
pub(crate) struct VersionsArgs {
    /// The workflow; without it, all that are published.
    #[arg(value_name = "NAME")]
    workflow: Option<String>,
}

/// Lists workflows, or versions.
pub(crate) fn run(context: &Context, args: &VersionsArgs) -> Outcome {
    let form = output::format();
    if let Some(name) = args.workflow.as_deref() {
        let view = ask(context, &Purpose::Look, async |control| control.workflow(name).await)?;
        match form {
            Format::Json => output::json(&view),
            Format::Jsonl => view.versions.iter().for_each(output::json),
            Format::Name | Format::Value | Format::None | Format::Table | Format::Wide => {
                show(&[view]);
            }
        }
    } else {
        let page = ask(context, &Purpose::Look, async |control| control.workflows().await)?;
        match form {
            Format::Json => output::json(&page),
            Format::Jsonl => page.workflows.iter().for_each(output::json),
            Format::Name | Format::Value | Format::None | Format::Table | Format::Wide => {
                show(&page.workflows);
            }
        }
    }
    Ok(Code::Done)
}

/// The versions of workflows, one a line.
fn show(workflows: &[WorkflowView]) {
    let rows = workflows.iter().flat_map(|view| view.versions.iter().map(move |row| (view, row)));
    let name = |view: &WorkflowView, row: &VersionRow| format!("{}@{}", view.workflow, row.version);
    match output::format() {
        Format::Name | Format::Value => rows.for_each(|(view, row)| output::line(name(view, row))),
        Format::None => {}
        Format::Table | Format::Wide | Format::Json | Format::Jsonl => {
            let head = ["VERSION", "CURRENT", "HASH", "PUBLISHED", "BY", "OPEN RUNS", "NOTE"];
            let mut table = Table::new(&head);
            for (view, row) in rows {
                table.row([
                    name(view, row),
                    if row.is_current { "current" } else { "–" }.to_owned(),
                    short(&row.definition).to_owned(),
                    row.published_at.clone(),
                    one_line(&row.by.name, 40),
                    row.open_runs.to_string(),
                    one_line(&row.note, 60),
                ]);
            }
            table.print();
        }
    }
}
