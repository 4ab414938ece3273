//! When a schedule is due.

use serde::{Deserialize, Serialize};

use crate::aggregate::Calendar;
use crate::time::Timestamp;

/// When a schedule is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// By a cron expression in a time zone.
    Cron {
        /// The expression.
        expression: String,
        /// Name of the time zone, such as `Europe/Berlin`.
        zone: String,
    },
    /// At all multiples of so many milliseconds since the Unix epoch.
    Every {
        /// The interval, at least one second.
        ms: u64,
    },
}

impl Timing {
    /// The first due time after `after`; `None`: never again.
    pub fn next(&self, after: Timestamp, calendar: &dyn Calendar) -> Option<Timestamp> {
        match self {
            Self::Cron { expression, zone } => {
                calendar.next(expression, zone, after).filter(|next| *next > after)
            }
            Self::Every { ms } => {
                let step = i64::try_from(ms.checked_mul(1000)?).ok().filter(|step| *step > 0)?;
                let next = after.0.div_euclid(step).checked_add(1)?.checked_mul(step)?;
                Some(Timestamp(next))
            }
        }
    }
}
