//! `get`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `get`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine get wf-001
  nexus-engine get @last --step charge --output")]
pub(crate) struct GetArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Show this step only.
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Print the input only.
    #[arg(long = "input")]
    pub(crate) input_only: bool,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &GetArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
