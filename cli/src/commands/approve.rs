//! `approve` and `reject`: a person decides what a step asks.

use std::collections::BTreeMap;

use nexus_gateway::api::{ApprovalAnswer, By, DecidedView};
use serde_json::Value;

use crate::args::pair;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{Access, Purpose, note_parked};

/// Arguments of `approve` and `reject`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine approve wf-007
  nexus-engine approve wf-007 ok --note \"known customer\" --form discount=0.1
  nexus-engine reject wf-007 ok --as dana --group ops --note \"too risky\"")]
pub(crate) struct AnswerArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The step; needed if several steps of the run ask.
    #[arg(value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// What there is to say to it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
    /// A field of the form; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) form: Vec<(String, String)>,
    /// The whole form: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON")]
    pub(crate) form_json: Option<String>,
    /// Who decides, if it is not the user of the system.
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: Option<String>,
    /// A group of who decides; may be repeated.
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
}

/// Approves or rejects.
pub(crate) fn run(context: &Context, args: AnswerArgs, approved: bool) -> Outcome {
    let form = args.form_json.as_deref();
    let form = form.map(|text| inputs::document(text, "--form-json")).transpose()?;
    let answer = ApprovalAnswer {
        step: args.step,
        note: args.note,
        form: form.unwrap_or(Value::Null),
        texts: args.form.into_iter().collect::<BTreeMap<_, _>>(),
        groups: args.group,
        by: who(context, args.user),
    };
    context.block_on(async {
        let access = Access::get(context, &Purpose::Record).await?;
        let control = access.control();
        let decided = if approved {
            control.approve(&args.run, answer).await
        } else {
            control.reject(&args.run, answer).await
        };
        if let Ok(decided) = &decided {
            show(decided);
            note_parked(context, &access, &[&decided.id]).await;
        }
        access.close().await;
        decided.map(|_| Code::Done)
    })
}

/// Who decides. The audit keeps the user of the system beside the name they gave.
pub(crate) fn who(context: &Context, user: Option<String>) -> By {
    let by = context.by();
    match user {
        Some(user) if user != by.name => By { name: user, via: format!("{}:{}", by.via, by.name) },
        Some(_) | None => by,
    }
}

fn show(decided: &DecidedView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(decided),
        Format::Name | Format::Value => output::line(&decided.id),
        Format::Table | Format::Wide => {
            let word = if decided.approved { "approved" } else { "rejected" };
            let DecidedView { id, step, by, .. } = decided;
            output::line(format!("{step} of {id} {word} by {}", by.name));
        }
        Format::None => {}
    }
}
