//! Starting runs of workflows.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use nexus_model::event::Actor;
use serde::Serialize;

use super::run::RunHandle;
use super::{Error, Result, Workflow};
use crate::handle::{Handle, StartRequest};
use crate::handler::Registry;

/// A run that is about to be started: awaiting it starts it, and it is on disk then.
#[must_use = "a run is started when this is awaited"]
pub struct Start<Out> {
    handle: Handle,
    request: Result<StartRequest>,
    marker: PhantomData<fn() -> Out>,
}

impl<Out> Start<Out> {
    pub(crate) fn new<In: Serialize>(
        handle: &Handle,
        workflow: &Workflow<In, Out>,
        input: &In,
    ) -> Self {
        let request =
            request(workflow, input, handle.registry(), |name| handle.offers_function(name));
        Self { handle: handle.clone(), request, marker: PhantomData }
    }

    /// Names the run. The same start under the same name answers with the run that is there.
    pub fn id(self, name: impl Into<String>) -> Self {
        self.with(|request| request.name = Some(name.into()))
    }

    /// Puts a label on the run.
    pub fn label(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|request| drop(request.labels.insert(key.into(), value.into())))
    }

    /// Says who starts it.
    pub fn by(self, name: impl Into<String>) -> Self {
        self.with(|request| request.by = Actor { name: name.into(), via: "rust".to_owned() })
    }

    fn with(mut self, change: impl FnOnce(&mut StartRequest)) -> Self {
        if let Ok(request) = &mut self.request {
            change(request);
        }
        self
    }
}

impl<Out> IntoFuture for Start<Out> {
    type Output = Result<RunHandle<Out>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { handle, request, .. } = self;
        Box::pin(async move {
            let started = handle.start(request?).await?;
            Ok(RunHandle::started(handle, &started))
        })
    }
}

impl<Out> fmt::Debug for Start<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("request", &self.request).finish_non_exhaustive()
    }
}

/// What starts a run of a workflow, if all its functions are registered.
pub(crate) fn request<In: Serialize, Out>(
    workflow: &Workflow<In, Out>,
    input: &In,
    registry: &Registry,
    offers_function: impl Fn(&str) -> bool,
) -> Result<StartRequest> {
    let name = || workflow.name().to_owned();
    let mut handlers = workflow.handlers().keys();
    let mut functions = workflow.functions().keys();
    let missing = handlers
        .find(|handler| registry.get(handler).is_none())
        .or_else(|| functions.find(|function| !offers_function(function)));
    if let Some(handler) = missing {
        return Err(Error::NotOffered { workflow: name(), handler: handler.clone() });
    }
    let input = serde_json::to_value(input);
    let input = input.map_err(|source| Error::Input { workflow: name(), source })?;
    let request = StartRequest::new(Arc::clone(workflow.plan())).input(input);
    Ok(request.callees(workflow.callees().iter().cloned()))
}
