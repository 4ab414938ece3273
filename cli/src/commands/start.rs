//! `start`.

use std::path::PathBuf;

use crate::args::pair;
use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `start`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine start examples/order.workflow.yaml
  nexus-engine start examples/order.workflow.yaml --id order-17 --input @order.json -o name")]
pub(crate) struct StartArgs {
    /// File of the workflow; `-` reads standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Name of the run; the same name with the same input answers with the run that is there [default: wf-NNN].
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Input: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(crate) input: Option<String>,
    /// One input, read as the workflow declares it; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// A label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// Attempts under way at one time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: StartArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
