//! `pause`: nothing new begins in a run until it is resumed.

use nexus_gateway::Control;

use super::acting;
use crate::context::Context;
use crate::exit::Outcome;
use crate::store::{Purpose, ask};

/// Arguments of `pause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine pause wf-001 --reason 'the bank is closed'")]
pub(crate) struct PauseArgs {
    /// The runs.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Pauses runs.
pub(crate) fn run(context: &Context, args: &PauseArgs) -> Outcome {
    let runs = acting::found(context, &args.runs)?;
    acting::confirm(context, &runs, "pause")?;
    let act = acting::act(context, &args.reason);
    ask(context, &Purpose::Record, async |control| {
        let pause = async |control: &Control, run: &str| control.pause(run, act.clone()).await;
        acting::each(control, &runs, "is paused", pause).await
    })
}
