//! The handle of a run, which knows the type of its output.

use std::any::type_name;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use nexus_model::event::Actor;
use nexus_model::id::{RunId, StepIndex};
use nexus_model::payload::Payload;
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use nexus_model::run::{Run, RunStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asks::Signal;
use super::events::RunEvents;
use super::{Error, Result};
use crate::code::FunctionTrouble;
use crate::handle::{ApprovalDecision, Handle, RequestError, Started};
use crate::shard::Refusal;

/// A run, by its name.
///
/// ```
/// use nexus_engine::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// const PAID: Signal<u64> = Signal::new("paid");
/// let order = Workflow::dag("order", |d, _: Node<'_, String>| d.wait("pay", &PAID))?;
/// let engine = Engine::builder().workflow(&order).in_memory()?;
/// let run = engine.start(&order, "A-1".to_owned()).id("order-A-1").await?;
/// run.signal(&PAID, &2_500).await?;
/// assert_eq!(run.result().await?, 2_500);
///
/// let mut events = engine.run::<u64>("order-A-1").events();
/// let first = events.next().await?.expect("the start of the run");
/// assert_eq!(first.kind(), "run.started");
/// # engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// Cheap to clone; dropping it cancels nothing. As any handle, it keeps the store open: drop it before the
/// same program opens the store again.
pub struct RunHandle<Out> {
    handle: Handle,
    name: Arc<str>,
    run: Arc<OnceLock<RunId>>,
    marker: PhantomData<fn() -> Out>,
}

impl<Out> RunHandle<Out> {
    pub(crate) fn named(handle: Handle, name: &str) -> Self {
        Self { handle, name: name.into(), run: Arc::default(), marker: PhantomData }
    }

    pub(super) fn started(handle: Handle, started: &Started) -> Self {
        let this = Self::named(handle, &started.name);
        let _ = this.run.set(started.run);
        this
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.name
    }

    /// Its id, by which the rest of the library knows it.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`]
    pub async fn run_id(&self) -> Result<RunId> {
        if let Some(run) = self.run.get() {
            return Ok(*run);
        }
        let found = self.handle.find(&self.name).await.map_err(RequestError::from)?;
        let run = found.ok_or_else(|| Error::NoSuchRun { run: self.name.to_string() })?;
        Ok(*self.run.get_or_init(|| run))
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], [`Error::Request`]
    pub async fn status(&self) -> Result<RunStatus> {
        Ok(self.load().await?.1.status)
    }

    /// Why its function gets no further in this program, if it does not: the run is open, and goes on when a program with fitting
    /// code opens the store. [`result`](Self::result) returns it as an error.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], [`Error::Request`]
    pub async fn trouble(&self) -> Result<Option<FunctionTrouble>> {
        Ok(self.handle.function_trouble(self.run_id().await?))
    }

    async fn load(&self) -> Result<(Arc<Plan>, Run)> {
        let found = self.handle.load(self.run_id().await?).await.map_err(RequestError::from)?;
        found.ok_or_else(|| Error::NoSuchRun { run: self.name.to_string() })
    }

    /// Waits until it has ended, and says what it brought.
    ///
    /// # Errors
    /// [`Error::Failed`] and [`Error::Cancelled`] if that is how it ended; [`Error::Output`] if it brought something else;
    /// [`Error::Stuck`] if its function gets no further in this program: the run stays open, and goes on when a program with fitting
    /// code opens the store.
    pub async fn result(&self) -> Result<Out>
    where
        Out: DeserializeOwned,
    {
        let id = self.run_id().await?;
        let named = || self.name.to_string();
        let status = tokio::select! {
            biased;
            status = self.handle.wait(id) => status?,
            trouble = self.handle.until_stuck(id) => {
                // One that is being ended ends without its function.
                if self.load().await?.1.status == RunStatus::Running {
                    return Err(Error::Stuck { run: named(), trouble: Box::new(trouble) });
                }
                self.handle.wait(id).await?
            }
        };
        match status {
            RunStatus::Completed { output } => self.read(output).await,
            RunStatus::Failed { failure, step } | RunStatus::Failing { failure, step } => {
                let plan = self.load().await?.0;
                let step = step.map(|step| plan.id(step).to_owned());
                Err(Error::Failed { run: named(), step, failure: Box::new(failure) })
            }
            RunStatus::Cancelled { reason } | RunStatus::Cancelling { reason } => {
                Err(Error::Cancelled { run: named(), reason })
            }
            RunStatus::Running => Err(RequestError::Unknown.into()),
        }
    }

    async fn read(&self, output: Payload) -> Result<Out>
    where
        Out: DeserializeOwned,
    {
        let read = self.handle.blocking(move |loader| loader.bytes(&output));
        let bytes = read.await.map_err(RequestError::from)?;
        serde_json::from_slice(&bytes).map_err(|source| Error::Output {
            run: self.name.to_string(),
            expected: type_name::<Out>(),
            source,
        })
    }

    /// Says yes to what a step asks. Awaiting it carries it out.
    pub fn approve(&self, step: impl Into<String>, by: impl Into<String>) -> Decide<Out> {
        self.decide(step.into(), by.into(), true)
    }

    /// Says no to what a step asks. Awaiting it carries it out.
    pub fn reject(&self, step: impl Into<String>, by: impl Into<String>) -> Decide<Out> {
        self.decide(step.into(), by.into(), false)
    }

    fn decide(&self, step: String, by: String, approved: bool) -> Decide<Out> {
        let by = Actor { name: by, via: "rust".to_owned() };
        let of = step.clone();
        let decision = ApprovalDecision { of, approved, by, ..ApprovalDecision::default() };
        Decide { run: self.clone(), step, decision }
    }

    async fn step(&self, step: &str) -> Result<StepIndex> {
        let found = self.load().await?.0.find(step);
        let named = || self.name.to_string();
        found.ok_or_else(|| Error::NoSuchStep { run: named(), step: step.to_owned() })
    }

    /// Tells it something. A step that waits for it takes it, or it is kept until one does.
    ///
    /// # Errors
    /// [`Error::Value`] if that has no JSON form; [`Error::Request`], such as when the run has ended.
    pub async fn signal<T: Serialize>(&self, signal: &Signal<T>, value: &T) -> Result<()> {
        let value = serde_json::to_value(value);
        let value = value.map_err(|source| Error::Value { run: self.name.to_string(), source })?;
        let run = self.run_id().await?;
        self.handle.signal(run, signal.name(), &value, "", program()).await?;
        Ok(())
    }

    /// Ends it: what runs is stopped, nothing new is started, and what it did is undone if its workflow says so.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], [`Error::Request`]
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<()> {
        self.handle.cancel(self.run_id().await?, program(), reason.into()).await?;
        Ok(())
    }

    /// Starts nothing new in it until it is resumed.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], [`Error::Request`]
    pub async fn pause(&self, reason: impl Into<String>) -> Result<()> {
        self.handle.pause(self.run_id().await?, program(), reason.into()).await?;
        Ok(())
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], [`Error::Request`]
    pub async fn resume(&self) -> Result<()> {
        self.handle.resume(self.run_id().await?, program()).await?;
        Ok(())
    }

    /// Continues it with the steps that did not complete and those that come after them, after it failed or was cancelled.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], [`Error::Request`]
    pub async fn retry(&self) -> Result<()> {
        self.handle.retry(self.run_id().await?, program()).await?;
        Ok(())
    }

    /// Its events from the first on, and those to come, until it has ended.
    pub fn events(&self) -> RunEvents {
        let untyped = RunHandle {
            handle: self.handle.clone(),
            name: Arc::clone(&self.name),
            run: Arc::clone(&self.run),
            marker: PhantomData,
        };
        RunEvents::new(self.handle.clone(), untyped)
    }
}

impl<Out> Clone for RunHandle<Out> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            name: Arc::clone(&self.name),
            run: Arc::clone(&self.run),
            marker: PhantomData,
        }
    }
}

impl<Out> fmt::Debug for RunHandle<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunHandle").field(&self.name).finish()
    }
}

/// A decision that is about to be made: awaiting it makes it.
#[must_use = "it is decided when this is awaited"]
#[derive(Debug)]
pub struct Decide<Out> {
    run: RunHandle<Out>,
    step: String,
    decision: ApprovalDecision,
}

impl<Out> Decide<Out> {
    /// A group that whoever decides belongs to.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.decision.groups.push(group.into());
        self
    }

    /// What they say to it.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.decision.note = note.into();
        self
    }

    /// What they fill in: a map of values by name.
    pub fn form(mut self, form: Value) -> Self {
        self.decision.form = form;
        self
    }
}

impl<Out: 'static> IntoFuture for Decide<Out> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { run, step, decision } = self;
        Box::pin(async move {
            let id = run.run_id().await?;
            let step = match run.step(&step).await {
                // What a function asked for is no step of it any more once that is over.
                Err(Error::NoSuchStep { .. })
                    if run
                        .handle
                        .past_approval(id, &step)
                        .await
                        .map_err(RequestError::from)?
                        .is_some() =>
                {
                    return Err(RequestError::from(already_decided(step)).into());
                }
                found => found?,
            };
            run.handle.decide_approval(id, step, decision).await?;
            Ok(())
        })
    }
}

fn already_decided(step: String) -> Refusal {
    Refusal::Rejected(Rejection::AlreadyDecided { step })
}

pub(super) fn program() -> Actor {
    Actor { name: "program".to_owned(), via: "rust".to_owned() }
}
