//! `InterruptAttempts`: the process that ran them is gone. They run again under their numbers, but not for ever.

use std::collections::BTreeSet;

use super::Draft;
use crate::event::{Event, Failure, Interruption};
use crate::id::{Attempt, StepIndex};
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn interrupt_attempts(
        &mut self,
        attempts: Vec<(StepIndex, Attempt)>,
        how: Interruption,
    ) -> Result<(), Rejection> {
        for &(step, attempt) in &attempts {
            self.under_way(step, attempt)?;
        }
        let each_once: BTreeSet<(StepIndex, Attempt)> = attempts.into_iter().collect();
        let attempts: Vec<(StepIndex, Attempt)> = each_once.into_iter().collect();
        self.idle.extend(attempts.iter().map(|(step, _)| *step));
        self.emit(Event::AttemptsInterrupted { attempts: attempts.clone(), how });
        for (step, attempt) in attempts {
            self.give_up_if_hopeless(step, attempt);
        }
        Ok(())
    }

    fn give_up_if_hopeless(&mut self, step: StepIndex, attempt: Attempt) {
        let Ok(under_way) = self.under_way(step, attempt) else { return };
        if let Some(cause) = under_way.stopping {
            self.settle_stopped(step, cause);
        } else if under_way.interruptions > self.context.interruptions_max {
            let failure = ends_the_process(under_way.interruptions);
            if under_way.undo {
                self.emit(Event::UndoFailed { step, failure });
            } else {
                self.fail(step, failure);
            }
        }
    }
}

pub(super) fn ends_the_process(times: u32) -> Failure {
    Failure {
        code: "NX3013".to_owned(),
        message: format!("the engine's process ended {times} times while this step ran"),
        fatal: true,
        details: None,
    }
}
