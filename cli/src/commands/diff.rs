//! `diff`: what differs between two definitions, by meaning.

use std::path::{Path, PathBuf};

use nexus_engine::model::plan::Plan;
use nexus_gateway::api::{CompareDefinitions, DefinitionRef, DiffLine, DiffView, Problem};
use serde_json::Value;

use super::published::{self, Meant};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::one_line;

/// How much of a value is shown.
const VALUE_CHARS_MAX: usize = 60;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nexus-engine diff order-processing@1 order-processing@2
  nexus-engine diff order-processing order.workflow.yaml --exit-code")]
pub(crate) struct DiffArgs {
    /// The old one: NAME, NAME@3, a hash, or a file.
    #[arg(value_name = "OLD")]
    from: PathBuf,
    /// The new one.
    #[arg(value_name = "NEW")]
    to: PathBuf,
    /// End with 7 if something differs.
    #[arg(long)]
    exit_code: bool,
}

/// Compares.
pub(crate) fn run(context: &Context, args: &DiffArgs) -> Outcome {
    let Some(from) = published::meant(context, &args.from)? else { return Ok(Code::Usage) };
    let Some(to) = published::meant(context, &args.to)? else { return Ok(Code::Usage) };
    let diff = if from.reference.is_none() && to.reference.is_none() {
        nexus_gateway::diff(&plan(from, &args.from)?, &plan(to, &args.to)?)
    } else {
        // What a file calls by name is compared as it would be published.
        let request = CompareDefinitions { from: reference(from), to: reference(to) };
        ask(context, &Purpose::Look, async |control| control.compare(request).await)?
    };
    show(&diff);
    let differs = args.exit_code && !diff.differences.is_empty();
    Ok(if differs { Code::Differs } else { Code::Done })
}

fn reference(meant: Meant) -> DefinitionRef {
    let (definition, reference) = meant.to_send();
    DefinitionRef { reference, definition, callees: meant.callees }
}

fn plan(meant: Meant, subject: &Path) -> Result<Plan, Problem> {
    Plan::compile(meant.definition).map_err(|_| {
        let message = format!("the definition of {} cannot be used", subject.display());
        Problem::new("NX7019", Code::Usage as u8, message).hint("publish it again")
    })
}

fn show(diff: &DiffView) {
    match output::format() {
        Format::Json => output::json(diff),
        Format::Jsonl => diff.differences.iter().for_each(output::json),
        Format::Name | Format::Value | Format::None => {}
        Format::Table | Format::Wide if diff.differences.is_empty() => {
            output::line("they mean the same");
        }
        Format::Table | Format::Wide => {
            diff.differences.iter().for_each(|difference| output::line(line(difference)));
        }
    }
}

/// `~ step charge: retry.max_attempts 3 → 5`.
pub(super) fn line(difference: &DiffLine) -> String {
    let DiffLine { of, what, name, key, before, after } = difference;
    let sign = match what.as_str() {
        "added" => '+',
        "removed" => '-',
        _ => '~',
    };
    let subject = if name.is_empty() { of.clone() } else { format!("{of} {name}") };
    let value = |value: &Value| {
        if value.is_null() {
            return "–".to_owned();
        }
        one_line(&value.to_string(), VALUE_CHARS_MAX)
    };
    match key {
        Some(key) => format!("{sign} {subject}: {key} {} → {}", value(before), value(after)),
        None if of == "order" => format!("{sign} order of the steps"),
        None => format!("{sign} {subject}"),
    }
}
