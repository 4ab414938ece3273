//! `watch`: the progress of runs, until they end.

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunsFilter};

use super::targets;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::output;
use crate::store::{self, Access, Driving, Purpose};

/// How many runs are watched if none are named.
const RUNS_MAX: u32 = 20;

/// Arguments of `watch`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine watch wf-001
  nexus-engine watch @last --timeout 1m")]
pub(crate) struct WatchArgs {
    /// The runs; without one: all that have not ended.
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<String>,
}

/// Watches runs; those that nobody works on are driven here.
pub(crate) fn run(context: &Context, args: &WatchArgs) -> Outcome {
    let purpose = Purpose::Drive(Driving::named("watch"));
    context.block_on_two(async {
        let access = Access::get(context, &purpose).await?;
        let names = match args.runs.as_slice() {
            [] => match open_runs(access.control()).await {
                Ok(names) => names,
                Err(problem) => {
                    access.close().await;
                    return Err(problem);
                }
            },
            named => named.to_vec(),
        };
        if names.is_empty() {
            access.close().await;
            output::note("no run is open");
            return Ok(Code::Done);
        }
        let following = Following { names, any: false, from_start: true, show: Show::Progress };
        follow::to_the_end(context, access, purpose, following).await
    })
}

/// The runs that have not ended, without those that get no further without another program, which are told.
async fn open_runs(control: &Control) -> Result<Vec<String>, Problem> {
    let statuses = targets::OPEN.map(str::to_owned).into();
    let filter = RunsFilter { statuses, limit: RUNS_MAX, ..RunsFilter::default() };
    let runs = control.list(filter).await?.runs;
    let (mut names, mut refused) = (Vec::new(), Vec::new());
    for run in runs {
        match control.drive(&run.id).await {
            Err(problem) if store::is_in_a_program(&problem) => refused.push(problem),
            Ok(_) | Err(_) => names.push(run.id),
        }
    }
    let last = if names.is_empty() { refused.pop() } else { None };
    for problem in refused {
        output::note(format!("note: {}: {}", problem.code, problem.message));
    }
    match last {
        Some(problem) => Err(problem),
        None => Ok(names),
    }
}
