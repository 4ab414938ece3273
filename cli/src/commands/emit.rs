//! `emit`: emits an event for all who wait for it, and for the workflows it starts.

use nexus_gateway::api::EmitEvent;
use serde_json::Value;

use super::schedule::note_idle;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{Access, Purpose};

/// Arguments of `emit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine emit order.created --data '{\"order\": 7, \"total\": 40}'
  nexus-engine emit order.created --data @order.json --id shop-7")]
pub(crate) struct EmitArgs {
    /// Name of the event.
    #[arg(value_name = "EVENT")]
    event: String,
    /// What it carries: JSON, @FILE, or - for standard input [default: null].
    #[arg(long, value_name = "JSON|@FILE|-")]
    data: Option<String>,
    /// A key that makes it count once: the same again changes nothing.
    #[arg(long, value_name = "KEY")]
    id: Option<String>,
}

/// Emits an event.
pub(crate) fn run(context: &Context, args: &EmitArgs) -> Outcome {
    let data = args.data.as_deref().map(|text| inputs::document(text, "--data")).transpose()?;
    let data = data.unwrap_or(Value::Null);
    let request = EmitEvent { data, id: args.id.clone(), by: context.by() };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Begin).await?;
        let here = access.is_here();
        let answer = access.control().emit(&args.event, request).await;
        access.close().await;
        let event = answer?;
        match output::format() {
            Format::Json | Format::Jsonl => output::json(&event),
            Format::Name | Format::Value => output::line(&event.id),
            Format::None => {}
            Format::Table | Format::Wide if event.existing => output::line(format!(
                "{} with id {} was emitted before; nothing was changed",
                event.event, event.id
            )),
            Format::Table | Format::Wide => {
                output::line(format!("{} emitted · id {}", event.event, event.id));
            }
        }
        if here && !event.existing {
            note_idle(context, "events are delivered");
        }
        Ok(Code::Done)
    })
}
