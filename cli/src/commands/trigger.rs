//! `trigger`: workflows that are started by events.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nexus_gateway::api::{SetTriggers, TopicView, TriggerView, TriggersActed};

use super::acting::act;
use super::published::{self, Meant};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// Arguments of `trigger`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine trigger create examples/on-event.workflow.yaml
  nexus-engine trigger list
  nexus-engine trigger delete order.shipped thanks")]
pub(crate) struct TriggerArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Have the events of a workflow's triggers start it from now on.
    #[command(
        after_help = "Example:\n  nexus-engine trigger create examples/on-event.workflow.yaml"
    )]
    Create(CreateArgs),
    /// List the events, who waits for them, and what they start.
    #[command(after_help = "Example:\n  nexus-engine trigger list")]
    List,
    /// Delete a trigger; runs that it started go on.
    #[command(after_help = "Example:\n  nexus-engine trigger delete order.shipped thanks")]
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// File of the workflow, `-` for standard input, or what is published: NAME, NAME@3, or a hash.
    #[arg(value_name = "FILE|NAME")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct DeleteArgs {
    /// The event.
    #[arg(value_name = "EVENT")]
    event: String,
    /// The trigger: the workflow's name, if it has none of its own.
    #[arg(value_name = "TRIGGER")]
    name: String,
}

/// Does what the verb says.
pub(crate) fn run(context: &Context, args: &TriggerArgs) -> Outcome {
    match &args.verb {
        Verb::Create(args) => create(context, args),
        Verb::List => list(context),
        Verb::Delete(args) => {
            let act = act(context, "");
            let acted = ask(context, &Purpose::Record, async |control| {
                control.delete_trigger(&args.event, &args.name, act).await
            })?;
            show(&acted);
            Ok(Code::Done)
        }
    }
}

fn create(context: &Context, args: &CreateArgs) -> Outcome {
    let Some(meant) = published::meant(context, &args.file)? else { return Ok(Code::Usage) };
    let (definition, workflow) = meant.to_send();
    let Meant { callees, folder, .. } = meant;
    let request = SetTriggers { definition, workflow, callees, folder, by: context.by() };
    let acted = ask(context, &Purpose::Begin, async |control| control.set_triggers(request).await)?;
    show(&acted);
    Ok(Code::Done)
}

fn show(acted: &TriggersActed) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(acted),
        Format::Name | Format::Value => {
            acted.triggers.iter().for_each(|trigger| output::line(&trigger.name));
        }
        Format::None => {}
        Format::Table | Format::Wide => {
            for trigger in &acted.triggers {
                let what = match trigger.action.as_str() {
                    "set" => "starts",
                    "unchanged" => "starts already",
                    _ => "no longer starts",
                };
                output::line(format!("{} {what} {}", trigger.event, trigger.name));
            }
        }
    }
}

fn list(context: &Context) -> Outcome {
    let page = ask(context, &Purpose::Look, async |control| control.topics().await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.topics.iter().for_each(output::json),
        Format::Name => page.topics.iter().for_each(|topic| output::line(&topic.event)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["EVENT", "EMITTED", "WAITING", "STARTED", "STARTS"]);
            for topic in &page.topics {
                table.row([
                    topic.event.clone(),
                    topic.emitted.to_string(),
                    topic.waiting.to_string(),
                    topic.started.to_string(),
                    one_line(&starts(topic), 60),
                ]);
            }
            table.print();
            for topic in &page.topics {
                for why in topic.triggers.iter().filter_map(|trigger| trigger.silent.as_ref()) {
                    output::note(format!("{} starts nothing: {why}", topic.event));
                }
            }
        }
    }
    Ok(Code::Done)
}

fn starts(topic: &TopicView) -> String {
    let name = |trigger: &TriggerView| match &trigger.silent {
        Some(_) => format!("{} (nothing now)", trigger.name),
        None => trigger.name.clone(),
    };
    let names: Vec<String> = topic.triggers.iter().map(name).collect();
    match &topic.failure {
        Some(failure) => format!("{} (failed: {failure})", names.join(", ")),
        None => names.join(", "),
    }
}
