//! The effects of a transition: what `pending` says about the steps, items and calls that it touched.

use std::collections::{BTreeMap, BTreeSet};

use nexus_model::command::Command;
use nexus_model::effect::{Effect, pending, pending_for, pending_item};
use nexus_model::event::Event;
use nexus_model::id::{ItemIndex, StepIndex};
use nexus_model::run::ItemsRun;

use super::resident::Resident;

impl Resident {
    /// The effects of a transition: what `pending` says about the steps it touched; and how many slots they take.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event gives a handler work")]
    pub(super) fn effects_of(&self, events: &[Event]) -> (Vec<Effect>, i64) {
        let (mut effects, mut slots_taken) = (Vec::new(), 0);
        let mut steps = Touched::default();
        let mut add = |step: StepIndex, takes_slot: bool| steps.add(step, takes_slot);
        for event in events {
            match event {
                Event::StepStarted { step, .. } | Event::UndoStarted { step, .. } => {
                    add(*step, true);
                }
                Event::ItemUndoStarted(started) => add(started.step, true),
                // One that is resumed took its slot before.
                Event::StepCalled { step, .. }
                | Event::StepWaits { step, .. }
                | Event::AttemptResumed { step, .. } => add(*step, false),
                // What runs last goes on, and has its handler.
                Event::UndoWaived { .. } => {
                    let undone = |step: &StepIndex| self.run.step_run(*step).undo().is_some();
                    self.run.running().filter(undone).for_each(|step| add(step, false));
                }
                Event::StopRequested { steps } => {
                    for step in steps {
                        add(*step, false);
                    }
                }
                // One that was left in order is carried on too: it may have been left because of a pause that is over.
                Event::AttemptsInterrupted { attempts, .. } => {
                    for (step, _) in attempts {
                        add(*step, true);
                    }
                }
                _ => {}
            }
        }
        let told: BTreeSet<StepIndex> = steps.places.into_keys().collect();
        for (step, takes_slot) in steps.in_order {
            let effect = pending_for(&self.plan, &self.run, step);
            slots_taken += i64::from(takes_slot && effect.as_ref().is_some_and(is_work));
            effects.extend(effect);
        }
        if events.iter().any(changes_a_hold) {
            let calls = self.run.calling().filter(|step| !told.contains(step));
            effects.extend(calls.filter_map(|step| pending_for(&self.plan, &self.run, step)));
        }
        let mut items = Touched::default();
        for event in events {
            self.touch_items(event, &mut items);
        }
        for ((step, item), takes_slot) in items.in_order {
            let effect = pending_item(&self.plan, &self.run, step, item);
            slots_taken += i64::from(takes_slot && effect.as_ref().is_some_and(is_work));
            effects.extend(effect);
        }
        if events.iter().any(ends_a_hold) {
            for effect in self.kept_attempts() {
                slots_taken += 1;
                effects.push(effect);
            }
        }
        (effects, slots_taken)
    }

    /// The items that an event touches.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event gives a handler work")]
    fn touch_items(&self, event: &Event, items: &mut Touched<(StepIndex, ItemIndex)>) {
        match event {
            Event::ItemStarted { step, item, .. } => items.add((*step, *item), true),
            // It took its slot when it was to be resumed.
            Event::ItemResumed { step, item, .. } => items.add((*step, *item), false),
            Event::StopRequested { steps } => {
                for step in steps {
                    let running = self.run.items(*step).into_iter().flat_map(ItemsRun::running);
                    running.for_each(|(item, _)| items.add((*step, item), false));
                }
            }
            Event::ItemsInterrupted { attempts, .. } => {
                for (step, item, _) in attempts {
                    items.add((*step, *item), true);
                }
            }
            _ => {}
        }
    }

    /// Whether an effect is still wanted. An attempt that was to stop may have reported meanwhile, and what a function calls next
    /// may have its numbers by now.
    pub(super) fn still_counts(&self, effect: &Effect) -> bool {
        let Effect::StopAttempt { step, item, .. } = effect else { return true };
        let wanted = match item {
            _ if step.0 >= self.plan.step_count() => None,
            None => pending_for(&self.plan, &self.run, *step),
            Some(item) => pending_item(&self.plan, &self.run, *step, *item),
        };
        wanted.as_ref() == Some(effect)
    }

    /// What carries on attempts that were cut off and that no handler of this engine is at work for, or will be.
    fn kept_attempts(&self) -> Vec<Effect> {
        let coming = self.held.iter().flat_map(|held| &held.effects);
        let coming: BTreeSet<_> = coming
            .filter_map(|effect| match effect {
                Effect::RunAttempt(run) => Some((run.step, run.item)),
                Effect::ResumeAttempt { step, item, .. } => Some((*step, *item)),
                Effect::StopAttempt { .. } | Effect::Call(_) | Effect::ReadEvents(_) => None,
            })
            .collect();
        let is_kept = |effect: &Effect| match effect {
            Effect::ResumeAttempt { step, item, .. } => {
                let key = (*step, *item);
                !self.stays_at_work(key) && !coming.contains(&key)
            }
            Effect::RunAttempt(_)
            | Effect::StopAttempt { .. }
            | Effect::Call(_)
            | Effect::ReadEvents(_) => false,
        };
        pending(&self.plan, &self.run).into_iter().filter(is_kept).collect()
    }

    /// Whether a handler is at work for it, or will be, also after what is on its way to the log.
    fn stays_at_work(&self, key: (StepIndex, Option<ItemIndex>)) -> bool {
        let mut coming = self.held.iter().map(|held| &held.asked.command);
        self.at_work.contains_key(&key) && !coming.any(|command| interrupts(command, key))
    }
}

/// Whether a command says that no handler is at work for it any more.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else interrupts")]
fn interrupts(command: &Command, (step, item): (StepIndex, Option<ItemIndex>)) -> bool {
    match command {
        Command::InterruptAttempts { attempts, .. } => {
            item.is_none() && attempts.iter().any(|(at, _)| *at == step)
        }
        Command::InterruptItems { attempts, .. } => {
            attempts.iter().any(|(at, of, _)| (*at, Some(*of)) == (step, item))
        }
        _ => false,
    }
}

/// What a transition touches, in order. Several of its events may touch the same; what that should do is asked once, because
/// each answer calls a handler.
struct Touched<T> {
    /// With each, whether work on it takes a slot.
    in_order: Vec<(T, bool)>,
    places: BTreeMap<T, usize>,
}

impl<T> Default for Touched<T> {
    fn default() -> Self {
        Self { in_order: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Touched<T> {
    fn add(&mut self, what: T, takes_slot: bool) {
        let place = *self.places.entry(what).or_insert(self.in_order.len());
        match self.in_order.get_mut(place) {
            Some((_, takes)) => *takes |= takes_slot,
            None => self.in_order.push((what, takes_slot)),
        }
    }
}

fn is_work(effect: &Effect) -> bool {
    matches!(effect, Effect::RunAttempt(_) | Effect::ResumeAttempt { .. })
}

/// Whether a called run has to follow this.
fn changes_a_hold(event: &Event) -> bool {
    let begins_one = matches!(
        event,
        Event::RunPaused { .. }
            | Event::RunHeld { .. }
            | Event::StepPaused { .. }
            | Event::ParentPaused
    );
    begins_one || ends_a_hold(event)
}

/// Whether what a pause kept may go on after this.
fn ends_a_hold(event: &Event) -> bool {
    matches!(
        event,
        Event::RunResumed { .. }
            | Event::RunReleased
            | Event::StepResumed { .. }
            | Event::ParentResumed
            | Event::CancelRequested { .. }
            | Event::UndoWaived { .. }
    )
}

/// Whether a run ends with this.
pub(super) fn is_end(event: &Event) -> bool {
    matches!(
        event,
        Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCancelled { .. }
    )
}

/// By how much these change the number of open runs.
pub(super) fn opens(events: &[Event]) -> i64 {
    let begins = |event: &Event| matches!(event, Event::RunStarted(_) | Event::RunRetried { .. });
    events.iter().map(|event| i64::from(begins(event)) - i64::from(is_end(event))).sum()
}

/// Whether timers that a pause kept may fire after this.
pub(super) fn ends_a_pause(command: &Command) -> bool {
    matches!(
        command,
        Command::ResumeRun { .. }
            | Command::ResumeStep { .. }
            | Command::ReleaseRun
            | Command::FollowParent { paused: false }
            | Command::CancelRun { .. }
    )
}
