//! Attempts whose code this program does not have: it has no handler of that name, or the function of their run has not made the
//! call yet.
//!
//! Invariants:
//! * They rest, as is recorded, so that the end of the process does not count against them, and that they were not called.
//! * They take no room, and nothing waits for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_model::effect::RunAttempt;
use nexus_model::event::Interruption;
use nexus_model::id::{Attempt, RunId, StepIndex};
use nexus_model::plan::Plan;
use tokio::sync::mpsc;

use super::Driver;
use super::attempt::{AttemptKey, Performer};
use super::handlers::{Handlers, Key};
use super::message::Message;
use super::outside::Outside;

/// Attempts that wait for their code, and whether they are to run alone.
#[derive(Default)]
pub(super) struct Uncalled(BTreeMap<Key, (Attempt, bool)>);

impl Uncalled {
    /// An attempt waits no longer. Returns whether it is to run alone, if it did wait.
    pub(super) fn take(&mut self, (run, step, item, attempt): AttemptKey) -> Option<bool> {
        let key = (run, step, item);
        let (waits, alone) = *self.0.get(&key)?;
        (waits == attempt).then(|| {
            self.0.remove(&key);
            alone
        })
    }

    /// The run has ended.
    pub(super) fn forget(&mut self, run: RunId) {
        let first = (run, StepIndex(0), None);
        while let Some((key, _)) = self.0.range(first..).next().filter(|((of, ..), _)| *of == run) {
            let key = *key;
            self.0.remove(&key);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Handlers {
    /// The code of a step, or of what undoes it, if this program has it, or a worker is to have it.
    pub(super) fn code(
        &self,
        plan: &Plan,
        run: RunId,
        step: StepIndex,
        undo: bool,
    ) -> Option<Performer> {
        if plan.is_code() {
            let work = self.environment.functions.code(run, plan.id(step), undo);
            return work.map(|work| Performer::Handler(work.handler));
        }
        let name = if undo { plan.undo_handler(step) } else { plan.handler(step) };
        if let Some(handler) = self.environment.registry.get(name?) {
            return Some(Performer::Handler(Arc::clone(handler)));
        }
        let handler = Arc::from(plan.worker_handler(step, undo)?);
        Some(Performer::Worker(Outside { handler, ending: self.ending.subscribe() }))
    }

    /// Lets an attempt wait until the function of its run has made the call. A handler that this program does not have does not
    /// come: the attempt rests, as is recorded, until the next one.
    fn wait_for_code(&mut self, plan: &Plan, which: AttemptKey, undo: bool, alone: bool) {
        let (run, step, item, attempt) = which;
        if !plan.is_code() {
            let name = if undo { plan.undo_handler(step) } else { plan.handler(step) };
            tracing::warn!(%run, step = plan.id(step), handler = name, "nobody offers this handler");
            return;
        }
        self.uncalled.0.insert((run, step, item), (attempt, alone));
        let inbox: mpsc::UnboundedSender<Message> = self.inbox.clone();
        let tell = move || {
            let _ = inbox.send(Message::Called(which));
        };
        self.environment.functions.when_called(run, plan.id(step), undo, tell);
    }
}

impl Driver {
    /// An attempt that was just started, or resumed, has no code: it rests. Once that is recorded, it is to be resumed, and
    /// waits for its code.
    pub(super) fn rest_without_code(&mut self, run: RunId, attempt: &RunAttempt) {
        let which = (run, attempt.step, attempt.item, attempt.attempt);
        self.slots.0 += 1;
        self.handlers.turns_back(which);
        self.interrupted(which, Interruption::NotCalled);
    }

    /// An attempt that rests has no code: its turn comes once there is some.
    pub(super) fn rest_on(&mut self, plan: &Plan, which: AttemptKey, undo: bool, alone: bool) {
        self.slots.0 += 1;
        self.handlers.wait_for_code(plan, which, undo, alone);
    }

    /// The function of a run has made the call that an attempt waits for.
    pub(super) fn called(&mut self, which: AttemptKey) {
        if self.closing.is_none()
            && let Some(alone) = self.handlers.uncalled.take(which)
        {
            self.slots.0 -= 1;
            self.handlers.queue(which, alone);
        }
    }
}
