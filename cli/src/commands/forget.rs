//! `forget`: makes the values of encrypted runs unreadable.

use nexus_gateway::Control;

use super::acting;
use crate::context::Context;
use crate::exit::Outcome;
use crate::store::{Access, Purpose};

/// Arguments of `forget`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine forget order-117

The keys of the run and of those that it called are deleted, and the command ends when they are in no file of the store. That
cannot be taken back.
Copies of the store that were made before, such as backups, still have the key.")]
pub(crate) struct ForgetArgs {
    /// The runs; they must have ended, and be encrypted.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
}

/// Forgets runs.
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Outcome {
    let act = acting::act(context, "");
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let forget = async |control: &Control, run: &str| control.forget(run, act.clone()).await;
        let done = acting::each(access.control(), &args.runs, "is forgotten", forget).await;
        access.close().await;
        done
    })
}
