//! The notation of stories about items: `complete a[3]#1 "out"`, `fail a[0]`, `interrupt a[0] a[1]`.

use super::super::bench::Bench;
use super::{failure, interruption, payload, value};
use crate::command::Command;
use crate::definition::{ForEach, OnItemError, Step};
use crate::id::{Attempt, ItemIndex, StepIndex};

/// `for_each [1,2] as x concurrency 2 collect`; `for_each 600` is a list of so many numbers.
pub(super) fn set_up(step: &mut Step, key: &str, argument: &str) {
    let each = step.for_each.get_or_insert_with(|| ForEach {
        items: value("[]"),
        name: ForEach::NAME.to_owned(),
        concurrency: ForEach::CONCURRENCY,
        on_item_error: OnItemError::Fail,
    });
    match key {
        "for_each" => {
            each.items = match argument.parse::<u32>() {
                Ok(count) => (0..count).collect(),
                Err(_) => value(argument),
            };
        }
        "as" => argument.clone_into(&mut each.name),
        "concurrency" => each.concurrency = argument.parse().unwrap(),
        _ => each.on_item_error = OnItemError::Collect,
    }
}

/// A command about items; `None` if it is about none.
pub(super) fn command(bench: &mut Bench, words: &[&str]) -> Option<Command> {
    let (step, item, attempt) = item(bench, words.get(1)?)?;
    let rest = words.get(2..).unwrap_or(&[]);
    match words[0] {
        "complete" => {
            let output = payload(bench, &rest.join(" "));
            Some(Command::CompleteItem { step, item, attempt, output })
        }
        "fail" => Some(Command::FailItem { step, item, attempt, failure: failure(rest) }),
        "resume_attempt" => Some(Command::ResumeItem { step, item, attempt }),
        word @ ("interrupt" | "shutdown" | "uncalled") => {
            let attempts = words[1..].iter().filter_map(|word| self::item(bench, word)).collect();
            Some(Command::InterruptItems { attempts, how: interruption(word) })
        }
        _ => None,
    }
}

/// `a[3]#2`, or `a[3]` for the last attempt.
fn item(bench: &Bench, word: &str) -> Option<(StepIndex, ItemIndex, Attempt)> {
    let (id, rest) = word.split_once('[')?;
    let (item, attempt) = rest.split_once(']')?;
    let (step, item) = (bench.plan.find(id)?, ItemIndex(item.parse().ok()?));
    let last = || {
        let items = bench.run.items(step);
        items.and_then(|items| items.item(item)).map_or(Attempt(1), |run| run.attempt)
    };
    Some((step, item, attempt.strip_prefix('#').map_or_else(last, |n| Attempt(n.parse().unwrap()))))
}
