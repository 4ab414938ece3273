//! `cancel`: ends runs.

use std::time::Duration;

use nexus_gateway::Control;
use nexus_gateway::api::{Act, Acted, Problem};

use super::acting;
use super::targets::{self, Selecting};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::store::{self, Driving, Purpose, ask};

/// How long the steps of a run have to stop before the verb ends; they are stopped anyway.
const PATIENCE: Duration = Duration::from_secs(12);

/// Arguments of `cancel`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine cancel wf-001 --reason 'ordered twice'
  nexus-engine cancel --where 'workflow = order and status = waiting' --dry-run")]
pub(crate) struct CancelArgs {
    /// The runs.
    #[arg(value_name = "RUN", required_unless_present = "selection")]
    pub(crate) runs: Vec<String>,
    /// Which runs.
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Leave what the run did as it is, or give up undoing it.
    #[arg(long)]
    pub(crate) no_undo: bool,
}

/// Cancels runs, and waits a while for their steps to stop.
pub(crate) fn run(context: &Context, args: &CancelArgs) -> Outcome {
    let (open, selecting) = (&targets::OPEN, &args.selecting);
    let Some(runs) = targets::agreed(context, &args.runs, selecting, open, "cancel")? else {
        return Ok(Code::Done);
    };
    let act = Act { no_undo: args.no_undo, ..acting::act(context, &args.reason) };
    // A run may be parked in the middle of a step: then it ends only if somebody drives it.
    let purpose = Purpose::Drive(Driving::named("cancel"));
    ask(context, &purpose, async |control| {
        acting::each(control, &runs, "is cancelled", async |control, run| {
            cancel(control, run, act.clone()).await
        })
        .await
    })
}

async fn cancel(control: &Control, run: &str, act: Act) -> Result<Acted, Problem> {
    let acted = control.cancel(run, act).await?;
    let ended = control.wait(&acted.id, Some(PATIENCE)).await;
    if ended.is_err() && !store::note_program(control, &acted.id).await {
        crate::output::note(format!(
            "note: {} has not ended yet: its steps are told to stop, or are being undone",
            acted.id
        ));
    }
    Ok(acted)
}
