//! `signal`: tells a run something.

use nexus_gateway::Control;
use nexus_gateway::api::{Acted, SendSignal, SignalView};
use serde_json::Value;

use super::acting;
use super::targets::{self, Selecting};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{self, Access, Purpose, ask, note_parked};

/// Arguments of `signal`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine signal wf-007 payment '{\"order_id\": 117}' --id pay-42
  nexus-engine signal wf-007 payment @payment.json
  nexus-engine signal --where 'waiting ~ payment' payment '{\"order_id\": 117}' --yes")]
pub(crate) struct SignalArgs {
    /// The run; left out with --where.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Name of the signal.
    #[arg(value_name = "NAME", required_unless_present = "selection")]
    pub(crate) name: Option<String>,
    /// What it carries: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "JSON")]
    pub(crate) payload: Option<String>,
    /// A key that makes it count once: the same again changes nothing, and something else with it is refused (NX3046).
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
    /// Which runs.
    #[command(flatten)]
    pub(crate) selecting: Selecting,
}

/// What is sent, taken apart: with a selection the words begin with the name of the signal.
struct Words<'a> {
    runs: Vec<String>,
    name: &'a str,
    payload: Option<&'a str>,
}

impl SignalArgs {
    fn words(&self) -> Words<'_> {
        match (&self.selecting.selection, &self.name) {
            (None, Some(name)) => {
                Words { runs: vec![self.run.clone()], name, payload: self.payload.as_deref() }
            }
            (_, payload) => {
                Words { runs: Vec::new(), name: &self.run, payload: payload.as_deref() }
            }
        }
    }
}

/// Sends a signal.
pub(crate) fn run(context: &Context, args: &SignalArgs) -> Outcome {
    let Words { runs, name, payload } = args.words();
    let payload = payload.map(|text| inputs::document(text, "the payload")).transpose()?;
    let payload = payload.unwrap_or(Value::Null);
    let request = SendSignal { payload, id: args.id.clone(), by: context.by() };
    let (open, selecting) = (&targets::OPEN, &args.selecting);
    let Some(runs) = targets::agreed(context, &runs, selecting, open, "signal")? else {
        return Ok(Code::Done);
    };
    let run = match runs.as_slice() {
        [run] if selecting.selection.is_none() => run,
        runs => return several(context, runs, name, &request),
    };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let answer = access.control().signal(run, name, request).await;
        if let Ok(signal) = &answer {
            show(signal);
            if signal.step.is_some() {
                note_parked(context, &access, &[&signal.id]).await;
            } else if !signal.existing {
                store::note_program(access.control(), &signal.id).await;
            }
        }
        access.close().await;
        answer.map(|_| Code::Done)
    })
}

/// Tells several runs the same.
fn several(context: &Context, runs: &[String], name: &str, request: &SendSignal) -> Outcome {
    ask(context, &Purpose::Record, async |control| {
        let send = async |control: &Control, run: &str| {
            let signal = control.signal(run, name, request.clone()).await?;
            let revision = signal.revision.unwrap_or_default();
            Ok(Acted { kind: "acted/v1".into(), id: signal.id, action: "signal".into(), revision })
        };
        acting::each(control, runs, &format!("received {name}"), send).await
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
