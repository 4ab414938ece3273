//! The task in which the function of a run is asked.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use nexus_model::event::Event;
use nexus_model::id::RunId;
use nexus_model::payload::Payload;
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use tokio::sync::{mpsc, oneshot, watch};

use super::functions::Functions;
use super::machine::{Heard, Machine};
use super::request::Request;
use super::trouble::Trouble;
use crate::driver::Message;
use crate::handler::{Data, words};
use crate::loader::{LoadError, Loader, Recorded};
use crate::shard::{Asked, Refusal};
use crate::tables::definition_row;

/// How many events are read at a time.
const EVENTS_MAX: usize = 512;

/// What a function is carried out with.
pub(crate) struct Performance {
    pub(crate) run: RunId,
    pub(crate) workflow: String,
    pub(crate) functions: Functions,
    pub(crate) loader: Loader,
    pub(crate) inbox: mpsc::UnboundedSender<Message>,
    /// The event with which the round began that the function is in.
    pub(crate) began: u32,
    /// How many events of the run are durable.
    pub(crate) news: watch::Receiver<u32>,
    /// How long to wait before something is asked again that could not be done.
    pub(crate) rest: Duration,
}

/// Carries out the function of a run until the engine ends, or the function gets no further. Whoever knows that the run has
/// ended aborts it: it may be retried right away.
pub(crate) async fn perform(performance: Performance) {
    let (functions, run) = (performance.functions.clone(), performance.run);
    // What panics outside of the function itself, such as what a side effect computes, must not stop it without a word.
    match AssertUnwindSafe(performance.carry_out()).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(trouble)) => functions.is_in_trouble(run, trouble),
        Err(panic) => functions.is_in_trouble(run, Trouble::Panicked(words(&*panic).to_owned())),
    }
}

/// What became of what the function said.
enum Answered {
    Recorded,
    NotNow,
    EngineEnds,
}

impl Performance {
    async fn carry_out(mut self) -> Result<(), Trouble> {
        let mut machine = self.begin().await?;
        let mut next = self.began;
        loop {
            self.news.mark_unchanged();
            next = self.read(&mut machine, next).await?;
            if machine.is_stale() {
                machine = self.begin().await?;
                next = self.began;
                continue;
            }
            let bell = machine.bell();
            if machine.has_ended() {
                if self.news.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            if let Some(request) = machine.go_on()? {
                match self.say(request).await? {
                    Answered::Recorded => {}
                    Answered::NotNow => tokio::time::sleep(self.rest).await,
                    Answered::EngineEnds => return Ok(()),
                }
                continue;
            }
            tokio::select! {
                changed = self.news.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = bell.foreign() => return Err(Trouble::Foreign),
            }
        }
    }

    /// A function that has heard how the run began, which is all that it is told of the rounds before the one it is in.
    async fn begin(&self) -> Result<Machine, Trouble> {
        let function = self.functions.get(&self.workflow).cloned();
        let function = function.ok_or_else(|| Trouble::NoFunction(self.workflow.clone()))?;
        let mut machine = Machine::new(self.run, function, self.functions.clone());
        if self.began > 0 {
            self.hear(&mut machine, 0, 1).await?;
            machine.skip();
        }
        Ok(machine)
    }

    /// Has the function hear all that is durable from event `from` on. Returns where that ends.
    async fn read(&self, machine: &mut Machine, from: u32) -> Result<u32, Trouble> {
        let mut next = from;
        loop {
            let heard = self.hear(machine, next, EVENTS_MAX).await?;
            next = next.saturating_add(heard);
            if (heard as usize) < EVENTS_MAX && next >= *self.news.borrow() {
                return Ok(next);
            }
        }
    }

    /// Has the function hear at most so many events. Returns how many there were.
    async fn hear(&self, machine: &mut Machine, from: u32, max: usize) -> Result<u32, Trouble> {
        loop {
            let (loader, run) = (self.loader.clone(), self.run);
            let read = tokio::task::spawn_blocking(move || chunk(&loader, run, from, max));
            let read = read.await.map_err(|error| Trouble::History(error.to_string()))?;
            let heard = match read {
                Ok(heard) => heard,
                Err(error) if error.is_passing() => {
                    tokio::time::sleep(self.rest).await;
                    continue;
                }
                Err(error) => return Err(Trouble::History(error.to_string())),
            };
            let count = u32::try_from(heard.len()).unwrap_or(u32::MAX);
            for (Recorded { event, time, revision, .. }, data) in heard {
                machine.hear(Heard { event: &event, revision, at: time, data })?;
            }
            return Ok(count);
        }
    }

    /// Has recorded what the function says.
    async fn say(&self, request: Request) -> Result<Answered, Trouble> {
        let Request { command, payloads, callees } = request;
        let row =
            |plan: &Arc<Plan>| definition_row(plan.hash(), plan.definition().to_canonical_json());
        let rows = callees.iter().map(row).collect();
        let (reply, answer) = oneshot::channel();
        let asked = Asked { payloads, rows, ..Asked::silent(command) };
        let message = Message::Ask { run: self.run, asked, reply: Some(reply) };
        if self.inbox.send(message).is_err() {
            return Ok(Answered::EngineEnds);
        }
        let Ok(answer) = answer.await else { return Ok(Answered::EngineEnds) };
        match answer {
            Ok(_) => {
                // Only now: others leave out the rows of definitions that are known.
                for plan in &callees {
                    self.loader.keep(plan);
                }
                Ok(Answered::Recorded)
            }
            // What is recorded says why: it is read next.
            Err(Refusal::Rejected(Rejection::Ended { .. } | Rejection::OtherTurn { .. })) => {
                Ok(Answered::NotNow)
            }
            Err(Refusal::ShuttingDown) => Ok(Answered::EngineEnds),
            Err(Refusal::DiskNearlyFull(_) | Refusal::Unreadable { .. }) => Ok(Answered::NotNow),
            Err(refusal) => Err(Trouble::Refused(refusal.to_string())),
        }
    }
}

pub(super) type Chunk = Vec<(Recorded, Option<Data>)>;

/// Events with the bytes that the function is given because of them.
pub(super) fn chunk(
    loader: &Loader,
    run: RunId,
    from: u32,
    max: usize,
) -> Result<Chunk, LoadError> {
    let recorded = loader.history(run, from, max)?;
    let with_data = |recorded: Recorded| {
        let data = given(&recorded.event).map(|payload| data(loader, payload)).transpose()?;
        Ok((recorded, data))
    };
    recorded.into_iter().map(with_data).collect()
}

/// The payload that the function is given because of an event.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event hands it something")]
fn given(event: &Event) -> Option<&Payload> {
    match event {
        Event::RunStarted(started) => Some(&started.input),
        Event::StepCompleted { output, .. } => Some(output),
        Event::FunctionReturned(returned) => Some(&returned.output),
        _ => None,
    }
}

fn data(loader: &Loader, payload: &Payload) -> Result<Data, LoadError> {
    let content_type = payload.content_type();
    Ok(Data { content_type, bytes: loader.bytes(payload)? })
}
