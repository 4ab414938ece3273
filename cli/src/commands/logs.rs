//! `logs`: what the steps of a run printed.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use nexus_gateway::Control;
use nexus_gateway::api::{LogLineView, LogPage, Problem};
use regex_lite::Regex;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{self, Access, Purpose};

/// How often a run that goes on is asked for new lines.
const PAUSE: Duration = Duration::from_millis(300);

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine logs wf-001
  nexus-engine logs wf-001 charge --attempt 2
  nexus-engine logs wf-001 -f --grep 'error|warn'")]
pub(crate) struct LogsArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    run: String,
    /// Of this step only.
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// Go on until the run has ended.
    #[arg(short, long)]
    follow: bool,
    /// Of this attempt only.
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Lines that match this regular expression only.
    #[arg(long, value_name = "RE", value_parser = pattern)]
    grep: Option<Regex>,
    /// The last N lines only.
    #[arg(long, value_name = "N")]
    tail: Option<usize>,
    /// The lines as they were printed, without step and attempt.
    #[arg(long)]
    raw: bool,
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

impl LogsArgs {
    fn wants(&self, line: &LogLineView) -> bool {
        self.attempt.is_none_or(|attempt| attempt == line.attempt)
            && self.grep.as_ref().is_none_or(|pattern| pattern.is_match(&line.text))
    }
}

/// Prints what steps printed.
pub(crate) fn run(context: &Context, args: &LogsArgs) -> Outcome {
    if args.follow {
        return context.block_on(context.in_time(&args.run, follow(context, args)));
    }
    let ask = async |control: &Control| control.logs(&args.run, args.step.as_deref()).await;
    let page = store::ask(context, &Purpose::Look, ask)?;
    let is_any = !page.lines.is_empty();
    let page = LogPage { lines: last(page.lines, args), ..page };
    if output::format() == Format::Json {
        output::json(&page);
    } else {
        page.lines.iter().for_each(|line| print(line, args));
        note_nothing(&page, is_any, args.step.as_deref());
    }
    Ok(Code::Done)
}

/// Says that there are no lines, or none that are wanted.
fn note_nothing(page: &LogPage, is_any: bool, step: Option<&str>) {
    let id = &page.id;
    if page.lines.is_empty() {
        output::note(match (is_any, step) {
            (true, _) => format!("no line that {id} printed fits"),
            (false, Some(step)) => format!("{step} of {id} has printed nothing"),
            (false, None) => format!("no step of {id} has printed anything"),
        });
    }
}

/// The lines that are wanted, the last ones if there is a limit.
fn last(mut lines: Vec<LogLineView>, args: &LogsArgs) -> Vec<LogLineView> {
    lines.retain(|line| args.wants(line));
    let more = args.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
    lines.split_off(more)
}

fn print(line: &LogLineView, args: &LogsArgs) {
    if output::format().is_json() {
        output::json(line);
    } else if args.raw {
        output::line(&line.text);
    } else {
        output::line(format!("{} │ {}", of(line), clean(&line.text)));
    }
}

/// `charge#2`, `items[7]#1`, `charge#3 undo`.
fn of(line: &LogLineView) -> String {
    let item = line.item.map(|item| format!("[{item}]")).unwrap_or_default();
    let undo = if line.undo { " undo" } else { "" };
    format!("{}{item}#{}{undo}", line.step, line.attempt)
}

/// A line without what would move the cursor or change the colours of what follows.
fn clean(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().filter(|char| !char.is_control() || *char == '\t').collect()
}

/// Prints lines until the run has ended, or nobody works on it any more.
async fn follow(context: &Context, args: &LogsArgs) -> Outcome {
    let mut seen = Seen::default();
    loop {
        let access = Access::get(context, &Purpose::Look).await?;
        let step = look(access.control(), args, &mut seen).await;
        let is_here = access.is_here();
        if is_here && matches!(step, Ok(false)) {
            store::note_parked(context, &access, &[&args.run]).await;
        }
        access.close().await;
        let has_ended = match step {
            Ok(has_ended) => has_ended,
            // The process that held the store is gone; whoever holds it next knows more.
            Err(problem) if problem.code == "NX7015" => false,
            Err(problem) => return Err(problem),
        };
        if has_ended {
            if seen.0.is_empty() && !output::format().is_json() {
                let run = &args.run;
                output::note(format!("{run} has ended, and no step of it has printed anything"));
            }
            return Ok(Code::Done);
        }
        if is_here {
            return Ok(Code::Done);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints what is new; answers whether the run has ended.
async fn look(control: &Control, args: &LogsArgs, seen: &mut Seen) -> Result<bool, Problem> {
    // Asked first: what it printed before it ended is then in the lines.
    let has_ended = control.get(&args.run).await?.finished_at.is_some();
    let page = control.logs(&args.run, args.step.as_deref()).await?;
    let is_first = seen.0.is_empty();
    let new = seen.new_of(page.lines);
    let new = if is_first { last(new, args) } else { new };
    new.iter().filter(|line| args.wants(line)).for_each(|line| print(line, args));
    Ok(has_ended)
}

/// How many lines of each attempt were seen. When the engine drops the older half of a long output, the lines that are left
/// count as seen.
#[derive(Default)]
struct Seen(BTreeMap<Printed, usize>);

/// What printed a line: step, item, attempt, and whether it is an undo.
type Printed = (String, Option<u32>, u32, bool);

impl Seen {
    fn new_of(&mut self, lines: Vec<LogLineView>) -> Vec<LogLineView> {
        let mut counts: BTreeMap<Printed, usize> = BTreeMap::new();
        let mut new = Vec::new();
        for line in lines {
            let key = (line.step.clone(), line.item, line.attempt, line.undo);
            let count = counts.entry(key.clone()).or_default();
            *count += 1;
            if *count > self.0.get(&key).copied().unwrap_or_default() {
                new.push(line);
            }
        }
        self.0.extend(counts);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(item: u32, text: &str) -> LogLineView {
        LogLineView {
            step: "each".into(),
            item: Some(item),
            attempt: 1,
            undo: false,
            text: text.into(),
        }
    }

    #[test]
    fn lines_of_items_are_told_apart() {
        let mut seen = Seen::default();
        seen.new_of(vec![item(0, "1"), item(1, "2")]);
        let new = seen.new_of(vec![item(0, "1"), item(0, "3"), item(1, "2")]);
        assert_eq!(new, [item(0, "3")]);
        let undo = LogLineView { undo: true, ..item(7, "") };
        assert_eq!([of(&undo), of(&item(7, ""))], ["each[7]#1 undo", "each[7]#1"]);
    }

    #[test]
    fn only_new_lines_are_printed() {
        let line = |step: &str, text: &str| LogLineView {
            step: step.into(),
            text: text.into(),
            ..item(0, "")
        };
        let mut seen = Seen::default();
        assert_eq!(seen.new_of(vec![line("a", "1")]).len(), 1);
        let new = seen.new_of(vec![line("a", "1"), line("a", "2"), line("b", "1")]);
        assert_eq!(new, [line("a", "2"), line("b", "1")]);
        assert_eq!(seen.new_of(vec![line("a", "2"), line("b", "1")]), []);
    }

    #[test]
    fn lines_cannot_move_the_cursor() {
        assert_eq!(clean("a\u{1b}[31mb\u{1b}[2Jc\rd\te"), "abcd\te");
    }
}
