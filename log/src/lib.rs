//! The durable event log: streams of records, and nothing about what they mean.
//!
//! What is durable when:
//! * a transition is durable when its [`Ticket`] answers [`Outcome::Appended`], and not before;
//! * nothing is visible to readers before it is durable;
//! * transitions of one group become durable together or not at all;
//! * rows and payloads of a transition become durable with its records;
//! * after a failed sync the process ends: unknown is never reported as success.

mod append;
mod chain;
#[cfg(feature = "fjall")]
mod envelope;
mod error;
mod event_log;
#[cfg(feature = "fjall")]
mod fjall_log;
mod frame;
mod group;
#[cfg(feature = "fjall")]
mod handoff;
mod heads;
mod memory_log;
#[cfg(all(test, feature = "fjall"))]
mod noise;
mod permits;
mod position;
mod record;
mod row;
mod simulated_log;
mod sync;
mod ticket;
#[cfg(feature = "fjall")]
mod tip;
#[cfg(feature = "fjall")]
mod waking;

pub use append::{Outcome, Submission, Transition};
pub use chain::LogHead;
pub use error::{OpenError, PurgeError, ReadError};
pub use event_log::{EventLog, LogStatus, TornTail};
#[cfg(feature = "fjall")]
pub use fjall_log::{
    Act, FjallLog, HeldStore, Moment, Options, Problem, Report, rotate_in_time, small_tables,
};
pub use frame::Frame;
pub use memory_log::MemoryLog;
pub use permits::{Permit, Permits};
pub use position::{Partition, Position, Revision, StreamId};
pub use record::{Record, Records, RecordsIter};
pub use row::{Change, KeyValue, Row, Table, TableSpec};
pub use simulated_log::SimulatedLog;
pub use ticket::{Answer, Closed, Ticket};
