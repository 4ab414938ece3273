//! `serve`.

use std::time::Duration;

use crate::args::duration;
use crate::context::Context;
use crate::exit::Outcome;

/// Arguments of `serve`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine serve
  nexus-engine serve --listen 127.0.0.1:0 -o json")]
pub(crate) struct ServeArgs {
    /// Where metrics and health are served; port 0 takes any.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    pub(crate) listen: String,
    /// Attempts under way at one time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
    /// Time that running steps have when the engine is told to stop.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) drain: Duration,
}

/// Does it.
pub(crate) fn run(_context: &Context, _args: &ServeArgs) -> Outcome {
    Err(nexus_gateway::api::Problem::new("NX9001", 70, "not written yet"))
}
