//! The test kit: runs workflows under simulated time, with mocks for their handlers, and with crashes.
//!
//! A [`TestEngine`] is the engine without its driver: the same shards, the same events, the same recovery, over a log in
//! memory. Time stands still while anything can be done and jumps when nothing can, so a year takes milliseconds.
//!
//! Invariants:
//! * The same play and the same seed give the same events.
//! * A crash loses what a crash loses: all of memory, calls under way, answers not given. The log and the outside world stay.
//! * The outside world repeats itself: an attempt that is made again after a crash gets the answer it got before.
//!
//! ```
//! use nexus_engine::testkit::{TestEngine, action, plan, sleep};
//! use serde_json::json;
//!
//! let plan = plan(vec![sleep("rest", "365d", &[]), action("bill", "cards.charge", &["rest"])]);
//! let mut engine = TestEngine::new().mock("cards.charge", json!({"payment": "p-1"}));
//! let run = engine.start(&plan, json!({}))?;
//! assert_eq!(engine.finish(run).word(), "completed");
//! let crashes = TestEngine::new()
//!     .mock("cards.charge", json!({"payment": "p-1"}))
//!     .crash_everywhere(&plan, &json!({}));
//! assert!(crashes.all_same(), "{crashes}");
//! # Ok::<(), nexus_engine::StartError>(())
//! ```

mod acting;
mod aggregates;
mod appending;
mod build;
mod call;
mod calling;
mod chance;
mod crashes;
mod ending;
mod engine;
mod for_real;
mod limits;
mod migrations;
mod mock;
mod pauses;
mod recovery;
mod reports;
mod schedules;
mod simulation;
mod start_keys;
mod starting;
mod stopping;
#[cfg(feature = "yaml")]
mod suite;
mod topics;
mod updates;
mod weather;
mod workshop;
mod world;

pub(crate) use acting::StandIns;
pub use build::{action, compile, plan, set, sleep, step};
pub use call::{Call, Outcome};
pub use chance::Chance;
pub use crashes::Crashes;
pub use ending::{CallMade, Ending, RunEnding, StepEnding};
pub use engine::TestEngine;
pub use mock::{Answer, Mock};
pub use simulation::{Move, Request, Simulation};
#[cfg(feature = "yaml")]
pub use suite::{CaseReport, Plays, Suite, SuiteError};
pub use weather::Weather;
