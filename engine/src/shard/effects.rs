//! The effects of a transition: what `pending` says about the steps, items and calls that it touched.

use std::collections::BTreeSet;

use nexus_model::effect::{Effect, pending, pending_for, pending_item, pending_items};
use nexus_model::event::Event;
use nexus_model::id::StepIndex;

use super::resident::Resident;

impl Resident {
    /// The effects of a transition: what `pending` says about the steps it touched; and how many slots they take.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event gives a handler work")]
    pub(super) fn effects_of(&self, events: &[Event]) -> (Vec<Effect>, i64) {
        let (mut effects, mut slots_taken) = (Vec::new(), 0);
        let mut add = |step: StepIndex, takes_slot: bool| {
            let effect = pending_for(&self.plan, &self.run, step);
            let is_work =
                matches!(effect, Some(Effect::RunAttempt(_) | Effect::ResumeAttempt { .. }));
            slots_taken += i64::from(is_work && takes_slot);
            effects.extend(effect);
        };
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
                Event::AttemptsInterrupted { attempts, orderly: false } => {
                    for (step, _) in attempts {
                        add(*step, true);
                    }
                }
                _ => {}
            }
        }
        if events.iter().any(changes_a_hold) {
            let calls = self.run.calling();
            effects.extend(calls.filter_map(|step| pending_for(&self.plan, &self.run, step)));
        }
        for event in events {
            self.effects_of_items(event, &mut effects, &mut slots_taken);
        }
        if events.iter().any(ends_a_hold) {
            for effect in self.kept_attempts() {
                slots_taken += 1;
                effects.push(effect);
            }
        }
        (effects, slots_taken)
    }

    /// The effects of an event: what `pending` says about the items it touched.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event gives a handler work")]
    fn effects_of_items(&self, event: &Event, effects: &mut Vec<Effect>, slots_taken: &mut i64) {
        let (plan, run) = (&self.plan, &self.run);
        let is_work = |effect: &Effect| {
            matches!(effect, Effect::RunAttempt(_) | Effect::ResumeAttempt { .. })
        };
        match event {
            Event::ItemStarted { step, item, .. } => {
                let effect = pending_item(plan, run, *step, *item);
                *slots_taken += i64::from(effect.as_ref().is_some_and(is_work));
                effects.extend(effect);
            }
            // It took its slot when it was to be resumed.
            Event::ItemResumed { step, item, .. } => {
                effects.extend(pending_item(plan, run, *step, *item));
            }
            Event::StopRequested { steps } => {
                effects.extend(steps.iter().flat_map(|step| pending_items(plan, run, *step)));
            }
            Event::ItemsInterrupted { attempts, orderly: false } => {
                for (step, item, _) in attempts {
                    let effect = pending_item(plan, run, *step, *item);
                    *slots_taken += i64::from(effect.as_ref().is_some_and(is_work));
                    effects.extend(effect);
                }
            }
            _ => {}
        }
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
                !self.at_work.contains_key(&key) && !coming.contains(&key)
            }
            Effect::RunAttempt(_)
            | Effect::StopAttempt { .. }
            | Effect::Call(_)
            | Effect::ReadEvents(_) => false,
        };
        pending(&self.plan, &self.run).into_iter().filter(is_kept).collect()
    }
}

/// Whether a called run has to follow this.
fn changes_a_hold(event: &Event) -> bool {
    matches!(
        event,
        Event::RunPaused { .. }
            | Event::RunResumed { .. }
            | Event::RunHeld { .. }
            | Event::RunReleased
            | Event::StepPaused { .. }
            | Event::StepResumed { .. }
            | Event::ParentPaused
            | Event::ParentResumed
    )
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
    )
}
