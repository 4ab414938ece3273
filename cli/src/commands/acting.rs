//! What `pause`, `cancel` and `retry` share: several runs, asked one after the other.

use std::io::Write;

use nexus_gateway::api::{Act, Acted, Problem};
use nexus_gateway::{Control, not_whole};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};

/// How many runs are named before the user is asked.
const NAMED_MAX: usize = 10;

/// Who asks, and why.
pub(crate) fn act(context: &Context, reason: &str) -> Act {
    Act { reason: reason.to_owned(), by: context.by(), ..Act::default() }
}

/// The names of the runs that are meant, each once. Several are looked up before anything is asked of one of them.
///
/// # Errors
/// The problem of the last one that is not there; those of the others are printed. Nothing was changed then.
pub(crate) fn found(context: &Context, runs: &[String]) -> Result<Vec<String>, Problem> {
    if runs.len() < 2 {
        return Ok(runs.to_vec());
    }
    let views = ask(context, &Purpose::Look, async |control| {
        let mut views = Vec::new();
        for run in runs {
            let view = control.get(run).await;
            views.push(view.and_then(|view| whole(run, &view.id).map(|()| view)));
        }
        Ok(views)
    })?;
    let (mut names, mut missing): (Vec<String>, Vec<Problem>) = Default::default();
    for view in views {
        match view {
            Ok(view) if names.contains(&view.id) => {}
            Ok(view) => names.push(view.id),
            Err(problem) => missing.push(problem),
        }
    }
    let Some(last) = missing.pop() else { return Ok(names) };
    missing.iter().for_each(output::problem);
    Err(Problem { message: format!("{}; nothing was changed", last.message), ..last })
}

/// Refuses the beginning of a name for what changes a run, which is named by all of it, or by `@last`.
///
/// # Errors
/// NX7011, which names the run that was found.
pub(crate) fn whole(said: &str, found: &str) -> Result<(), Problem> {
    if said == found || said.starts_with('@') {
        return Ok(());
    }
    Err(not_whole(said, &[found.to_owned()]))
}

/// Asks before several runs are changed.
///
/// # Errors
/// NX1408 if nobody can be asked, or nobody agrees.
pub(crate) fn confirm(context: &Context, runs: &[String], verb: &str) -> Result<(), Problem> {
    if runs.len() < 2 || context.yes() {
        return Ok(());
    }
    let named: Vec<&str> = runs.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = if runs.len() > NAMED_MAX { " …" } else { "" };
    let question = format!("{} runs: {}{more} — {verb} them?", runs.len(), named.join(" "));
    agree(context, &question)
}

/// Asks a question, unless the user agreed beforehand.
///
/// # Errors
/// NX1408 if nobody can be asked, or nobody agrees.
pub(crate) fn agree(context: &Context, question: &str) -> Result<(), Problem> {
    if context.yes() || context.may_ask() && agrees(question) {
        return Ok(());
    }
    Err(Problem::new(
        "NX1408",
        Code::Usage as u8,
        format!("{question} nobody agreed; nothing was changed"),
    )
    .hint("agree beforehand with --yes"))
}

fn agrees(question: &str) -> bool {
    let mut err = anstream::stderr();
    let _ = write!(err, "{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Asks for every run, prints what was done and what was refused; the highest exit code wins.
pub(crate) async fn each(
    control: &Control,
    runs: &[String],
    done: &str,
    ask: impl AsyncFn(&Control, &str) -> Result<Acted, Problem>,
) -> Outcome {
    let mut code = Code::Done as u8;
    let mut last = None;
    let mut results = Vec::new();
    let is_one_document = runs.len() > 1 && output::format() == Format::Json;
    for run in runs {
        match ask(control, run).await {
            Ok(acted) if is_one_document => {
                results.push(json!({ "id": acted.id, "done": true, "revision": acted.revision }));
            }
            Ok(acted) => show(&acted, done),
            Err(problem) => {
                if is_one_document {
                    results.push(json!({ "id": run, "done": false, "error": problem }));
                }
                code = code.max(problem.exit_code);
                if let Some(before) = last.replace(problem) {
                    output::problem(&before);
                }
            }
        }
    }
    if is_one_document {
        output::json(&json!({ "kind": "acted-all/v1", "results": results }));
    }
    match last {
        Some(problem) => Err(Problem { exit_code: code, ..problem }),
        None => Ok(Code::Done),
    }
}

fn show(acted: &Acted, done: &str) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(acted),
        Format::Name | Format::Value => output::line(&acted.id),
        Format::Table | Format::Wide => output::line(format!("{} {done}", acted.id)),
        Format::None => {}
    }
}
