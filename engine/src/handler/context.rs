//! What a handler knows about its attempt.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::payload::NewPayload;
use nexus_model::vault::Vault;

use super::vitals::{Stop, Vitals};
use super::{Blob, Blobs, Data, StepError, StepResult};
use crate::secrets::{RedactedLogs, Redactor};

/// The facts of an attempt.
#[derive(Clone, Debug, Default)]
pub struct AttemptInfo {
    /// The run's id.
    pub run: RunId,
    /// The run's name, such as `wf-001`.
    pub run_name: Arc<str>,
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// The step by number.
    pub step: StepIndex,
    /// The step by id.
    pub step_id: Arc<str>,
    /// The item, if the step has `for_each`.
    pub item: Option<ItemIndex>,
    /// The attempt, from 1.
    pub attempt: Attempt,
    /// How many events its run had when it began, or was taken up again.
    pub begun: u32,
    /// How many events the run had when this attempt began, or was carried on: it only grows, so that what is told of an
    /// earlier one can be known as late.
    pub fencing_token: u32,
    /// Whether an earlier execution of this attempt was cut off, so that its effects may have happened.
    pub may_repeat: bool,
    /// Longest time between two heartbeats, if the step has one.
    pub heartbeat: Option<Duration>,
    /// Whether it undoes what the step did.
    pub is_undo: bool,
    /// The item it undoes, if the step has `for_each`.
    pub undone_item: Option<ItemIndex>,
    /// What tells the rounds of loops around the step apart; empty in the first.
    pub round_mark: String,
    /// Folder of the definition file, where scripts and `file.*` work.
    pub folder: Option<Arc<Path>>,
    /// Folder of the store, for what has to outlive the process.
    pub store: Option<Arc<Path>>,
    /// What hides what the handler prints, if the run is encrypted.
    pub vault: Option<Arc<dyn Vault>>,
}

/// Takes what handlers print.
pub trait LogSink: Send + Sync + 'static {
    /// Takes lines of one attempt, complete or not, as bytes.
    fn write(&self, attempt: &AttemptInfo, text: &[u8]);
}

/// Throws away what handlers print.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLogs;

impl LogSink for NoLogs {
    fn write(&self, _attempt: &AttemptInfo, _text: &[u8]) {}
}

/// Handed to a handler with its input. Cheap to clone.
#[derive(Clone)]
pub struct StepCx(Arc<Inner>);

/// What a context knows. It is changed before the handler is called, while nobody else has it.
#[derive(Clone)]
struct Inner {
    info: AttemptInfo,
    vitals: Arc<Vitals>,
    logs: Arc<dyn LogSink>,
    state: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    redactor: Redactor,
    blobs: Arc<Blobs>,
    deadline: Option<Instant>,
}

impl StepCx {
    /// Makes a context and the means to stop its handler.
    pub fn new(
        info: AttemptInfo,
        logs: Arc<dyn LogSink>,
        state: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    ) -> (Self, Stop) {
        Self::keeping(info, logs, state, Blobs::default())
    }

    /// The same, where blobs are kept in a store, and read from there.
    pub(crate) fn keeping(
        info: AttemptInfo,
        logs: Arc<dyn LogSink>,
        state: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
        blobs: Blobs,
    ) -> (Self, Stop) {
        let vitals: Arc<Vitals> = Arc::default();
        let stop = Stop::new(Arc::clone(&vitals));
        let (redactor, blobs, deadline) = (Redactor::default(), Arc::new(blobs), None);
        (Self(Arc::new(Inner { info, vitals, logs, state, redactor, blobs, deadline })), stop)
    }

    pub(super) fn vitals(&self) -> &Arc<Vitals> {
        &self.0.vitals
    }

    /// The handler is called now, and has this time.
    pub(crate) fn begins(&mut self, timeout: Option<Duration>) {
        if let Some(deadline) = timeout.and_then(|timeout| Instant::now().checked_add(timeout)) {
            Arc::make_mut(&mut self.0).deadline = Some(deadline);
        }
    }

    /// Keeps binary bytes with a media type such as `image/png`. What is returned stands for them in the output of the
    /// handler, alone or inside of it, and in the input of the next step. They are stored, once, with the end of the attempt if
    /// its output names them.
    ///
    /// # Errors
    /// NX3033 if `content_type` is no media type, NX3006 if there are more bytes than a payload may have; both fatal.
    pub fn keep(&self, content_type: &str, bytes: impl Into<Arc<[u8]>>) -> StepResult<Blob> {
        let bytes: Arc<[u8]> = bytes.into();
        let bytes = if self.0.redactor.is_idle() {
            bytes
        } else {
            Arc::from(self.0.redactor.bytes(&bytes))
        };
        self.0.blobs.keep(content_type, bytes, self.0.info.vault.as_deref())
    }

    /// The bytes that a blob stands for.
    ///
    /// # Errors
    /// NX3033, fatal, if they are not in this store, damaged, or forgotten with the run that kept them.
    pub async fn read(&self, blob: &Blob) -> StepResult<Arc<[u8]>> {
        self.0.blobs.read(blob).await
    }

    /// How many bytes a blob may have.
    pub fn blob_bytes_max(&self) -> usize {
        self.0.blobs.bytes_max()
    }

    /// What has to be stored with the output.
    pub(crate) fn named_in(&self, output: &Data) -> Vec<NewPayload> {
        self.0.blobs.named_in(output)
    }

    /// Takes values of secrets out of what the handler prints and says, from now on.
    pub(crate) fn redact(&mut self, redactor: Redactor) {
        let inner = Arc::make_mut(&mut self.0);
        inner.logs = Arc::new(RedactedLogs::new(redactor.clone(), Arc::clone(&inner.logs)));
        inner.redactor = redactor;
    }

    /// What takes the values of the secrets out that the handler was given.
    pub(crate) fn redactor(&self) -> Redactor {
        self.0.redactor.clone()
    }

    /// The facts of the attempt.
    pub fn info(&self) -> &AttemptInfo {
        &self.0.info
    }

    /// The same on every attempt of this step and after every crash; another one for each run, also of other stores, and for
    /// the undo of the step, each round of a loop, and each item: the run's unique id, the step's id, the round, the item.
    pub fn idempotency_key(&self) -> String {
        let undo = if self.0.info.is_undo { "/undo" } else { "" };
        let item = self.item().map(|item| format!("/{item}")).unwrap_or_default();
        format!("{}/{}{}{undo}{item}", self.0.info.run, self.0.info.step_id, self.0.info.round_mark)
    }

    /// The number of the item, from 0, if the step has `for_each`.
    pub fn item(&self) -> Option<u32> {
        self.0.info.item.or(self.0.info.undone_item).map(|item| item.0)
    }

    /// Whether the handler is called to undo what the step did.
    pub fn is_undo(&self) -> bool {
        self.0.info.is_undo
    }

    /// The number of the attempt, from 1. Attempts to undo a step are counted on from those to carry it out.
    pub fn attempt(&self) -> u32 {
        self.0.info.attempt.0
    }

    /// When the attempt is out of time, if its step has a `timeout`: the handler is told to stop then, and the attempt has failed.
    /// The `deadline` of a step, the longest time of all its attempts, does not count here; it may tell the handler to stop earlier.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use nexus_engine::prelude::*;
    ///
    /// async fn fetch(cx: StepCx, _: String) -> StepResult<bool> {
    ///     let left = cx.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    ///     Ok(left.is_some_and(|left| left > secs(20) && left <= secs(30)))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// let page = Workflow::dag("page", |d, url| d.step("fetch", fetch.timeout(secs(30)), url))?;
    /// let engine = Engine::builder().workflow(&page).in_memory()?;
    /// assert!(engine.start(&page, "example.org".to_owned()).await?.result().await?);
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// Whether an earlier execution of this attempt was cut off, or may have been: the end of the engine came before its outcome was
    /// recorded, and how far it was by then is not in the log.
    pub fn may_repeat(&self) -> bool {
        self.0.info.may_repeat
    }

    /// Whether the handler was told to stop: the run ends, the attempt ran out of time or the engine shuts down.
    pub fn is_cancelled(&self) -> bool {
        self.0.vitals.is_stopped()
    }

    /// Waits until the handler is told to stop.
    pub async fn cancelled(&self) {
        self.0.vitals.until_stopped().await;
    }

    /// Runs `work` until it is done or the handler is told to stop.
    ///
    /// # Errors
    /// NX3016 if it was told to stop.
    pub async fn or_cancelled<T>(&self, work: impl Future<Output = T>) -> StepResult<T> {
        tokio::select! {
            done = work => Ok(done),
            () = self.cancelled() => Err(StepError::retry("stopped on request").code("NX3016")),
        }
    }

    /// Adds a line to the attempt's log. Not part of the state.
    pub fn log(&self, line: impl AsRef<str>) {
        let mut text = Vec::with_capacity(line.as_ref().len() + 1);
        text.extend_from_slice(line.as_ref().as_bytes());
        text.push(b'\n');
        self.log_bytes(&text);
    }

    /// Adds bytes to the attempt's log as they are.
    pub fn log_bytes(&self, text: &[u8]) {
        self.0.logs.write(&self.0.info, text);
    }

    /// A value that the program gave the engine when it was opened.
    ///
    /// # Errors
    /// NX3005, fatal, if it gave none of this type.
    pub fn state<T: Send + Sync + 'static>(&self) -> StepResult<Arc<T>> {
        let found = self
            .0
            .state
            .get(&TypeId::of::<T>())
            .cloned()
            .and_then(|state| state.downcast::<T>().ok());
        found.ok_or_else(|| {
            let name = std::any::type_name::<T>();
            StepError::fatal(format!("the engine was opened without a state of type {name}"))
                .code("NX3005")
        })
    }
}

impl fmt::Debug for StepCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepCx").field("info", &self.0.info).finish_non_exhaustive()
    }
}
