//! Why a schedule did not do something.

use super::{DUES_MAX, NAME_CHARS_MAX};

/// Why a request to a schedule was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleRejection {
    /// There is no such schedule.
    #[error("there is no such schedule")]
    NotThere,
    /// There is one, and it was not to be replaced.
    #[error("the schedule exists and does something else")]
    Exists,
    /// It does exactly that already.
    #[error("the schedule does that already")]
    Unchanged,
    /// The name cannot be used.
    #[error(
        "the name of a schedule has 1 to {NAME_CHARS_MAX} letters and digits of ASCII and _ . : + -"
    )]
    Name,
    /// It is paused already.
    #[error("the schedule is paused already")]
    AlreadyPaused,
    /// It is not paused.
    #[error("the schedule is not paused")]
    NotPaused,
    /// The timer is not set.
    #[error("the timer is not set")]
    NoSuchTimer,
    /// No such run is awaited.
    #[error("the schedule does not wait for that")]
    NotAwaited,
    /// The rule is never due, or not a rule.
    #[error("the schedule would never be due")]
    NeverDue,
    /// There is nothing to make up for.
    #[error("no run is missing")]
    NothingMissing,
    /// Too much at once.
    #[error("{count} runs are missing; at most {DUES_MAX} are started by one request")]
    TooMany {
        /// How many.
        count: usize,
    },
}
