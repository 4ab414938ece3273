//! The handlers at work.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_model::effect::RunAttempt;
use nexus_model::id::{Attempt, RunId, StepIndex};
use nexus_model::plan::Plan;
use tokio::sync::mpsc;

use super::attempt::{Call, Environment, Report, carry_out};
use super::message::Message;
use crate::handler::{AttemptInfo, StepCx, Stop};

type Key = (RunId, StepIndex);

/// Handlers at work, and calls that wait because another must run alone.
pub(super) struct Handlers {
    environment: Arc<Environment>,
    inbox: mpsc::UnboundedSender<Message>,
    working: HashMap<Key, (Attempt, Arc<Stop>)>,
    waiting: VecDeque<Call>,
    alone: VecDeque<Call>,
    one_works_alone: bool,
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
    pub(super) fn call(&mut self, plan: &Plan, mut info: AttemptInfo, attempt: RunAttempt) {
        info.store.clone_from(&self.environment.store);
        let step = attempt.step;
        let (name, timeout_ms) = match attempt.undo {
            true => (plan.undo_handler(step), plan.undo_timeout_ms(step)),
            false => (plan.handler(step), plan.timeout_ms(step)),
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
    }

    /// Tells the handler of an attempt to stop.
    pub(super) fn stop(&mut self, run: RunId, step: StepIndex, attempt: Attempt) {
        if let Some((working, stop)) = self.working.get(&(run, step)) {
            if *working == attempt {
                stop.stop();
            }
            return;
        }
        for call in self.waiting.iter().chain(&self.alone) {
            if (call.cx.info().run, call.cx.info().step, call.cx.info().attempt)
                == (run, step, attempt)
            {
                call.stop.stop();
            }
        }
    }

    /// Takes note that a handler is done.
    pub(super) fn ended(&mut self, report: &Report) {
        self.working.remove(&(report.run, report.step));
        self.environment.metrics.working(self.working.len());
        if self.working.is_empty() {
            self.one_works_alone = false;
        }
        self.let_in();
    }

    /// Tells all to stop; returns the attempts whose handlers were not called yet.
    pub(super) fn close(&mut self) -> Vec<(RunId, StepIndex, Attempt)> {
        for (_, stop) in self.working.values() {
            stop.stop();
        }
        let left = self.waiting.drain(..).chain(self.alone.drain(..));
        left.map(|call| (call.cx.info().run, call.cx.info().step, call.cx.info().attempt)).collect()
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
        let info = call.cx.info();
        self.working.insert((info.run, info.step), (info.attempt, Arc::clone(&call.stop)));
        self.environment.metrics.working(self.working.len());
        let (environment, inbox) = (Arc::clone(&self.environment), self.inbox.clone());
        tokio::spawn(async move {
            let report = carry_out(call, environment).await;
            let _ = inbox.send(Message::Reported(report));
        });
    }
}
