//! `limit`: how many may run at one time, who does, and who waits.

use std::time::Duration;

use clap::{Args, Subcommand};
use nexus_gateway::api::{LimitHolder, LimitSize, LimitView, SetLimit};

use crate::args::duration;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// Arguments of `limit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine limit list
  nexus-engine limit get order/card-gateway
  nexus-engine limit set order/card-gateway --slots 2
  nexus-engine limit unset order/card-gateway")]
pub(crate) struct LimitArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the limits.
    #[command(after_help = "Example:\n  nexus-engine limit list")]
    List,
    /// Show a limit: who holds a slot, and who waits for one.
    #[command(after_help = "Example:\n  nexus-engine limit get order/card-gateway")]
    Get(NameArgs),
    /// Say what a limit allows from now on, whatever definitions say.
    #[command(
        after_help = "Example:\n  nexus-engine limit set order/card-gateway --slots 2 --rate 100 --per 1m"
    )]
    Set(SetArgs),
    /// Let what definitions say count again.
    #[command(after_help = "Example:\n  nexus-engine limit unset order/card-gateway")]
    Unset(NameArgs),
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The limit.
    #[arg(value_name = "LIMIT")]
    name: String,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("size").required(true).multiple(true)))]
struct SetArgs {
    /// The limit.
    #[arg(value_name = "LIMIT")]
    name: String,
    /// How many at one time; 0 lets nothing new in.
    #[arg(long, value_name = "N", group = "size")]
    slots: Option<u32>,
    /// How many begin in the time of --per.
    #[arg(long, value_name = "N", group = "size", requires = "per")]
    rate: Option<u32>,
    /// The time of --rate, such as 1m.
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "rate")]
    per: Option<Duration>,
}

/// Does what the verb says.
pub(crate) fn run(context: &Context, args: &LimitArgs) -> Outcome {
    match &args.verb {
        Verb::List => list(context),
        Verb::Get(args) => {
            let name = args.name.as_str();
            let limit = ask(context, &Purpose::Look, async |control| control.limit(name).await)?;
            show(&limit);
            Ok(Code::Done)
        }
        Verb::Set(args) => {
            let per_ms = args.per.map(|per| u64::try_from(per.as_millis()).unwrap_or(u64::MAX));
            let size = LimitSize { slots: args.slots, rate: args.rate, rate_per_ms: per_ms };
            set(context, &args.name, Some(size))
        }
        Verb::Unset(args) => set(context, &args.name, None),
    }
}

fn set(context: &Context, name: &str, size: Option<LimitSize>) -> Outcome {
    let request = SetLimit { size, by: context.by() };
    let limit =
        ask(context, &Purpose::Record, async |control| control.set_limit(name, request).await)?;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(&limit),
        Format::Name | Format::Value => output::line(&limit.name),
        Format::Table | Format::Wide => {
            output::line(format!("{} allows {}", limit.name, words(&limit)));
        }
        Format::None => {}
    }
    Ok(Code::Done)
}

fn list(context: &Context) -> Outcome {
    let page = ask(context, &Purpose::Look, async |control| control.limits().await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.limits.iter().for_each(output::json),
        Format::Name => page.limits.iter().for_each(|limit| output::line(&limit.name)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["LIMIT", "ALLOWS", "HELD", "WAITING", "GRANTED"]);
            for limit in &page.limits {
                table.row([
                    one_line(&limit.name, 60),
                    words(limit),
                    limit.held.to_string(),
                    limit.waiting.to_string(),
                    limit.granted.to_string(),
                ]);
            }
            table.print();
        }
    }
    Ok(Code::Done)
}

fn show(limit: &LimitView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(limit),
        Format::Name | Format::Value => output::line(&limit.name),
        Format::None => {}
        Format::Table | Format::Wide => {
            let LimitView { name, held, waiting, granted, .. } = limit;
            output::line(format!(
                "{name} allows {} · {held} held · {waiting} waiting · {granted} granted so far",
                words(limit)
            ));
            if let Some(at) = &limit.wakes_at {
                output::line(format!("its rate lets the next in at {at}"));
            }
            let mut table = Table::new(&["RUN", "STEP", "SINCE", "AHEAD", "PRIORITY", "KEY"]);
            for holder in limit.holders.iter().chain(&limit.queue) {
                table.row(row(holder));
            }
            table.print();
        }
    }
}

fn row(holder: &LimitHolder) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        holder.run.clone(),
        or_dash(holder.part()),
        holder.since.clone(),
        holder.ahead.map_or_else(|| "holds a slot".to_owned(), |ahead| ahead.to_string()),
        or_dash(holder.priority.map(|priority| priority.to_string())),
        or_dash(holder.fairness_key.as_ref().map(|key| one_line(key, 40))),
    ]
}

fn words(limit: &LimitView) -> String {
    let slots = limit.size.slots.map(|slots| format!("{slots} at one time"));
    let rate = limit.size.rate.zip(limit.size.rate_per_ms);
    let rate = rate.map(|(count, ms)| format!("{count} in {ms} ms"));
    let said: Vec<String> = slots.into_iter().chain(rate).collect();
    let what = if said.is_empty() { "any number".to_owned() } else { said.join(", ") };
    if limit.is_set { format!("{what} (set)") } else { what }
}
