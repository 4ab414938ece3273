//! The engine under test, with types.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nexus_model::time::Timestamp;
use serde::Serialize;

use super::run::TestRun;
use crate::code::{Function, Functions};
use crate::handle::StartRequest;
use crate::handler::{Handler, Registry, StepError};
use crate::testkit::{Crashes, StandIns, TestEngine as Kit};
use crate::workflow::{IntoStep, Result, Work, Workflow, start_request};

/// An engine on a simulated world, for typed workflows. See [the module](super).
///
/// Its methods do not wait: time passes only when they say so. Clones are the same engine.
pub struct TestEngine {
    kit: Arc<Mutex<Kit>>,
    replaced: Replaced,
}

/// The functions, and what stands in for them.
#[derive(Clone, Default)]
struct Replaced {
    /// By the names they are registered under.
    works: BTreeMap<String, Work>,
    /// The workflows that are functions.
    functions: BTreeMap<String, Arc<dyn Function>>,
    mocks: Vec<(TypeId, Arc<dyn Handler>)>,
    failing: Vec<(usize, TypeId, StepError)>,
}

impl Default for TestEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEngine {
    /// An engine without workflows, at the beginning of 2026.
    pub fn new() -> Self {
        Self { kit: Arc::default(), replaced: Replaced::default() }
    }

    /// Begins anew, with a workflow. Its functions are called for real, once for each attempt, unless others stand in for them.
    #[must_use]
    pub fn workflow<In, Out>(mut self, workflow: &Workflow<In, Out>) -> Self {
        self.replaced.works.extend(workflow.handlers().clone());
        self.replaced.functions.extend(workflow.functions().clone());
        self.anew(|kit| kit)
    }

    /// Begins anew, with a value that functions ask for by its type.
    #[must_use]
    pub fn state<T: Any + Send + Sync>(self, state: T) -> Self {
        self.anew(|kit| kit.state(state))
    }

    /// Begins anew, and `mock` is called wherever `function` would be, as a step or as an undo. It must take and return what
    /// `function` does.
    #[must_use]
    pub fn mock<H, M, A, T, F, N>(mut self, function: H, mock: F) -> Self
    where
        H: IntoStep<A, T, M>,
        F: IntoStep<A, T, N>,
    {
        let function = function.into_step().work.function;
        self.replaced.mocks.push((function, mock.into_step().work.handler));
        self.anew(|kit| kit)
    }

    /// Begins anew, and the first `count` calls of `function` fail in each step that calls it. In a workflow that is a function
    /// those are the first calls under each name that it is called by.
    #[must_use]
    pub fn fail_first<H, M, A, T>(mut self, count: usize, function: H, error: StepError) -> Self
    where
        H: IntoStep<A, T, M>,
    {
        self.replaced.failing.push((count, function.into_step().work.function, error));
        self.anew(|kit| kit)
    }

    fn anew(self, change: impl FnOnce(Kit) -> Kit) -> Self {
        let replaced = self.replaced;
        let mut kit = change(self.kit.lock().unwrap_or_else(PoisonError::into_inner).fresh());
        for (name, count, error) in replaced.failing() {
            kit = kit.fail_first(count, name, error);
        }
        let functions = Functions::new(replaced.functions.clone());
        let kit = kit.registry(replaced.registry()).functions(functions, replaced.stand_ins());
        Self { kit: Arc::new(Mutex::new(kit)), replaced }
    }

    pub(super) fn kit(&self) -> MutexGuard<'_, Kit> {
        self.kit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a run.
    ///
    /// # Errors
    /// [`Error`](crate::workflow::Error), as the engine itself.
    pub fn start<In: Serialize, Out>(
        &self,
        workflow: &Workflow<In, Out>,
        input: In,
    ) -> Result<TestRun<Out>> {
        self.start_request(self.request(workflow, &input)?)
    }

    /// Starts a run under a name.
    ///
    /// # Errors
    /// [`Error`](crate::workflow::Error), as the engine itself.
    pub fn start_as<In: Serialize, Out>(
        &self,
        name: impl Into<String>,
        workflow: &Workflow<In, Out>,
        input: In,
    ) -> Result<TestRun<Out>> {
        self.start_request(self.request(workflow, &input)?.name(name))
    }

    fn request<In: Serialize, Out>(
        &self,
        workflow: &Workflow<In, Out>,
        input: &In,
    ) -> Result<StartRequest> {
        let known = |function: &str| self.replaced.functions.contains_key(function);
        start_request(workflow, input, &self.replaced.registry(), known)
    }

    fn start_request<Out>(&self, request: StartRequest) -> Result<TestRun<Out>> {
        let mut kit = self.kit();
        let started = kit.start_as(request)?;
        kit.settle();
        drop(kit);
        Ok(TestRun::new(self.clone(), started))
    }

    /// Lets time pass, and what happens in it happen.
    pub fn advance(&self, time: Duration) {
        self.kit().advance(time);
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.kit().now()
    }

    /// The engine ends without notice, and another one begins at once.
    pub fn crash_and_recover(&self) {
        self.kit().crash_and_recover();
    }

    /// The engine ends without notice, and another one begins after `time`.
    pub fn down_for(&self, time: Duration) {
        self.kit().down_for(time);
    }

    /// Runs a workflow to its end, or until it waits for something that does not come by itself; then again with a crash before
    /// and after each of its transitions is durable. Compares end states, outputs and calls.
    ///
    /// That is what the engine sees. A function is called once for an attempt and an input, and what it returned then is what a
    /// repetition after a crash returns: whether it may be repeated is not seen here.
    ///
    /// # Errors
    /// [`Error`](crate::workflow::Error) if the run cannot be started.
    pub fn crash_everywhere<In: Serialize, Out>(
        &self,
        workflow: &Workflow<In, Out>,
        input: In,
    ) -> Result<Crashes> {
        let request = self.request(workflow, &input)?;
        self.kit().fresh().start_as(request.clone())?;
        Ok(self.kit().crash_everywhere_in(|kit| {
            if let Ok(started) = kit.start_as(request.clone()) {
                kit.finish(started.run);
            }
        }))
    }

    /// Plays `play`, then again with a crash before and after each transition is durable, and compares end states, outputs and
    /// calls. `play` is given a fresh engine each time; all runs are taken to their end after it.
    pub fn crash_everywhere_in(&self, play: impl Fn(&Self)) -> Crashes {
        let fresh = self.kit().fresh();
        fresh.crash_everywhere_in(|kit| {
            let kit_of_play = Arc::new(Mutex::new(std::mem::take(kit)));
            let engine = Self { kit: kit_of_play, replaced: self.replaced.clone() };
            play(&engine);
            *kit = std::mem::take(&mut *engine.kit());
            for (_, run) in kit.runs() {
                kit.finish(run);
            }
        })
    }

    /// The engine without types, for what is not here.
    pub fn with_kit<T>(&self, ask: impl FnOnce(&mut Kit) -> T) -> T {
        ask(&mut self.kit())
    }
}

impl Replaced {
    /// The functions and what stands in for them, by name.
    fn registry(&self) -> Registry {
        let mut registry = Registry::new();
        for (name, work) in &self.works {
            let mut mocks = self.mocks.iter().rev();
            let mock = mocks.find(|(function, _)| *function == work.function);
            let handler = mock.map_or(&work.handler, |(_, mock)| mock);
            registry.insert(name.clone(), Arc::clone(handler));
        }
        registry
    }

    /// What stands in for the functions of steps that have no names before they are called.
    fn stand_ins(&self) -> StandIns {
        let failing = self.failing.iter().map(|(count, function, error)| {
            let first = (*count, error.clone());
            (*function, first)
        });
        StandIns { mocks: self.mocks.iter().cloned().collect(), failing: failing.collect() }
    }

    fn failing(&self) -> Vec<(String, usize, StepError)> {
        let mut all = Vec::new();
        for (count, function, error) in &self.failing {
            let names = self.works.iter().filter(|(_, work)| work.function == *function);
            all.extend(names.map(|(name, _)| (name.clone(), *count, error.clone())));
        }
        all
    }
}

impl Clone for TestEngine {
    fn clone(&self) -> Self {
        Self { kit: Arc::clone(&self.kit), replaced: self.replaced.clone() }
    }
}

impl fmt::Debug for TestEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestEngine").finish_non_exhaustive()
    }
}
