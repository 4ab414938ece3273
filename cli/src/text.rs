//! Words for people: durations, statuses, tables.

mod table;

pub(crate) use table::{Table, pad, width};

/// How much of a word from elsewhere is shown.
const WORD_CHARS_MAX: usize = 200;

/// A duration: `12ms`, `1.2s`, `1m 34s`, `2h 5m`, `3d 4h`.
pub(crate) fn took(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{seconds}.{}s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600_000..86_400_000 => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        86_400_000.. => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A number of things: `1 step`, `2 steps`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// How long ago something was, in one unit: `4m ago`.
pub(crate) fn ago(ms: u64) -> String {
    match ms {
        0..1_000 => "now".into(),
        1_000..60_000 => format!("{}s ago", ms / 1_000),
        60_000..3_600_000 => format!("{}m ago", ms / 60_000),
        3_600_000..86_400_000 => format!("{}h ago", ms / 3_600_000),
        86_400_000.. => format!("{}d ago", ms / 86_400_000),
    }
}

/// The time of a document as milliseconds since the Unix epoch.
pub(crate) fn time_ms(time: &str) -> Option<u64> {
    let time = chrono::DateTime::parse_from_rfc3339(time).ok()?;
    u64::try_from(time.timestamp_millis()).ok()
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or(0)
}

/// How long ago the time of a document was.
pub(crate) fn since(time: &str) -> String {
    time_ms(time).map_or_else(|| time.to_owned(), |then| ago(now_ms().saturating_sub(then)))
}

/// The symbol of the status of a run or step.
pub(crate) fn symbol(status: &str) -> &'static str {
    match status {
        "completed" => "✔",
        "failed" | "failing" | "undo failed" => "✘",
        "compensating" | "undoing" | "undone" => "↩",
        "running" | "waiting" | "sleeping" | "queued" | "kept" | "starting" => "◐",
        "retrying" => "↻",
        "paused" => "‖",
        "skipped" | "cancelled" | "cancelling" | "not reached" => "–",
        _ => "·",
    }
}

/// Symbol and word of a status, always both.
pub(crate) fn status(status: &str) -> String {
    format!("{}{} {status}{RESET}", color(status), symbol(status))
}

/// The same of a run, and beside it whether that is forgotten.
pub(crate) fn status_of(run: &str, forgotten: bool) -> String {
    let status = status(run);
    if forgotten { format!("{status}, forgotten") } else { status }
}

/// Back to the terminal's own colours.
pub(crate) const RESET: &str = "\u{1b}[0m";

/// The colour of a status; what prints takes it away where there are no colours.
pub(crate) fn color(status: &str) -> &'static str {
    match status {
        "completed" => "\u{1b}[32m",
        "failed" | "failing" | "undo failed" => "\u{1b}[31m",
        "running" | "retrying" => "\u{1b}[36m",
        "waiting" | "sleeping" | "paused" | "compensating" | "undoing" | "undone" => "\u{1b}[33m",
        _ => "\u{1b}[2m",
    }
}

/// A word that came from elsewhere, without what would move a cursor.
pub(crate) fn word(text: &str) -> String {
    one_line(text, WORD_CHARS_MAX)
}

/// One line of text that came from elsewhere, without what would move a cursor, cut to `chars_max`.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let clean = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    let mut line: String = clean.clone().take(chars_max).collect();
    if clean.count() > chars_max {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_or_two_units() {
        let shown = [0, 999, 1_250, 59_999, 94_000, 7_500_000, 273_600_000].map(took);
        assert_eq!(shown, ["0ms", "999ms", "1.2s", "59.9s", "1m 34s", "2h 5m", "3d 4h"]);
    }

    #[test]
    fn no_status_that_stands_between_dots_looks_like_one() {
        let known =
            nexus_engine::projections::RunWord::ALL.map(nexus_engine::projections::RunWord::word);
        let known = known.into_iter().chain(["kept", "starting"]);
        for word in known {
            assert_ne!(symbol(word), "·", "{word}");
        }
        assert!(status_of("failed", true).ends_with("failed\u{1b}[0m, forgotten"));
        assert_eq!(status_of("failed", false), status("failed"));
    }

    #[test]
    fn foreign_text_stays_on_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[31mc", 99), "a b [31mc");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
