//! `retry`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine retry @last-failed --watch")]
pub(crate) struct RetryArgs {
    /// The runs.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
    /// Drive the runs here, and watch them until they end.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &RetryArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
