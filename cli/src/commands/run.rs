//! `run`: runs a workflow to its end.

use super::start::StartArgs;
use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `run`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine run examples/order.workflow.yaml
  nexus-engine run examples/order.workflow.yaml --id order-17 --set total=2500
  nexus-engine run examples/hello.workflow.yaml --input '{\"name\": \"you\"}' -o json")]
pub(crate) struct RunArgs {
    /// What to start.
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// Return at once; the run goes on when an engine opens the store.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: RunArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
