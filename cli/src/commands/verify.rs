//! `verify`: reads the whole store and checks everything against everything else.

use clap::Args;
use nexus_gateway::api::{Problem, VerifyView};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;
use crate::store::{self, Purpose};
use crate::text::count;

/// Problems that are shown to people.
const SHOWN_MAX: usize = 20;

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  nexus-engine verify --store .nexus

Checks frames and their checksums, positions, the chain of every run, the index, payloads, the head
of the log, and the rows that follow from it. Works while another process holds the store. Exit code
10 if something does not match; each place is named.")]
pub(crate) struct VerifyArgs {}

/// Checks the store.
pub(crate) fn run(context: &Context, _: &VerifyArgs) -> Outcome {
    let found = store::ask(context, &Purpose::Look, async |control| control.verify().await)?;
    if output::format().is_json() {
        output::json(&found);
    }
    if found.problems.is_empty() {
        if !output::format().is_json() {
            output::line(format!("✔ {} · head {}", read(&found), short(&found.head)));
        }
        return Ok(Code::Done);
    }
    if !output::format().is_json() {
        found
            .problems
            .iter()
            .take(SHOWN_MAX)
            .for_each(|problem| output::line(format!("✘ {problem}")));
        let more = found.problems.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            output::line(format!("… and {more} more; all with -o json"));
        }
        output::line(read(&found));
    }
    Err(refusal(&found))
}

/// What was read.
fn read(found: &VerifyView) -> String {
    let number = |number: u64, thing| count(usize::try_from(number).unwrap_or(usize::MAX), thing);
    format!(
        "{}, {}, {}, {}, {}",
        number(found.records, "event"),
        number(found.frames, "frame"),
        number(found.streams, "run"),
        number(found.payloads, "payload"),
        number(found.rows, "row"),
    )
}

fn refusal(found: &VerifyView) -> Problem {
    let first = found.problems.first().map_or("", String::as_str);
    let message = match found.problems.len() {
        1 => format!("the store is damaged: {first}"),
        number => format!("the store is damaged in {number} places, first: {first}"),
    };
    Problem::new("NX6002", Code::Damaged as u8, message)
        .hint("keep a copy of the store, then restore it from a backup")
}

/// The beginning of a hash.
fn short(hash: &str) -> String {
    hash.chars().take(16).collect()
}
