//! `pause`: nothing goes on in runs, or in one of their steps, until they are resumed.

use nexus_gateway::Control;

use super::acting;
use super::scope::{self, ScopeArgs};
use super::targets::{self, Selecting};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::store::{Purpose, ask};

/// Arguments of `pause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine pause wf-001 --reason 'the bank is closed'
  nexus-engine pause wf-001 --step charge
  nexus-engine pause --where 'workflow = order and age > 1h' --yes
  nexus-engine pause --workflow order
  nexus-engine pause --list")]
pub(crate) struct PauseArgs {
    /// The runs.
    #[arg(value_name = "RUN", required_unless_present_any = ["selection", "scope", "list"])]
    pub(crate) runs: Vec<String>,
    /// Which runs.
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    /// Pause only this step of the runs: the others go on.
    #[arg(long, value_name = "STEP", conflicts_with = "scope")]
    pub(crate) step: Option<String>,
    /// What, beside runs.
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// List the pauses of the engine, of workflows and of labels.
    #[arg(long, conflicts_with_all = ["runs", "selection", "scope"])]
    pub(crate) list: bool,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Pauses runs.
pub(crate) fn run(context: &Context, args: &PauseArgs) -> Outcome {
    if args.list {
        return scope::list(context);
    }
    if let Some(scope) = args.scope.scope() {
        return scope::pause(context, scope, &args.reason);
    }
    // One that is paused already has nothing to be paused, but for one of its steps.
    let open: Vec<&str> = targets::OPEN
        .into_iter()
        .filter(|status| args.step.is_some() || *status != "paused")
        .collect();
    let Some(runs) = targets::agreed(context, &args.runs, &args.selecting, &open, "pause")? else {
        return Ok(Code::Done);
    };
    let act = acting::act(context, &args.reason);
    ask(context, &Purpose::Record, async |control| {
        let (step, done) = match args.step.as_deref() {
            Some(step) => (Some(step), format!("pauses step {step}")),
            None => (None, "is paused".to_owned()),
        };
        let pause = async |control: &Control, run: &str| match step {
            Some(step) => control.pause_step(run, step, act.clone()).await,
            None => control.pause(run, act.clone()).await,
        };
        acting::each(control, &runs, &done, pause).await
    })
}
