//! `wait`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `wait`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine wait wf-001 wf-002 --timeout 10m")]
pub(crate) struct WaitArgs {
    /// The runs: names, beginnings of them, @last or @last-failed.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
    /// Until one of them has ended.
    #[arg(long)]
    pub(crate) any: bool,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &WaitArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
