//! `start`: records a run and returns at once.

use std::path::PathBuf;

use nexus_gateway::api::{Problem, StartRun, StartedRun};

use crate::args::pair;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Access, Purpose, note_parked};
use crate::{inputs, workflow};

/// Arguments of `start`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine start examples/order.workflow.yaml
  nexus-engine start examples/order.workflow.yaml --id order-17 --input @order.json -o name")]
pub(crate) struct StartArgs {
    /// File of the workflow; `-` reads standard input.
    #[arg(value_name = "FILE")]
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
        let (control, is_here) = (access.control().clone(), access.is_here());
        let started = control.start(prepared.request).await;
        access.close().await;
        let started = started?;
        show(&started, prepared.version);
        if is_here {
            note_parked(context, &started.id);
        }
        Ok(Code::Done)
    })
}

fn show(started: &StartedRun, version: Option<u32>) {
    let version = version.map(|version| format!(" v{version}")).unwrap_or_default();
    let StartedRun { id, workflow, existing, .. } = started;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(started),
        Format::Name | Format::Value => output::line(id),
        Format::None => {}
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
    /// The workflow's version.
    pub(crate) version: Option<u32>,
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
    let Some(resolved) = workflow::read(&args.file)? else { return Ok(None) };
    let (definition, callees) = workflow::to_send(&resolved);
    let read = resolved.read;
    let input = inputs::read(&read.definition, args.input.as_deref(), &args.set)?;
    let request = StartRun {
        definition,
        callees,
        input,
        name: args.id.clone(),
        labels: args.labels.iter().cloned().collect(),
        folder: workflow::folder(&args.file).map(|folder| folder.to_string_lossy().into_owned()),
        by: context.by(),
    };
    Ok(Some(Prepared { request, version: read.definition.version }))
}
