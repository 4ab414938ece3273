//! What remote workers were handed and what they were answered, against what the histories say of it.

use std::collections::{BTreeMap, BTreeSet};

use super::histories::Attempts;
use super::{Evidence, Verdict, Wrong, number, text};

pub(super) fn check(evidence: &Evidence, attempts: &Attempts, verdict: &mut Verdict) {
    let mut begun: BTreeMap<&str, BTreeSet<(u64, u64)>> = BTreeMap::new();
    for line in &evidence.works {
        let (run, key) = (text(&line["run"]), text(&line["key"]));
        let (attempt, token) = (number(&line["attempt"]), number(&line["token"]));
        let done = attempts.done.get(key);
        let mut find = |wrong, what: &str| {
            let at = format!("attempt {attempt} of {key} under token {token}: {what}");
            verdict.find(wrong, run, at);
        };
        match text(&line["what"]) {
            "begun" => {
                if !begun.entry(key).or_default().insert((attempt, token)) {
                    find(Wrong::Duplicated, "was handed out twice");
                }
                // The token is the number of events when it was begun or carried on.
                if attempts.last_begun(key, token) != Some(attempt) {
                    find(Wrong::Reordered, "was handed out and no event had begun it");
                }
                if done.is_some_and(|done| token > done.n) {
                    find(Wrong::Duplicated, "was handed out after it was recorded as done");
                }
            }
            "completed" if !done.is_some_and(|done| done.is_of(attempt, token)) => {
                find(Wrong::Lost, "was acknowledged as done, and is not recorded so");
            }
            "failed" if !attempts.failed.contains(&(key.to_owned(), attempt)) => {
                find(Wrong::Lost, "was acknowledged as failed, and is not recorded so");
            }
            "unheard" => find(Wrong::Lost, "was handed out, and nobody knows of it"),
            _ => {}
        }
    }
    for (key, done) in attempts.done.iter().filter(|(_, done)| done.is_remote) {
        let mut handed_out = begun.get(key.as_str()).into_iter().flatten();
        if !handed_out.any(|(attempt, token)| done.is_of(*attempt, *token)) {
            let what = format!(
                "attempt {} of {key} is recorded as done, and nobody was handed it",
                done.attempt
            );
            verdict.find(Wrong::Lost, &done.run, what);
        }
    }
}
