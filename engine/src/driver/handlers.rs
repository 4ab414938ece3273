//! The handlers at work.
//!
//! Invariants:
//! * Each call that began is reported once; an attempt that was not called yet is waiting or about to be resumed.
//! * The one that works alone is resumed only when none is at work, none is being resumed and no call is on its way.
//! * Handlers do not outlive their driver.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::{HashMap, HashMapExt};
use nexus_model::effect::RunAttempt;
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::plan::Plan;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::attempt::{AttemptKey, Call, Environment, Performer, Report, Reporter, carry_out};
use super::heart::Heart;
use super::message::Message;
use super::outside::Ending;
use super::uncalled::Uncalled;
use crate::handler::{AttemptInfo, Blobs, StepCx, Stop};
use crate::logs::SealedLogs;

pub(super) type Key = (RunId, StepIndex, Option<ItemIndex>);

/// Handlers at work, and attempts that were cut off and wait for their turn.
pub(super) struct Handlers {
    pub(super) environment: Arc<Environment>,
    pub(super) inbox: mpsc::UnboundedSender<Message>,
    working: HashMap<Key, Working>,
    /// Attempts that wait for their code.
    pub(super) uncalled: Uncalled,
    waiting: VecDeque<AttemptKey>,
    alone: VecDeque<AttemptKey>,
    /// Attempts whose resumption is being recorded.
    resuming: HashMap<Key, Attempt>,
    /// The one that works alone, or is being resumed for that.
    lone: Option<Key>,
    /// Which attempts of workers are left to the next process.
    pub(super) ending: watch::Sender<Ending>,
}

struct Working {
    attempt: Attempt,
    /// Whether a worker carries it out, in a process of its own.
    is_outside: bool,
    stop: Stop,
    task: AbortHandle,
}

/// What became of the wish to stop an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Its handler was told and will report.
    Told,
    /// Its handler was not called yet, and will not be.
    NotCalled,
    /// It has no handler here.
    Unknown,
}

impl Handlers {
    pub(super) fn new(
        environment: Arc<Environment>,
        inbox: mpsc::UnboundedSender<Message>,
    ) -> Self {
        Self {
            environment,
            inbox,
            working: HashMap::new(),
            uncalled: Uncalled::default(),
            waiting: VecDeque::new(),
            alone: VecDeque::new(),
            resuming: HashMap::new(),
            lone: None,
            ending: watch::channel(Ending::None).0,
        }
    }

    /// Lets an attempt that was cut off wait for its turn.
    pub(super) fn queue(&mut self, which: AttemptKey, alone: bool) {
        if alone {
            self.alone.push_back(which);
        } else {
            self.waiting.push_back(which);
        }
    }

    /// The attempts whose turn has come. `calls_coming` others will be called without asking.
    pub(super) fn next(&mut self, calls_coming: usize) -> Vec<AttemptKey> {
        if self.lone.is_some() {
            return Vec::new();
        }
        if self.alone.is_empty() {
            let next: Vec<AttemptKey> = self.waiting.drain(..).collect();
            self.resuming.extend(next.iter().map(keyed));
            return next;
        }
        let is_busy = self.working.values().any(|working| !working.is_outside);
        if is_busy || !self.resuming.is_empty() || calls_coming > 0 {
            return Vec::new();
        }
        let next = self.alone.pop_front();
        self.lone = next.map(|(run, step, item, _)| (run, step, item));
        self.resuming.extend(next.iter().map(keyed));
        next.into_iter().collect()
    }

    /// Whether nothing new may be started, because an attempt works alone or is about to.
    pub(super) fn keep_room(&self) -> bool {
        self.lone.is_some() || !self.alone.is_empty()
    }

    /// Has an attempt carried out. Returns whether that takes room here.
    pub(super) fn call(
        &mut self,
        performer: Performer,
        plan: &Plan,
        mut info: AttemptInfo,
        attempt: RunAttempt,
    ) -> bool {
        self.resuming.remove(&(info.run, attempt.step, attempt.item));
        info.store.clone_from(&self.environment.store);
        let step = attempt.step;
        let timeout_ms =
            if attempt.undo { plan.undo_timeout_ms(step) } else { plan.timeout_ms(step) };
        let logs = SealedLogs::over(&self.environment.logs, info.vault.as_ref());
        let Environment { loader, payload_bytes_max, state, .. } = &*self.environment;
        let blobs = Blobs::new(loader.clone(), *payload_bytes_max);
        let (cx, stop) = StepCx::keeping(info, logs, Arc::clone(state), blobs);
        let (cx, beats) = cx.with_progress(attempt.progress);
        let heart = Heart::new(self.inbox.clone(), &cx, beats);
        let takes_room = matches!(performer, Performer::Handler(_));
        self.begin(Call {
            performer,
            cx,
            stop,
            heart,
            input: attempt.input,
            secrets: plan.secrets(step, attempt.undo),
            timeout: timeout_ms.map(Duration::from_millis),
            recorded: Instant::now(),
            was_called: false,
            began: Instant::now(),
            reply: None,
        });
        takes_room
    }

    /// Tells the handler of an attempt to stop.
    pub(super) fn stop(&mut self, which: AttemptKey) -> Stopped {
        let (run, step, item, attempt) = which;
        if let Some(working) = self.working.get(&(run, step, item)) {
            if working.attempt == attempt {
                working.stop.stop();
                return Stopped::Told;
            }
            return Stopped::Unknown;
        }
        if self.resuming.get(&(run, step, item)) == Some(&attempt) {
            self.resuming.remove(&(run, step, item));
            self.leave((run, step, item));
            return Stopped::NotCalled;
        }
        if self.uncalled.take(which).is_some() {
            return Stopped::Unknown;
        }
        let before = self.waiting.len() + self.alone.len();
        self.waiting.retain(|waits| *waits != which);
        self.alone.retain(|waits| *waits != which);
        if self.waiting.len() + self.alone.len() == before {
            Stopped::Unknown
        } else {
            Stopped::NotCalled
        }
    }

    /// An attempt that was to be called is not.
    pub(super) fn turns_back(&mut self, (run, step, item, attempt): AttemptKey) {
        let key = (run, step, item);
        if self.resuming.get(&key) == Some(&attempt) {
            self.resuming.remove(&key);
        }
        self.leave(key);
    }

    /// The one that worked alone does not any more.
    fn leave(&mut self, key: Key) {
        if self.lone == Some(key) {
            self.lone = None;
        }
    }

    /// Says in the log of an attempt that is over that its report was ignored.
    pub(super) fn ignored(&self, mut info: AttemptInfo) {
        info.store.clone_from(&self.environment.store);
        let line = format!("ignored: stale attempt {}\n", info.attempt.0);
        self.environment.logs.write(&info, line.as_bytes());
    }

    /// Takes note that a handler is done.
    pub(super) fn ended(&mut self, report: &Report) {
        let key = (report.run, report.step, report.item);
        if self.working.get(&key).is_some_and(|working| working.attempt == report.attempt) {
            self.working.remove(&key);
            self.environment.metrics.done(1);
            self.leave(key);
        }
    }

    /// Tells all that are at work to stop, for the engine ends.
    pub(super) fn stop_all(&self) {
        self.ending.send_replace(Ending::All);
        for working in self.working.values() {
            working.stop.stop();
        }
    }

    /// Forgets the attempts that wait for their turn: they rest, as is recorded, until the next process.
    /// So do those that wait for a worker, and those whose workers can no longer report.
    pub(super) fn turn_away(&mut self) {
        self.waiting.clear();
        self.alone.clear();
        let workers = &self.environment.workers;
        workers.hand_out_nothing();
        let left = if workers.is_unreachable() { Ending::All } else { Ending::Waiting };
        self.ending.send_modify(|ending| *ending = left.max(*ending));
        self.uncalled.clear();
    }

    /// Whether none is at work.
    pub(super) fn is_idle(&self) -> bool {
        self.working.is_empty()
    }

    fn begin(&mut self, mut call: Call) {
        let (run, step, item, attempt) = call.attempt();
        let (stop, is_outside) = (call.stop.clone(), call.is_outside());
        let mut reporter = Reporter::new(self.inbox.clone(), &call);
        let environment = Arc::clone(&self.environment);
        let work = async move { reporter.report(carry_out(&mut call, &environment).await) };
        // Boxed, because a task is moved about ten times while it is made and when it ends.
        let task = tokio::spawn(Box::pin(work)).abort_handle();
        self.environment.metrics.begun();
        self.working.insert((run, step, item), Working { attempt, is_outside, stop, task });
    }
}

fn keyed((run, step, item, attempt): &AttemptKey) -> (Key, Attempt) {
    ((*run, *step, *item), *attempt)
}

/// A driver that is gone has no handlers at work.
impl Drop for Handlers {
    fn drop(&mut self) {
        for working in self.working.values() {
            working.task.abort();
        }
        self.environment.metrics.done(self.working.len());
    }
}
