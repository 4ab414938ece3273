//! `explain`: what a code means, or why a run stands where it stands.

mod page;

use clap::Args;
use nexus_gateway::api::{Cause, ExplainView, Problem};

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
    let mut explained =
        store::ask(context, &Purpose::Look, async |control| control.explain(run).await)?;
    for command in &mut explained.commands {
        command.push_str(&context.store_flag());
    }
    for cause in &mut explained.causes {
        cause.release = output::with_store(&cause.release);
    }
    if output::format().is_json() {
        output::json(&explained);
        return Ok(Code::Done);
    }
    let has_ended = matches!(explained.status.as_str(), "completed" | "failed" | "cancelled");
    let shown = text::status_of(&explained.status, explained.forgotten);
    let ExplainView { id, workflow, status, why, for_ms, steps, causes, then, commands, .. } =
        explained;
    let since = match status.as_str() {
        _ if has_ended => format!(" {}", text::ago(for_ms)),
        "kept" | "starting" => format!(" for {}", text::took(for_ms)),
        _ => format!(", started {}", text::ago(for_ms)),
    };
    output::line(format!("{workflow} · {id} · {shown}{since}"));
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
        let facts = facts(cause);
        let release = &cause.release;
        output::line(format!("  {head:<6} {}{step}{facts}: {release}", cause.cause));
        // Such as what is recorded beside what a function does now.
        cause.why.lines().skip(1).for_each(|line| output::line(format!("         {line}")));
    }
    if !then.is_empty() {
        output::line(format!("  then   {}", then.join(", ")));
    }
    for (at, command) in commands.iter().enumerate() {
        let head = if at == 0 { "do" } else { "" };
        output::line(format!("  {head:<6} {command}"));
    }
    Ok(Code::Done)
}

/// What is known of a cause beside its word: ` (3 items, open until 2026-11-21T10:00:00Z, for 12s)`.
fn facts(cause: &Cause) -> String {
    let items = cause.items.map(|count| text::count(count as usize, "item"));
    let state = cause.state.as_ref().map(|state| {
        let until = cause.until.as_ref().map(|until| format!(" until {until}"));
        format!("{}{}", state.replace('_', " "), until.unwrap_or_default())
    });
    let time = cause.for_ms.map(|ms| format!("for {}", text::took(ms)));
    let facts: Vec<String> = [items, state, time].into_iter().flatten().collect();
    if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_cause_stands_beside_its_word() {
        assert_eq!(facts(&Cause::default()), "");
        let waits = Cause { items: Some(1), for_ms: Some(61_000), ..Cause::default() };
        assert_eq!(facts(&waits), " (1 item, for 1m 1s)");
        let open = Cause {
            items: Some(3),
            state: Some("open".into()),
            until: Some("2026-11-21T10:00:00Z".into()),
            ..Cause::default()
        };
        assert_eq!(facts(&open), " (3 items, open until 2026-11-21T10:00:00Z)");
        let half = Cause { state: Some("half_open".into()), ..Cause::default() };
        assert_eq!(facts(&half), " (half open)");
    }
}
