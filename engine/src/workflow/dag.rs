//! The graph of a workflow while it is built.
//!
//! Invariants:
//! * The node at an index of the graph is the step at the same index of the definition.
//! * Nothing here fails: what is wrong is collected, and said when the workflow is made.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nexus_model::definition::{
    Compensate, ForEach, OnError, OnSignalTimeout, Step as StepDefinition, StepKind,
};
use nexus_model::plan::{DefinitionError, Plan};
use petgraph::graph::{DiGraph, NodeIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::args::{Args, Source, Wiring, output_of};
use super::asks::{Approval, Decision, Signal};
use super::graph::{EdgeKind, StepInfo, StepWork};
use super::node::Node;
use super::step::{IntoStep, Step, Work};
use super::{Workflow, ms};
use crate::code::Function;
use crate::handler::{StepCx, StepResult};

/// Takes the steps of a workflow; see [`Workflow::dag`].
pub struct Dag {
    workflow: String,
    draft: RefCell<Draft>,
}

/// What has been built so far.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) graph: DiGraph<StepInfo, EdgeKind>,
    pub(super) steps: Vec<StepDefinition>,
    pub(super) handlers: BTreeMap<String, Work>,
    pub(super) functions: BTreeMap<String, Arc<dyn Function>>,
    pub(super) callees: Vec<Arc<Plan>>,
    /// Steps with a condition that is a closure, and steps that are one.
    pub(super) closures: BTreeSet<String>,
    pub(super) problems: Vec<DefinitionError>,
}

impl Dag {
    pub(super) fn new(workflow: &str) -> Self {
        Self { workflow: workflow.to_owned(), draft: RefCell::default() }
    }

    pub(super) fn into_draft(self) -> Draft {
        self.draft.into_inner()
    }

    /// Adds a step.
    pub fn step<'d, S, M, A, T>(
        &'d self,
        name: &str,
        step: S,
        args: impl Args<'d, A>,
    ) -> Node<'d, T>
    where
        S: IntoStep<A, T, M>,
    {
        let wiring = args.wiring();
        let with = self.template(&wiring);
        let step = self.with_step(name, step.into_step(), with);
        self.add(step, StepWork::Function, &wiring)
    }

    /// Adds a step that is done once for each item of a list. Its output is the list of theirs, in the order of the items.
    ///
    /// ```
    /// use nexus_engine::prelude::*;
    /// use nexus_engine::testing::TestEngine;
    ///
    /// async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    ///     Ok(n * 2)
    /// }
    ///
    /// let all = Workflow::dag("all", |d, numbers| d.each("double", double.retry(3), numbers).limit(8))?;
    /// let t = TestEngine::new().workflow(&all);
    /// assert_eq!(t.start(&all, vec![1, 2, 3])?.result()?, [2, 4, 6]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn each<'d, S, M, A, T>(
        &'d self,
        name: &str,
        step: S,
        items: Node<'d, Vec<A>>,
    ) -> Node<'d, Vec<T>>
    where
        S: IntoStep<A, T, M>,
    {
        let wiring = Args::<Vec<A>>::wiring(items);
        let list = self.template(&wiring);
        let with = json!(format!("${{{{ {} }}}}", ForEach::NAME));
        let mut step = self.with_step(name, step.into_step(), with);
        step.for_each = Some(ForEach {
            items: list,
            name: ForEach::NAME.to_owned(),
            concurrency: ForEach::CONCURRENCY,
            on_item_error: nexus_model::definition::OnItemError::Fail,
        });
        self.add(step, StepWork::Each, &wiring)
    }

    /// Adds a step that computes something from what others brought. What it is computed from comes before the closure, as in
    /// `d.map("total", (paid, shipped), |(paid, shipped): (u64, u64)| paid + shipped)`.
    pub fn map<'d, A, T>(
        &'d self,
        name: &str,
        args: impl Args<'d, A>,
        compute: impl Fn(A) -> T + Send + Sync + 'static,
    ) -> Node<'d, T>
    where
        A: DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
    {
        let compute = move |_: StepCx, input: A| std::future::ready(StepResult::Ok(compute(input)));
        let node = self.step(name, compute, args);
        self.draft.borrow_mut().closures.insert(name.to_owned());
        node
    }

    /// Adds a step that waits for the decision of a person.
    pub fn approve(&self, name: &str, approval: Approval) -> Node<'_, Decision> {
        let Approval { recorded, goes_on } = approval;
        let mut step = StepDefinition::new(name, StepKind::Approve(Box::new(recorded)));
        if goes_on {
            step.on_error = OnError::Continue;
        }
        self.add(step, StepWork::Approve, &Args::<()>::wiring(()))
    }

    /// Adds a step that waits for a signal.
    pub fn wait<T>(&self, name: &str, signal: &Signal<T>) -> Node<'_, T> {
        let kind = StepKind::WaitFor {
            signal: signal.name().to_owned(),
            matches: None,
            timeout_ms: None,
            on_timeout: OnSignalTimeout::Fail,
        };
        self.add(StepDefinition::new(name, kind), StepWork::Wait, &Args::<()>::wiring(()))
    }

    /// Adds a step that waits a while. It takes no thread and no memory, and goes on while no engine runs.
    pub fn sleep(&self, name: &str, time: Duration) -> Node<'_, ()> {
        let kind = StepKind::Sleep { duration: in_units(ms(time)) };
        self.add(StepDefinition::new(name, kind), StepWork::Sleep, &Args::<()>::wiring(()))
    }

    /// Adds a step that calls another workflow: a run of its own, whose output it brings.
    pub fn call<'d, A, T>(
        &'d self,
        name: &str,
        workflow: &Workflow<A, T>,
        args: impl Args<'d, A>,
    ) -> Node<'d, T> {
        let wiring = args.wiring();
        let kind = StepKind::Call {
            workflow: workflow.name().to_owned(),
            version: None,
            definition: Some(workflow.plan().hash()),
            with: self.template(&wiring),
        };
        let mut draft = self.draft.borrow_mut();
        draft.callees.push(Arc::clone(workflow.plan()));
        draft.callees.extend(workflow.callees().iter().cloned());
        draft.take_functions(name, workflow);
        drop(draft);
        self.add(StepDefinition::new(name, kind), StepWork::Call, &wiring)
    }

    /// The definition of a step that calls a function, which is registered.
    fn with_step<A, T>(&self, name: &str, step: Step<A, T>, with: Value) -> StepDefinition {
        let Step { work, policy, .. } = step;
        let uses = format!("{}.{name}", self.workflow);
        let kind = StepKind::Action { uses: uses.clone(), with };
        let mut step = StepDefinition::new(name, kind);
        step.retry = policy.retry.map(|retry| retry.0).unwrap_or_default();
        step.timeout_ms = policy.timeout.map(ms);
        step.deadline_ms = policy.deadline.map(ms);
        step.heartbeat_ms = policy.heartbeat.map(ms);
        if policy.best_effort {
            step.on_error = OnError::Continue;
        }
        let mut draft = self.draft.borrow_mut();
        step.compensate = policy.undo.map(|undo| {
            let uses = format!("{uses}.undo");
            draft.register(&step.id, &uses, undo.work);
            let kind = StepKind::Action { uses, with: json!("${{ this.output }}") };
            let retry = undo.retry.map(|retry| retry.0);
            Box::new(Compensate { kind, retry, timeout_ms: undo.timeout.map(ms) })
        });
        draft.register(name, &uses, work);
        step
    }

    fn add<T>(&self, step: StepDefinition, work: StepWork, wiring: &Wiring) -> Node<'_, T> {
        let mut draft = self.draft.borrow_mut();
        let at = draft.graph.add_node(StepInfo { name: step.id.clone(), work });
        draft.steps.push(step);
        draft.connect(wiring, at, EdgeKind::Data);
        Node::step(self, at)
    }

    /// The template of what a step is given.
    fn template(&self, wiring: &Wiring) -> Value {
        let draft = self.draft.borrow();
        wiring.template(|at| draft.id(at).to_owned())
    }

    pub(super) fn after(&self, later: Source, earlier: Source) {
        let mut draft = self.draft.borrow_mut();
        let Some(later) = draft.step_of(later, "comes after a step") else { return };
        // The input is there before any step.
        let Source::Step(earlier) = earlier else { return };
        let need = draft.id(earlier).to_owned();
        draft.graph.update_edge(earlier, later, EdgeKind::After);
        if let Some(step) = draft.steps.get_mut(later.index())
            && !step.needs.contains(&need)
        {
            step.needs.push(need);
        }
    }

    pub(super) fn when<A>(
        &self,
        of: Source,
        wiring: &Wiring,
        condition: impl Fn(&A) -> bool + Send + Sync + 'static,
    ) where
        A: DeserializeOwned + Send + 'static,
    {
        let Some((at, id)) = self.conditional(of) else { return };
        let asks = self.free_name(&format!("{id}.when"));
        let condition =
            move |_: StepCx, input: A| std::future::ready(StepResult::Ok(condition(&input)));
        let with = self.template(wiring);
        let step = self.with_step(&asks, condition.into_step(), with);
        let node: Node<'_, bool> = self.add(step, StepWork::Condition, wiring);
        let mut draft = self.draft.borrow_mut();
        draft.closures.insert(id);
        draft.add_condition(at, output_of(&asks));
        if let Source::Step(asks) = node.source() {
            draft.graph.update_edge(asks, at, EdgeKind::When);
        }
    }

    pub(super) fn when_expr(&self, of: Source, expression: String) {
        if let Some((at, _)) = self.conditional(of) {
            self.draft.borrow_mut().add_condition(at, expression);
        }
    }

    fn conditional(&self, of: Source) -> Option<(NodeIndex, String)> {
        let mut draft = self.draft.borrow_mut();
        let at = draft.step_of(of, "is conditional")?;
        Some((at, draft.id(at).to_owned()))
    }

    fn free_name(&self, name: &str) -> String {
        let draft = self.draft.borrow();
        let is_free = |name: &String| draft.steps.iter().all(|step| step.id != *name);
        let others = (2..).map(|number| format!("{name}{number}"));
        std::iter::once(name.to_owned()).chain(others).find(is_free).unwrap_or_default()
    }

    pub(super) fn within(&self, of: Source, time: Duration) {
        let mut draft = self.draft.borrow_mut();
        let Some(at) = draft.step_of(of, "waits for a signal") else { return };
        if let Some(StepKind::WaitFor { timeout_ms, on_timeout, .. }) = draft.kind_mut(at) {
            (*timeout_ms, *on_timeout) = (Some(ms(time)), OnSignalTimeout::Continue);
            return;
        }
        let id = draft.id(at).to_owned();
        let hint = "`within` is for nodes of `wait`; other steps have `timeout` and `deadline`";
        draft.refuse(&id, "has a time to wait, but waits for no signal", hint);
    }

    pub(super) fn limit(&self, of: Source, items: u32) {
        let mut draft = self.draft.borrow_mut();
        let Some(at) = draft.step_of(of, "is done for each item") else { return };
        let step = draft.steps.get_mut(at.index());
        if let Some(each) = step.and_then(|step| step.for_each.as_mut()) {
            each.concurrency = items;
            return;
        }
        let id = draft.id(at).to_owned();
        let hint = "`limit` is for nodes of `each`";
        draft.refuse(&id, "has a limit of items, but is not done for each item", hint);
    }
}

/// A time in the largest unit that it is a whole number of.
fn in_units(ms: u64) -> Value {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let fits = |(_, of): &(&str, u64)| ms > 0 && ms.is_multiple_of(*of);
    let (unit, of) = units.into_iter().find(fits).unwrap_or(("ms", 1));
    json!(format!("{}{unit}", ms / of))
}

impl Draft {
    fn id(&self, at: NodeIndex) -> &str {
        self.steps.get(at.index()).map_or("", |step| &step.id)
    }

    fn kind_mut(&mut self, at: NodeIndex) -> Option<&mut StepKind> {
        self.steps.get_mut(at.index()).map(|step| &mut step.kind)
    }

    /// The step, if it is one and not the input of the workflow.
    fn step_of(&mut self, source: Source, what: &str) -> Option<NodeIndex> {
        match source {
            Source::Step(at) => Some(at),
            Source::Input => {
                self.problems.push(DefinitionError {
                    code: "NX1190",
                    path: vec!["inputs".to_owned()],
                    range: None,
                    message: format!("the input of the workflow is no step that {what}"),
                    hint: Some("the input is there from the beginning".to_owned()),
                    warning: false,
                });
                None
            }
        }
    }

    fn refuse(&mut self, step: &str, what: &str, hint: &str) {
        self.problems.push(DefinitionError {
            code: "NX1190",
            path: vec!["steps".to_owned(), step.to_owned()],
            range: None,
            message: format!("step `{step}` {what}"),
            hint: Some(hint.to_owned()),
            warning: false,
        });
    }

    /// Says what carries out a step under a name, which another step must not have.
    fn register(&mut self, step: &str, uses: &str, work: Work) {
        let is_taken = self.handlers.insert(uses.to_owned(), work).is_some();
        // Of two steps with one name something is said already.
        if is_taken && self.steps.iter().all(|other| other.id != step) {
            self.problems.push(DefinitionError {
                code: "NX1192",
                path: vec!["steps".to_owned(), step.to_owned()],
                range: None,
                message: format!(
                    "step `{step}` would be carried out as `{uses}`, as another one is"
                ),
                hint: Some("choose another name for one of them".to_owned()),
                warning: false,
            });
        }
    }

    /// Takes what carries out a workflow that is called. Another function under a name that is taken would be called for the
    /// other one.
    fn take_functions<In, Out>(&mut self, step: &str, called: &Workflow<In, Out>) {
        let mut others = BTreeSet::new();
        for (uses, work) in called.handlers() {
            let before = self.handlers.insert(uses.clone(), work.clone());
            if before.is_some_and(|before| before.function != work.function) {
                others.insert(uses);
            }
        }
        for (uses, function) in called.functions() {
            let before = self.functions.insert(uses.clone(), Arc::clone(function));
            if before.is_some_and(|before| before.identity() != function.identity()) {
                others.insert(uses);
            }
        }
        for uses in others {
            let called = called.name();
            self.problems.push(DefinitionError {
                code: "NX1192",
                path: vec!["steps".to_owned(), step.to_owned()],
                range: None,
                message: format!(
                    "step `{step}` calls `{called}`, whose `{uses}` is another function than that of this name before"
                ),
                hint: Some("choose another name for one of the workflows".to_owned()),
                warning: false,
            });
        }
    }

    fn connect(&mut self, wiring: &Wiring, to: NodeIndex, kind: EdgeKind) {
        for source in wiring.sources() {
            if let Source::Step(from) = source {
                self.graph.update_edge(*from, to, kind);
            }
        }
    }

    fn add_condition(&mut self, at: NodeIndex, expression: String) {
        if let Some(step) = self.steps.get_mut(at.index()) {
            step.condition = Some(match step.condition.take() {
                Some(earlier) => format!("({earlier}) and ({expression})"),
                None => expression,
            });
        }
    }

    /// The template of what the workflow brings.
    pub(super) fn output(&self, source: Source) -> Value {
        let expression = match source {
            Source::Input => "inputs".to_owned(),
            Source::Step(at) => output_of(self.id(at)),
        };
        json!(format!("${{{{ {expression} }}}}"))
    }
}

impl fmt::Debug for Dag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dag").field("workflow", &self.workflow).finish_non_exhaustive()
    }
}
