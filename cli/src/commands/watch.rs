//! `watch`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `watch`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine watch wf-001
  nexus-engine watch @last --timeout 1m")]
pub(crate) struct WatchArgs {
    /// The runs; without one: all that have not ended.
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<String>,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &WatchArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
