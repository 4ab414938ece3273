//! The handlers at work.
//!
//! Invariants:
//! * Each call that began is reported once; one that did not is either waiting, or was given back to the driver.
//! * Handlers do not outlive their driver.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_model::effect::RunAttempt;
use nexus_model::id::{Attempt, RunId, StepIndex};
use nexus_model::plan::Plan;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::attempt::{Call, Environment, Report, Reporter, carry_out};
use super::message::Message;
use crate::handler::{AttemptInfo, StepCx, Stop};

type Key = (RunId, StepIndex);

/// Handlers at work, and calls that wait because another must run alone.
pub(super) struct Handlers {
    environment: Arc<Environment>,
    inbox: mpsc::UnboundedSender<Message>,
    working: HashMap<Key, Working>,
    waiting: VecDeque<Call>,
    alone: VecDeque<Call>,
    one_works_alone: bool,
}

struct Working {
    attempt: Attempt,
    stop: Arc<Stop>,
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

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// The handler is at work.
    AtWork,
    /// It waits, because another must run alone.
    Queued,
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
            waiting: VecDeque::new(),
            alone: VecDeque::new(),
            one_works_alone: false,
        }
    }

    /// Calls the handler of an attempt, now or once it may run alone.
    pub(super) fn call(
        &mut self,
        plan: &Plan,
        mut info: AttemptInfo,
        attempt: RunAttempt,
    ) -> Called {
        let key = (info.run, attempt.step);
        info.store.clone_from(&self.environment.store);
        let step = attempt.step;
        let (name, timeout_ms) = if attempt.undo {
            (plan.undo_handler(step), plan.undo_timeout_ms(step))
        } else {
            (plan.handler(step), plan.timeout_ms(step))
        };
        let name = name.unwrap_or_default();
        let handler = self.environment.registry.get(name).cloned();
        let (cx, stop) = StepCx::new(
            info,
            Arc::clone(&self.environment.logs),
            Arc::clone(&self.environment.state),
        );
        let call = Call {
            handler,
            handler_name: Arc::from(name),
            cx,
            stop: Arc::new(stop),
            input: attempt.input,
            timeout: timeout_ms.map(Duration::from_millis),
            recorded: Instant::now(),
        };
        if attempt.alone {
            self.alone.push_back(call);
        } else {
            self.waiting.push_back(call);
        }
        self.let_in();
        if self.working.contains_key(&key) { Called::AtWork } else { Called::Queued }
    }

    /// Tells the handler of an attempt to stop.
    pub(super) fn stop(&mut self, run: RunId, step: StepIndex, attempt: Attempt) -> Stopped {
        if let Some(working) = self.working.get(&(run, step)) {
            if working.attempt == attempt {
                working.stop.stop();
                return Stopped::Told;
            }
            return Stopped::Unknown;
        }
        let is_it = |call: &Call| call.attempt() == (run, step, attempt);
        let before = self.waiting.len() + self.alone.len();
        self.waiting.retain(|call| !is_it(call));
        self.alone.retain(|call| !is_it(call));
        if self.waiting.len() + self.alone.len() == before {
            return Stopped::Unknown;
        }
        self.let_in();
        Stopped::NotCalled
    }

    /// Takes note that a handler is done.
    pub(super) fn ended(&mut self, report: &Report) {
        let key = (report.run, report.step);
        if self.working.get(&key).is_some_and(|working| working.attempt == report.attempt) {
            self.working.remove(&key);
            self.environment.metrics.done(1);
        }
        if self.working.is_empty() {
            self.one_works_alone = false;
        }
        self.let_in();
    }

    /// Tells all that are at work to stop.
    pub(super) fn stop_all(&self) {
        for working in self.working.values() {
            working.stop.stop();
        }
    }

    /// Turns away the calls that wait; returns their attempts.
    pub(super) fn turn_away(&mut self) -> Vec<(RunId, StepIndex, Attempt)> {
        let left = self.waiting.drain(..).chain(self.alone.drain(..));
        left.map(|call| call.attempt()).collect()
    }

    /// Whether none is at work or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.working.is_empty() && self.waiting.is_empty() && self.alone.is_empty()
    }

    fn let_in(&mut self) {
        if self.one_works_alone {
            return;
        }
        if let Some(call) = self.alone.pop_front() {
            if self.working.is_empty() {
                self.one_works_alone = true;
                self.begin(call);
            } else {
                self.alone.push_front(call);
            }
            return;
        }
        while let Some(call) = self.waiting.pop_front() {
            self.begin(call);
        }
    }

    fn begin(&mut self, call: Call) {
        let (run, step, attempt) = call.attempt();
        let stop = Arc::clone(&call.stop);
        let mut reporter = Reporter::new(self.inbox.clone(), run, step, attempt);
        let environment = Arc::clone(&self.environment);
        let work = async move { reporter.report(carry_out(call, environment).await) };
        let task = tokio::spawn(work).abort_handle();
        self.environment.metrics.begun();
        self.working.insert((run, step), Working { attempt, stop, task });
    }
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
