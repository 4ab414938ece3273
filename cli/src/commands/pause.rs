//! `pause`.

use crate::context::Context;
use crate::exit::Outcome;

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

/// Does it.
pub(crate) fn run(_context: &Context, _args: &PauseArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
