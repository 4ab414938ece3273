//! `projection`: the views that follow the log.

use clap::{Args, Subcommand};
use nexus_engine::projections::Views;
use nexus_gateway::api::{Problem, RebuildView};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;
use crate::store::{self, Purpose};
use crate::text::{Table, count, took};

/// Arguments of `projection`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine projection list
  nexus-engine projection rebuild -o json")]
pub(crate) struct ProjectionArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the views.
    #[command(after_help = "Example:\n  nexus-engine projection list")]
    List,
    /// Fold the views from the log again and compare checksums.
    #[command(after_help = "\
Example:
  nexus-engine projection rebuild

Exit code 7 if a view is not what the log says.")]
    Rebuild,
}

/// Lists or rebuilds views.
pub(crate) fn run(context: &Context, args: &ProjectionArgs) -> Outcome {
    match args.verb {
        Verb::List => Ok(list()),
        Verb::Rebuild => rebuild(context),
    }
}

fn list() -> Code {
    let views = Views::names().into_iter().map(|name| (name, about(name)));
    if output::format().is_json() {
        let views: Vec<_> =
            views.map(|(name, about)| json!({ "view": name, "about": about })).collect();
        output::json(&json!({ "kind": "projections/v1", "views": views }));
    } else {
        let mut table = Table::new(&["VIEW", "HOLDS"]);
        views.for_each(|(name, about)| table.row([name, about]));
        table.print();
    }
    Code::Done
}

/// What a view holds.
fn about(view: &str) -> &'static str {
    match view {
        "runs" => "a row for each run: status, workflow, times, labels",
        "resume" => "the runs that have not ended",
        "audit" => "who did what, when, and from where",
        "metrics" => "counts of runs, steps and attempts",
        "aggregates" => "what many runs share, such as schedules",
        _ => "",
    }
}

fn rebuild(context: &Context) -> Outcome {
    let rebuilt = store::ask(context, &Purpose::Look, async |control| control.rebuild().await)?;
    if output::format().is_json() {
        output::json(&rebuilt);
    } else {
        show(&rebuilt);
    }
    if rebuilt.same {
        return Ok(Code::Done);
    }
    let different = rebuilt.views.iter().filter(|view| view.before.as_ref() != Some(&view.after));
    let names: Vec<&str> = different.map(|view| view.view.as_str()).collect();
    let message = format!("not what the log says: {}", names.join(", "));
    Err(Problem::new("NX6011", Code::Differs as u8, message)
        .hint("delete the folder `views` of the store while no process holds it: it is made anew"))
}

fn show(rebuilt: &RebuildView) {
    let mut table = Table::new(&["VIEW", "BEFORE", "AFTER", ""]);
    for view in &rebuilt.views {
        let same =
            if view.before.as_ref() == Some(&view.after) { "✔ same" } else { "✘ differs" };
        table.row([
            view.view.as_str(),
            &short(view.before.as_deref().unwrap_or("–")),
            &short(&view.after),
            same,
        ]);
    }
    table.print();
    let records = count(usize::try_from(rebuilt.records).unwrap_or(usize::MAX), "event");
    output::note(format!("{records} read in {}", took(rebuilt.took_ms)));
}

/// The beginning of a checksum.
fn short(checksum: &str) -> String {
    checksum.chars().take(16).collect()
}
