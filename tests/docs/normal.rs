//! Comparing what a page shows with what happened: times, hashes, process ids, ports and folders differ from run to run.
//!
//! In a page, `[..]` stands for anything within a line, and a line that is `…` for any number of lines.

use regex_lite::Regex;

/// What differs from run to run, and what stands for it. In this order.
const RULES: [(&str, &str); 11] = [
    (r"^bash: .*\bKilled\b.*$", "Killed"),
    (r"\x1b\[[0-9;]*m", ""),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME"),
    (r"\bnow\b|\+?\b\d+(\.\d+)? ?(µs|us|ms|s|m|h)(\d\d?s)?\b( ago)?", "SPAN"),
    (r"\b(v1:)?[0-9a-f]{4}…[0-9a-f]{2}\b", "HASH"),
    (r"\b(v1:)?[0-9a-f]{9,64}\b", "HASH"),
    (r"\bpid \d+", "pid N"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\b\d+(\.\d+)? (KiB|MiB|GiB|B)\b", "SIZE"),
    (r"(^|[\s(`'])/[\w.@/-]*/", "${1}"),
];

/// The lines of a text with everything that differs from run to run replaced.
pub(crate) fn normal(text: &str) -> Vec<String> {
    let rules = RULES.map(|(pattern, by)| (Regex::new(pattern).expect("a good pattern"), by));
    let line = |line: &str| {
        let mut line = line.to_owned();
        for (pattern, by) in &rules {
            line = pattern.replace_all(&line, *by).into_owned();
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Whether lines are as the page shows them.
pub(crate) fn fits(shown: &[String], lines: &[String]) -> bool {
    match (shown, lines) {
        ([], []) => true,
        ([any, shown @ ..], _) if any == "…" => {
            (0..=lines.len()).any(|skipped| fits(shown, &lines[skipped..]))
        }
        ([one, shown @ ..], [line, lines @ ..]) => line_fits(one, line) && fits(shown, lines),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

fn line_fits(shown: &str, line: &str) -> bool {
    let Some((before, after)) = shown.split_once("[..]") else { return shown == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.into_iter().any(|at| line_fits(after, &rest[at..]))
}

#[test]
fn what_differs_from_run_to_run_is_replaced() {
    let same = |left: &str, right: &str| assert!(fits(&normal(left), &normal(right)), "{left}");
    same("completed in 1.2s", "completed in 845ms");
    same("state v1:a91f…c2 = recorded", "state v1:0000…ff = recorded");
    same("(pid 12)", "(pid 4711)");
    same("in /tmp/x/y.txt", "in /srv/shop/y.txt");
    same("a\n…\nz", "a\nb\nc\nz");
    same("one [..] three", "one two three");
    assert!(!fits(&normal("4 steps"), &normal("5 steps")));
    assert!(!fits(&normal("a\nb"), &normal("a")));
}
