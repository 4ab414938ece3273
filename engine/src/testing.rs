//! Tests of typed workflows: simulated time, functions replaced by others, crashes, and recorded histories.
//!
//! A [`TestEngine`] is [`testkit`](crate::testkit) with types: the same simulated world, where time stands still while anything
//! can be done and jumps when nothing can.
//!
//! ```
//! use nexus_engine::prelude::*;
//! use nexus_engine::testing::TestEngine;
//!
//! async fn reserve(_: StepCx, cents: u64) -> StepResult<String> {
//!     Err(StepError::fatal(format!("no stock is held for {cents} in a test")))
//! }
//! async fn ship(_: StepCx, hold: String) -> StepResult<String> {
//!     Ok(format!("parcel of {hold}"))
//! }
//!
//! let order = Workflow::dag("order", |d, cents| {
//!     let hold = d.step("reserve", reserve.retry(3), cents);
//!     let asked = d.approve("approve", Approval::by("dana").within(hours(24))).after(hold);
//!     d.step("ship", ship, hold).after(asked)
//! })?;
//! let t = TestEngine::new()
//!     .workflow(&order)
//!     .mock(reserve, |_: StepCx, cents: u64| async move { Ok(format!("hold of {cents}")) })
//!     .fail_first(2, reserve, StepError::retry("503"));
//!
//! let run = t.start(&order, 2500)?;
//! t.advance(hours(23));
//! t.crash_and_recover();
//! run.approve("approve", "dana")?;
//! assert_eq!(run.result()?, "parcel of hold of 2500");
//!
//! let crashes = t.crash_everywhere_in(|t| {
//!     let run = t.start(&order, 5).expect("a start");
//!     t.advance(hours(1));
//!     run.approve("approve", "dana").expect("a decision");
//! });
//! assert!(crashes.all_same(), "{crashes}");
//! # Ok::<(), Error>(())
//! ```

mod engine;
mod history;
mod run;

pub use crate::testkit::Crashes;
pub use engine::TestEngine;
pub use history::{HistoryCheck, HistoryDifference};
pub use run::TestRun;
