//! `retry`: continues runs with the steps that did not complete.

use std::path::PathBuf;

use nexus_gateway::Control;
use nexus_gateway::api::{Act, Problem};

use super::targets::{self, Selecting};
use super::{acting, published};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::output::{self, Format};
use crate::store::{self, Access, Driving, Purpose, note_parked};

/// Arguments of `retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine retry @last-failed --watch
  nexus-engine retry wf-001 --with mended.workflow.yaml --reason 'the address was wrong'
  nexus-engine retry --where 'status = failed and error = NX3001 and age < 1h' --yes")]
pub(crate) struct RetryArgs {
    /// The runs.
    #[arg(value_name = "RUN", required_unless_present = "selection")]
    pub(crate) runs: Vec<String>,
    /// Which runs.
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    /// Go on with the workflow in this file, or a published one: a definition in which what did not complete is mended.
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) with: Option<PathBuf>,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
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
    let Some(act) = act(context, args)? else { return Ok(Code::Usage) };
    if args.watch { watched(context, &runs, &act) } else { recorded(context, &runs, &act) }
}

/// Who asks, why, and with which definition; `None`: something is wrong with that, which has been shown then.
fn act(context: &Context, args: &RetryArgs) -> Result<Option<Act>, Problem> {
    let act = acting::act(context, &args.reason);
    let Some(with) = &args.with else { return Ok(Some(act)) };
    let Some(meant) = published::meant(context, with)? else { return Ok(None) };
    let reason = match args.reason.as_str() {
        "" => with.display().to_string(),
        reason => format!("{}: {reason}", with.display()),
    };
    let definition = published::json(&meant.definition);
    Ok(Some(Act { reason, definition, callees: meant.callees, ..act }))
}

fn recorded(context: &Context, runs: &[String], act: &Act) -> Outcome {
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let retry = async |control: &Control, run: &str| {
            let acted = control.retry(run, act.clone()).await?;
            note_parked(context, &access, &[&acted.id]).await;
            Ok(acted)
        };
        let done = acting::each(access.control(), runs, "continues", retry).await;
        access.close().await;
        done
    })
}

fn watched(context: &Context, runs: &[String], act: &Act) -> Outcome {
    context.block_on_two(async {
        let purpose = Purpose::Drive(Driving::named("retry"));
        let access = Access::get(context, &purpose).await?;
        let (mut names, mut refused) = (Vec::new(), None);
        for run in runs {
            match access.control().retry(run, act.clone()).await {
                Ok(acted) => match access.control().drive(&acted.id).await {
                    Err(problem) if store::is_in_a_program(&problem) => {
                        match output::format() {
                            Format::Json | Format::Jsonl => output::json(&acted),
                            Format::Name | Format::Value => output::line(&acted.id),
                            Format::Table | Format::Wide => {
                                output::line(format!("{} continues", acted.id));
                            }
                            Format::None => {}
                        }
                        output::note(format!("note: {}", problem.hint.unwrap_or(problem.message)));
                    }
                    Ok(_) | Err(_) => names.push(acted.id),
                },
                Err(problem) => {
                    output::problem(&problem);
                    refused = Some(Code::Conflict);
                }
            }
        }
        if names.is_empty() {
            access.close().await;
            return Ok(refused.unwrap_or(Code::Done));
        }
        let following = Following { names, any: false, from_start: false, show: Show::Progress };
        follow::to_the_end(context, access, purpose, following).await
    })
}
