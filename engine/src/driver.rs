//! Drivers: tasks that bring clock, channels, disk and handlers to the shards they own.
//!
//! Invariants:
//! * Transitions of a shard reach the log in the order they were decided.
//! * A handler is called for an attempt only after the attempt is durable, and reports exactly once.
//! * A handler whose attempt may be what ends the process runs while no other does.

mod attempt;
mod handlers;
mod message;
mod outbox;
mod replies;
mod timers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use nexus_log::{Outcome, Partition};
use nexus_model::command::Command;
use nexus_model::id::{Attempt, RunId, StepIndex};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::config::{Config, Drive};
use crate::loader::{LoadError, Loader};
use crate::metrics::Metrics;
use crate::shard::{Asked, Input, Loaded, Output, Refusal, Shard, Slots, Start};
pub(crate) use attempt::{Environment, Report};
use handlers::Handlers;
pub(crate) use message::Message;
use outbox::Outbox;
use replies::Replies;
use timers::Timers;

/// How many messages are taken before what was decided goes to the log.
const MESSAGES_PER_TICK: usize = 1024;
/// How long a request waits that the log could not take.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A driver and what it owns.
pub(crate) struct Driver {
    config: Config,
    clock: Clock,
    loader: Loader,
    snapshots: Option<nexus_projections::Views>,
    inbox: mpsc::UnboundedSender<Message>,
    shard: Shard,
    slots: Slots,
    hungry: VecDeque<RunId>,
    timers: Timers,
    handlers: Handlers,
    replies: Replies,
    outbox: Outbox,
    outputs: Vec<Output>,
    closing: Option<oneshot::Sender<()>>,
    metrics: Arc<Metrics>,
}

impl Driver {
    /// Makes a driver for the runs of which `share.0` of `share.1` is responsible.
    pub(crate) fn new(
        config: Config,
        clock: Clock,
        loader: Loader,
        snapshots: Option<nexus_projections::Views>,
        environment: Arc<Environment>,
        inbox: mpsc::UnboundedSender<Message>,
        share: (usize, usize),
    ) -> Self {
        let concurrency = (config.concurrency as usize / config.drivers.max(1)).max(1);
        let metrics = Arc::clone(&environment.metrics);
        Self {
            config,
            clock,
            snapshots,
            shard: Shard::new(config.shard_limits()),
            slots: Slots(if config.drive == Drive::Nothing {
                0
            } else {
                i64::try_from(concurrency).unwrap_or(i64::MAX)
            }),
            hungry: VecDeque::new(),
            timers: Timers::new(config.drive, share),
            handlers: Handlers::new(environment, inbox.clone()),
            replies: Replies::default(),
            outbox: Outbox::new(Arc::clone(loader.log())),
            outputs: Vec::new(),
            closing: None,
            loader,
            inbox,
            metrics,
        }
    }

    /// Drives until shut down.
    pub(crate) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        let mut taken = Vec::with_capacity(MESSAGES_PER_TICK);
        self.load_timers();
        loop {
            let wake = self.timers.wake_in(&self.clock);
            tokio::select! {
                biased;
                answers = self.outbox.answered() => {
                    let Ok(answers) = answers else { break };
                    self.answer(answers);
                }
                count = messages.recv_many(&mut taken, MESSAGES_PER_TICK) => {
                    if count == 0 {
                        break;
                    }
                    taken.drain(..).for_each(|message| self.take(message));
                }
                () = sleep(wake) => {}
            }
            self.finish_tick();
            if self.is_done() && messages.is_empty() {
                break;
            }
        }
        if let Some(done) = self.closing.take() {
            let _ = done.send(());
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Start { start, reply } => self.start(start, reply),
            Message::Ask { run, asked, reply } => self.ask(run, asked, reply),
            Message::Loaded { run, loaded } => self.tell(Input::Loaded { run, loaded }),
            Message::PayloadsLoaded { run, payloads } => {
                self.tell(Input::PayloadsLoaded { run, payloads })
            }
            Message::Reported(report) => self.report(report),
            Message::Drive { run } => self.tell(Input::Drive { run }),
            Message::Wait { run, end } => {
                self.replies.wait(run, end);
                if !self.shard.is_resident(run) {
                    self.load_end(run);
                }
            }
            Message::AlreadyEnded { run, status } => self.replies.ended(run, &status),
            Message::Unwaitable { run, refusal } => self.replies.unwaitable(run, &refusal),
            Message::TimersLoaded { rows, until_ms } => {
                self.timers.loaded(rows, until_ms);
            }
            Message::Shutdown { done } => self.shut_down(done),
        }
    }

    fn start(&mut self, mut start: Box<Start>, reply: message::ReplySender) {
        if self.closing.is_some() {
            let _ = reply.send(Err(Refusal::ShuttingDown));
            return;
        }
        start.reply = Some(self.replies.expect(reply));
        self.tell(Input::Start(start));
    }

    fn ask(&mut self, run: RunId, mut asked: Asked, reply: Option<message::ReplySender>) {
        if let Some(reply) = reply {
            asked.reply = Some(self.replies.expect(reply));
        }
        self.tell(Input::Ask { run, asked });
    }

    fn tell(&mut self, input: Input) {
        let now = self.clock.now();
        let mut outputs = std::mem::take(&mut self.outputs);
        self.shard.on(input, now, &mut self.slots, &mut outputs);
        for output in outputs.drain(..) {
            self.carry_out(output);
        }
        self.outputs = outputs;
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Load(run) => self.load(run),
            Output::LoadPayloads(run, hashes) => self.load_payloads(run, hashes),
            Output::Attempt { plan, info, attempt } => self.call(&plan, *info, *attempt),
            Output::Stop(run, step, attempt) => self.handlers.stop(run, step, attempt),
            Output::TimerSet(run, timer, due) => self.timers.set(run, timer, due),
            Output::TimerCleared(run, timer, due) => self.timers.cleared(run, timer, due),
            Output::Reply(reply, answer) => self.replies.answer(reply, answer),
            Output::Ended(run, status) => {
                self.metrics.ended(&status);
                self.replies.ended(run, &status);
            }
            Output::Hungry(run) => self.hungry.push_back(run),
            Output::Snapshot(run, revision, bytes) => {
                if let Some(views) = &self.snapshots {
                    views.put_snapshot(
                        crate::tables::stream(run),
                        nexus_log::Revision(revision),
                        bytes,
                    );
                }
            }
            Output::AskAgain { run, asked } => self.ask_again(run, asked),
        }
    }

    fn call(
        &mut self,
        plan: &nexus_model::plan::Plan,
        info: crate::handler::AttemptInfo,
        attempt: nexus_model::effect::RunAttempt,
    ) {
        if self.closing.is_some() || self.config.drive == Drive::Nothing {
            self.slots.0 += 1;
            self.interrupted(info.run, attempt.step, attempt.attempt);
            return;
        }
        self.handlers.call(plan, info, attempt);
    }

    fn report(&mut self, report: Report) {
        self.slots.0 += 1;
        self.handlers.ended(&report);
        let Report { run, step, attempt, result, .. } = report;
        match result {
            Err(failure) if self.closing.is_some() && failure.code == attempt::STOPPED => {
                self.interrupted(run, step, attempt);
            }
            Err(failure) => {
                self.ask(run, Asked::silent(Command::FailStep { step, attempt, failure }), None)
            }
            Ok((output, payloads)) => {
                let command = Command::CompleteStep { step, attempt, output };
                self.ask(run, Asked { command, payloads, reply: None }, None);
            }
        }
    }

    /// Records that an attempt is left to the next process, in order.
    fn interrupted(&mut self, run: RunId, step: StepIndex, attempt: Attempt) {
        let command = Command::InterruptAttempts { attempts: vec![(step, attempt)], orderly: true };
        self.tell(Input::Ask { run, asked: Asked::silent(command) });
    }

    fn answer(&mut self, answers: Vec<(RunId, Outcome)>) {
        for (run, outcome) in answers {
            self.tell(Input::Answered { run, outcome });
        }
    }

    /// Fires what is due, offers free room, and hands what was decided to the log.
    fn finish_tick(&mut self) {
        for (run, timer) in self.timers.take_due(&self.clock) {
            self.tell(Input::Ask { run, asked: Asked::silent(Command::FireTimer { timer }) });
        }
        if self.timers.wants_rows(&self.clock) {
            self.load_timers();
        }
        while self.slots.0 > 0 && self.closing.is_none() {
            let Some(run) = self.hungry.pop_front() else { break };
            self.tell(Input::Offer { run });
        }
        self.outbox.put(self.shard.take_batch());
        self.metrics.resident(self.shard.resident_count());
    }

    fn shut_down(&mut self, done: oneshot::Sender<()>) {
        self.closing = Some(done);
        self.slots = Slots(i64::MIN / 2);
        self.hungry.clear();
        self.timers.close();
        for (run, step, attempt) in self.handlers.close() {
            self.interrupted(run, step, attempt);
        }
    }

    fn is_done(&self) -> bool {
        self.closing.is_some() && self.handlers.is_idle() && self.outbox.is_idle()
    }

    fn ask_again(&self, run: RunId, asked: Asked) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
            let _ = inbox.send(Message::Ask { run, asked, reply: None });
        });
    }

    fn load(&self, run: RunId) {
        self.read(move |loader| {
            let loaded = match loader.run(run) {
                Ok(Some((plan, state))) => Loaded::Found { plan, state: Box::new(state) },
                Ok(None) => Loaded::NotFound,
                Err(error) => Loaded::Failed(causes(&error)),
            };
            Message::Loaded { run, loaded }
        });
    }

    fn load_end(&self, run: RunId) {
        self.read(move |loader| match loader.run(run) {
            Ok(Some((_, state))) => Message::AlreadyEnded { run, status: state.status },
            Ok(None) => Message::Unwaitable { run, refusal: Refusal::NotFound },
            Err(error) => Message::Unwaitable { run, refusal: Refusal::Unreadable(causes(&error)) },
        });
    }

    fn load_payloads(&self, run: RunId, hashes: Vec<nexus_model::payload::PayloadHash>) {
        self.read(move |loader| match loader.payloads(&hashes) {
            Ok(payloads) => Message::PayloadsLoaded { run, payloads },
            Err(error) => Message::Loaded { run, loaded: Loaded::Failed(causes(&error)) },
        });
    }

    fn load_timers(&mut self) {
        let Some((from, to, until_ms)) = self.timers.next_rows(&self.clock) else { return };
        self.read(move |loader| {
            let rows = loader
                .log()
                .rows(crate::tables::TIMERS, &from, &to, timers::ROWS_MAX)
                .unwrap_or_default();
            Message::TimersLoaded { rows, until_ms }
        });
    }

    fn read(&self, work: impl FnOnce(&Loader) -> Message + Send + 'static) {
        let (loader, inbox) = (self.loader.clone(), self.inbox.clone());
        tokio::task::spawn_blocking(move || {
            let _ = inbox.send(work(&loader));
        });
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn causes(error: &LoadError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The only partition of the embedded log.
pub(crate) const PARTITION: Partition = Partition(0);
