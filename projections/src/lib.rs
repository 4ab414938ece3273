//! The read side: views folded from the log.
//!
//! Views are tables that answer questions which the log answers only slowly: which runs there are, which need an engine,
//! who did what, how much happened. One thread follows the log up to its durable end and folds every event into them.
//!
//! Invariants:
//! * Rows and checkpoint change in one batch: a view is the fold of exactly the records before its checkpoint.
//! * Nothing here is synced to the disk, and nothing is precious: what is lost, damaged or of another layout is deleted and
//!   folded again from the log, with the same result.
//! * An event of an unknown kind stops the follower with an error; it is never skipped.
//! * No memory is held per run: caches are bounded by bytes.

mod bytes;
mod checkpoint;
mod error;
mod follower;
mod snapshots;
mod stepwise;
mod store;
mod view;
mod views;

pub use checkpoint::Checkpoint;
pub use error::ViewsError;
pub use stepwise::Stepwise;
pub use views::aggregates::AggregateRow;
pub use views::audit::{AuditAction, AuditFilter, AuditPage, AuditRow};
pub use views::metrics::{Counters, MetricsRow};
pub use views::resume;
pub use views::runs::{CurrentState, CurrentStep, RunFilter, RunPage, RunRow, RunWord, WaitingOn};
pub use views::{Checksum, Renewed, ViewRows, Views};
