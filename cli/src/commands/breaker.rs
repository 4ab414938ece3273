//! `breaker`: whether targets may be called, who calls them, and who waits.

use clap::{Args, Subcommand};
use nexus_gateway::api::{Act, BreakerView, LimitHolder};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// Arguments of `breaker`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine breaker list
  nexus-engine breaker get payments
  nexus-engine breaker reset payments")]
pub(crate) struct BreakerArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the circuit breakers.
    #[command(after_help = "Example:\n  nexus-engine breaker list")]
    List,
    /// Show a circuit breaker: who calls its target, and who waits.
    #[command(after_help = "Example:\n  nexus-engine breaker get payments")]
    Get(TargetArgs),
    /// Close a circuit breaker, whatever has happened: those who wait call at once.
    #[command(after_help = "Example:\n  nexus-engine breaker reset payments")]
    Reset(TargetArgs),
}

#[derive(Debug, Args)]
struct TargetArgs {
    /// What it guards.
    #[arg(value_name = "TARGET")]
    target: String,
}

/// Does what the verb says.
pub(crate) fn run(context: &Context, args: &BreakerArgs) -> Outcome {
    match &args.verb {
        Verb::List => list(context),
        Verb::Get(TargetArgs { target }) => {
            let breaker =
                ask(context, &Purpose::Look, async |control| control.breaker(target).await)?;
            show(&breaker);
            Ok(Code::Done)
        }
        Verb::Reset(TargetArgs { target }) => reset(context, target),
    }
}

fn reset(context: &Context, target: &str) -> Outcome {
    let act = Act { by: context.by(), ..Act::default() };
    let breaker =
        ask(context, &Purpose::Record, async |control| control.reset_breaker(target, act).await)?;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(&breaker),
        Format::Name | Format::Value => output::line(&breaker.target),
        Format::Table | Format::Wide => {
            output::line(format!(
                "the circuit breaker of {} is {}",
                breaker.target,
                words(&breaker)
            ));
        }
        Format::None => {}
    }
    Ok(Code::Done)
}

fn list(context: &Context) -> Outcome {
    let page = ask(context, &Purpose::Look, async |control| control.breakers().await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.breakers.iter().for_each(output::json),
        Format::Name => page.breakers.iter().for_each(|breaker| output::line(&breaker.target)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["TARGET", "STATE", "OPENED", "CALLING", "WAITING"]);
            for breaker in &page.breakers {
                table.row([
                    one_line(&breaker.target, 60),
                    words(breaker),
                    breaker.opened.to_string(),
                    breaker.calling.to_string(),
                    breaker.waiting.to_string(),
                ]);
            }
            table.print();
        }
    }
    Ok(Code::Done)
}

fn show(breaker: &BreakerView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(breaker),
        Format::Name | Format::Value => output::line(&breaker.target),
        Format::None => {}
        Format::Table | Format::Wide => {
            let BreakerView { target, opened, calling, waiting, .. } = breaker;
            let opened = count(*opened, "time", "times");
            output::line(format!(
                "{target} is {} · opened {opened} · {calling} calling · {waiting} waiting",
                words(breaker)
            ));
            output::line(format!(
                "it opens after {} in a row, for {} ms, and closes after {}",
                count(breaker.failures_max.into(), "failure", "failures"),
                breaker.open_ms,
                count(breaker.successes_max.into(), "success", "successes")
            ));
            let mut table = Table::new(&["RUN", "STEP", "SINCE", "AHEAD"]);
            for holder in breaker.calls.iter().chain(&breaker.queue) {
                table.row(row(holder));
            }
            table.print();
        }
    }
}

/// `1 success`, `2 successes`.
fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

fn row(holder: &LimitHolder) -> [String; 4] {
    [
        holder.run.clone(),
        holder.part().unwrap_or_else(|| "-".to_owned()),
        holder.since.clone(),
        holder.ahead.map_or_else(|| "calls".to_owned(), |ahead| ahead.to_string()),
    ]
}

fn words(breaker: &BreakerView) -> String {
    match breaker.state.as_str() {
        "open" => format!("open until {}", breaker.until.as_deref().unwrap_or("-")),
        "half_open" => {
            format!("half open, {} of {} succeeded", breaker.successes, breaker.successes_max)
        }
        _ if breaker.failures > 0 => {
            format!("closed, {} of {} failed", breaker.failures, breaker.failures_max)
        }
        _ => "closed".to_owned(),
    }
}
