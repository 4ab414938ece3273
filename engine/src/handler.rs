//! Handlers: the user's code of a step.
//!
//! A handler is called once its attempt is durable in the log. It may be called again for the same attempt after a crash;
//! [`StepCx::idempotency_key`] is the same every time.

mod blob;
mod context;
mod error;
mod heartbeat;
mod panics;
mod registry;
mod vitals;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use nexus_model::input_shape::InputShape;
use nexus_model::payload::ContentType;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use blob::Blob;
pub(crate) use blob::Blobs;
pub use context::{AttemptInfo, LogSink, NoLogs, StepCx};
pub use error::{StepError, StepResult};
pub use heartbeat::PROGRESS_BYTES_MAX;
pub(crate) use panics::{caught, words};
pub use registry::Registry;
pub use vitals::{Beats, Stop};

/// Bytes going into or coming out of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// What the bytes are.
    pub content_type: ContentType,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// The future a handler returns.
pub type HandlerFuture = Pin<Box<dyn Future<Output = StepResult<Data>> + Send>>;

/// Code that carries out steps.
pub trait Handler: Send + Sync + 'static {
    /// Carries out one attempt.
    fn call(&self, cx: StepCx, input: Data) -> HandlerFuture;

    /// What it takes, if it says: then literal values are checked before anything runs.
    fn input(&self) -> Option<&'static InputShape> {
        None
    }
}

impl Data {
    /// JSON bytes of a value.
    ///
    /// # Errors
    /// NX3014 if the value has no JSON form, such as a map with keys that are no strings.
    pub fn json(value: &impl Serialize) -> StepResult<Self> {
        let bytes = serde_json::to_vec(value).map_err(|error| {
            StepError::fatal(format!("the output has no JSON form: {error}")).code("NX3014")
        })?;
        Ok(Self { content_type: ContentType::Json, bytes: bytes.into() })
    }

    /// JSON `null`.
    pub fn null() -> Self {
        Self { content_type: ContentType::Json, bytes: Arc::from(*b"null") }
    }

    /// Reads the bytes as JSON.
    ///
    /// # Errors
    /// NX3015, fatal, if they do not fit `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> StepResult<T> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            StepError::fatal(format!("the input does not fit this handler: {error}")).code("NX3015")
        })
    }
}

/// Makes a handler of an async function over types that serde knows.
pub fn handler_fn<In, Out, F, Fut>(function: F) -> Arc<dyn Handler>
where
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
    F: Fn(StepCx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StepResult<Out>> + Send + 'static,
{
    Arc::new(FunctionHandler { function: Arc::new(function), marker: std::marker::PhantomData })
}

/// What can be a handler: an `async fn(StepCx, In) -> StepResult<Out>`, or a [`Handler`] in an `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "no handler",
    note = "a handler is an `async fn(StepCx, In) -> StepResult<Out>` whose input and output serde knows, or an `Arc<dyn Handler>`"
)]
pub trait IntoHandler<Marker> {
    /// The handler.
    fn into_handler(self) -> Arc<dyn Handler>;
}

/// Tells handlers from functions, where the compiler asks which it is.
#[derive(Debug)]
pub enum ByHandler {}

impl<H: Handler> IntoHandler<ByHandler> for Arc<H> {
    fn into_handler(self) -> Arc<dyn Handler> {
        self
    }
}

impl IntoHandler<()> for Arc<dyn Handler> {
    fn into_handler(self) -> Self {
        self
    }
}

impl<F, Fut, In, Out> IntoHandler<(Fut, In, Out)> for F
where
    F: Fn(StepCx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StepResult<Out>> + Send + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    fn into_handler(self) -> Arc<dyn Handler> {
        handler_fn(self)
    }
}

struct FunctionHandler<F, In, Out> {
    function: Arc<F>,
    marker: std::marker::PhantomData<fn(In) -> Out>,
}

impl<In, Out, F, Fut> Handler for FunctionHandler<F, In, Out>
where
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
    F: Fn(StepCx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StepResult<Out>> + Send + 'static,
{
    fn call(&self, cx: StepCx, input: Data) -> HandlerFuture {
        let function = Arc::clone(&self.function);
        Box::pin(async move { Data::json(&function(cx, input.parse()?).await?) })
    }
}
