//! Codes of errors: `NXnnnn`, each explained on a page under `docs/errors`.

use nexus_log::OpenError as LogOpenError;

use crate::handle::{QueryError, RequestError};
use crate::shard::Refusal;

/// The code of what keeps a log from being opened, which knows of no codes itself.
pub fn log_code(error: &LogOpenError) -> &'static str {
    match error {
        LogOpenError::Locked { .. } => "NX6001",
        LogOpenError::Damaged { .. }
        | LogOpenError::Storage { .. }
        | LogOpenError::HighWater { .. }
        | LogOpenError::Layout { .. } => "NX6002",
        LogOpenError::EndsEarly { .. } => "NX6005",
        LogOpenError::Differs { .. } => "NX6006",
        LogOpenError::Older { .. } => "NX6014",
        LogOpenError::Newer { .. } => "NX6003",
        LogOpenError::NotAStore { .. } => "NX6008",
        LogOpenError::Io { .. } => "NX6009",
    }
}

impl Refusal {
    /// The code of what is explained under `docs/errors`; `None`: it is about something that is no run.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Aggregate(_) => return None,
            Self::NotFound => "NX7011",
            Self::Taken(..) => "NX7003",
            Self::Unreadable { .. } => "NX5004",
            Self::DiskNearlyFull(_) => "NX6007",
            Self::TooLarge => "NX7005",
            Self::ShuttingDown => "NX7017",
        })
    }
}

impl RequestError {
    /// The code of what is explained under `docs/errors`; `None`: it is about something that is no run.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown => Some("NX7016"),
            Self::Load(error) => Some(error.code()),
        }
    }
}

impl QueryError {
    /// The code of what is explained under `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchRun => "NX7011",
            Self::NoSuchQuery { .. } => "NX4125",
            Self::Failed { .. } => "NX4126",
            Self::Load(error) => error.code(),
        }
    }
}
