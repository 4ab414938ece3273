//! `history`.

use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `history`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine history wf-001 --not-kind step.started
  nexus-engine history wf-001 -f -o jsonl")]
pub(crate) struct HistoryArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Go on with what is recorded, until the run ends.
    #[arg(short, long, conflicts_with = "reverse")]
    pub(crate) follow: bool,
    /// Only events of these kinds, such as step.*,timer.fired.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// No events of these kinds.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) not_kind: Vec<String>,
    /// Only events about this step.
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Only failures.
    #[arg(long)]
    pub(crate) failed: bool,
    /// From this number on.
    #[arg(long, value_name = "N")]
    pub(crate) from: Option<u32>,
    /// Up to this number.
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u32>,
    /// Newest first.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Show every field of every event.
    #[arg(long)]
    pub(crate) full: bool,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &HistoryArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
