//! A durable, event-sourced workflow engine.
//!
//! Every state transition of every run is an event in a log on disk before anything depends on it. A run outlives the process,
//! the system and a power failure, and goes on where it was; what is recorded as completed is not done again.
//!
//! ```
//! use nexus_engine::prelude::*;
//!
//! async fn greet(_: StepCx, name: String) -> StepResult<String> {
//!     Ok(format!("hello, {name}"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! # let store = folder.path();
//! let greeting = Workflow::dag("greeting", |d, name| d.step("greet", greet.retry(5), name))?;
//! let engine = Engine::builder().workflow(&greeting).open(store)?;
//! let run = engine.start(&greeting, "Ada".to_owned()).id("greet-ada").await?;
//! assert_eq!(run.result().await?, "hello, Ada");
//! engine.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`prelude`] has what most programs need, [`workflow`] the typed workflows, [`testing`] what tests them, and [`Handle`] all
//! else that can be asked of an engine. It needs Rust 1.95 and no library of the system.

mod calls;
mod clock;
pub mod code;
mod codes;
mod config;
mod driver;
mod engine;
mod events;
mod handle;
pub mod handler;
mod loader;
mod logs;
mod metrics;
mod names;
pub mod prelude;
pub mod remote;
mod replay;
pub mod secrets;
pub mod shard;
pub mod tables;
mod telling;
pub mod testing;
pub mod testkit;
mod vault;
pub mod workflow;

#[cfg(feature = "yaml")]
pub use nexus_definitions as definitions;
pub use nexus_log as log;
pub use nexus_model as model;
pub use nexus_projections as projections;

pub use clock::Clock;
pub use codes::log_code;
pub use config::{Config, Drive};
pub use engine::{Builder, Engine, OpenError};
pub use handle::{
    ApprovalDecision, Backfill, Begun, EmitError, ForgetError, Handle, KeptStart, Linked,
    MigrateRequest, MissingCode, PublishRequest, QueryAnswer, QueryError, RUNS_LIMIT, RequestError,
    ScheduleRequest, ScheduledRun, Stalled, StartError, StartRequest, Started, TriggerRequest,
    UpdateError, UpdateReply,
};
pub use handler::{
    Data, Handler, IntoHandler, Registry, StepCx, StepError, StepResult, handler_fn,
};
pub use loader::{LoadError, Loader, Recorded, RecordedAggregate, events_of, events_of_aggregate};
pub use logs::{FileLogs, LogLine};
pub use names::{NameError, check_name};
pub use replay::{
    AggregateReplay, Compared, Difference, Replay, ReplayError, replay, replay_aggregate,
};

pub use petgraph;
pub use secrets::{Secrets, SystemSecrets};
pub use workflow::{RunHandle, Workflow};

use nexus_model::id::RunId;

/// How many shards runs are hashed to.
pub const SHARDS: usize = 64;

/// An id that nothing else has, for what somebody sends without one.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The shard of a run: by the random end of its id.
pub(crate) fn shard_of(run: RunId) -> usize {
    usize::from(run.0[15]) % SHARDS
}
