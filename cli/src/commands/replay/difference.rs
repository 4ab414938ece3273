//! Where a run differs from what is recorded: two columns.

use nexus_gateway::api::{DifferenceView, Problem, ReplayView};

use crate::exit::Code;
use crate::output;
use crate::text::{one_line, pad};

/// Differences of one run that are shown.
const SHOWN_MAX: usize = 3;
/// Width of a column.
const WIDTH: usize = 46;

/// Shows, on standard error, in what a run differs.
pub(super) fn show(replay: &ReplayView) {
    if is_state_only(replay) {
        return output::problem(&another_state(replay));
    }
    output::problem(&another_path(replay));
    if output::format().is_json() {
        return;
    }
    for difference in replay.differences.iter().take(SHOWN_MAX) {
        columns(difference).iter().for_each(output::complain);
    }
    let more = replay.differences.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        output::complain(format!("  … and {more} more; all with -o json"));
    }
}

/// Whether the events are the same and only add up to another state; the last event holds the state's hash.
fn is_state_only(replay: &ReplayView) -> bool {
    let same_state = replay.recorded_hash.as_ref().is_none_or(|hash| *hash == replay.state_hash);
    !same_state && replay.differences.iter().all(|it| it.recorded == it.derived)
}

fn another_state(replay: &ReplayView) -> Problem {
    let ReplayView { id, state_hash, recorded_hash, .. } = replay;
    let recorded = recorded_hash.as_deref().unwrap_or("none");
    problem(
        "NX5002",
        id,
        format!("{id} comes to the state {state_hash}, but {recorded} is recorded"),
    )
}

fn another_path(replay: &ReplayView) -> Problem {
    let id = &replay.id;
    let from = replay.differences.first().map(|first| format!(", from event {} on", first.n));
    let from = from.unwrap_or_default();
    problem("NX5001", id, format!("{id} takes another path than recorded{from}"))
}

fn problem(code: &str, id: &str, message: String) -> Problem {
    Problem::new(code, Code::Differs as u8, message)
        .hint("see whether the record was changed: nexus-engine verify")
        .run(id)
}

/// Recorded and derived events side by side.
fn columns(difference: &DifferenceView) -> Vec<String> {
    let DifferenceView { n, recorded, derived } = difference;
    let mut lines = vec![format!("      {}  derived now", pad("recorded", WIDTH))];
    let rows = recorded.len().max(derived.len());
    let first = (0..rows).find(|at| recorded.get(*at) != derived.get(*at));
    for at in 0..rows {
        let cell = |lines: &[String]| {
            lines.get(at).map_or_else(|| "–".to_owned(), |line| one_line(line, WIDTH))
        };
        let mark = if first == Some(at) { "  ◀ first difference" } else { "" };
        let number = usize::try_from(*n).unwrap_or_default() + at;
        let line = format!("{number:>4}  {}  {}{mark}", pad(&cell(recorded), WIDTH), cell(derived));
        lines.push(line.trim_end().to_owned());
    }
    if first.is_none() {
        lines.push("      they differ in details that are not shown here".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_marked() {
        let difference = DifferenceView {
            n: 6,
            recorded: vec!["step.started charge".into(), "step.failed charge".into()],
            derived: vec!["step.started fraud".into()],
        };
        let lines = columns(&difference);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("   6  step.started charge  "), "{}", lines[1]);
        assert!(lines[1].ends_with("step.started fraud  ◀ first difference"), "{}", lines[1]);
        assert!(lines[2].ends_with("  –"), "{}", lines[2]);
    }
}
