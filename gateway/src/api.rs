//! What is sent: the JSON of the control API, which is also what the command line prints with `-o json`.
//!
//! Every document carries its kind. Durations are in milliseconds, times are RFC 3339 in UTC, absent values are `null`.

mod approval;
mod breaker;
mod events;
mod explain;
mod limit;
mod migration;
mod pauses;
mod problem;
mod query;
mod raw;
mod run;
mod schedule;
mod start_key;
mod state_queries;
mod updates;
mod versions;
mod waiting;
mod workers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use approval::{ApprovalAnswer, ApprovalItem, ApprovalsPage, DecidedView, InboxFilter};
pub use breaker::{BreakerPage, BreakerView};
pub use events::{
    EmitEvent, EmittedView, SetTriggers, TopicPage, TopicView, TriggerActed, TriggerView,
    TriggersActed,
};
pub use explain::{Cause, ExplainView, GraphEdge, GraphNode, GraphView, StepReason};
pub use limit::{LimitHolder, LimitPage, LimitSize, LimitView, SetLimit};
pub use migration::{MigrateRuns, MigratedRun, MigrationView};
pub use pauses::{PauseScope, PauseStore, PauseView, PausesView};
pub use problem::{Problem, Where};
pub use query::{AuditFilter, Pairs, RunsFilter};
pub use raw::Raw;
pub use run::{
    CodeElsewhere, FailureView, ItemsView, RunPage, RunSummary, RunView, StepView, UndoView,
    WaitingOn,
};
pub use schedule::{
    BackfillSchedule, BackfillView, PutSchedule, ScheduleActed, SchedulePage, ScheduleView,
    StartFailureView,
};
pub use start_key::{StartActed, StartPage, StartView};
pub use state_queries::{QueriesView, QueryRow, QueryView};
pub use updates::{SendUpdate, UpdateView};
pub use versions::{
    CompareDefinitions, DefinitionRef, DefinitionView, DiffLine, DiffView, PublishVersion,
    RollBack, VersionActed, VersionRow, WorkflowPage, WorkflowView,
};
pub use waiting::{SendSignal, SignalView};
pub use workers::{
    CompleteTask, FailTask, HeartbeatView, PollTask, ReportedView, TaskHeartbeat, TaskView,
    WorkerHandlerView, WorkersView,
};

/// A request to start a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// The definition: its canonical JSON; `null`: the one that `workflow` names.
    #[serde(default)]
    pub definition: Value,
    /// The definitions that it calls, directly or not.
    #[serde(default)]
    pub callees: Vec<Value>,
    /// Which definition: `NAME` (the current version), `NAME@3`, or its hash. Either this or `definition`.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The input; an empty object if it is absent.
    #[serde(default = "no_input")]
    pub input: Value,
    /// The run's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Labels; none if they are absent.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where scripts work.
    #[serde(default)]
    pub folder: Option<String>,
    /// Who asks.
    pub by: By,
}

/// The input of a start that says nothing of it, as on the command line.
fn no_input() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Who asks, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// A user or program.
    pub name: String,
    /// `cli`, `api`.
    pub via: String,
}

/// A run that was started, or was there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedRun {
    /// `started/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// Whether it was there already, or its start was kept already.
    pub existing: bool,
    /// Whether its key was seen lately: this run stands for it, whatever its name and input.
    #[serde(default)]
    pub duplicate: bool,
    /// When it will be started, unless another start puts it off; `null`: it was started.
    #[serde(default)]
    pub due: Option<String>,
}

/// A request to pause, resume, cancel or retry a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Whether a run that is cancelled leaves what it did as it is, or gives up undoing it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_undo: bool,
    /// The definition with which a failed or cancelled run is retried: its canonical JSON; `null`: the one it has.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub definition: Value,
    /// The definitions that it calls, directly or not: their canonical JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callees: Vec<Value>,
    /// Who asks.
    pub by: By,
}

/// What was done to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// `acted/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// `pause`, `resume`, `cancel`, `retry`, `drive`.
    pub action: String,
    /// Revision of the run after it.
    pub revision: u32,
}

/// An event of a run's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Number in the run, from 1.
    pub n: u32,
    /// Position in the log.
    pub position: u64,
    /// When.
    pub at: String,
    /// Milliseconds since the run began.
    pub after_ms: u64,
    /// Such as `step.completed`.
    pub event: String,
    /// The step's id, if it is about one.
    pub step: Option<String>,
    /// The attempt, if it is about one.
    pub attempt: Option<u32>,
    /// Whether it came from outside or was derived.
    pub outside: bool,
    /// The fields of the event.
    pub data: Value,
    /// The event in one line.
    pub detail: String,
}

/// A piece of a run's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// `history/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The events, oldest first.
    pub events: Vec<EventView>,
    /// Number of the event after them; `null` if there is none yet.
    pub next: Option<u32>,
}

/// What the steps of a run printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// `logs/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The lines, by step and attempt.
    pub lines: Vec<LogLineView>,
}

/// A line that a script or handler printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLineView {
    /// The step's id.
    pub step: String,
    /// The item, if the step has `for_each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
    /// Whether it was printed by the undo.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    /// The line.
    pub text: String,
}

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayView {
    /// `replay/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// Events folded.
    pub events: u32,
    /// Hash of the state at the end, `v1:…`.
    pub state_hash: String,
    /// The hash that the live engine recorded.
    pub recorded_hash: Option<String>,
    /// Whether everything is as it was recorded.
    pub agrees: bool,
    /// Whether the run is forgotten: its state was compared, but nothing could be derived again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
    /// Where it is not.
    pub differences: Vec<DifferenceView>,
    /// Handlers called: always 0.
    pub handlers_called: u32,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The state at the end, if it was asked for.
    pub state: Option<RunView>,
}

/// A place where history and derivation part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifferenceView {
    /// Number of the event, from 1.
    pub n: u32,
    /// What is recorded, one line an event.
    pub recorded: Vec<String>,
    /// What was derived, one line an event.
    pub derived: Vec<String>,
}

/// A piece of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// `audit/v1`.
    pub kind: String,
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; `null`: there is none.
    pub next: Option<u64>,
}

/// An entry of the audit: who did what, when, from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: String,
    /// The run's name.
    pub run: String,
    /// Such as `run.started`.
    pub action: String,
    /// The step, if it was done to one.
    pub step: Option<String>,
    /// Who.
    pub by: By,
    /// Why, or what.
    pub detail: String,
}

/// What holds a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `status/v1`.
    pub kind: String,
    /// Version of the program.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// `serve`, `run`, `wait`, `resume`.
    pub role: String,
    /// Addresses it listens at, beside the socket.
    pub listening: Vec<String>,
    /// Folder of the store.
    pub store: String,
    /// Whether it works on all runs of the store.
    pub drives_all: bool,
    /// Runs that were taken up when it began, and that it can carry on.
    pub picked_up: u64,
    /// Those that it cannot: their code is that of other programs.
    #[serde(default)]
    pub of_programs: u64,
}

/// What `verify` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyView {
    /// `verify/v1`.
    pub kind: String,
    /// Frames read.
    pub frames: u64,
    /// Records read.
    pub records: u64,
    /// Streams seen.
    pub streams: u64,
    /// Payloads checked.
    pub payloads: u64,
    /// Rows of tables checked.
    pub rows: u64,
    /// Head of the log, hex.
    pub head: String,
    /// What is wrong, each with its place.
    pub problems: Vec<String>,
}

/// What rebuilding the views came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildView {
    /// `rebuild/v1`.
    pub kind: String,
    /// The views.
    pub views: Vec<RebuiltView>,
    /// Records read.
    pub records: u64,
    /// How long it took.
    pub took_ms: u64,
    /// Whether every view is as it was.
    pub same: bool,
}

/// A view before and after it was rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltView {
    /// Its name.
    pub view: String,
    /// Checksum of its rows before, hex; `null` if it could not be read.
    pub before: Option<String>,
    /// Checksum of its rows after, hex.
    pub after: String,
}
