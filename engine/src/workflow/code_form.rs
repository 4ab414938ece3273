//! Workflows that are async functions.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use nexus_model::definition::{Definition, OnEnd};
use nexus_model::plan::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Form, Result, StepGraph, Work, Workflow, WorkflowError};
use crate::code::{Cx, Function, Next, function, repeated};

/// A workflow that is a function.
#[derive(Clone)]
pub(crate) struct CodeForm {
    pub(super) plan: Arc<Plan>,
    /// The function, by its name.
    pub(super) functions: BTreeMap<String, Arc<dyn Function>>,
    /// The code of its steps is known when they are called.
    pub(super) handlers: BTreeMap<String, Work>,
    /// Nothing of it is known before it runs.
    pub(super) graph: StepGraph,
}

impl<In, Out> Workflow<In, Out> {
    /// Makes a workflow of an async function. What it does through its [`Cx`] is recorded; after a crash it is run again, and its
    /// calls get what is recorded, so that it goes on where it was.
    ///
    /// Completed steps with an undo are undone, the last one first, when the function returns an error or the run is cancelled.
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
    /// async fn order(cx: Cx, cents: u64) -> Result<String> {
    ///     let payment = cx.step("charge", charge.retry(5).undo(refund), cents).await?;
    ///     if cents > 100_000 {
    ///         let asked = cx.approve("approve", Approval::by("group:ops").within(hours(24))).await?;
    ///         if !asked.approved {
    ///             return Err(cx.fail("rejected", "ops said no")); // refunds
    ///         }
    ///     }
    ///     Ok(payment)
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// let order = Workflow::code("order", order)?;
    /// # assert_eq!(order.name(), "order");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Workflow`] if the name cannot be one.
    pub fn code<F, Fut>(name: &str, function_of_run: F) -> Result<Self>
    where
        F: Fn(Cx, In) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Out>> + Send + 'static,
        In: DeserializeOwned + Send + 'static,
        Out: Serialize + Send + 'static,
    {
        Self::of_function(name, function(function_of_run))
    }

    /// Makes a workflow of an async function that is called round after round, each time with the state that the round before
    /// returned. The state is recorded, and after a crash only the last round is run again: so a loop without end takes no more
    /// memory, and no longer to go on, after a year than after a minute. Its history grows on the disk.
    ///
    /// What is still open of a round when it returns is ended. Steps of it cannot have an undo.
    ///
    /// ```
    /// use nexus_engine::prelude::*;
    ///
    /// async fn look(_: StepCx, page: u64) -> StepResult<bool> {
    ///     Ok(page >= 3)
    /// }
    ///
    /// async fn watch(cx: Cx, page: u64) -> Result<Next<u64, u64>> {
    ///     if cx.step("look", look.retry(5), page).await? {
    ///         return Ok(Next::Done(page));
    ///     }
    ///     cx.sleep(minutes(10)).await?;
    ///     Ok(Next::Again(page + 1))
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// let watch = Workflow::repeat("watch", watch)?;
    /// # assert_eq!(watch.name(), "watch");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub fn repeat<F, Fut>(name: &str, round: F) -> Result<Self>
    where
        F: Fn(Cx, In) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Next<In, Out>>> + Send + 'static,
        In: Serialize + DeserializeOwned + Send + 'static,
        Out: Serialize + Send + 'static,
    {
        Self::of_function(name, repeated(round))
    }

    fn of_function(name: &str, function: Arc<dyn Function>) -> Result<Self> {
        let definition = Definition {
            name: name.to_owned(),
            input_is_value: true,
            on_failure: OnEnd::Compensate,
            on_cancel: OnEnd::Compensate,
            code: true,
            ..Definition::default()
        };
        let plan = Plan::compile(definition)
            .map_err(|problems| Error::from(WorkflowError::new(name, problems)))?;
        Ok(Self::of(Form::Code(CodeForm {
            plan: Arc::new(plan),
            functions: BTreeMap::from([(name.to_owned(), function)]),
            handlers: BTreeMap::new(),
            graph: StepGraph::default(),
        })))
    }
}
