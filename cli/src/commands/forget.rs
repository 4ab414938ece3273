//! `forget`: makes the values of encrypted runs unreadable.

use nexus_gateway::Control;
use nexus_gateway::api::Problem;

use super::acting;
use crate::context::Context;
use crate::exit::Outcome;
use crate::store::{Access, Purpose, ask};

/// Arguments of `forget`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine forget order-117

The keys of the run and of those that it called are deleted, and the command ends when they are in no file of the store. That
cannot be taken back.
Copies of the store that were made before, such as backups, still have the key.")]
pub(crate) struct ForgetArgs {
    /// The runs, by their whole names; they must have ended, and be encrypted.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
}

/// Forgets runs, after the user has agreed where they are not named in full.
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Outcome {
    let runs = meant(context, &args.runs)?;
    let act = acting::act(context, "");
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let forget = async |control: &Control, run: &str| control.forget(run, act.clone()).await;
        let done = acting::each(access.control(), &runs, "is forgotten", forget).await;
        access.close().await;
        done
    })
}

/// The whole names of the runs. What cannot be taken back is done to those that the user has seen named in full.
fn meant(context: &Context, runs: &[String]) -> Result<Vec<String>, Problem> {
    if let [run] = runs {
        let view = ask(context, &Purpose::Look, async |control| control.get(run).await)?;
        acting::whole(run, &view.id)?;
        if view.id != *run {
            let question = format!("`{run}` means {} — forget it for ever?", view.id);
            acting::agree(context, &question)?;
        }
        return Ok(vec![view.id]);
    }
    let names = acting::found(context, runs)?;
    acting::confirm(context, &names, "forget")?;
    Ok(names)
}
