//! One call of a handler, from its input to its report.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::poll_fn;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use nexus_model::aggregate::Calendar;
use nexus_model::event::Failure;
use nexus_model::expression::SecretPlace;
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::payload::{ContentType, NewPayload, Payload};
use tokio::sync::mpsc;

use super::heart::Heart;
use super::message::{Message, ReplySender};
use super::outside::{Outside, carried_out};
use crate::code::Functions;
use crate::handle::OpenRuns;
use crate::handler::{
    Data, Handler, LogSink, Registry, StepCx, StepError, StepResult, Stop, caught,
};
use crate::loader::Loader;
use crate::metrics::Metrics;
use crate::remote::Workers;
use crate::secrets::{Secrets, fill_in};

/// The media type of bytes of which nothing is known.
const UNKNOWN_BYTES: &str = "application/octet-stream";

/// Code of an attempt that was told to stop.
pub(crate) const STOPPED: &str = "NX3016";

/// What handlers are called with, the same for all.
pub(crate) struct Environment {
    pub(crate) registry: Registry,
    /// The functions of code workflows.
    pub(crate) functions: Functions,
    pub(crate) state: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) store: Option<Arc<Path>>,
    pub(crate) loader: Loader,
    pub(crate) payload_bytes_max: usize,
    pub(crate) grace: Duration,
    pub(crate) metrics: Arc<Metrics>,
    /// Where the values of secrets come from.
    pub(crate) secrets: Arc<dyn Secrets>,
    /// How many runs are open.
    pub(crate) open_runs: OpenRuns,
    /// Knows when rules of the calendar are due.
    pub(crate) calendar: Arc<dyn Calendar>,
    /// The tasks for workers.
    pub(crate) workers: Workers,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) run: RunId,
    pub(crate) step: StepIndex,
    pub(crate) item: Option<ItemIndex>,
    pub(crate) attempt: Attempt,
    pub(crate) result: Result<(Payload, Vec<NewPayload>), Failure>,
    /// Whether its handler was called, or a worker was given it.
    pub(crate) was_called: bool,
    /// Whether a worker carried it out, so that it took no room here.
    pub(crate) is_outside: bool,
    /// Who is told that it is recorded.
    pub(crate) reply: Option<ReplySender>,
}

/// What carries out an attempt.
#[derive(Clone)]
pub(super) enum Performer {
    /// Code of this program.
    Handler(Arc<dyn Handler>),
    /// A worker.
    Worker(Outside),
}

/// A call about to be made.
pub(super) struct Call {
    pub(super) performer: Performer,
    pub(super) cx: StepCx,
    pub(super) stop: Stop,
    pub(super) heart: Heart,
    pub(super) input: Payload,
    /// Where secrets have to be filled in.
    pub(super) secrets: Vec<SecretPlace>,
    pub(super) timeout: Option<Duration>,
    pub(super) recorded: Instant,
    /// Whether its handler was called, or a worker was given it.
    pub(super) was_called: bool,
    /// When its handler began.
    pub(super) began: Instant,
    /// Who is told that its outcome is recorded.
    pub(super) reply: Option<ReplySender>,
}

impl Call {
    /// Whether a worker is to carry it out.
    pub(super) fn is_outside(&self) -> bool {
        matches!(self.performer, Performer::Worker(_))
    }

    pub(super) fn attempt(&self) -> AttemptKey {
        let info = self.cx.info();
        (info.run, info.step, info.item, info.attempt)
    }
}

/// Names an attempt of a step or item.
pub(super) type AttemptKey = (RunId, StepIndex, Option<ItemIndex>, Attempt);

/// Sends the report of a call: the one it is given, or one of its own if the call's task ends without.
pub(super) struct Reporter {
    inbox: mpsc::UnboundedSender<Message>,
    open: Option<AttemptKey>,
    is_outside: bool,
}

impl Reporter {
    pub(super) fn new(inbox: mpsc::UnboundedSender<Message>, call: &Call) -> Self {
        Self { inbox, open: Some(call.attempt()), is_outside: call.is_outside() }
    }

    pub(super) fn report(&mut self, report: Report) {
        self.open = None;
        let _ = self.inbox.send(Message::Reported(report));
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let Some((run, step, item, attempt)) = self.open.take() else { return };
        let error = StepError::retry("the handler's task ended without an outcome").code("NX3012");
        let (result, is_outside, reply) = (Err(error.0), self.is_outside, None);
        let was_called = true;
        let report = Report { run, step, item, attempt, result, was_called, is_outside, reply };
        let _ = self.inbox.send(Message::Reported(report));
    }
}

/// Makes the call and says how it ended.
///
/// What most attempts do not come to is boxed: this future is moved into a task for each attempt, and is small.
pub(super) async fn carry_out(call: &mut Call, environment: &Environment) -> Report {
    let (run, step, item, attempt) = call.attempt();
    call.began = Instant::now();
    environment.metrics.queued(call.began - call.recorded);
    let is_outside = call.is_outside();
    let bytes_max = environment.payload_bytes_max;
    let result = called(call, environment).await;
    let redactor = call.cx.redactor();
    let result = result
        .and_then(|output| {
            let output = in_json(&call.cx, redactor.data(output))?;
            let (payload, mut stored) = accepted(output.clone(), bytes_max, item.is_some())?;
            stored.extend(call.cx.named_in(&output));
            Ok((payload, stored))
        })
        .map_err(|error| redactor.failure(error.0));
    environment.metrics.attempted(call.began.elapsed(), result.is_ok());
    let (was_called, reply) = (call.was_called, call.reply.take());
    Report { run, step, item, attempt, result, was_called, is_outside, reply }
}

async fn called(call: &mut Call, environment: &Environment) -> StepResult<Data> {
    let result = attempted(call, environment).await;
    if result.is_err() {
        call.heart.flush();
    }
    result
}

async fn attempted(call: &mut Call, environment: &Environment) -> StepResult<Data> {
    let handler = match call.performer.clone() {
        Performer::Handler(handler) => handler,
        Performer::Worker(outside) => {
            return Box::pin(carried_out(call, environment, outside)).await;
        }
    };
    let input = input(std::mem::take(&mut call.input), environment).await?;
    let input = with_secrets(input, call, environment).await?;
    open_progress(call, environment).await?;
    call.cx.begins(call.timeout);
    call.was_called = true;
    let mut work = pin!(guarded(handler, call.cx.clone(), input));
    match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        Poll::Ready(done) => done,
        Poll::Pending => Box::pin(watched(work, call, environment)).await,
    }
}

/// Waits for a handler as long as it may take.
async fn watched(
    mut work: Pin<&mut (impl Future<Output = StepResult<Data>> + Send)>,
    call: &mut Call,
    environment: &Environment,
) -> StepResult<Data> {
    let error = tokio::select! {
        biased;
        done = &mut work => return done,
        () = call.cx.cancelled() => None,
        () = over(call.timeout) => {
            Some(timed_out(call.timeout.unwrap_or_default()))
        }
        silence = call.heart.falls_silent() => {
            Some(StepError::retry(format!("no heartbeat for {}", in_words(silence))).code("NX3024"))
        }
    };
    if let Some(error) = error {
        call.stop.stop();
        let _ = tokio::time::timeout(environment.grace, work).await;
        return Err(error);
    }
    tokio::time::timeout(environment.grace, work).await.unwrap_or_else(|_| Err(stopped()))
}

/// Turns a panic into a failed attempt.
pub(crate) async fn guarded(
    handler: Arc<dyn Handler>,
    cx: StepCx,
    input: Data,
) -> StepResult<Data> {
    let mut work = caught(|| handler.call(cx, input))?;
    poll_fn(|context| match caught(|| work.as_mut().poll(context)) {
        Ok(poll) => poll,
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// What an earlier attempt of an encrypted run said of its progress, as it was said.
pub(super) async fn open_progress(call: &mut Call, environment: &Environment) -> StepResult<()> {
    let progress = call.cx.said();
    if call.cx.info().vault.is_none() || !matches!(progress, Payload::Stored(..)) {
        return Ok(());
    }
    let Data { content_type, bytes } = input(progress, environment).await?;
    let progress = Payload::Inline(content_type, bytes);
    call.cx.take_over(progress.clone());
    call.heart.has_recorded(progress);
    Ok(())
}

/// The input with its secrets; from now on their values are taken out of all that comes back.
pub(super) async fn with_secrets(
    input: Data,
    call: &mut Call,
    environment: &Environment,
) -> StepResult<Data> {
    if call.secrets.is_empty() {
        return Ok(input);
    }
    let (places, secrets) = (std::mem::take(&mut call.secrets), Arc::clone(&environment.secrets));
    let fill = move || fill_in(&input, &places, &*secrets);
    let filled = tokio::task::spawn_blocking(fill).await.map_err(StepError::from)?;
    let (input, redactor) = filled?;
    call.cx.redact(redactor);
    Ok(input)
}

pub(super) async fn input(payload: Payload, environment: &Environment) -> StepResult<Data> {
    let content_type = payload.content_type();
    let bytes = match payload {
        Payload::Null => Arc::from(*b"null"),
        Payload::Inline(_, bytes) => bytes,
        stored @ Payload::Stored(..) => {
            let loader = environment.loader.clone();
            let read = tokio::task::spawn_blocking(move || loader.bytes(&stored)).await;
            read.map_err(StepError::from)?.map_err(StepError::from)?
        }
    };
    Ok(Data { content_type, bytes })
}

/// Bytes that are no JSON become a blob, which JSON names.
pub(crate) fn in_json(cx: &StepCx, output: Data) -> StepResult<Data> {
    match output.content_type {
        ContentType::Json | ContentType::Chunks => Ok(output),
        ContentType::Bytes => Data::json(&cx.keep(UNKNOWN_BYTES, output.bytes)?),
    }
}

/// What an attempt leads to, as it is recorded.
pub(crate) type Outcome = StepResult<(Payload, Vec<NewPayload>)>;

/// The output of a handler, if it is no larger than `max` bytes; that of an item is kept beside its event sooner.
pub(crate) fn accepted(output: Data, max: usize, of_item: bool) -> Outcome {
    let len = output.bytes.len();
    if len > max {
        let message = format!("the output has {len} bytes, more than payload_bytes_max ({max})");
        return Err(StepError::fatal(message).code("NX3006"));
    }
    let (payload, stored) = Payload::new(output.content_type, output.bytes);
    let (payload, also) = if of_item { payload.of_item() } else { (payload, None) };
    Ok((payload, stored.into_iter().chain(also).collect()))
}

/// The failure of an attempt that took longer than it may.
pub(crate) fn timed_out(timeout: Duration) -> StepError {
    StepError::retry(format!("timed out after {}", in_words(timeout))).code("NX3002")
}

/// The failure of an attempt that stopped because it was told to.
pub(crate) fn stopped() -> StepError {
    StepError::retry("stopped on request").code(STOPPED)
}

pub(super) async fn over(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

pub(super) fn in_words(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}
