//! Drivers: tasks that bring clock, channels, disk and handlers to the shards they own.
//!
//! Invariants:
//! * Transitions of a shard reach the log in the order they were decided.
//! * A handler is called for an attempt only after the attempt is durable, and reports exactly once.
//! * A handler whose attempt may be what ends the process runs while no other does, and no other attempt is recorded as
//!   being at work then: the end of the process counts against that one alone.
//! * Runs that wait for room are read again only as far as there is room for them.

mod alarm;
mod attempt;
pub(crate) mod calls;
mod closing;
mod errands;
mod handlers;
mod heart;
mod hungry;
mod message;
mod outbox;
mod outside;
mod peers;
mod performers;
mod reads;
mod replies;
mod taking_up;
mod timers;
mod uncalled;

use std::sync::Arc;
use std::time::Duration;

use nexus_log::{Outcome, Partition, Table};
use nexus_model::aggregate::{AggregateId, ClockKind};
use nexus_model::command::Command;
use nexus_model::event::Interruption;
use nexus_model::id::{RunId, TimerId};
use nexus_model::time::Timestamp;
use tokio::sync::mpsc;

use crate::clock::{Clock, DriftWatch};
use crate::config::{Config, Drive};
use crate::handle::OpenRuns;
use crate::loader::Loader;
use crate::metrics::Metrics;
use crate::shard::{Asked, AskedAggregate, Input, Output, Refusal, Shard, Slots, Start};
use crate::tables::{TIMERS, WALL_TIMERS};
use alarm::Alarm;
use attempt::AttemptKey;
pub(crate) use attempt::{
    Environment, Outcome as AttemptOutcome, Report, accepted, guarded, in_json, stopped, timed_out,
};
use calls::{CallDone, Calls};
use closing::Closing;
use errands::Errands;
use handlers::{Handlers, Stopped};
use hungry::Hungry;
pub(crate) use message::{Message, ReplySender};
use outbox::Outbox;
pub(crate) use outside::{LeasedTask, WorkerReport};
pub(crate) use peers::Peers;
use performers::Performers;
use reads::{Read, Reads};
use replies::Replies;
use taking_up::TakingUp;
use timers::Timers;

/// How many messages are taken before what was decided goes to the log.
const MESSAGES_PER_TICK: usize = 1024;

/// A driver and what it owns.
pub(crate) struct Driver {
    config: Config,
    clock: Clock,
    /// The wall clock is watched by the first driver.
    drift: Option<DriftWatch>,
    snapshots: Option<nexus_projections::Views>,
    inbox: mpsc::UnboundedSender<Message>,
    shard: Shard,
    slots: Slots,
    hungry: Hungry,
    taking_up: TakingUp,
    timers: Timers,
    wall_timers: Timers,
    errands: Errands,
    open_runs: OpenRuns,
    handlers: Handlers,
    performers: Performers,
    calls: Calls,
    replies: Replies,
    reads: Reads,
    outbox: Outbox,
    outputs: Vec<Output>,
    closing: Option<Closing>,
    metrics: Arc<Metrics>,
    resident: usize,
    /// Revision of the pauses of the store that it keeps to.
    pauses_revision: u32,
}

impl Driver {
    /// Makes a driver for the runs of which `share.0` of `share.1` is responsible.
    pub(crate) fn new(
        config: Config,
        clock: Clock,
        loader: Loader,
        snapshots: Option<nexus_projections::Views>,
        environment: Arc<Environment>,
        peers: Peers,
        share: (usize, usize),
    ) -> Self {
        let inbox = peers.at(share.0).clone();
        let concurrency = (config.concurrency as usize / config.drivers.max(1)).max(1);
        let metrics = Arc::clone(&environment.metrics);
        Self {
            config,
            clock,
            drift: (share.0 == 0).then(DriftWatch::default),
            snapshots,
            shard: Shard::new(config.shard_limits())
                .with_calendar(Arc::clone(&environment.calendar)),
            slots: Slots(if config.drive == Drive::Nothing {
                0
            } else {
                i64::try_from(concurrency).unwrap_or(i64::MAX)
            }),
            hungry: Hungry::default(),
            taking_up: TakingUp::default(),
            timers: Timers::new(TIMERS, config.drive, share),
            wall_timers: Timers::new(WALL_TIMERS, config.drive, share),
            errands: Errands::new(inbox.clone()),
            performers: Performers::new(
                environment.functions.clone(),
                loader.clone(),
                inbox.clone(),
                config.rest,
            ),
            open_runs: environment.open_runs.clone(),
            handlers: Handlers::new(environment, inbox.clone()),
            calls: Calls::new(loader.clone(), peers, inbox.clone(), config),
            replies: Replies::default(),
            outbox: Outbox::new(Arc::clone(loader.log())),
            reads: Reads::new(loader, inbox.clone()),
            outputs: Vec::new(),
            closing: None,
            inbox,
            metrics,
            resident: 0,
            pauses_revision: 0,
        }
    }

    /// Drives until shut down, or until the log closes.
    pub(crate) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        let mut taken = Vec::with_capacity(MESSAGES_PER_TICK);
        let mut alarm = Alarm::default();
        self.finish_tick();
        loop {
            let wake = self.wake_in();
            tokio::select! {
                biased;
                answers = self.outbox.answered() => {
                    let Ok(answers) = answers else {
                        tracing::error!("the log has closed; this engine does nothing any more");
                        break;
                    };
                    self.answer(answers);
                }
                _ = messages.recv_many(&mut taken, MESSAGES_PER_TICK) => {
                    for message in taken.drain(..) {
                        self.take(message);
                    }
                }
                () = alarm.rings_within(wake) => {}
            }
            self.finish_tick();
            if self.is_done(messages.is_empty()) {
                break;
            }
        }
        self.end(messages);
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Start { start, reply } => self.start(start, reply),
            Message::Ask { run, asked, reply } => self.ask(run, asked, reply),
            Message::Loaded { run, loaded } => {
                self.hungry.has_come(run);
                if matches!(loaded, crate::shard::Loaded::Failed { .. }) {
                    self.metrics.unread();
                }
                self.tell(Input::Loaded { run, loaded });
            }
            Message::PayloadsLoaded { run, payloads } => {
                self.tell(Input::PayloadsLoaded { run, payloads });
            }
            Message::Reported(report) => self.report(report),
            Message::Called(attempt) => self.called(attempt),
            Message::Pauses { revision, pauses, done } => {
                if revision >= self.pauses_revision {
                    self.pauses_revision = revision;
                    self.tell(Input::Pauses(pauses));
                }
                let _ = done.send(());
            }
            Message::Drive { run } if self.closing.is_none() => self.tell(Input::Drive { run }),
            Message::TakeUp { runs } if self.closing.is_none() => self.taking_up.extend(runs),
            Message::Drive { .. } | Message::TakeUp { .. } => {}
            Message::Wait { run, end } => {
                self.replies.wait(run, end);
                if !self.shard.is_open(run) {
                    self.reads.want(Read::End(run));
                }
            }
            Message::AlreadyEnded { run, status } => self.replies.ended(run, &status),
            Message::Unwaitable { run, refusal } => self.replies.unwaitable(run, &refusal),
            Message::Rested { run } => self.tell(Input::Rested { run }),
            Message::Equip { handle } => self.errands.equip(*handle),
            Message::AskAggregate { id, asked, reply } => self.ask_aggregate(id, asked, reply),
            Message::AggregateLoaded { id, loaded } => {
                if loaded.is_err() {
                    self.metrics.unread();
                }
                self.tell(Input::AggregateLoaded { id, loaded });
            }
            Message::DriveAggregate { id } => self.tell(Input::DriveAggregate { id }),
            Message::TimersLoaded { rows: Ok(rows), page } => {
                self.timers_of(page.table).loaded(&rows, &page);
            }
            Message::TimersLoaded { rows: Err(reason), page } => self.timers_unread(&reason, page),
            Message::TimersAgain { page } => self.reads.want(Read::Timers(page)),
            Message::HasRead(found) => {
                self.reads.has_read();
                for message in found {
                    self.take(message);
                }
            }
            Message::CallDone(done) => self.calls.done(&done),
            Message::DrainOver => self.handlers.stop_all(),
            Message::Shutdown { done } => self.shut_down(done),
        }
    }

    fn start(&mut self, mut start: Box<Start>, reply: ReplySender) {
        if self.closing.is_some() {
            let _ = reply.send(Err(Refusal::ShuttingDown));
            return;
        }
        start.reply = Some(self.replies.expect(reply));
        self.tell(Input::Start(start));
    }

    fn ask(&mut self, run: RunId, mut asked: Asked, reply: Option<ReplySender>) {
        if let Some(reply) = reply {
            if self.closing.is_some() {
                let _ = reply.send(Err(Refusal::ShuttingDown));
                return;
            }
            asked.reply = Some(self.replies.expect(reply));
        }
        self.tell(Input::Ask { run, asked });
    }

    fn ask_aggregate(
        &mut self,
        id: AggregateId,
        mut asked: AskedAggregate,
        reply: Option<ReplySender>,
    ) {
        if let Some(reply) = reply {
            if self.closing.is_some() {
                let _ = reply.send(Err(Refusal::ShuttingDown));
                return;
            }
            asked.reply = Some(self.replies.expect(reply));
        }
        self.tell(Input::AskAggregate { id, asked });
    }

    /// The timers whose rows are in this table.
    fn timers_of(&mut self, table: Table) -> &mut Timers {
        if table == WALL_TIMERS { &mut self.wall_timers } else { &mut self.timers }
    }

    /// Now, by the clock of whom it is told.
    fn now_for(&self, input: &Input) -> Timestamp {
        if let Input::AskAggregate { id, .. } | Input::AggregateLoaded { id, .. } = input
            && id.kind().clock() == ClockKind::Wall
        {
            return self.clock.wall_now();
        }
        self.clock.now()
    }

    fn tell(&mut self, input: Input) {
        let now = self.now_for(&input);
        let mut outputs = std::mem::take(&mut self.outputs);
        let withheld = self.withheld();
        self.slots.0 -= withheld;
        self.shard.on(input, now, &mut self.slots, &mut outputs);
        self.slots.0 += withheld;
        for output in outputs.drain(..) {
            self.carry_out(output);
        }
        self.outputs = outputs;
    }

    /// Room that is not offered, because an attempt runs alone or is about to.
    fn withheld(&self) -> i64 {
        if self.handlers.keep_room() { self.slots.0.max(0) } else { 0 }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Load(run) => self.reads.want(Read::Run(run)),
            Output::LoadPayloads(run, hashes) => self.reads.want(Read::Payloads(run, hashes)),
            Output::Attempt { plan, info, attempt } => self.call(&plan, *info, *attempt),
            Output::Resume { plan, run, step, item, attempt, undo, alone } => {
                self.queue(&plan, (run, step, item, attempt), undo, alone);
            }
            Output::Stop(run, step, item, attempt) => self.stop((run, step, item, attempt)),
            Output::LoadAggregate(id) => self.reads.want(Read::Aggregate(id)),
            Output::Errand(id, effect) => {
                if self.closing.is_none() {
                    self.errands.begin(id, *effect);
                }
            }
            Output::ReadEvents(run, reading) => {
                if self.closing.is_none() && self.config.drive != Drive::Nothing {
                    self.errands.read_events(run, reading);
                }
            }
            Output::Slot(change) => self.errands.tell_limit(change),
            Output::ErrandOver(id, effect) => self.errands.over(id, *effect),
            Output::Ignored(info) => self.handlers.ignored(*info),
            Output::TimerSet(run, timer, due) => {
                self.timers_of(table_of(run, timer)).set(run, timer, due);
            }
            Output::TimerCleared(run, timer, due) => {
                self.timers_of(table_of(run, timer)).cleared(run, timer, due);
            }
            Output::Reply(reply, answer) => self.replies.answer(reply, answer),
            Output::Opened(change) => self.open_runs.change(change),
            Output::Ended(run, status) => {
                self.metrics.ended(&status);
                self.performers.ended(run);
                self.handlers.uncalled.forget(run);
                self.replies.ended(run, &status);
            }
            Output::Left(run) => self.reads.want(Read::End(run)),
            Output::Function(news) => {
                if self.closing.is_none() && self.config.drive != Drive::Nothing {
                    self.performers.tell(*news);
                }
            }
            Output::Call(call) => self.calls.want(*call, self.closing.is_some()),
            Output::ChildEnded(report) => self.calls.tell(*report, self.closing.is_some()),
            Output::Hungry(run) => self.hungry.push(run),
            Output::Snapshot(run, revision, bytes) => {
                if let Some(views) = &self.snapshots {
                    views.put_snapshot(
                        crate::tables::stream(run),
                        nexus_log::Revision(revision),
                        bytes,
                    );
                }
            }
            Output::Rest(run) => {
                self.metrics.rested();
                self.later(Message::Rested { run });
            }
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
            let which = (info.run, attempt.step, attempt.item, attempt.attempt);
            self.interrupted(which, Interruption::NotCalled);
            return;
        }
        match self.handlers.code(plan, info.run, attempt.step, attempt.undo) {
            Some(performer) => {
                let takes_room = self.handlers.call(performer, plan, info, attempt);
                self.slots.0 += i64::from(!takes_room);
            }
            None => self.rest_without_code(info.run, &attempt),
        }
    }

    /// An attempt that was cut off waits for its turn. One whose turn does not come any more rests, as is recorded.
    fn queue(
        &mut self,
        plan: &nexus_model::plan::Plan,
        attempt: AttemptKey,
        undo: bool,
        alone: bool,
    ) {
        if self.closing.is_some() || self.config.drive == Drive::Nothing {
            self.slots.0 += 1;
        } else if self.handlers.code(plan, attempt.0, attempt.1, undo).is_none() {
            self.rest_on(plan, attempt, undo, alone);
        } else {
            self.handlers.queue(attempt, alone);
        }
    }

    /// Records that the attempts whose turn has come are carried on; then they are called.
    fn resume_next(&mut self) {
        if self.closing.is_some() {
            return;
        }
        for (run, step, item, attempt) in self.handlers.next(self.shard.calls_coming()) {
            let command = match item {
                None => Command::ResumeAttempt { step, attempt },
                Some(item) => Command::ResumeItem { step, item, attempt },
            };
            self.tell(Input::Ask { run, asked: Asked::silent(command) });
        }
    }

    /// Stops an attempt. One without a handler here is settled at once: it was not called yet, or its process is gone.
    fn stop(&mut self, attempt: AttemptKey) {
        match self.handlers.stop(attempt) {
            Stopped::Told => {}
            Stopped::NotCalled => {
                self.slots.0 += 1;
                self.interrupted(attempt, Interruption::NotCalled);
            }
            Stopped::Unknown => self.interrupted(attempt, Interruption::ShutDown),
        }
    }

    fn report(&mut self, report: Report) {
        self.slots.0 += i64::from(!report.is_outside);
        self.handlers.ended(&report);
        let Report { run, step, item, attempt, was_called, result, reply, .. } = report;
        let reply = reply.map(|reply| self.replies.expect(reply));
        match result {
            Err(failure) if self.closing.is_some() && failure.code == attempt::STOPPED => {
                let how = if was_called { Interruption::ShutDown } else { Interruption::NotCalled };
                self.interrupted((run, step, item, attempt), how);
            }
            Err(failure) => {
                let command = match item {
                    None => Command::FailStep { step, attempt, failure },
                    Some(item) => Command::FailItem { step, item, attempt, failure },
                };
                self.ask(run, Asked { reply, ..Asked::silent(command) }, None);
            }
            Ok((output, payloads)) => {
                let command = match item {
                    None => Command::CompleteStep { step, attempt, output },
                    Some(item) => Command::CompleteItem { step, item, attempt, output },
                };
                self.ask(run, Asked { payloads, reply, ..Asked::silent(command) }, None);
            }
        }
    }

    /// Records that an attempt is left to the next process, or to when its code is there.
    fn interrupted(&mut self, (run, step, item, attempt): AttemptKey, how: Interruption) {
        let command = match item {
            None => Command::InterruptAttempts { attempts: vec![(step, attempt)], how },
            Some(item) => Command::InterruptItems { attempts: vec![(step, item, attempt)], how },
        };
        self.tell(Input::Ask { run, asked: Asked::silent(command) });
    }

    fn answer(&mut self, answers: Vec<(RunId, Outcome)>) {
        for (run, outcome) in answers {
            self.tell(Input::Answered { run, outcome });
        }
    }

    /// Fires what is due, offers free room, and hands what was decided to the log.
    fn finish_tick(&mut self) {
        self.watch_the_wall_clock();
        let due = if self.reads.is_clogged() {
            Vec::new()
        } else {
            let mut due = self.timers.take_due(self.clock.now());
            due.extend(self.wall_timers.take_due(self.clock.wall_now()));
            due
        };
        for (run, timer) in due {
            self.tell(fire(run, timer));
        }
        let pages = [
            self.timers.next_page(self.clock.now()),
            self.wall_timers.next_page(self.clock.wall_now()),
        ];
        for page in pages.into_iter().flatten() {
            self.reads.want(Read::Timers(page));
        }
        self.resume_next();
        while self.closing.is_none()
            && self.withheld() == 0
            && let Some(run) = self.hungry.next(self.slots)
        {
            if !self.shard.is_resident(run) {
                self.hungry.comes(run);
            }
            self.tell(Input::Offer { run });
        }
        self.take_up();
        self.outbox.put(self.shard.take_batch());
        self.reads.begin();
        let resident = self.shard.resident_count();
        self.metrics.resident(std::mem::replace(&mut self.resident, resident), resident);
    }

    /// How long until there is something to do without being told; `None`: for ever.
    fn wake_in(&self) -> Option<Duration> {
        let closing = self.closing.as_ref().map(Closing::time_left);
        // While reads wait, the next of them to be done wakes the driver.
        let clogged = self.reads.is_clogged();
        let timers = [
            self.timers.wake_in(self.clock.now()),
            self.wall_timers.wake_in(self.clock.wall_now()),
        ];
        let timers = timers.into_iter().flatten().filter(|_| !clogged);
        closing.into_iter().chain(timers).chain(self.taking_up.wake_in()).min()
    }

    fn watch_the_wall_clock(&mut self) {
        let Some(watch) = &mut self.drift else { return };
        if !watch.is_due(self.clock.now()) {
            return;
        }
        let drift_ms = self.clock.wall_drift_ms();
        match watch.look(drift_ms) {
            Some(true) => {
                self.metrics.clock_jumped();
                tracing::warn!(drift_ms, "the wall clock has moved away from the engine's clock");
            }
            Some(false) => tracing::info!(drift_ms, "the wall clock is back"),
            None => {}
        }
    }

    fn timers_unread(&self, reason: &str, page: timers::Page) {
        self.metrics.unread();
        tracing::error!(%reason, "timers cannot be read; they fire late");
        self.later(Message::TimersAgain { page });
    }

    /// Has the driver told something after the configured rest.
    fn later(&self, message: Message) {
        let (inbox, rest) = (self.inbox.clone(), self.config.rest);
        tokio::spawn(async move {
            tokio::time::sleep(rest).await;
            let _ = inbox.send(message);
        });
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.metrics.resident(self.resident, 0);
    }
}

/// The table in which a timer of a stream is.
fn table_of(run: RunId, timer: TimerId) -> Table {
    if timer.follows_wall_clock() {
        return WALL_TIMERS;
    }
    match AggregateId::of(run.0).map(|id| id.kind().clock()) {
        Some(ClockKind::Wall) => WALL_TIMERS,
        Some(ClockKind::Engine) | None => TIMERS,
    }
}

fn fire(run: RunId, timer: TimerId) -> Input {
    match AggregateId::of(run.0) {
        None => Input::Ask { run, asked: Asked::silent(Command::FireTimer { timer }) },
        Some(id) => {
            let command = id.kind().fire(timer);
            Input::AskAggregate { id, asked: AskedAggregate::silent(command) }
        }
    }
}

/// The only partition of the embedded log.
pub(crate) const PARTITION: Partition = Partition(0);
