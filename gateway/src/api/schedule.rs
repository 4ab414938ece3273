//! Schedules.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// A request to make or change a schedule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutSchedule {
    /// Its name.
    pub id: String,
    /// The definition of its runs: its canonical JSON; `null`: the one that `workflow` names.
    #[serde(default)]
    pub definition: Value,
    /// Which definition: `NAME` (at each start the version that is current then), `NAME@3`, or its hash. Either this or `definition`.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The definitions that it calls, directly or not.
    #[serde(default)]
    pub callees: Vec<Value>,
    /// Their input; an empty object if it is absent.
    #[serde(default = "super::no_input")]
    pub input: Value,
    /// When it is due: a cron expression. Either this or `every_ms`.
    #[serde(default)]
    pub cron: Option<String>,
    /// The time zone of the cron expression; UTC if there is none.
    #[serde(default)]
    pub timezone: Option<String>,
    /// When it is due: every so many milliseconds.
    #[serde(default)]
    pub every_ms: Option<u64>,
    /// `none`, `latest` (also if absent), `all`: what becomes of due times at which no engine was there.
    #[serde(default)]
    pub catch_up: Option<String>,
    /// `skip` (also if absent), `queue`, `cancel_old`, `allow`: what happens at a due time when a run is open.
    #[serde(default)]
    pub overlap: Option<String>,
    /// Where scripts work.
    #[serde(default)]
    pub folder: Option<String>,
    /// Whether a schedule that is there is changed.
    #[serde(default)]
    pub replace: bool,
    /// Who asks.
    pub by: By,
}

/// A schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// `schedule/v1`.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// `active`, `paused`.
    pub status: String,
    /// The name of the workflow.
    pub workflow: String,
    /// Hash of the definition its runs begin with, hex.
    #[serde(default)]
    pub definition: String,
    /// The number under which that is published; `null`: it is not.
    #[serde(default)]
    pub version: Option<u32>,
    /// Whether its runs have the version that is current when they are started.
    #[serde(default)]
    pub follows: bool,
    /// The cron expression; `null`: it is due at intervals.
    pub cron: Option<String>,
    /// The time zone of the expression.
    pub timezone: Option<String>,
    /// The interval in milliseconds.
    pub every_ms: Option<u64>,
    /// `none`, `latest`, `all`.
    pub catch_up: String,
    /// `skip`, `queue`, `cancel_old`, `allow`.
    pub overlap: String,
    /// When it is due next; `null` while it is paused.
    pub next: Option<String>,
    /// The time that was due last.
    pub last: Option<String>,
    /// Names of runs that were started and have not ended.
    pub open: Vec<String>,
    /// Due times that wait for a run to end.
    pub waiting: Vec<String>,
    /// Runs that were started.
    pub started: u64,
    /// Due times that led to nothing.
    pub skipped: u64,
    /// Runs that could not be started.
    pub failed: u64,
    /// Why a run could not be started, the last time one could not.
    pub failure: Option<StartFailureView>,
    /// Why it is paused.
    pub reason: Option<String>,
}

/// Why a run could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailureView {
    /// When it was due.
    pub due: String,
    /// Error code.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// All schedules, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePage {
    /// `schedules/v1`.
    pub kind: String,
    /// The schedules.
    pub schedules: Vec<ScheduleView>,
}

/// What was done to a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleActed {
    /// `schedule-acted/v1`.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// `created`, `changed`, `unchanged`, `paused`, `resumed`, `deleted`, `triggered`.
    pub action: String,
    /// The run that was triggered.
    pub run: Option<String>,
    /// What became of the trigger: `started`, `queued`, `skipped`.
    pub outcome: Option<String>,
    /// When it is due next.
    pub next: Option<String>,
}

/// A request to make up for a stretch of the past.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackfillSchedule {
    /// From here on, in milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// Up to here, exclusive.
    pub to_ms: i64,
    /// Who asks.
    pub by: By,
}

/// What became of a request to make up for a stretch of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillView {
    /// `backfill/v1`.
    pub kind: String,
    /// The schedule's name.
    pub id: String,
    /// Due times in the stretch.
    pub due: usize,
    /// Names of the runs that were missing and are started now.
    pub runs: Vec<String>,
}
