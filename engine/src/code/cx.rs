//! What a function is given: the means to make calls.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use nexus_model::definition::{Compensate, OnSignalTimeout, StepKind};
use nexus_model::event::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::board::{Board, Draft, Outcome};
use super::{Next, Returned};
use crate::handler::{Data, StepError};
use crate::workflow::{Approval, Decision, Error, IntoStep, Result, Signal, Step, Workflow, ms};

/// Code of a wait that took too long.
const WAITED_TOO_LONG: &str = "NX4001";

/// How many items of [`Cx::each`] are under way at a time, if nobody says.
const EACH_LIMIT: usize = 16;

/// Given to the function of a code workflow: what it does is done through this. Cheap to clone.
///
/// Every call is recorded with what came of it, by its name and how often that name was called before. When the function is run
/// again after a crash, its calls get what is recorded. So it has to make the same calls again: it must not ask a clock, chance,
/// the file system or the network other than in a step, and wait for nothing but its calls.
#[derive(Clone)]
pub struct Cx {
    board: Arc<Board>,
    run: Arc<str>,
}

impl Cx {
    pub(super) fn new(board: Arc<Board>, run: Arc<str>) -> Self {
        Self { board, run }
    }

    /// The name of the run.
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// Carries out a step. It runs from where the function next waits for something; given up before that, it is not made.
    pub fn step<S, M, In, Out>(&self, name: &str, step: S, input: In) -> Call<Out>
    where
        S: IntoStep<In, Out, M>,
        In: Serialize,
        Out: DeserializeOwned,
    {
        self.step_of(name, &step.into_step(), &input)
    }

    fn step_of<In, Out>(&self, name: &str, step: &Step<In, Out>, input: &In) -> Call<Out>
    where
        In: Serialize,
        Out: DeserializeOwned,
    {
        let Step { work, policy, .. } = step;
        let kind = StepKind::Action { uses: name.to_owned(), with: Value::Null };
        let mut call = self.call_with(name, kind, input, read::<Out>);
        self.board.set_step(call.ticket, |does| {
            if let Some(retry) = &policy.retry {
                does.retry = retry.0.clone();
            }
            does.timeout_ms = policy.timeout.map(ms);
            does.deadline_ms = policy.deadline.map(ms);
            does.heartbeat_ms = policy.heartbeat.map(ms);
            does.compensate = policy.undo.as_ref().map(|undo| {
                let kind = StepKind::Action { uses: format!("{name}.undo"), with: Value::Null };
                let retry = undo.retry.as_ref().map(|retry| retry.0.clone());
                Box::new(Compensate { kind, retry, timeout_ms: undo.timeout.map(ms) })
            });
        });
        let undo = policy.undo.as_ref().map(|undo| undo.work.clone());
        self.board.set_code(call.ticket, work.clone(), undo);
        call.best_effort = policy.best_effort;
        call
    }

    /// Carries out a step once for each item, 16 at a time; the outputs are in the order of the items. The first failure is that
    /// of all.
    pub fn each<S, M, In, Out>(&self, name: &str, step: S, items: Vec<In>) -> Each<In, Out>
    where
        S: IntoStep<In, Out, M>,
    {
        let (cx, name, step) = (self.clone(), name.to_owned(), step.into_step());
        Each { cx, name, step, items, limit: EACH_LIMIT }
    }

    /// Waits a while. It takes no thread, and goes on while no engine runs.
    pub fn sleep(&self, time: Duration) -> Call<()> {
        let kind = StepKind::Sleep { duration: ms(time).into() };
        self.call_with("sleep", kind, &ms(time), nothing)
    }

    /// Waits for a signal.
    pub fn wait<T: DeserializeOwned>(&self, signal: &Signal<T>) -> Wait<T> {
        let kind = StepKind::WaitFor {
            signal: signal.name().to_owned(),
            matches: None,
            timeout_ms: None,
            on_timeout: OnSignalTimeout::Fail,
        };
        let input = json!({"signal": signal.name()});
        let mut call = self.call_with(signal.name(), kind, &input, read::<T>);
        call.is_from_outside = true;
        Wait { call, signal: signal.name() }
    }

    /// Waits for the decision of a person. A rejection is a decision, not a failure; that nobody decides in time is one.
    pub fn approve(&self, name: &str, approval: Approval) -> Call<Decision> {
        let Approval { recorded, .. } = approval;
        let input = json!({
            "by": recorded.by, "message": recorded.message, "timeout_ms": recorded.timeout_ms,
        });
        self.call_with(name, StepKind::Approve(Box::new(recorded)), &input, read::<Decision>)
    }

    /// Calls another workflow: a run of its own, whose output this is.
    pub fn call<In, Out>(&self, name: &str, workflow: &Workflow<In, Out>, input: In) -> Call<Out>
    where
        In: Serialize,
        Out: DeserializeOwned,
    {
        let plan = workflow.plan();
        let kind = StepKind::Call {
            workflow: workflow.name().to_owned(),
            version: None,
            definition: Some(plan.hash()),
            with: Value::Null,
        };
        let call = self.call_with(name, kind, &input, read::<Out>);
        let callees = workflow.callees().iter().cloned().chain([Arc::clone(plan)]);
        self.board.set_callees(call.ticket, callees.collect());
        call
    }

    /// Computes something that must not be computed again: what `effect` returns is recorded, and `effect` is not called when the
    /// function is run again. If the process ends before it is recorded, it is called again.
    pub fn side_effect<T>(&self, name: &str, effect: impl FnOnce() -> T + Send + 'static) -> Call<T>
    where
        T: Serialize + DeserializeOwned,
    {
        let kind = StepKind::Set { values: Value::Null };
        let call = self.call_with(name, kind, &Value::Null, read::<T>);
        let effect = move || Data::json(&effect()).map_err(|error| error.0);
        self.board.set_effect(call.ticket, Box::new(effect));
        call
    }

    /// The time: that of the event that the function goes on with. It is the same when the function is run again.
    pub fn now(&self) -> SystemTime {
        let micros = u64::try_from(self.board.now().0).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
    }

    /// A number that looks like chance: another one for each run, each name and each time it is asked for, and the same when the
    /// function is run again. Nothing is recorded for it.
    pub fn random(&self, name: &str) -> u64 {
        let bytes = self.board.roll("random", name);
        u64::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default())
    }

    /// An id that nothing else has, with the properties of [`random`](Self::random).
    pub fn uuid(&self, name: &str) -> Uuid {
        let bytes = self.board.roll("uuid", name);
        let bytes = bytes.first_chunk().copied().unwrap_or_default();
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Whether this run takes the way after a change of the code: `true` for runs that come here for the first time with the new
    /// code, `false` for runs that were here before it.
    ///
    /// ```
    /// # use nexus_engine::prelude::*;
    /// # async fn old(_: StepCx, n: u64) -> StepResult<u64> { Ok(n) }
    /// # async fn new(_: StepCx, n: u64) -> StepResult<u64> { Ok(n) }
    /// async fn work(cx: Cx, n: u64) -> Result<u64> {
    ///     if cx.patched("new-way") {
    ///         cx.step("new", new, n).await
    ///     } else {
    ///         cx.step("old", old, n).await
    ///     }
    /// }
    /// # let _ = Workflow::code("work", work);
    /// ```
    pub fn patched(&self, name: &str) -> bool {
        self.board.patched(name)
    }

    /// An error to return: the run fails with this code and message.
    pub fn fail(&self, code: impl Into<String>, message: impl Into<String>) -> Error {
        let (code, message) = (code.into(), message.into());
        let failure = Box::new(Failure { code, message, fatal: true, details: None });
        self.board.is_new(&failure);
        Error::Failed { run: self.run.to_string(), step: None, failure }
    }

    fn call_with<T>(
        &self,
        name: &str,
        kind: StepKind,
        input: &impl Serialize,
        read: Read<T>,
    ) -> Call<T> {
        let (input, wrong) = match Data::json(input) {
            Ok(input) => (input, None),
            Err(StepError(failure)) => (Data::null(), Some(failure)),
        };
        let ticket = self.board.call(Draft { name: name.to_owned(), kind, input });
        if wrong.is_some() {
            self.board.give_up(ticket);
        }
        let (cx, name) = (self.clone(), name.to_owned());
        Call { cx, name, ticket, read, best_effort: false, is_from_outside: false, wrong }
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("run", &self.run).finish_non_exhaustive()
    }
}

type Read<T> = fn(&Data) -> std::result::Result<T, serde_json::Error>;

fn read<T: DeserializeOwned>(data: &Data) -> std::result::Result<T, serde_json::Error> {
    serde_json::from_slice(&data.bytes)
}

#[expect(clippy::unnecessary_wraps, reason = "one of several ways to read")]
fn nothing(_: &Data) -> std::result::Result<(), serde_json::Error> {
    Ok(())
}

/// A call that was made. Awaiting it gives what came of it. It goes on if it is dropped after the function has waited for
/// something; dropped before, it was never made.
#[must_use = "what came of a call is known when it is awaited"]
pub struct Call<T> {
    cx: Cx,
    name: String,
    ticket: u64,
    read: Read<T>,
    /// Whether a failure is read as `null`.
    best_effort: bool,
    /// Whether what it brings is somebody else's, who may say anything.
    is_from_outside: bool,
    /// Why it was not made.
    wrong: Option<Failure>,
}

impl<T> Call<T> {
    fn outcome(&self, outcome: Outcome) -> Poll<Result<T>> {
        let data = match outcome {
            Ok(data) => data,
            Err(_) if self.best_effort => Data::null(),
            Err(failure) => return Poll::Ready(Err(self.failed(failure))),
        };
        let error = match (self.read)(&data) {
            Ok(value) => return Poll::Ready(Ok(value)),
            Err(error) => error,
        };
        let message = format!("what `{}` brought is no {}: {error}", self.name, type_name::<T>());
        if self.is_from_outside {
            let code = "NX5026".to_owned();
            let failure = Failure { code, message, fatal: true, details: None };
            return Poll::Ready(Err(self.failed(failure)));
        }
        // What is recorded is right: it is this program that does not fit.
        self.cx.board.misfits(message);
        Poll::Pending
    }

    fn failed(&self, failure: Failure) -> Error {
        let (run, step) = (self.cx.run.to_string(), Some(self.name.clone()));
        let failure = Box::new(failure);
        self.cx.board.hands(&failure, self.ticket);
        Error::Failed { run, step, failure }
    }
}

impl<T> Future for Call<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(failure) = self.wrong.take() {
            return Poll::Ready(Err(self.failed(failure)));
        }
        match self.cx.board.poll(self.ticket, context.waker()) {
            Poll::Ready(outcome) => self.outcome(outcome),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.cx.board.give_up(self.ticket);
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A wait for a signal; awaiting it gives what the signal carries.
#[must_use = "a signal is there when this is awaited"]
pub struct Wait<T> {
    call: Call<T>,
    signal: &'static str,
}

impl<T: DeserializeOwned> Wait<T> {
    /// How long it waits; nothing is what came then.
    pub fn within(self, time: Duration) -> Within<T> {
        let time = ms(time).max(1);
        self.call.cx.board.set_step(self.call.ticket, |does| {
            if let StepKind::WaitFor { timeout_ms, .. } = &mut does.kind {
                *timeout_ms = Some(time);
            }
        });
        let input = json!({"signal": self.signal, "timeout_ms": time});
        if let Ok(input) = Data::json(&input) {
            self.call.cx.board.set_input(self.call.ticket, input);
        }
        Within { call: self.call }
    }
}

impl<T> Future for Wait<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.call).poll(context)
    }
}

impl<T> fmt::Debug for Wait<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.signal).finish()
    }
}

/// A wait for a signal that does not last for ever.
#[must_use = "a signal is there when this is awaited"]
pub struct Within<T> {
    call: Call<T>,
}

impl<T> Future for Within<T> {
    type Output = Result<Option<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.call).poll(context).map(|outcome| match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Error::Failed { failure, .. }) if failure.code == WAITED_TOO_LONG => Ok(None),
            Err(error) => Err(error),
        })
    }
}

impl<T> fmt::Debug for Within<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Within").field(&self.call.name).finish()
    }
}

/// A step about to be carried out for each of several items; awaiting it does that.
#[must_use = "nothing is done before this is awaited"]
pub struct Each<In, Out> {
    cx: Cx,
    name: String,
    step: Step<In, Out>,
    items: Vec<In>,
    limit: usize,
}

impl<In, Out> Each<In, Out> {
    /// How many are under way at a time.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }
}

impl<In, Out> IntoFuture for Each<In, Out>
where
    In: Serialize + Send + 'static,
    Out: DeserializeOwned + Send + 'static,
{
    type Output = Result<Vec<Out>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cx, name, step, items, limit } = self;
        Box::pin(async move {
            let mut outputs: Vec<Option<Out>> = items.iter().map(|_| None).collect();
            let mut coming = items.into_iter().enumerate();
            let mut open: VecDeque<(usize, Call<Out>)> = VecDeque::new();
            loop {
                let room = limit.saturating_sub(open.len());
                let next = coming.by_ref().take(room);
                open.extend(next.map(|(at, item)| (at, cx.step_of(&name, &step, &item))));
                if open.is_empty() {
                    return Ok(outputs.into_iter().flatten().collect());
                }
                let (place, output) = poll_fn(|context| first(&mut open, context)).await?;
                let done = open.remove(place);
                if let Some(slot) = done.and_then(|(at, _)| outputs.get_mut(at)) {
                    *slot = Some(output);
                }
            }
        })
    }
}

/// The first of these calls that has an outcome, by its place.
fn first<T>(
    open: &mut VecDeque<(usize, Call<T>)>,
    context: &mut Context<'_>,
) -> Poll<Result<(usize, T)>> {
    for (place, (_, call)) in open.iter_mut().enumerate() {
        if let Poll::Ready(outcome) = Pin::new(call).poll(context) {
            return Poll::Ready(outcome.map(|output| (place, output)));
        }
    }
    Poll::Pending
}

impl<In, Out> fmt::Debug for Each<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The function of a workflow from `In` to `Out`.
pub(super) struct Typed<F, In, Out> {
    function: Arc<F>,
    marker: PhantomData<fn(In) -> Out>,
}

impl<F, In, Out> Typed<F, In, Out> {
    pub(super) fn new(function: F) -> Self {
        Self { function: Arc::new(function), marker: PhantomData }
    }
}

impl<F, Fut, In, Out> super::Function for Typed<F, In, Out>
where
    F: Fn(Cx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out>> + Send + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    fn begin(&self, cx: Cx, input: Data) -> super::FunctionFuture {
        let function = Arc::clone(&self.function);
        Box::pin(async move {
            let input = input.parse().map_err(|error| error.0)?;
            let board = Arc::clone(&cx.board);
            let output = function(cx, input).await.map_err(|error| failure(&board, error))?;
            let data = Data::json(&output).map_err(|error| error.0)?;
            Ok(Returned { data, again: false })
        })
    }
}

/// The function of a workflow that goes through rounds.
pub(super) struct Repeated<F, State, Out> {
    function: Arc<F>,
    marker: PhantomData<fn(State) -> Out>,
}

impl<F, State, Out> Repeated<F, State, Out> {
    pub(super) fn new(function: F) -> Self {
        Self { function: Arc::new(function), marker: PhantomData }
    }
}

impl<F, Fut, State, Out> super::Function for Repeated<F, State, Out>
where
    F: Fn(Cx, State) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Next<State, Out>>> + Send + 'static,
    State: Serialize + DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    fn begin(&self, cx: Cx, state: Data) -> super::FunctionFuture {
        let function = Arc::clone(&self.function);
        Box::pin(async move {
            let state = state.parse().map_err(|error| error.0)?;
            let board = Arc::clone(&cx.board);
            let next = function(cx, state).await.map_err(|error| failure(&board, error))?;
            let (data, again) = match &next {
                Next::Again(state) => (Data::json(state), true),
                Next::Done(output) => (Data::json(output), false),
            };
            Ok(Returned { data: data.map_err(|error| error.0)?, again })
        })
    }

    fn repeats(&self) -> bool {
        true
    }
}

/// What an error that a function returns is as a failure of its run.
fn failure(board: &Board, error: Error) -> Failure {
    if let Error::Failed { failure, .. } = error {
        board.returns(&failure);
        return *failure;
    }
    let code = error.code().unwrap_or("NX5027").to_owned();
    Failure { code, message: error.words(), fatal: true, details: None }
}
