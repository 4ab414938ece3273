//! Runs the test runner, and keeps its summary for the end.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// How the test runner begins its summary, whatever the colours.
const SUMMARY: &str = "Summary [";

/// How the tests ended, and what was not shown of what the runner said: its summary and what follows it.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) summary: String,
}

/// Shows what the runner says as it says it, up to its summary.
pub(crate) fn run(runner: &mut Command) -> Result<Ended> {
    let mut runner = runner.stderr(Stdio::piped()).spawn().context("cannot start cargo nextest")?;
    let said = runner.stderr.take().context("what the runner says is piped")?;
    let mut summary = String::new();
    for line in BufReader::new(said).split(b'\n') {
        let line = line.context("what the runner says cannot be read")?;
        let line = String::from_utf8_lossy(&line);
        if summary.is_empty() && !line.contains(SUMMARY) {
            println!("{line}");
        } else {
            summary.push_str(&line);
            summary.push('\n');
        }
    }
    Ok(Ended { status: runner.wait().context("the runner does not end")?, summary })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_kept() {
        let mut runner = Command::new("sh");
        let text =
            "echo PASS >&2; echo '     Summary [ 1.0s] 2 tests' >&2; echo FAIL a >&2; exit 3";
        let ended = run(runner.args(["-c", text])).expect("it runs");
        assert_eq!(ended.summary, "     Summary [ 1.0s] 2 tests\nFAIL a\n");
        assert_eq!(ended.status.code(), Some(3));
    }
}
