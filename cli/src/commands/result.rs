//! `result`: the output of a run.

use nexus_gateway::api::{Problem, RunView};
use serde_json::Value;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{self, Following, Show};
use crate::output;
use crate::store::{Access, Driving, Purpose, ask};

/// Arguments of `result`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine result wf-001 --wait --path tracking")]
pub(crate) struct ResultArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Wait until the run has ended.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print this part only, such as items.0.name.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
}

/// Prints the output of a run.
pub(crate) fn run(context: &Context, args: &ResultArgs) -> Outcome {
    let view = if args.wait { waited(context, args)? } else { Some(now(context, args)?) };
    match view {
        Some(view) => show(&view, args.path.as_deref()),
        None => Ok(Code::Interrupted),
    }
}

fn now(context: &Context, args: &ResultArgs) -> Result<RunView, Problem> {
    let view = ask(context, &Purpose::Look, async |control| control.get(&args.run).await)?;
    if view.finished_at.is_some() {
        return Ok(view);
    }
    let message = format!("{} is still {}: {}", view.id, view.status, view.why);
    // Who waits for what needs another program is refused.
    let hint = view.elsewhere.map(|code| code.hint);
    let hint = hint.unwrap_or_else(|| "--wait blocks until it ends".to_owned());
    Err(Problem::new("NX7013", Code::StillGoing as u8, message).hint(hint).run(view.id))
}

fn waited(context: &Context, args: &ResultArgs) -> Result<Option<RunView>, Problem> {
    let purpose = Purpose::Drive(Driving::named("wait"));
    context.block_on_two(async {
        let access = Access::get(context, &purpose).await?;
        let following = Following {
            names: vec![args.run.clone()],
            any: false,
            from_start: false,
            show: Show::Nothing,
        };
        let ended = follow::until_ended(context, access, purpose, following).await?;
        Ok(ended.views.into_iter().next())
    })
}

fn show(view: &RunView, path: Option<&str>) -> Outcome {
    if let Some(error) = &view.error {
        let message = format!("{} {}: {} {}", view.id, view.status, error.code, error.message);
        output::complain(format!("note: {message}"));
    }
    let code = follow::code_of(view);
    if code == Code::Cancelled {
        output::complain(format!("note: {} is cancelled, so it has no output", view.id));
    }
    if code == Code::Done {
        if view.outputs["$payload"]["forgotten"] == true {
            let message = format!("{} is forgotten: its output can be read by nobody", view.id);
            return Err(Problem::new("NX6022", Code::Conflict as u8, message)
                .hint(format!("see what is left of it: nexus-engine history {}", view.id))
                .run(&view.id));
        }
        output::value(part(&view.outputs, path)?);
    }
    Ok(code)
}

/// The part of a value at a path such as `items.0.name`.
pub(super) fn part<'v>(whole: &'v Value, path: Option<&str>) -> Result<&'v Value, Problem> {
    let mut part = whole;
    for key in path.unwrap_or_default().split('.').filter(|key| !key.is_empty()) {
        let inner = match part {
            Value::Array(items) => key.parse().ok().and_then(|at: usize| items.get(at)),
            Value::Object(map) => map.get(key),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        part = inner.ok_or_else(|| {
            Problem::new("NX7022", Code::NotFound as u8, format!("it has no `{key}`"))
                .hint("see all of it: leave out --path")
        })?;
    }
    Ok(part)
}
