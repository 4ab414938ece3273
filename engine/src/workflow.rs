//! Workflows in Rust: plain async functions, wired with types.
//!
//! ```
//! use nexus_engine::prelude::*;
//!
//! async fn validate(_: StepCx, cents: u64) -> StepResult<u64> {
//!     if cents == 0 { Err(StepError::fatal("an empty order")) } else { Ok(cents) }
//! }
//! async fn charge(cx: StepCx, cents: u64) -> StepResult<String> {
//!     Ok(format!("{cents} cents under {}", cx.idempotency_key()))
//! }
//!
//! # async fn example() -> Result<()> {
//! let order = Workflow::dag("order", |d, cents| {
//!     let valid = d.step("validate", validate, cents);
//!     d.step("charge", charge.retry(5).timeout(secs(30)), valid)
//! })?;
//! let engine = Engine::builder().workflow(&order).open("./orders.nexus")?;
//! let run = engine.start(&order, 2500).id("order-A-1").await?;
//! println!("{}", run.result().await?);
//! # Ok(())
//! # }
//! ```
//!
//! Invariants:
//! * The handler of a step is registered as `workflow.step`, that of its undo as `workflow.step.undo`, so that a run finds its
//!   functions after a restart with another program, as long as the names stay.
//! * What is wrong with a workflow is said when it is made, not when it runs.

mod args;
mod asks;
mod code_form;
mod dag;
mod error;
mod events;
mod graph;
mod history;
mod inquiries;
mod node;
mod retry;
mod run;
mod start;
mod step;
#[cfg(feature = "yaml")]
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use nexus_model::definition::{Definition, OnEnd};
use nexus_model::plan::Plan;

use crate::code::Function;

pub use args::{Args, Wiring};
pub use asks::{Approval, Decision, Signal};
pub use dag::Dag;
pub(crate) use error::told;
pub use error::{Error, WorkflowError};
pub use events::RunEvents;
pub use graph::{EdgeKind, StepGraph, StepInfo, StepWork};
pub use history::{History, HistoryError};
pub use node::Node;
pub use retry::Retry;
pub use run::{Decide, RunHandle};
pub use start::Start;
pub use step::{ByFunction, ByStep, IntoStep, Step};

pub(crate) use start::request as start_request;
pub(crate) use step::{Need, Work};

/// What functions of this module return.
pub type Result<T> = std::result::Result<T, Error>;

/// What happens to completed steps with an undo when a run does not complete.
pub type OnFailure = OnEnd;

/// A workflow from `In` to `Out`.
pub struct Workflow<In, Out> {
    pub(crate) form: Arc<Form>,
    marker: PhantomData<fn(In) -> Out>,
}

/// How a workflow is written.
#[derive(Clone)]
pub(crate) enum Form {
    /// As a graph that is known before it runs.
    Dag(DagForm),
    /// As a function, of which is known what it does when it does it.
    Code(code_form::CodeForm),
}

/// A workflow that is a graph.
#[derive(Clone)]
pub(crate) struct DagForm {
    plan: Arc<Plan>,
    graph: StepGraph,
    /// By the names they are registered under.
    handlers: BTreeMap<String, Work>,
    /// Functions of code workflows that it calls, by their names.
    functions: BTreeMap<String, Arc<dyn Function>>,
    /// The workflows it calls, directly or not.
    callees: Vec<Arc<Plan>>,
    /// Steps whose condition or work is a closure.
    #[cfg_attr(not(feature = "yaml"), expect(dead_code, reason = "what is asked to write YAML"))]
    closures: BTreeSet<String>,
}

impl<In, Out> Workflow<In, Out> {
    /// Makes a workflow of a graph. `build` is given the input, adds steps, and returns what the workflow brings.
    ///
    /// ```
    /// use nexus_engine::prelude::*;
    ///
    /// async fn weigh(_: StepCx, parts: Vec<u32>) -> StepResult<u32> {
    ///     Ok(parts.iter().sum())
    /// }
    /// async fn pack(_: StepCx, (parts, grams): (Vec<u32>, u32)) -> StepResult<String> {
    ///     Ok(format!("{} parts, {grams} g", parts.len()))
    /// }
    ///
    /// let parcel = Workflow::dag("parcel", |d, parts| {
    ///     let grams = d.step("weigh", weigh, parts);
    ///     d.step("pack", pack.retry(3).timeout(secs(30)), (parts, grams))
    /// })?;
    /// assert_eq!(parcel.graph().node_count(), 2);
    ///
    /// let twice = Workflow::dag("twice", |d, parts| {
    ///     d.step("weigh", weigh, parts);
    ///     d.step("weigh", weigh, parts)
    /// });
    /// assert_eq!(twice.expect_err("two steps of one name").code(), Some("NX1108"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Workflow`] if two steps have one name, there is none, they wait for each other, or something else is wrong
    /// that types cannot tell.
    pub fn dag<F>(name: &str, build: F) -> Result<Self>
    where
        F: for<'d> FnOnce(&'d Dag, Node<'d, In>) -> Node<'d, Out>,
    {
        let dag = Dag::new(name);
        let output = build(&dag, Node::input(&dag)).source();
        let mut draft = dag.into_draft();
        let outputs = Some(draft.output(output));
        let definition = Definition {
            name: name.to_owned(),
            input_is_value: true,
            steps: std::mem::take(&mut draft.steps),
            outputs,
            ..Definition::default()
        };
        let mut problems = draft.problems;
        let plan = match Plan::compile(definition) {
            Ok(plan) if problems.is_empty() => Arc::new(plan),
            Ok(_) => return Err(WorkflowError::new(name, problems).into()),
            Err(more) => {
                problems.extend(more.into_iter().filter(|problem| !problem.warning));
                return Err(WorkflowError::new(name, problems).into());
            }
        };
        Ok(Self::of(Form::Dag(DagForm {
            plan,
            graph: draft.graph,
            handlers: draft.handlers,
            functions: draft.functions,
            callees: draft.callees,
            closures: draft.closures,
        })))
    }

    pub(crate) fn of(form: Form) -> Self {
        Self { form: Arc::new(form), marker: PhantomData }
    }

    /// The author's version number; it tells definitions of one name apart for people.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        self.change(|definition| definition.version = Some(version))
    }

    /// What happens to completed steps with an undo when a run fails, or is cancelled: they stay, or are undone, the last one
    /// first.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        self.change(|definition| {
            (definition.on_failure, definition.on_cancel) = (on_failure, on_failure);
        })
    }

    /// Longest time from start to end of a run.
    #[must_use]
    pub fn timeout(self, time: Duration) -> Self {
        self.change(|definition| definition.timeout_ms = Some(ms(time).max(1)))
    }

    fn change(self, change: impl FnOnce(&mut Definition)) -> Self {
        let mut form = Arc::unwrap_or_clone(self.form);
        match &mut form {
            Form::Dag(dag) => {
                let mut definition = dag.plan.definition().clone();
                change(&mut definition);
                let plan = Plan::compile(definition);
                dag.plan = Arc::new(plan.expect("a definition that was good before"));
            }
            Form::Code(code) => {
                let mut definition = code.plan.definition().clone();
                change(&mut definition);
                let plan = Plan::compile(definition);
                code.plan = Arc::new(plan.expect("a definition that was good before"));
            }
        }
        Self::of(form)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan().definition().name
    }

    /// Its definition, compiled: what is stored, and what runs of it keep.
    pub fn plan(&self) -> &Arc<Plan> {
        match &*self.form {
            Form::Dag(dag) => &dag.plan,
            Form::Code(code) => &code.plan,
        }
    }

    /// Its graph.
    pub fn graph(&self) -> &StepGraph {
        match &*self.form {
            Form::Dag(dag) => &dag.graph,
            Form::Code(code) => &code.graph,
        }
    }

    /// What calls its steps, by the names they are registered under.
    pub(crate) fn handlers(&self) -> &BTreeMap<String, Work> {
        match &*self.form {
            Form::Dag(dag) => &dag.handlers,
            Form::Code(code) => &code.handlers,
        }
    }

    /// The functions of code workflows that are it, or that it calls, by the names of those.
    pub(crate) fn functions(&self) -> &BTreeMap<String, Arc<dyn Function>> {
        match &*self.form {
            Form::Dag(dag) => &dag.functions,
            Form::Code(code) => &code.functions,
        }
    }

    pub(crate) fn callees(&self) -> &[Arc<Plan>] {
        match &*self.form {
            Form::Dag(dag) => &dag.callees,
            Form::Code(_) => &[],
        }
    }
}

impl<In, Out> Clone for Workflow<In, Out> {
    fn clone(&self) -> Self {
        Self { form: Arc::clone(&self.form), marker: PhantomData }
    }
}

impl<In, Out> fmt::Debug for Workflow<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workflow").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Whole milliseconds; what is longer than can be counted is as long as can be.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// So many seconds.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many minutes.
pub const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// So many hours.
pub const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

/// So many days.
pub const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}
