//! `demo`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `demo`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine demo --keep")]
pub(crate) struct DemoArgs {
    /// Keep the folder demo/ with its store.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &DemoArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
