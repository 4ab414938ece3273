//! Shorter tapes with which the same goes wrong.

use std::time::{Duration, Instant};

use super::play::play;
use super::tape::Tape;

/// Takes numbers away and makes them smaller, as long as the same rule is broken and there is time.
pub fn shrink(numbers: &[u64], time: Duration) -> Vec<u64> {
    let until = Instant::now() + time;
    let mut best = numbers.to_vec();
    let rule = |numbers: &[u64]| {
        let played = play(&mut Tape::of(numbers.to_vec()), false);
        played.wrong.first().map(|wrong| rule_of(wrong))
    };
    let broken = rule(numbers);
    let fails = |numbers: &[u64]| rule(numbers) == broken;
    loop {
        let before = best.clone();
        let mut size = best.len().max(1);
        while size > 0 && Instant::now() < until {
            without(&mut best, size, until, &fails);
            zeroed(&mut best, size, until, &fails);
            size /= 2;
        }
        smaller(&mut best, until, &fails);
        while best.last() == Some(&0) {
            best.pop();
        }
        if best == before || Instant::now() >= until {
            return best;
        }
    }
}

/// What tells one rule from another in a sentence about it: its last words, without numbers and names.
fn rule_of(wrong: &str) -> Vec<String> {
    let is_word = |word: &&str| word.chars().all(|char| char.is_ascii_lowercase());
    wrong.split([' ', ',', ':', ';']).filter(is_word).rev().take(3).map(str::to_owned).collect()
}

fn without(best: &mut Vec<u64>, size: usize, until: Instant, fails: &impl Fn(&[u64]) -> bool) {
    let mut at = 0;
    while at + size <= best.len() && Instant::now() < until {
        let mut shorter = best.clone();
        shorter.drain(at..at + size);
        if fails(&shorter) {
            *best = shorter;
        } else {
            at += size;
        }
    }
}

fn zeroed(best: &mut Vec<u64>, size: usize, until: Instant, fails: &impl Fn(&[u64]) -> bool) {
    let mut at = 0;
    while at < best.len() && Instant::now() < until {
        let end = (at + size).min(best.len());
        if best[at..end].iter().any(|number| *number > 0) {
            let mut calmer = best.clone();
            calmer[at..end].fill(0);
            if fails(&calmer) {
                *best = calmer;
            }
        }
        at = end;
    }
}

fn smaller(best: &mut Vec<u64>, until: Instant, fails: &impl Fn(&[u64]) -> bool) {
    for at in 0..best.len() {
        let (mut low, mut high) = (0, best[at]);
        while low < high && Instant::now() < until {
            let middle = low + (high - low) / 2;
            let mut less = best.clone();
            less[at] = middle;
            if fails(&less) {
                *best = less;
                high = middle;
            } else {
                low = middle + 1;
            }
        }
    }
}
