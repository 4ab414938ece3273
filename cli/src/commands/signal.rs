//! `signal`: tells a run something.

use nexus_gateway::api::{SendSignal, SignalView};
use serde_json::Value;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{Access, Purpose, note_parked};

/// Arguments of `signal`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine signal wf-007 payment '{\"order_id\": 117}' --id pay-42
  nexus-engine signal wf-007 payment @payment.json")]
pub(crate) struct SignalArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Name of the signal.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it carries: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "JSON")]
    pub(crate) payload: Option<String>,
    /// A key that makes it count once: the same again changes nothing.
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
}

/// Sends a signal.
pub(crate) fn run(context: &Context, args: &SignalArgs) -> Outcome {
    let payload = args.payload.as_deref().map(inputs::document).transpose()?;
    let payload = payload.unwrap_or(Value::Null);
    let request = SendSignal { payload, id: args.id.clone(), by: context.by() };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let here = access.is_here();
        let answer = access.control().signal(&args.run, &args.name, request).await;
        access.close().await;
        let signal = answer?;
        show(&signal);
        if here && signal.step.is_some() {
            note_parked(context, &signal.id);
        }
        Ok(Code::Done)
    })
}

fn show(signal: &SignalView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(signal),
        Format::Name | Format::Value => output::line(&signal.id),
        Format::Table | Format::Wide => output::line(said(signal)),
        Format::None => {}
    }
}

fn said(signal: &SignalView) -> String {
    let SignalView { id, signal, step, existing, .. } = signal;
    match step {
        _ if *existing => format!("{id} received {signal} already; nothing was changed"),
        Some(step) => format!("{signal} delivered to {id} (step {step})"),
        None => format!("kept: no step of {id} waits for {signal} yet"),
    }
}
