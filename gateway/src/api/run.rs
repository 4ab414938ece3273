//! Runs as they are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its name.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// `running`, `waiting`, `retrying`, `compensating`, `paused`, `failing`, `cancelling`, `completed`, `failed`, `cancelled`.
    pub status: String,
    /// Ids of the steps it is at.
    pub at: Vec<String>,
    /// What it waits for, in words.
    pub waiting_on: Option<String>,
    /// What else it waits for, once an engine works on it that has its code; `null` if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then_waiting_on: Option<String>,
    /// Why nothing of the process that was asked can carry it on; `null` if something can, or it is paused or has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<CodeElsewhere>,
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// How long it took, or has been going.
    pub took_ms: u64,
    /// Steps that completed.
    pub steps_completed: u32,
    /// Why it failed.
    pub error: Option<FailureView>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Who started it.
    pub by: By,
    /// Whether it is forgotten, so that nobody can read its values.
    #[serde(default)]
    pub forgotten: bool,
}

/// The code that a run gets no further without: that of another program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeElsewhere {
    /// `NXnnnn`.
    pub code: String,
    /// What is missing, one line.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Which program carries the run on, in words.
    pub program: String,
}

/// A page of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPage {
    /// `runs/v1`.
    pub kind: String,
    /// The runs, newest first.
    pub runs: Vec<RunSummary>,
    /// How many runs the store has.
    pub total: u64,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// A run in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// `run/v1`.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// Its stream, hex.
    pub stream: String,
    /// The workflow.
    pub workflow: String,
    /// The workflow's version, as its author counts.
    pub version: Option<u32>,
    /// Hash of the definition, hex.
    pub definition: String,
    /// The number under which the definition is published; `null`: it is not.
    #[serde(default)]
    pub published_as: Option<u32>,
    /// As in [`RunSummary`].
    pub status: String,
    /// What it waits for.
    pub waiting: Option<WaitingOn>,
    /// Why it stands where it stands, in one line.
    pub why: String,
    /// Why nothing of the process that was asked can carry it on; `null` if something can, or it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<CodeElsewhere>,
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// How long it took, or has been going.
    pub took_ms: u64,
    /// The input.
    pub input: Value,
    /// The output; `null` until it completes.
    pub outputs: Value,
    /// Why it failed.
    pub error: Option<FailureView>,
    /// The steps, in the order of the definition; of a function its calls, in the order in which they were made.
    pub steps: Vec<StepView>,
    /// Whether calls of a function are left out that were made before: the history has them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_earlier_steps: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Who started it.
    pub by: By,
    /// Folder of the definition.
    pub folder: Option<String>,
    /// The run that called it.
    pub parent: Option<String>,
    /// Events recorded.
    pub events: u32,
    /// Whether it is forgotten, so that nobody can read its values.
    #[serde(default)]
    pub forgotten: bool,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// `pending`, `running`, `interrupted` (by the end of an engine; it runs again), `sleeping`, `waiting`, `retrying`, `completed`, `failed`, `skipped`, `not reached`, `cancelled`,
    /// `undoing`, `undone`, `undo failed`.
    pub status: String,
    /// Attempts made: in this round of the loop it is in, and without those of its undo.
    pub attempts: u32,
    /// Attempts it may make.
    pub max_attempts: u32,
    /// When it began.
    pub started_at: Option<String>,
    /// How long it took, or has been going.
    pub took_ms: Option<u64>,
    /// What there is to say about it.
    pub note: Option<String>,
    /// How far its attempts said they are; `null` if they did not, or it completed.
    #[serde(default)]
    pub progress: Value,
    /// Its output.
    pub output: Value,
    /// Why it failed, or failed last.
    pub error: Option<FailureView>,
    /// The run that it has called last.
    pub child: Option<String>,
    /// How what it did is undone, once the run has begun to undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoView>,
    /// What it needs.
    pub needs: Vec<String>,
    /// Its items, while it goes through them, and afterwards if it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsView>,
}

/// The items of a step with `for_each`. Those that began and are in none of the lists have settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemsView {
    /// How many there are.
    pub count: u32,
    /// How many have settled.
    pub done: u32,
    /// How many of these failed.
    pub failed: u32,
    /// How many began: all with a lower number.
    pub begun: u32,
    /// Those at work, or cut off at it, in ranges such as `3-5`.
    pub running: Vec<String>,
    /// Those that wait for their next attempt.
    pub retrying: Vec<String>,
    /// Those that were stopped, and those that began and whose handler was not called yet.
    pub waiting: Vec<String>,
}

/// The undo of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoView {
    /// `pending`, `running`, `interrupted` (by the end of an engine; it is carried on), `retrying`, `failed`, `undone`, `given up`.
    pub status: String,
    /// The handler that undoes it.
    pub by: String,
    /// Attempts made to undo it, or the item of it that is being undone.
    pub attempts: u32,
    /// How long it took, or has been going.
    pub took_ms: Option<u64>,
    /// Why it failed, or failed last.
    pub error: Option<FailureView>,
}

/// What a run waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingOn {
    /// `sleep`, `signal`, `approval`, `run`, `retry`, `undo`, `room`, `worker`, `pause`, `engine`.
    pub on: String,
    /// The step.
    pub step: Option<String>,
    /// The attempt that comes next.
    pub attempt: Option<u32>,
    /// Out of how many.
    pub of: Option<u32>,
    /// Until when.
    pub at: Option<String>,
    /// Code of what is wrong, if something is: see `explain CODE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Why something failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureView {
    /// `NXnnnn`, or a code of the handler's.
    pub code: String,
    /// What happened.
    pub message: String,
    /// More of it.
    pub details: Option<String>,
    /// The step.
    pub step: Option<String>,
}
