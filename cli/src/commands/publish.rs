//! `publish`: makes a workflow file the current version of its workflow.

use std::path::PathBuf;

use nexus_gateway::api::{PublishVersion, VersionActed};

use super::published::short;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::workflow;

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine publish examples/order.workflow.yaml
  nexus-engine publish examples/order.workflow.yaml --note 'asks before it charges'")]
pub(crate) struct PublishArgs {
    /// File of the workflow; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What is said about it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Publishes a workflow.
pub(crate) fn run(context: &Context, args: &PublishArgs) -> Outcome {
    let Some(resolved) = workflow::read(&args.file)? else { return Ok(Code::Usage) };
    let folder = workflow::folder(&args.file);
    let (definition, callees) = workflow::to_send(&resolved);
    let request = PublishVersion {
        definition,
        callees,
        folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
        note: args.note.clone(),
        by: context.by(),
    };
    let acted = ask(context, &Purpose::Begin, async |control| control.publish(request).await)?;
    show(&acted);
    Ok(Code::Done)
}

/// Says what was done to the versions of a workflow.
pub(super) fn show(acted: &VersionActed) {
    let VersionActed { workflow, action, version, before, definition, .. } = acted;
    for warning in &acted.warnings {
        output::warning(warning);
    }
    match output::format() {
        Format::Json | Format::Jsonl => output::json(acted),
        Format::Name | Format::Value => output::line(format!("{workflow}@{version}")),
        Format::None => {}
        Format::Table | Format::Wide => {
            let was = before.filter(|before| before != version);
            let was = was.map(|before| format!(" · was @{before}")).unwrap_or_default();
            let what = match action.as_str() {
                "published" => "published, and current",
                "unchanged" => "current already, with the same content; nothing was recorded",
                _ => "current again",
            };
            output::line(format!("{workflow}@{version} is {what} · {}{was}", short(definition)));
        }
    }
}
