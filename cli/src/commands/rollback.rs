//! `rollback`: makes a version current that was published before.

use nexus_gateway::api::{Problem, RollBack};

use super::publish;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::store::{Purpose, ask};

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine rollback order-processing
  nexus-engine rollback order-processing@2 --reason 'version 3 charges twice'")]
pub(crate) struct RollbackArgs {
    /// The workflow, or the version that becomes current: NAME@2.
    #[arg(value_name = "NAME[@N]")]
    workflow: String,
    /// The number of the version that becomes current [default: the one before the current one].
    #[arg(long, value_name = "N")]
    to: Option<u32>,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Rolls back.
pub(crate) fn run(context: &Context, args: &RollbackArgs) -> Outcome {
    let numbered = args.workflow.rsplit_once('@');
    let numbered = numbered.and_then(|(name, number)| Some((name, number.parse().ok()?)));
    let (name, to) = match (numbered, args.to) {
        (Some((name, number)), None) => (name, Some(number)),
        (Some((_, number)), Some(to)) if number != to => {
            let message = format!("`{}` and `--to {to}` are two versions", args.workflow);
            return Err(Problem::new("NX1407", Code::Usage as u8, message).hint("name one"));
        }
        (Some((name, _)), to @ Some(_)) => (name, to),
        (None, to) => (args.workflow.as_str(), to),
    };
    let request = RollBack { to, reason: args.reason.clone(), by: context.by() };
    let acted =
        ask(context, &Purpose::Record, async |control| control.roll_back(name, request).await)?;
    publish::show(&acted);
    Ok(Code::Done)
}
