//! `wait`: until runs have ended.

use crate::context::Context;
use crate::exit::Outcome;
use crate::follow::{self, Following, Show};
use crate::store::{Access, Driving, Purpose};

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

/// Waits for runs; those that nobody works on are driven here.
pub(crate) fn run(context: &Context, args: &WaitArgs) -> Outcome {
    let purpose = Purpose::Drive(Driving::named("wait"));
    context.block_on_two(async {
        let access = Access::get(context, &purpose).await?;
        let following = Following {
            names: args.runs.clone(),
            any: args.any,
            from_start: false,
            show: Show::Verdicts,
        };
        follow::to_the_end(context, access, purpose, following).await
    })
}
