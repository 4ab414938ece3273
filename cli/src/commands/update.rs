//! `update`: asks a run something that a step of it checks, takes and answers.

use nexus_gateway::api::{SendUpdate, UpdateView};
use serde_json::Value;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{Access, Purpose, note_parked};

/// Arguments of `update`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine update wf-007 quantity --data '{\"qty\": 3}' --id upd-42
  nexus-engine update wf-007 quantity --data @quantity.json")]
pub(crate) struct UpdateArgs {
    /// The run: its name, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Name of the update.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it carries: JSON, @FILE, or - for standard input [default: null].
    #[arg(long, value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// A key that makes it count once: the same again is answered as it was before.
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
}

/// Sends an update and prints the reply.
pub(crate) fn run(context: &Context, args: &UpdateArgs) -> Outcome {
    let data = args.data.as_deref().map(|text| inputs::document(text, "--data")).transpose()?;
    let data = data.unwrap_or(Value::Null);
    let request = SendUpdate { data, id: args.id.clone(), by: context.by() };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let answer = access.control().update(&args.run, &args.name, request).await;
        if let Ok(update) = &answer {
            show(update);
            if !update.existing {
                note_parked(context, &access, &[&update.id]).await;
            }
        }
        access.close().await;
        answer.map(|_| Code::Done)
    })
}

fn show(view: &UpdateView) {
    let UpdateView { id, update, step, reply, existing, .. } = view;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(view),
        Format::Name => output::line(id),
        Format::Value => output::value(reply),
        Format::Table | Format::Wide => {
            let before = if *existing { " before; nothing was changed" } else { "" };
            output::line(format!("{update} accepted by {id} (step {step}){before}"));
            if !reply.is_null() {
                output::line(format!("reply  {reply}"));
            }
        }
        Format::None => {}
    }
}
