//! Why a run stands where it stands, and the graph of its steps.

use serde::{Deserialize, Serialize};

use super::WaitingOn;

/// Why a run does not move, or what it is doing, computed from the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainView {
    /// `explain/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// As in [`RunSummary`](super::RunSummary).
    pub status: String,
    /// Whether it is forgotten, so that nobody can read its values.
    #[serde(default)]
    pub forgotten: bool,
    /// In one line.
    pub why: String,
    /// When it was started; once it has ended, when it ended. How long something keeps it stands with the cause.
    pub since: String,
    /// How long that is.
    pub for_ms: u64,
    /// When something was last recorded of it.
    #[serde(default)]
    pub recorded_at: String,
    /// What it waits for.
    pub waiting: Option<WaitingOn>,
    /// Everything that keeps it from going on, and what would release it; empty once it has ended.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// The steps that are not settled and could be, each with its reason.
    pub steps: Vec<StepReason>,
    /// What stands between it and the slots and targets it waits for, a line for each limit and circuit breaker.
    #[serde(default)]
    pub limits: Vec<String>,
    /// The steps that come next.
    pub then: Vec<String>,
    /// What can be done, as commands.
    pub commands: Vec<String>,
}

/// Something that keeps a run from going on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// `running`, `waiting`, `sleeping`, `retrying`, `limited`, `broken` (a circuit breaker
    /// keeps it back), `paused`, `blocked` (an undo has failed, and somebody has to
    /// decide), `no_worker` (no worker has asked for it) or `orphaned` (no engine works on it).
    pub cause: String,
    /// The step; none if it concerns the whole run.
    pub step: Option<String>,
    /// In one line.
    pub why: String,
    /// What would release it: a command, or what happens by itself.
    pub release: String,
    /// The limit, or the target of the circuit breaker, that keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How many items of the step it is about; none if the step has no items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
    /// How the circuit breaker stands: `closed`, `open` or `half_open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Since when it is so, of the items since when of the first, as far as the state of the run says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How long that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// When it ends by itself: a timer is due, one may try to call the target, or a rate lets the next in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Why a step stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReason {
    /// The step's id.
    pub step: String,
    /// As in [`StepView`](super::StepView).
    pub status: String,
    /// In one line.
    pub why: String,
}

/// The graph of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphView {
    /// `graph/v1`.
    pub kind: String,
    /// The run's name.
    pub id: Option<String>,
    /// The workflow.
    pub workflow: String,
    /// The steps, in the order of the definition; of a function its calls, in the order in which they were made.
    pub nodes: Vec<GraphNode>,
    /// What must come before what.
    pub edges: Vec<GraphEdge>,
    /// Whether a function made earlier calls, too many to be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_earlier_steps: bool,
}

/// A step in a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphNode {
    /// Its id.
    pub id: String,
    /// `action`, `script`, `set`, `sleep`, `wait_for`, `approve`, `switch`, `repeat`, `race`, `call`.
    pub kind: String,
    /// The handler or workflow it calls.
    pub uses: Option<String>,
    /// The run that it has called last.
    pub child: Option<String>,
    /// Its condition.
    pub condition: Option<String>,
    /// The handler that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// As in [`StepView`](super::StepView); `null` without a run.
    pub status: Option<String>,
}

/// An edge of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphEdge {
    /// The step that comes first.
    pub from: String,
    /// The step that needs it.
    pub to: String,
}
