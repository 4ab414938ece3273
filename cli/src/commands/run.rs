//! `run`: runs a workflow to its end, here and now.

mod kept;

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, StartRun, StartedRun};

use super::start::{self, StartArgs};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::store::{Access, Driving, Purpose};
use crate::{output, text};

/// The exit code of problems after which the same request may be sent to somebody else.
const UNREACHABLE: u8 = 6;
/// The store was closing: nothing was recorded.
const SHUTTING_DOWN: &str = "NX7017";

/// Arguments of `run`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine run examples/order.workflow.yaml
  nexus-engine run order-processing@2
  nexus-engine run examples/order.workflow.yaml --id order-17 --set total=2500
  nexus-engine run examples/hello.workflow.yaml --input '{\"name\": \"you\"}' -o json")]
pub(crate) struct RunArgs {
    /// What to start.
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// Return at once; the run goes on when an engine opens the store.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Attempts under way at one time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
}

/// Runs a workflow. A run of this name that is there already is continued, or its result is shown.
pub(crate) fn run(context: &Context, args: &RunArgs) -> Outcome {
    if args.detach {
        return start::run(context, &args.start);
    }
    let Some(prepared) = start::prepare(context, &args.start)? else { return Ok(Code::Usage) };
    let driving = Driving { creates: true, concurrency: args.concurrency, ..Driving::named("run") };
    let purpose = Purpose::Drive(driving);
    context.block_on_two(async {
        let (access, started) = begin(context, &purpose, prepared.request).await?;
        if let Some(due) = &started.due
            && let Some(code) = kept::until_begun(context, &access, &started.id, due).await?
        {
            access.close().await;
            return Ok(code);
        }
        if started.duplicate {
            output::note("note: its key was seen lately, so no run was started");
        }
        // A run that began while its start was waited for is new.
        let existing = started.existing && started.due.is_none();
        if existing {
            say_that_it_is_there(access.control(), &started.id).await;
        }
        let following = Following {
            names: vec![started.id],
            any: false,
            from_start: !existing,
            show: Show::Progress,
        };
        follow::to_the_end(context, access, purpose, following).await
    })
}

/// Says that no new run begins, and what becomes of the one that is there.
async fn say_that_it_is_there(control: &Control, name: &str) {
    // One that cannot be read is followed all the same, and that says why.
    let Ok(view) = control.get(name).await else { return };
    let status = &view.status;
    output::note(match &view.finished_at {
        Some(at) => format!("note: {name} {} {}; nothing was done", ended(status), text::since(at)),
        None => format!("note: {name} was started before and is {status}; it goes on"),
    });
}

fn ended(status: &str) -> String {
    if status == "cancelled" { "was cancelled".to_owned() } else { status.to_owned() }
}

/// Starts the run where the store is held; if its holder ends meanwhile, wherever it is then.
async fn begin(
    context: &Context,
    purpose: &Purpose,
    request: StartRun,
) -> Result<(Access, StartedRun), Problem> {
    loop {
        let access = Access::get(context, purpose).await?;
        match access.control().start(request.clone()).await {
            Ok(started) => return Ok((access, started)),
            Err(problem) => {
                let is_safe = problem.code == SHUTTING_DOWN || request.name.is_some();
                let again = !access.is_here() && problem.exit_code == UNREACHABLE && is_safe;
                access.close().await;
                if !again {
                    return Err(problem);
                }
            }
        }
    }
}
