//! `start`: records a run and returns at once.

use std::path::PathBuf;

use nexus_gateway::api::{Problem, StartRun, StartedRun};

use super::published;
use crate::args::pair;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{Access, Purpose, note_parked};

/// Arguments of `start`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine start examples/order.workflow.yaml
  nexus-engine start order-processing
  nexus-engine start examples/order.workflow.yaml --id order-17 --input @order.json -o name")]
pub(crate) struct StartArgs {
    /// File of the workflow, `-` for standard input, or what is published: NAME, NAME@3, or a hash.
    #[arg(value_name = "FILE|NAME")]
    pub(crate) file: PathBuf,
    /// Name of the run; with the same input it answers with the run that is there [default: wf-NNN].
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Input: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(crate) input: Option<String>,
    /// One input, read as the workflow declares it; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// A label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
}

/// Starts a run.
pub(crate) fn run(context: &Context, args: &StartArgs) -> Outcome {
    let Some(prepared) = prepare(context, args)? else { return Ok(Code::Usage) };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Begin).await?;
        let started = access.control().start(prepared.request).await;
        if let Ok(started) = &started {
            show(started, &prepared.version);
            if started.due.is_none() && !started.duplicate {
                note_parked(context, &access, &[&started.id]).await;
            }
        }
        access.close().await;
        started.map(|_| Code::Done)
    })
}

fn show(started: &StartedRun, version: &str) {
    let StartedRun { id, workflow, existing, duplicate, due, .. } = started;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(started),
        Format::Name | Format::Value => output::line(id),
        Format::None => {}
        Format::Table | Format::Wide if *duplicate => output::line(format!(
            "{id} stands for this start: its key was seen lately · {workflow}{version}"
        )),
        Format::Table | Format::Wide if due.is_some() => {
            let before = if *existing { " was asked for before, and" } else { "" };
            let due = due.as_deref().unwrap_or_default();
            output::line(format!("{id}{before} is kept until {due} · {workflow}{version}"));
        }
        Format::Table | Format::Wide if *existing => {
            output::line(format!("{id} was started before · {workflow}{version}"));
        }
        Format::Table | Format::Wide => output::line(format!("{id} started · {workflow}{version}")),
    }
}

/// A run that can be started.
pub(crate) struct Prepared {
    /// What to send.
    pub(crate) request: StartRun,
    /// Which version of the workflow it is: ` v3` as its author counts, `@3` as it is published, or nothing.
    pub(crate) version: String,
}

/// Reads and checks the workflow and its input; `None` if something is wrong with the workflow, which has been shown then.
///
/// # Errors
/// If the file or the input cannot be read.
pub(crate) fn prepare(context: &Context, args: &StartArgs) -> Result<Option<Prepared>, Problem> {
    if args.file.as_os_str() == "-" && args.input.as_deref() == Some("-") {
        let text = "the workflow and its input cannot both come from standard input";
        return Err(Problem::new("NX1407", Code::Usage as u8, text)
            .hint("put one of them into a file: --input @FILE"));
    }
    let Some(meant) = published::meant(context, &args.file)? else { return Ok(None) };
    let input = inputs::read(&meant.definition, args.input.as_deref(), &args.set)?;
    let request = StartRun {
        definition: published::json(&meant.definition),
        callees: meant.callees,
        workflow: None,
        input,
        name: args.id.clone(),
        labels: args.labels.iter().cloned().collect(),
        folder: meant.folder,
        by: context.by(),
    };
    Ok(Some(Prepared { request, version: meant.version }))
}
