//! `resume`: goes on with a run.

use nexus_gateway::Control;
use nexus_gateway::api::{Act, Problem};

use super::acting;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::output::{self, Format};
use crate::store::{Access, Driving, Purpose, note_parked};

/// Arguments of `resume`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine resume wf-001")]
pub(crate) struct ResumeArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Return at once.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Ends the pause of a run, if it is paused, and drives it here unless another process does.
pub(crate) fn run(context: &Context, args: &ResumeArgs) -> Outcome {
    let act = acting::act(context, "");
    if args.detach {
        return detached(context, args, act);
    }
    context.block_on_two(async {
        let purpose = Purpose::Drive(Driving::named("resume"));
        let access = Access::get(context, &purpose).await?;
        match end_pause(access.control(), &args.run, act).await {
            Ok(name) => {
                let following = Following {
                    names: vec![name],
                    any: false,
                    from_start: false,
                    show: Show::Progress,
                };
                follow::to_the_end(context, access, purpose, following).await
            }
            Err(problem) => {
                access.close().await;
                Err(problem)
            }
        }
    })
}

fn detached(context: &Context, args: &ResumeArgs, act: Act) -> Outcome {
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let is_here = access.is_here();
        let name = async {
            let name = end_pause(access.control(), &args.run, act).await?;
            access.control().drive(&name).await
        };
        let acted = name.await;
        access.close().await;
        let acted = acted?;
        match output::format() {
            Format::Json | Format::Jsonl => output::json(&acted),
            Format::Name | Format::Value => output::line(&acted.id),
            Format::Table | Format::Wide => output::line(format!("{} goes on", acted.id)),
            Format::None => {}
        }
        if is_here {
            note_parked(context, &acted.id);
        }
        Ok(Code::Done)
    })
}

/// Ends the pause of a run if there is one; its name.
async fn end_pause(control: &Control, run: &str, act: Act) -> Result<String, Problem> {
    let view = control.get(run).await?;
    if view.status == "paused" {
        control.resume(&view.id, act).await?;
    }
    Ok(view.id)
}
