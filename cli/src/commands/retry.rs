//! `retry`: continues runs with the steps that did not complete.

use nexus_gateway::Control;

use super::acting;
use super::targets::{self, Selecting};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::output;
use crate::store::{Access, Driving, Purpose, note_parked};

/// Arguments of `retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine retry @last-failed --watch
  nexus-engine retry --where 'status = failed and error = NX3001 and age < 1h' --yes")]
pub(crate) struct RetryArgs {
    /// The runs.
    #[arg(value_name = "RUN", required_unless_present = "selection")]
    pub(crate) runs: Vec<String>,
    /// Which runs.
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    /// Drive the runs here, and watch them until they end.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Retries runs.
pub(crate) fn run(context: &Context, args: &RetryArgs) -> Outcome {
    let (ended, selecting) = (&["failed", "cancelled"], &args.selecting);
    let Some(runs) = targets::agreed(context, &args.runs, selecting, ended, "retry")? else {
        return Ok(Code::Done);
    };
    if args.watch { watched(context, &runs) } else { recorded(context, &runs) }
}

fn recorded(context: &Context, runs: &[String]) -> Outcome {
    let act = acting::act(context, "");
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let is_here = access.is_here();
        let retry = async |control: &Control, run: &str| {
            let acted = control.retry(run, act.clone()).await?;
            if is_here {
                note_parked(context, &acted.id);
            }
            Ok(acted)
        };
        let done = acting::each(access.control(), runs, "continues", retry).await;
        access.close().await;
        done
    })
}

fn watched(context: &Context, runs: &[String]) -> Outcome {
    let act = acting::act(context, "");
    context.block_on_two(async {
        let purpose = Purpose::Drive(Driving::named("retry"));
        let access = Access::get(context, &purpose).await?;
        let mut names = Vec::new();
        for run in runs {
            match access.control().retry(run, act.clone()).await {
                Ok(acted) => names.push(acted.id),
                Err(problem) => output::problem(&problem),
            }
        }
        if names.is_empty() {
            access.close().await;
            return Ok(Code::Conflict);
        }
        let following = Following { names, any: false, from_start: false, show: Show::Progress };
        follow::to_the_end(context, access, purpose, following).await
    })
}
