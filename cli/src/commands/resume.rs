//! `resume`: goes on with a run.

use nexus_gateway::Control;
use nexus_gateway::api::{Act, Acted, Problem};

use super::acting;
use super::scope::{self, ScopeArgs};
use super::targets::{self, Selecting};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::output::{self, Format};
use crate::store::{self, Access, Driving, Purpose, note_parked};

/// The run does not stand so that it could be done: it is not paused.
const NOT_SO: &str = "NX7007";

/// Arguments of `resume`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine resume wf-001
  nexus-engine resume wf-001 --step charge
  nexus-engine resume --where 'status = paused' --yes
  nexus-engine resume --workflow order")]
pub(crate) struct ResumeArgs {
    /// The runs. A single one is driven here to its end, unless another process drives it.
    #[arg(value_name = "RUN", required_unless_present_any = ["selection", "scope"])]
    pub(crate) runs: Vec<String>,
    /// Which runs.
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    /// Resume only this step of the runs.
    #[arg(long, value_name = "STEP", conflicts_with = "scope")]
    pub(crate) step: Option<String>,
    /// What, beside runs.
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Return at once.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Ends the pause of a run, if it is paused, and drives it here unless another process does.
pub(crate) fn run(context: &Context, args: &ResumeArgs) -> Outcome {
    let act = acting::act(context, "");
    if let Some(scope) = args.scope.scope() {
        return scope::resume(context, scope);
    }
    let is_bulk = args.selecting.selection.is_some() || args.selecting.dry_run;
    let run = match args.runs.as_slice() {
        [run] if args.step.is_none() && !is_bulk => run,
        _ => return several(context, args, &act),
    };
    if args.detach {
        return context.block_on(detached(context, run, act));
    }
    context.block_on_two(async {
        let purpose = Purpose::Drive(Driving::named("resume"));
        let access = Access::get(context, &purpose).await?;
        if is_in_a_program(access.control(), run).await {
            access.close().await;
            return detached(context, run, act).await;
        }
        match end_pause(access.control(), run, act).await {
            Ok((name, _)) => {
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

/// Ends the pauses of several runs, or of a step of theirs; whoever drives them goes on.
fn several(context: &Context, args: &ResumeArgs, act: &Act) -> Outcome {
    let wanted: &[&str] = if args.step.is_some() { &targets::OPEN } else { &["paused"] };
    let selecting = &args.selecting;
    let Some(runs) = targets::agreed(context, &args.runs, selecting, wanted, "resume")? else {
        return Ok(Code::Done);
    };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let resume = async |control: &Control, run: &str| match args.step.as_deref() {
            Some(step) => control.resume_step(run, step, act.clone()).await,
            None => control.resume(run, act.clone()).await,
        };
        let done = acting::each(access.control(), &runs, "goes on", resume).await;
        if done.is_ok() {
            note_parked(context, &access, &runs).await;
        }
        access.close().await;
        done
    })
}

/// Ends the pause of a run, and leaves it to whoever drives it.
async fn detached(context: &Context, run: &str, act: Act) -> Outcome {
    let access = Access::get(context, &Purpose::Record).await?;
    let acted = async {
        let control = access.control();
        match end_pause(control, run, act).await? {
            (name, Some(acted)) if is_in_a_program(control, &name).await => Ok(acted),
            (name, _) => control.drive(&name).await,
        }
    };
    let acted = acted.await;
    if let Ok(acted) = &acted {
        match output::format() {
            Format::Json | Format::Jsonl => output::json(acted),
            Format::Name | Format::Value => output::line(&acted.id),
            Format::Table | Format::Wide => output::line(format!("{} goes on", acted.id)),
            Format::None => {}
        }
        note_parked(context, &access, &[&acted.id]).await;
    }
    access.close().await;
    acted.map(|_| Code::Done)
}

/// Whether a run can be carried out by another program only.
async fn is_in_a_program(control: &Control, name: &str) -> bool {
    let Ok(view) = control.get(name).await else { return false };
    if acting::whole(name, &view.id).is_err() {
        return false;
    }
    control.drive(name).await.is_err_and(|problem| store::is_in_a_program(&problem))
}

/// Ends the pause of a run if there is one; its name, and what was done.
async fn end_pause(
    control: &Control,
    run: &str,
    act: Act,
) -> Result<(String, Option<Acted>), Problem> {
    let view = control.get(run).await?;
    acting::whole(run, &view.id)?;
    let mut acted = None;
    match view.status.as_str() {
        "paused" => acted = Some(control.resume(&view.id, act).await?),
        // Their status does not say whether they are paused as well.
        "failing" | "cancelling" | "compensating" => match control.resume(&view.id, act).await {
            Err(problem) if problem.code != NOT_SO => return Err(problem),
            answer => acted = answer.ok(),
        },
        _ => {}
    }
    Ok((view.id, acted))
}
