//! Names of schedules, and of the runs they start.

use crate::expression::date::rfc3339;
use crate::time::Timestamp;

/// Longest name of a schedule: with a time behind it, it is a name of a run.
pub const NAME_CHARS_MAX: usize = 96;

/// Whether this can be the name of a schedule.
pub fn is_name(name: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "_.:+-".contains(char);
    !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(allowed)
}

/// The name of the run of `schedule` for a due time: `nightly@2026-11-21T06:00:00Z`.
///
/// A run that somebody triggered is due at a fraction of a second, so that its name is no other run's.
pub fn run_name(schedule: &str, due: Timestamp) -> String {
    format!("{schedule}@{}", rfc3339(due))
}
