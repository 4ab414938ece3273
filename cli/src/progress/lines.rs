//! Lines about runs and steps.

use std::fmt::Write as _;

use nexus_gateway::api::{RunView, StepView};

use super::picture::{Line, Picture, Step};
use crate::output;
use crate::text::{self, RESET, color, pad, symbol, took};

/// A change, on a line.
pub(super) fn line(picture: &Picture, line: &Line) -> String {
    match line {
        Line::Run(text) => format!("  {text}"),
        Line::Step(at) => match picture.steps().get(*at) {
            Some(found) => step(found, picture.id_width),
            None => String::new(),
        },
    }
}

/// A step, on a line: `  ✔ charge   1.2s   attempt 2 of 5 (…)`.
pub(super) fn step(step: &Step, id_width: usize) -> String {
    let word = step.status.word();
    let id = pad(&step.id, id_width);
    let line = format!(
        "  {}{}{RESET} {id}  {:>7}   {}",
        color(word),
        symbol(word),
        step.time(),
        step.note
    );
    line.trim_end().to_owned()
}

/// The last lines of a run: how it ended, and what to do next.
pub(super) fn summary(view: &RunView) -> Vec<String> {
    let status = format!("{}{} {}{RESET}", color(&view.status), symbol(&view.status), view.status);
    let mut lines = vec![String::new()];
    let Some(error) = &view.error else {
        let [done, counted] = [took(view.took_ms), counts(view)];
        lines.push(format!("{status} in {done} · {counted} · {} events", view.events));
        return lines;
    };
    let at = error.step.as_ref().map(|step| format!(" at {step}")).unwrap_or_default();
    let message = text::one_line(&error.message, 160);
    lines.push(format!("{status} in {}{at}: {} {message}", took(view.took_ms), error.code));
    let flag = output::store_flag();
    if view.forgotten {
        lines.push(format!("  look:   nexus-engine history {}{flag}", view.id));
        return lines;
    }
    let step = error.step.as_ref().map(|step| format!(" {step}")).unwrap_or_default();
    lines.push(format!("  look:   nexus-engine logs {}{step}{flag}", view.id));
    match undone(view) {
        Some(undone) => {
            let again = format!("  again:  nexus-engine run FILE{flag}");
            lines.push(format!("{again}   (from the start: {undone})"));
        }
        None => lines.push(format!("  again:  nexus-engine retry {} --watch{flag}", view.id)),
    }
    lines
}

/// The last lines of a run as they follow others: without a second blank line behind one.
pub(super) fn behind(is_blank: bool, summary: &[String]) -> &[String] {
    match summary {
        [first, rest @ ..] if is_blank && first.is_empty() => rest,
        whole => whole,
    }
}

/// `charge and reserve were undone`, if steps were.
fn undone(view: &RunView) -> Option<String> {
    const NAMED_MAX: usize = 4;
    let undone = view.steps.iter().filter(|step| step.status == "undone");
    let ids: Vec<&str> = undone.map(|step| step.id.as_str()).collect();
    match ids.as_slice() {
        [] => None,
        [one] => Some(format!("{one} was undone")),
        [first @ .., last] if ids.len() <= NAMED_MAX => {
            Some(format!("{} and {last} were undone", first.join(", ")))
        }
        many => Some(format!("{} steps were undone", many.len())),
    }
}

/// `6 steps, 1 retry, 1 skipped`.
fn counts(view: &RunView) -> String {
    let steps = view.steps.len();
    let retries: u32 = {
        let tried = |step: &StepView| step.attempts.saturating_sub(1);
        view.steps.iter().map(tried).sum()
    };
    let skipped = view.steps.iter().filter(|step| step.status == "skipped").count();
    let more = if view.has_earlier_steps { "more than " } else { "" };
    let mut text = format!("{more}{steps} step{}", if steps == 1 { "" } else { "s" });
    if retries > 0 {
        let _ = write!(text, ", {retries} retr{}", if retries == 1 { "y" } else { "ies" });
    }
    if skipped > 0 {
        let _ = write!(text, ", {skipped} skipped");
    }
    text
}
