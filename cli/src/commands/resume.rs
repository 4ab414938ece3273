//! `resume`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `resume`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine resume wf-001")]
pub(crate) struct ResumeArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &ResumeArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
