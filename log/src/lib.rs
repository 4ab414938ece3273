//! The durable event log: streams of records, and nothing about what they mean.
//!
//! What is durable when:
//! * a transition is durable when its [`Ticket`] answers [`Outcome::Appended`], and not before;
//! * nothing is visible to readers before it is durable;
//! * transitions of one group become durable together or not at all;
//! * rows and payloads of a transition become durable with its records;
//! * after a failed sync the process ends: unknown is never reported as success.

mod append;
mod error;
mod event_log;
mod frame;
mod permits;
mod position;
mod record;
mod row;

pub use append::{Closed, Outcome, Submission, Ticket, Transition};
pub use error::{OpenError, ReadError};
pub use event_log::{EventLog, LogStatus, TornTail};
pub use frame::Frame;
pub use permits::{Permit, Permits};
pub use position::{Partition, Position, Revision, StreamId};
pub use record::{Record, Records, RecordsIter};
pub use row::{Change, Row, Table, TableSpec};
