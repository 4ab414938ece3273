//! `cancel`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `cancel`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine cancel wf-001 --reason 'ordered twice'")]
pub(crate) struct CancelArgs {
    /// The runs.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &CancelArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
