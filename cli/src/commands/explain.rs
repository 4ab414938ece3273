//! `explain`: what a code means, or why a run stands where it stands.

mod page;

use clap::Args;
use nexus_gateway::api::{ExplainView, Problem};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;
use crate::store::{self, Purpose};
use crate::text;

use page::Page;

/// Every page of `docs/errors`, by code.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine explain NX1105
  nexus-engine explain wf-007
  nexus-engine explain --list")]
pub(crate) struct ExplainArgs {
    /// An error code, or a run.
    #[arg(value_name = "CODE|RUN", required_unless_present = "list")]
    subject: Option<String>,
    /// List all codes.
    #[arg(long)]
    list: bool,
}

/// Explains a code without a store and without a network, or a run.
pub(crate) fn run(context: &Context, args: &ExplainArgs) -> Outcome {
    match args.subject.as_deref() {
        Some(subject) if !args.list => match code(subject) {
            Some(code) => explain_code(&code),
            None => explain_run(context, subject),
        },
        Some(_) | None => Ok(list()),
    }
}

/// The code that is meant, if one is: `NX1105`, also in lower case or without letters.
fn code(subject: &str) -> Option<String> {
    let digits = subject
        .get(..2)
        .filter(|start| start.eq_ignore_ascii_case("nx"))
        .map_or(subject, |_| &subject[2..]);
    (digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| format!("NX{digits}"))
}

fn explain_code(code: &str) -> Outcome {
    let Some(page) =
        PAGES.iter().find(|(known, _)| *known == code).map(|(code, text)| Page::read(code, text))
    else {
        return Err(Problem::new(
            "NX1405",
            Code::NotFound as u8,
            format!("there is no code {code}"),
        )
        .hint("list all codes with nexus-engine explain --list"));
    };
    if output::format().is_json() {
        output::json(&page);
    } else {
        output::line(page.for_people());
    }
    Ok(Code::Done)
}

/// Says why a run stands where it stands.
fn explain_run(context: &Context, run: &str) -> Outcome {
    let explained =
        store::ask(context, &Purpose::Look, async |control| control.explain(run).await)?;
    if output::format().is_json() {
        output::json(&explained);
        return Ok(Code::Done);
    }
    let has_ended = matches!(explained.status.as_str(), "completed" | "failed" | "cancelled");
    let status = text::status_of(&explained.status, explained.forgotten);
    let ExplainView { id, workflow, why, for_ms, steps, causes, then, commands, .. } = explained;
    let since = if has_ended { text::ago(for_ms) } else { format!("for {}", text::took(for_ms)) };
    output::line(format!("{workflow} · {id} · {status} {since}"));
    output::line(format!("  why    {why}"));
    for (at, step) in steps.iter().enumerate() {
        let head = if at == 0 { "at" } else { "" };
        output::line(format!(
            "  {head:<6} {}  {}  {}",
            step.step,
            text::status(&step.status),
            step.why
        ));
    }
    for (at, cause) in causes.iter().enumerate() {
        let head = if at == 0 { "until" } else { "" };
        let step = cause.step.as_ref().map(|step| format!(" {step}")).unwrap_or_default();
        output::line(format!("  {head:<6} {}{step}: {}", cause.cause, cause.release));
    }
    if !then.is_empty() {
        output::line(format!("  then   {}", then.join(", ")));
    }
    for (at, command) in commands.iter().enumerate() {
        let head = if at == 0 { "do" } else { "" };
        output::line(format!("  {head:<6} {command}{}", context.store_flag()));
    }
    Ok(Code::Done)
}

fn list() -> Code {
    let pages: Vec<Page<'_>> = PAGES.iter().map(|(code, text)| Page::read(code, text)).collect();
    if output::format().is_json() {
        let codes: Vec<_> = pages
            .iter()
            .map(|page| serde_json::json!({ "code": page.code, "title": page.title }))
            .collect();
        output::json(&serde_json::json!({ "kind": "codes/v1", "codes": codes }));
    } else {
        for page in pages {
            output::line(format!("{}  {}", page.code, page.title));
        }
    }
    Code::Done
}
