//! Workflows that are async functions.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use nexus_model::definition::{Definition, OnEnd};
use nexus_model::plan::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Form, Result, StepGraph, Work, Workflow, WorkflowError};
use crate::code::{Cx, Function, function};

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
            functions: BTreeMap::from([(name.to_owned(), function(function_of_run))]),
            handlers: BTreeMap::new(),
            graph: StepGraph::default(),
        })))
    }
}
