//! Codes of errors: `NXnnnn`, each explained on a page under `docs/errors`.

use nexus_log::OpenError as LogOpenError;
use nexus_model::rejection::Rejection;
use nexus_model::topic::TopicRejection;

use crate::handle::{EmitError, ForgetError, QueryError, RequestError, UpdateError};
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

impl ForgetError {
    /// The code of what is explained under `docs/errors`; `None`: it is about something that is no run.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::NotEncrypted => Some("NX6021"),
            Self::CalledGoesOn { .. } => Some("NX6020"),
            Self::Purge(_) => Some("NX6024"),
            Self::Request(error) => error.code(),
        }
    }
}

impl EmitError {
    /// The code of what is explained under `docs/errors`; `None`: it is no error of whoever emits.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { .. } | Self::Rejected(TopicRejection::AlreadyEmitted) => {
                Some("NX4122")
            }
            Self::Rejected(
                TopicRejection::Name | TopicRejection::Id | TopicRejection::TooLarge { .. },
            ) => Some("NX4121"),
            Self::Rejected(TopicRejection::NoTrigger) => Some("NX4123"),
            Self::Rejected(TopicRejection::Unchanged | TopicRejection::AlreadyDelivered) => None,
            Self::Request(error) => error.code(),
        }
    }
}

impl UpdateError {
    /// The code of what is explained under `docs/errors`; `None`: it is about something that is no run.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { .. } => Some("NX4130"),
            Self::Request(RequestError::Refused(Refusal::Rejected(Rejection::Ended {
                ..
            }))) => Some("NX4127"),
            Self::Request(error) => error.code(),
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
