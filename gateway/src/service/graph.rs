//! `graph`: the steps of a run and what must come before what.

use nexus_engine::model::definition::StepKind;
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;

use super::Service;
use super::calls::{Calls, Shown};
use super::show::standing::child;
use crate::api::{GraphEdge, GraphNode, GraphView, Problem};

impl Service {
    /// The graph of a run, with the status of its steps.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it cannot be read.
    pub async fn graph(&self, name: &str) -> Result<GraphView, Problem> {
        let (run, name) = self.resolve(name).await?;
        let (plan, state) = self.load(run, &name).await?;
        let shown = graph(&plan, Some((&name, &state)));
        if !plan.is_code() {
            return Ok(shown);
        }
        self.read(move |loader| {
            let mut calls = Calls::read(loader, &state)?;
            let nodes = calls.shown(&plan).into_iter().map(|call| match call {
                Shown::Kept(step) => node(&plan, Some(&state), step),
                Shown::Earlier(call) => call.node(),
            });
            let nodes = nodes.collect();
            Ok(GraphView { nodes, has_earlier_steps: calls.begins_late, ..shown })
        })
        .await
    }
}

/// The graph of a plan, or of a run of it.
pub fn graph(plan: &Plan, run: Option<(&str, &Run)>) -> GraphView {
    let id = |step: StepIndex| plan.id(step).to_owned();
    let edges = plan.steps().flat_map(|to| {
        plan.needs(to).iter().map(move |from| GraphEdge { from: id(*from), to: id(to) })
    });
    GraphView {
        kind: "graph/v1".into(),
        id: run.map(|(name, _)| name.to_owned()),
        workflow: plan.definition().name.clone(),
        nodes: plan.steps().map(|step| node(plan, run.map(|(_, run)| run), step)).collect(),
        edges: edges.collect(),
        has_earlier_steps: false,
    }
}

fn node(plan: &Plan, run: Option<&Run>, step: StepIndex) -> GraphNode {
    let definition = plan.step_definition(step);
    GraphNode {
        id: plan.id(step).to_owned(),
        kind: definition.map_or("", |step| kind_word(&step.kind)).to_owned(),
        uses: match definition.map(|step| &step.kind) {
            Some(StepKind::Call { workflow, .. }) => Some(workflow.clone()),
            _ => plan.handler(step).map(str::to_owned),
        },
        child: run.and_then(|run| child(plan, run, step)),
        condition: definition.and_then(|step| step.condition.clone()),
        undo: plan.undo_handler(step).map(str::to_owned),
        status: run.map(|run| run.step_run(step).word().to_owned()),
    }
}

/// The word for what a step is.
pub(super) fn kind_word(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Action { .. } => "action",
        StepKind::Script { .. } => "script",
        StepKind::Set { .. } => "set",
        StepKind::Sleep { .. } => "sleep",
        StepKind::SleepUntil { .. } => "sleep_until",
        StepKind::WaitFor { .. } | StepKind::Update(_) => "wait_for",
        StepKind::Call { .. } => "call",
        StepKind::Approve(_) => "approve",
        StepKind::Switch(_) => "switch",
        StepKind::Race { .. } => "race",
        StepKind::Repeat(_) => "repeat",
    }
}
