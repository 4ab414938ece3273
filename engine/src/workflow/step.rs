//! Steps: async functions, and how they are carried out.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::Retry;
use crate::handler::{Data, Handler, HandlerFuture, StepCx, StepResult, caught, handler_fn};

/// A function from `In` to `Out`, and how it is carried out: retries, times, undo.
///
/// Any `async fn(StepCx, In) -> StepResult<Out>` is one; the methods of [`IntoStep`] add to it.
pub struct Step<In, Out> {
    pub(crate) work: Work,
    pub(crate) policy: Policy,
    marker: PhantomData<fn(In) -> Out>,
}

/// The code of a step.
#[derive(Clone)]
pub(crate) struct Work {
    /// Which function it is.
    pub(crate) function: TypeId,
    /// What calls it.
    pub(crate) handler: Arc<dyn Handler>,
    /// Whether it can read an input.
    pub(crate) reads: fn(&Data) -> StepResult<()>,
    /// The states it asks for.
    pub(crate) needs: Vec<Need>,
}

/// A state that the code of a step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) of: TypeId,
    pub(crate) name: &'static str,
}

/// How a step is carried out.
#[derive(Clone, Default)]
pub(crate) struct Policy {
    pub(crate) retry: Option<Retry>,
    /// Time of one attempt.
    pub(crate) timeout: Option<Duration>,
    /// Time of all attempts.
    pub(crate) deadline: Option<Duration>,
    /// Time between two heartbeats.
    pub(crate) heartbeat: Option<Duration>,
    /// Whether its failure is no failure of the run.
    pub(crate) best_effort: bool,
    pub(crate) undo: Option<Box<Undo>>,
}

/// How a step is undone.
#[derive(Clone)]
pub(crate) struct Undo {
    pub(crate) work: Work,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
}

/// Tells functions from steps, where the compiler asks which it is.
#[derive(Debug)]
pub enum ByFunction {}

/// Tells steps from functions, where the compiler asks which it is.
#[derive(Debug)]
pub enum ByStep {}

/// What can be a step from `In` to `Out`: an `async fn(StepCx, In) -> StepResult<Out>`, or a [`Step`].
///
/// ```
/// use nexus_engine::prelude::*;
///
/// async fn charge(_: StepCx, cents: u64) -> StepResult<String> {
///     Ok(format!("payment of {cents}"))
/// }
/// async fn refund(_: StepCx, payment: String) -> StepResult<()> {
///     drop(payment);
///     Ok(())
/// }
///
/// let step = charge.retry(Retry::exponential(5).up_to(secs(60))).timeout(secs(30)).undo(refund);
/// # let _ = step;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no step from `{In}` to `{Out}`",
    label = "no step from `{In}` to `{Out}`",
    note = "a step is an `async fn(StepCx, {In}) -> StepResult<{Out}>` whose input and output serde knows"
)]
pub trait IntoStep<In, Out, Marker>: Sized + Send + Sync + 'static {
    /// The step.
    fn into_step(self) -> Step<In, Out>;

    /// How often and when it is tried again. Without it, there is one attempt.
    fn retry(self, retry: impl Into<Retry>) -> Step<In, Out> {
        let retry = retry.into();
        self.into_step().with(|policy| policy.retry = Some(retry))
    }

    /// Longest time of one attempt; then it is told to stop and has failed with NX3002, and is tried again if there is a `retry`.
    /// [`StepCx::deadline`] tells the function when that is.
    fn timeout(self, one_attempt: Duration) -> Step<In, Out> {
        self.into_step().with(|policy| policy.timeout = Some(one_attempt))
    }

    /// Longest time of all attempts together, with the waits between them, from the start of the first; it runs on while no engine
    /// does. Then the step has failed with NX3003, and is not tried again. It is not what [`StepCx::deadline`] tells: that is about one
    /// attempt.
    fn deadline(self, all_attempts: Duration) -> Step<In, Out> {
        self.into_step().with(|policy| policy.deadline = Some(all_attempts))
    }

    /// Longest time between two calls of [`StepCx::heartbeat`]; after it the attempt has failed.
    fn heartbeat(self, between: Duration) -> Step<In, Out> {
        self.into_step().with(|policy| policy.heartbeat = Some(between))
    }

    /// Says that it asks for a state of this type, with [`StepCx::state`]: an engine that was not given one does not open. It does not
    /// have to be said; without it, the first attempt fails. The steps of a workflow that is a function are not known when an engine
    /// opens, so it changes nothing there.
    ///
    /// ```
    /// use nexus_engine::prelude::*;
    ///
    /// struct Bank(&'static str);
    ///
    /// async fn charge(cx: StepCx, cents: u64) -> StepResult<String> {
    ///     Ok(format!("{cents} at {}", cx.state::<Bank>()?.0))
    /// }
    ///
    /// let order = Workflow::dag("order", |d, cents| d.step("charge", charge.needs::<Bank>(), cents))?;
    /// let Err(error) = Engine::builder().workflow(&order).in_memory() else { panic!("it opens") };
    /// assert!(error.to_string().starts_with("NX3005: `order.charge` needs a state"), "{error}");
    /// # Ok::<(), Error>(())
    /// ```
    fn needs<T: Any + Send + Sync>(self) -> Step<In, Out> {
        let mut step = self.into_step();
        step.work.needs.push(Need { of: TypeId::of::<T>(), name: type_name::<T>() });
        step
    }

    /// A failure of it is no failure of the run: what it brings is `None` then. So it is for a step that returns `()`, for
    /// which nothing and `()` are the same; the history tells them apart.
    fn best_effort(self) -> Step<In, Option<Out>> {
        let Step { work, mut policy, .. } = self.into_step();
        policy.best_effort = true;
        Step { work, policy, marker: PhantomData }
    }

    /// What takes back what it did, given exactly what it returned; called when the run fails or is cancelled, if the
    /// workflow compensates. Its retries and timeout count; without retries it is tried until it succeeds.
    fn undo<U, M>(self, undo: U) -> Step<In, Out>
    where
        U: IntoStep<Out, (), M>,
    {
        let Step { work, policy, .. } = undo.into_step();
        let undo = Undo { work, retry: policy.retry, timeout: policy.timeout };
        self.into_step().with(|policy| policy.undo = Some(Box::new(undo)))
    }
}

impl<F, Fut, In, Out> IntoStep<In, Out, (ByFunction, Fut)> for F
where
    F: Fn(StepCx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StepResult<Out>> + Send + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    fn into_step(self) -> Step<In, Out> {
        Step::of::<F>(handler_fn(self))
    }
}

impl<In: 'static, Out: 'static> IntoStep<In, Out, ByStep> for Step<In, Out> {
    fn into_step(self) -> Self {
        self
    }
}

impl<In, Out> Step<In, Out> {
    /// A step whose function blocks. It is called on a pool of threads for that, and should look at
    /// [`StepCx::is_cancelled`] if it takes long.
    pub fn blocking<F>(function: F) -> Self
    where
        F: Fn(StepCx, In) -> StepResult<Out> + Send + Sync + 'static,
        In: DeserializeOwned + Send + 'static,
        Out: Serialize + Send + 'static,
    {
        let function = Arc::new(function);
        Self::of::<F>(Arc::new(Blocking { function, marker: PhantomData }))
    }

    fn of<F: 'static>(handler: Arc<dyn Handler>) -> Self
    where
        In: DeserializeOwned,
    {
        let reads = |input: &Data| input.parse::<In>().map(drop);
        let work = Work { function: TypeId::of::<F>(), handler, reads, needs: Vec::new() };
        Self { work, policy: Policy::default(), marker: PhantomData }
    }

    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }
}

impl<In, Out> Clone for Step<In, Out> {
    fn clone(&self) -> Self {
        Self { work: self.work.clone(), policy: self.policy.clone(), marker: PhantomData }
    }
}

impl<In, Out> fmt::Debug for Step<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").finish_non_exhaustive()
    }
}

/// Calls a function that blocks.
struct Blocking<F, In, Out> {
    function: Arc<F>,
    marker: PhantomData<fn(In) -> Out>,
}

impl<F, In, Out> Handler for Blocking<F, In, Out>
where
    F: Fn(StepCx, In) -> StepResult<Out> + Send + Sync + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    fn call(&self, cx: StepCx, input: Data) -> HandlerFuture {
        let function = Arc::clone(&self.function);
        let work = move || caught(|| Data::json(&function(cx, input.parse()?)?)).flatten();
        Box::pin(async move { tokio::task::spawn_blocking(work).await? })
    }
}
