//! What a workflow tells of its runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FailureView;

/// What one query says of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryView {
    /// `query/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The name of the query.
    pub query: String,
    /// What it says.
    pub value: Value,
}

/// What all queries say of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueriesView {
    /// `queries/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// By name.
    pub queries: Vec<QueryRow>,
}

/// What one of several queries says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryRow {
    /// The name of the query.
    pub query: String,
    /// What it says; `null` if it cannot be answered.
    pub value: Value,
    /// Why it cannot be answered; `null` if it can.
    pub error: Option<FailureView>,
}
