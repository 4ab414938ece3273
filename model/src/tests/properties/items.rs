//! Items of random runs, rounds and races: what may be said about them, and what must hold.

use super::{Ask, Play};
use crate::command::Command;
use crate::event::{Event, Failure, Interruption};
use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::payload::Payload;
use crate::run::{ItemsRun, Run, Slot, StepState};

impl Play {
    pub(super) fn check_items(&mut self, run: &Run, event: &Event) {
        let [started, ended] = &mut self.items;
        if let Event::RunRetried { .. } | Event::RunMigrated(_) = event {
            // A step that had completed, and runs last again, goes through its items anew; and steps that move have the numbers
            // of others.
            started.clear();
            ended.clear();
        }
        if let Event::RoundBegun { step, round, .. } = event {
            let body = self.bench.plan.body(*step);
            let of_round = |(step, _, _): &(StepIndex, ItemIndex, Attempt)| !body.contains(step);
            started.retain(of_round);
            ended.retain(of_round);
            assert_eq!(*round, run.round(*step) + 1, "rounds have numbers without a hole");
            let settled = |step: &StepIndex| run.step(*step).is_settled();
            assert!(body.iter().all(settled), "a round ends when all of it has settled");
        }
        if let Event::RaceDecided { step, winner: Some(winner) } = event {
            assert!(run.step(*winner).is_ok(), "the winner completed");
            assert!(!run.step(*step).is_settled(), "a race is decided once");
        }
        if let Event::ItemStarted { step, item, attempt, .. } = event {
            assert!(!run.holds(*step), "nothing starts in a pause");
            assert!(started.insert((*step, *item, *attempt)), "each attempt starts once");
            let each = self.bench.plan.definition().steps[step.at()].for_each.as_ref();
            let running = run.items(*step).map_or(0, ItemsRun::running_count);
            assert!(each.is_some_and(|each| running < each.concurrency), "not too many at a time");
            let rules = self.bench.plan.step(*step);
            let has = |slot| run.slots.get(slot).is_some_and(|hold| hold.granted);
            assert_eq!(has(Slot::Item(*step, *item)), rules.slot.is_some(), "it has its slot");
            let call = Slot::ItemCall(*step, *item);
            assert_eq!(has(call), rules.breaker.is_some(), "its breaker allows it");
        }
        if let Event::StepSlotRequested { step, item: Some(item), .. }
        | Event::StepCallRequested { step, item: Some(item), .. } = event
        {
            assert!(!run.holds(*step), "nothing is asked for in a pause");
            let each = self.bench.plan.definition().steps[step.at()].for_each.as_ref();
            let open = run.items(*step).map_or(0, |items| items.open().count());
            let is_open = run.items(*step).is_some_and(|items| items.item(*item).is_some());
            let most = each.map_or(0, |each| each.concurrency as usize);
            assert!(is_open || open < most, "only items that began ask");
        }
        for (slot, hold) in run.slots.iter() {
            let (Some(step), Some(item)) = (slot.step(), slot.item()) else { continue };
            assert!(*run.step(step) == StepState::Iterating, "only items under way hold slots");
            let open = run.items(step).and_then(|items| items.item(item));
            let last = open.expect("it is open").attempt;
            assert!((last.0..=last.0 + 1).contains(&hold.attempt.0), "for the attempt or the next");
        }
        if let Event::ItemCompleted { step, item, attempt, .. }
        | Event::ItemAttemptFailed { step, item, attempt, .. } = event
        {
            assert!(ended.insert((*step, *item, *attempt)), "each attempt has one outcome");
        }
    }

    /// Attempts of items under way.
    pub(super) fn running_items(&self) -> Vec<(StepIndex, ItemIndex, Attempt)> {
        let all = self.bench.run.all_items();
        all.flat_map(|(step, items)| {
            items.running().map(move |(item, attempt)| (step, item, attempt))
        })
        .collect()
    }

    /// A report about an item.
    pub(super) fn about_an_item(&self, ask: &Ask) -> Option<Command> {
        let running = self.running_items();
        let (step, item, attempt) = *running.get(ask.which % running.len().max(1))?;
        let fatal = ask.which.is_multiple_of(5);
        let failure = Failure { code: "E".to_owned(), fatal, ..Failure::default() };
        Some(match ask.what {
            53..57 => Command::CompleteItem { step, item, attempt, output: Payload::Null },
            57..59 => Command::FailItem { step, item, attempt, failure },
            59 => Command::ResumeItem { step, item, attempt },
            _ => {
                let attempts =
                    running.iter().copied().filter(|(_, i, _)| ask.which >> i.0 & 1 == 0);
                Command::InterruptItems {
                    attempts: attempts.collect(),
                    how: Interruption::ALL[ask.which % 3],
                }
            }
        })
    }
}
