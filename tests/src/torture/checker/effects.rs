//! What scripts did, as the lines they left say, against what the histories say that they did.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use super::histories::Attempts;
use super::{Evidence, Verdict, Wrong, functions};

pub(super) fn check(evidence: &Evidence, attempts: &Attempts, verdict: &mut Verdict) {
    let mut executed: BTreeSet<(&str, u64)> = BTreeSet::new();
    let mut in_life: BTreeMap<(&str, u64, u64), u64> = BTreeMap::new();
    // What functions compute once is looked at elsewhere.
    for line in evidence.lines.iter().filter(|line| !line.key.starts_with(functions::ONCE)) {
        let key = line.key.as_str();
        executed.insert((key, line.attempt));
        let times = in_life.entry((key, line.attempt, line.life)).or_default();
        *times += 1;
        if *times == 2 {
            let what = format!(
                "attempt {} of {key} was carried out twice in life {}",
                line.attempt, line.life
            );
            verdict.find(Wrong::Duplicated, &line.run, what);
        }
        if !attempts.begun.contains(&(line.key.clone(), line.attempt)) {
            let what =
                format!("attempt {} of {key} was carried out and no event began it", line.attempt);
            verdict.find(Wrong::Reordered, &line.run, what);
        }
        let Some(done) = attempts.done.get(key) else { continue };
        let recorded = life_at(&evidence.lives, &done.at);
        if recorded.is_none_or(|recorded| line.life > recorded) {
            let what = format!(
                "{key} was recorded as done in life {recorded:?} and carried out again in {}",
                line.life
            );
            verdict.find(Wrong::Duplicated, &line.run, what);
        }
    }
    for (key, done) in &attempts.done {
        if done.is_script && !executed.contains(&(key.as_str(), done.attempt)) {
            let what =
                format!("attempt {} of {key} is recorded as done and left no line", done.attempt);
            verdict.find(Wrong::Lost, &done.run, what);
        }
    }
}

/// The life in which an event was recorded. Lives of a store follow each other.
pub(super) fn life_at(lives: &[(u64, i64)], at: &str) -> Option<u64> {
    let at = DateTime::parse_from_rfc3339(at).ok()?.timestamp_millis();
    lives.iter().rev().find(|(_, began)| *began <= at).map(|(life, _)| *life)
}
