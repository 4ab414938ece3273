//! What the test runner says of a fault.

/// Exit code of the test runner: tests have failed.
const TESTS_FAILED: i32 = 100;
/// Exit code of the test runner: the selection names no test.
const NO_TESTS: i32 = 4;

/// What became of a fault.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// These tests have failed.
    Caught {
        /// Their names.
        tests: Vec<String>,
        /// How long all that were run took.
        seconds: f64,
    },
    /// None has.
    NotCaught {
        /// In words.
        why: String,
    },
}

/// Reads how the test runner ended, and what it said.
pub(super) fn of(code: Option<i32>, words: &str, seconds: f64) -> Verdict {
    let not_caught = |why: String| Verdict::NotCaught { why };
    match code {
        Some(0) => not_caught("the tests passed".to_owned()),
        Some(TESTS_FAILED) => match failed(words) {
            tests if tests.is_empty() => not_caught("no test is named".to_owned()),
            tests => Verdict::Caught { tests, seconds },
        },
        Some(NO_TESTS) => not_caught("its header selects no test".to_owned()),
        Some(other) => not_caught(format!("the test runner ended with {other}")),
        None => not_caught("the test runner was killed".to_owned()),
    }
}

/// The tests that failed, each once: lines such as `FAIL [   0.012s] (1/2) nexus-log::crash damage::a_test`.
pub(super) fn failed(words: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in words.lines() {
        let line = line.trim_start();
        let is_failure =
            ["FAIL", "TIMEOUT", "ABORT", "SIG"].iter().any(|word| line.starts_with(word));
        let Some((_, rest)) = line.split_once(']').filter(|_| is_failure) else { continue };
        let Some(test) = rest.split_whitespace().last().map(str::to_owned) else { continue };
        if !found.contains(&test) {
            found.push(test);
        }
    }
    found
}
