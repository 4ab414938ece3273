//! The graph of a workflow, to look at.

use std::fmt;

/// The graph of a workflow: steps, and what makes one come after another.
pub type StepGraph = petgraph::graph::DiGraph<StepInfo, EdgeKind>;

/// A step of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepInfo {
    /// Its name.
    pub name: String,
    /// What it does.
    pub work: StepWork,
}

/// What a step of a graph does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepWork {
    /// Calls a function.
    Function,
    /// Calls a function for each item.
    Each,
    /// Asks the condition of another step.
    Condition,
    /// Waits for the decision of a person.
    Approve,
    /// Waits for a signal.
    Wait,
    /// Waits a while.
    Sleep,
    /// Calls another workflow.
    Call,
}

/// Why a step comes after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// It is given its output.
    Data,
    /// It was put after it.
    After,
    /// It is done only if it says so.
    When,
}

impl fmt::Display for StepInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::After => "after",
            Self::When => "when",
        })
    }
}
