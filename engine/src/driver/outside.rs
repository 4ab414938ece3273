//! An attempt that a worker carries out: it waits on the board, is handed out, and ends with the worker's report, or because the
//! worker is not heard of any more.
//!
//! Invariants:
//! * Waiting has no end of its own: the time of an attempt runs from when it is handed out.
//! * A worker that is told of a cancelled run has the same grace as a handler of this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::attempt::{
    Call, Environment, in_words, input, open_progress, over, stopped, timed_out, with_secrets,
};
use super::message::ReplySender;
use crate::handler::{Data, StepResult};
use crate::remote::{Lease, Offer, Task, TaskId, lost};

/// A task about to be put on the board.
pub(crate) struct LeasedTask {
    pub(crate) id: TaskId,
    /// Under which token it is reported about.
    pub(crate) token: u32,
    /// The handler, without the prefix.
    pub(crate) handler: Arc<str>,
}

/// What a worker says of its task, and where the answer goes.
pub(crate) struct WorkerReport {
    pub(crate) outcome: StepResult<Data>,
    pub(crate) reply: ReplySender,
}

/// Which attempts of workers are left to the next process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    #[default]
    None,
    /// Those that wait for a worker.
    Waiting,
    /// Also those that workers hold.
    All,
}

/// What an attempt of a worker needs beside what every attempt does.
#[derive(Clone)]
pub(super) struct Outside {
    /// The handler, without the prefix.
    pub(super) handler: Arc<str>,
    pub(super) ending: watch::Receiver<Ending>,
}

/// A task that a worker holds.
struct Held {
    /// Keeps it on the board.
    _offer: Offer,
    worker: Arc<str>,
    report: oneshot::Receiver<WorkerReport>,
}

/// Has a worker carry out the attempt.
pub(super) async fn carried_out(
    call: &mut Call,
    environment: &Environment,
    mut outside: Outside,
) -> StepResult<Data> {
    let Held { _offer, worker, mut report } = handed_out(call, environment, &mut outside).await?;
    call.began = Instant::now();
    call.was_called = true;
    let mut ending = outside.ending;
    tokio::select! {
        biased;
        report = &mut report => return reported(call, report),
        () = ends(&mut ending, Ending::All) => return Err(stopped()),
        () = call.cx.cancelled() => {}
        () = over(call.timeout) => return Err(timed_out(call.timeout.unwrap_or_default())),
        silence = call.heart.falls_silent() => {
            environment.metrics.lease_lost();
            return Err(lost(&worker, &in_words(silence)));
        }
    }
    tokio::select! {
        biased;
        report = &mut report => reported(call, report),
        () = ends(&mut ending, Ending::All) => Err(stopped()),
        () = tokio::time::sleep(environment.grace) => Err(stopped()),
    }
}

fn reported(
    call: &mut Call,
    report: Result<WorkerReport, oneshot::error::RecvError>,
) -> StepResult<Data> {
    // The board lets go of a task only when its attempt does.
    let Ok(WorkerReport { outcome, reply }) = report else { return Err(stopped()) };
    call.reply = Some(reply);
    outcome
}

/// Waits until a worker has taken the task.
async fn handed_out(
    call: &mut Call,
    environment: &Environment,
    outside: &mut Outside,
) -> StepResult<Held> {
    let workers = &environment.workers;
    let info = call.cx.info();
    let id = TaskId { run: info.run, step: info.step, item: info.item };
    let handler = Arc::clone(&outside.handler);
    let leased = LeasedTask { id, token: info.fencing_token, handler };
    let mut read = None;
    loop {
        let mut offer = workers.offer(&leased);
        let claim = tokio::select! {
            biased;
            () = ends(&mut outside.ending, Ending::Waiting) => return Err(stopped()),
            () = call.cx.cancelled() => return Err(stopped()),
            claim = offer.claimed() => claim,
        };
        let input = match &read {
            Some(input) => Data::clone(input),
            None => read.insert(prepared(call, environment).await?).clone(),
        };
        let lease = call.cx.info().heartbeat.unwrap_or_else(|| workers.lease());
        let (sender, report) = oneshot::channel();
        let worker = Arc::clone(&claim.worker);
        let held = Lease {
            worker: Arc::clone(&worker),
            since: workers.now(),
            cx: call.cx.clone(),
            silence_max: lease,
            report: sender,
        };
        let task = task(call, &leased, input, lease, workers.now());
        if offer.hand_out(claim, task, held).await {
            call.heart.bear(lease);
            return Ok(Held { _offer: offer, worker, report });
        }
    }
}

/// The input with its secrets, read when somebody wants it: what waits for a worker holds no payload.
async fn prepared(call: &mut Call, environment: &Environment) -> StepResult<Data> {
    let input = input(std::mem::take(&mut call.input), environment).await?;
    let input = with_secrets(input, call, environment).await?;
    open_progress(call, environment).await?;
    Ok(input)
}

fn task(
    call: &Call,
    leased: &LeasedTask,
    input: Data,
    lease: Duration,
    now: nexus_model::time::Timestamp,
) -> Task {
    let LeasedTask { id, token, handler } = leased;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Task {
        id: *id,
        handler: Arc::clone(handler),
        token: *token,
        cx: call.cx.clone(),
        input,
        deadline: call.timeout.map(|timeout| now.plus_ms(ms(timeout))),
        lease,
    }
}

async fn ends(ending: &mut watch::Receiver<Ending>, which: Ending) {
    if ending.wait_for(|ending| *ending >= which).await.is_err() {
        std::future::pending::<()>().await;
    }
}
