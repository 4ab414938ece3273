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
    output::problem(&problem(replay));
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

fn problem(replay: &ReplayView) -> Problem {
    let id = &replay.id;
    let problem = match replay.differences.first() {
        Some(first) => {
            let message =
                format!("{id} takes another path than recorded, from event {} on", first.n);
            Problem::new("NX5001", Code::Differs as u8, message)
        }
        None => Problem::new(
            "NX5002",
            Code::Differs as u8,
            format!(
                "{id} comes to the state {}, but {} is recorded",
                replay.state_hash,
                replay.recorded_hash.as_deref().unwrap_or("none"),
            ),
        ),
    };
    problem.hint("see whether the record was changed: nexus-engine verify").run(id)
}

/// Recorded and derived events side by side.
fn columns(difference: &DifferenceView) -> Vec<String> {
    let DifferenceView { n, recorded, derived } = difference;
    let mut lines = vec![format!("      {}  derived now", pad("recorded", WIDTH))];
    let rows = recorded.len().max(derived.len());
    let mut marked = false;
    for at in 0..rows {
        let cell = |lines: &[String]| {
            lines.get(at).map_or_else(|| "–".to_owned(), |line| one_line(line, WIDTH))
        };
        let differs = recorded.get(at) != derived.get(at);
        let mark = if differs && !marked { "  ◀ first difference" } else { "" };
        marked |= differs;
        let number = usize::try_from(*n).unwrap_or_default() + at;
        let line = format!("{number:>4}  {}  {}{mark}", pad(&cell(recorded), WIDTH), cell(derived));
        lines.push(line.trim_end().to_owned());
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
