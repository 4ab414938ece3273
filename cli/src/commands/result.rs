//! `result`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `result`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine result wf-001 --wait --path tracking")]
pub(crate) struct ResultArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Wait until the run has ended.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print this part only, such as items.0.name.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &ResultArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
