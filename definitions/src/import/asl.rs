//! Amazon States Language: the states at the top, and where each may go next.
//!
//! A state machine takes one way, a graph takes all: every `Next`, `Default` and `Catch` becomes an edge.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::ImportError;
use super::graph::Graph;
use super::serial::{self, Ordered};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Machine {
    comment: Option<String>,
    start_at: Option<String>,
    states: Ordered<State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    next: Option<String>,
    default: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Target>>,
    #[serde(default)]
    catch: Option<Vec<Target>>,
    branches: Option<IgnoredAny>,
    #[serde(alias = "ItemProcessor")]
    iterator: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    next: Option<String>,
}

/// Reads a state machine.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let Machine { comment, start_at, states } = serial::document(text)?;
    if let Some(start) = start_at.filter(|start| !states.0.iter().any(|(id, _)| id == start)) {
        return Err(ImportError::UnknownTask {
            task: start,
            named_by: "StartAt".to_owned(),
            place: None,
        });
    }
    let mut graph = Graph { name: comment, ..Graph::default() };
    let (mut choices, mut nested) = (0, 0);
    for (id, state) in states.0 {
        choices += usize::from(state.choices.is_some() || state.catch.is_some());
        nested += usize::from(state.branches.is_some() || state.iterator.is_some());
        let targets = state.choices.into_iter().chain(state.catch).flatten();
        let targets = state
            .next
            .into_iter()
            .chain(state.default)
            .chain(targets.filter_map(|target| target.next));
        for target in targets {
            graph.edge(id.clone(), target, None);
        }
        graph.task(id);
    }
    graph.warn(
        choices,
        "states that choose the next one (every way becomes an edge, and all are taken)",
    );
    graph.warn(nested, "states with states inside that are one step each");
    Ok(graph)
}
