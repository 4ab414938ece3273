//! Codes of starts that cannot be carried out, as they are recorded.

use super::{RequestError, StartError};
use crate::loader::LoadError;
use crate::shard::Again;

/// What is no run does not take it as it stands.
const NOT_NOW: &str = "NX7007";

impl RequestError {
    /// The code of a start that was refused for ever; `None`: it may be carried out later, or by another engine.
    pub(crate) fn final_code(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => match refusal.again() {
                Again::Never => Some(refusal.code().unwrap_or(NOT_NOW)),
                Again::Later | Again::Elsewhere => None,
            },
            // Nobody who could act on it asks: it is about the schedule, trigger or key, and not about a run.
            Self::Load(LoadError::Definition(_)) => Some("NX4143"),
            Self::Load(error) if !error.is_passing() => Some(error.code()),
            Self::Load(_) | Self::Unknown => None,
        }
    }
}

impl StartError {
    /// The code of what is explained under `docs/errors`; `None`: it is about something that is no run.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Busy { .. } => Some("NX7006"),
            Self::Full { .. } => Some("NX4168"),
            Self::Kept { .. } => Some("NX4186"),
            Self::Request(error) => error.code(),
            Self::Inputs(_)
            | Self::InputTooLarge { .. }
            | Self::Unresolved { .. }
            | Self::CallMisfit { .. }
            | Self::Name(_)
            | Self::RunId { .. }
            | Self::Limit { .. }
            | Self::StartKey { .. }
            | Self::Conflict { .. }
            | Self::KeptOther { .. }
            | Self::KeyedTooLarge { .. }
            | Self::KeyedEncrypted
            | Self::KeptGone { .. }
            | Self::NoEncryption
            | Self::FunctionEncrypted => self.final_code(),
        }
    }

    /// The code of an error that trying again does not help; `None`: it may.
    pub fn final_code(&self) -> Option<&str> {
        match self {
            Self::Inputs(errors) => Some(errors.first().map_or("NX1205", |error| error.code)),
            Self::InputTooLarge { .. } => Some("NX7005"),
            Self::Unresolved { .. } => Some("NX1185"),
            Self::CallMisfit { code, .. } => Some(code),
            Self::Name(_) => Some("NX7020"),
            Self::RunId { code, .. } | Self::Limit { code, .. } | Self::StartKey { code, .. } => {
                Some(code)
            }
            Self::Conflict { .. } | Self::KeptOther { .. } => Some("NX7003"),
            Self::KeyedTooLarge { .. } => Some("NX4169"),
            Self::KeyedEncrypted => Some("NX4185"),
            Self::KeptGone { .. } => Some("NX4187"),
            Self::Request(error) => error.final_code(),
            Self::NoEncryption => Some("NX6023"),
            Self::FunctionEncrypted => Some("NX1136"),
            Self::Busy { .. } | Self::Full { .. } | Self::Kept { .. } => None,
        }
    }

    /// What is wrong, in one line.
    pub(crate) fn words(&self) -> String {
        if let Self::Inputs(errors) = self {
            return errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        }
        self.to_string()
    }
}
