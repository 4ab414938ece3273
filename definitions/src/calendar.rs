//! The calendar: when cron expressions are due, in time zones, with their changes of the clock.
//!
//! Pure: zones come from the database that is compiled in, never from the machine.
//!
//! Across a change of the clock, expressions behave as in Vixie cron. An expression with fixed hours and minutes whose time
//! is skipped is due at the first moment after the gap; one whose time comes twice is due the first time only. An expression
//! with `*` or steps in its hours or minutes is due whenever the wall clock matches: not in a gap, and in both passes of a
//! repeated hour.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use croner::Cron;
use croner::parser::{CronParser, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use nexus_model::aggregate::Calendar;
use nexus_model::time::Timestamp;

/// Rules that are kept read.
const RULES_MAX: usize = 10_000;

/// A calendar of cron expressions. Cheap to clone.
#[derive(Clone, Default)]
pub struct CronCalendar(Arc<Mutex<Rules>>);

/// Rules by expression and zone; `None`: it is none.
type Rules = BTreeMap<(String, String), Option<Rule>>;

#[derive(Clone)]
struct Rule {
    cron: Arc<Cron>,
    zone: TimeZone,
}

/// Why a rule is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not a cron expression.
    #[error("`{expression}` is no cron expression: {why}")]
    Expression {
        /// What was given.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// A cron expression that is never due.
    #[error("`{expression}` is never due")]
    Never {
        /// What was given.
        expression: String,
    },
    /// No time zone.
    #[error("`{zone}` is no time zone")]
    Zone {
        /// What was given.
        zone: String,
    },
}

/// Checks an expression and a zone.
///
/// # Errors
/// [`CalendarError`]
pub fn check(expression: &str, zone: &str) -> Result<(), CalendarError> {
    let rule = Rule::read(expression, zone)?;
    // Any start will do: what is due once in the years that are looked through is due.
    match rule.next(Timestamp(0)) {
        Some(_) => Ok(()),
        None => Err(CalendarError::Never { expression: expression.to_owned() }),
    }
}

/// Checks a zone.
///
/// # Errors
/// [`CalendarError::Zone`]
pub fn check_zone(zone: &str) -> Result<(), CalendarError> {
    zone_of(zone).map(|_| ())
}

/// A time as the clocks of a zone show it, such as `Sun 2026-10-25 02:30 CET`; with seconds if there are any.
///
/// # Errors
/// [`CalendarError::Zone`]
pub fn show(time: Timestamp, zone: &str) -> Result<String, CalendarError> {
    let zoned =
        jiff::Timestamp::from_microsecond(time.0).unwrap_or_default().to_zoned(zone_of(zone)?);
    let format =
        if zoned.second() == 0 { "%a %Y-%m-%d %H:%M %Z" } else { "%a %Y-%m-%d %H:%M:%S %Z" };
    Ok(zoned.strftime(format).to_string())
}

/// A moment as people write it: `2026-11-21`, `2026-11-21T06:00` or with `Z` or an offset; without one, in `zone`.
pub fn read(text: &str, zone: &str) -> Option<Timestamp> {
    let zone = zone_of(zone).ok()?;
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(time.as_microsecond()));
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(Timestamp(civil.to_zoned(zone).ok()?.timestamp().as_microsecond()))
}

impl Rule {
    fn read(expression: &str, zone: &str) -> Result<Self, CalendarError> {
        let wrong =
            |why: String| CalendarError::Expression { expression: expression.to_owned(), why };
        // The parser takes a list of nothing, and then looks through thousands of years for it.
        if expression.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
            return Err(wrong("a list has an empty entry".to_owned()));
        }
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { cron: Arc::new(cron), zone: zone_of(zone)? })
    }

    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_microsecond(after.0).ok()?.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(Timestamp(next.timestamp().as_microsecond()))
    }
}

fn zone_of(zone: &str) -> Result<TimeZone, CalendarError> {
    TimeZoneDatabase::bundled().get(zone).map_err(|_| CalendarError::Zone { zone: zone.to_owned() })
}

impl Calendar for CronCalendar {
    fn next(&self, expression: &str, zone: &str, after: Timestamp) -> Option<Timestamp> {
        let key = (expression.to_owned(), zone.to_owned());
        let rule = {
            let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if rules.len() >= RULES_MAX {
                rules.clear();
            }
            let read = || Rule::read(expression, zone).ok();
            rules.entry(key).or_insert_with(read).clone()?
        };
        rule.next(after)
    }
}

impl fmt::Debug for CronCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CronCalendar").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first due times after a moment, as the zone shows them.
    fn due(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let calendar = CronCalendar::default();
        let mut at = read(after, zone).expect("a moment");
        let mut found = Vec::new();
        for _ in 0..count {
            at = calendar.next(expression, zone, at).expect("it is due again");
            found.push(show(at, zone).expect("a zone"));
        }
        found
    }

    #[test]
    fn a_list_with_an_empty_entry_is_refused() {
        for expression in ["30 30 , * *", "0 6 1,,2 * *", "0 6, * * *"] {
            let error = check(expression, "UTC").unwrap_err();
            let words = format!("`{expression}` is no cron expression: a list has an empty entry");
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn a_daily_time_keeps_its_hour_over_both_changes_of_the_clock() {
        let spring = due("0 6 * * *", "Europe/Berlin", "2026-03-28", 3);
        assert_eq!(
            spring,
            ["Sat 2026-03-28 06:00 CET", "Sun 2026-03-29 06:00 CEST", "Mon 2026-03-30 06:00 CEST"]
        );
        let autumn = due("0 6 * * *", "Europe/Berlin", "2026-10-24", 3);
        assert_eq!(
            autumn,
            ["Sat 2026-10-24 06:00 CEST", "Sun 2026-10-25 06:00 CET", "Mon 2026-10-26 06:00 CET"]
        );
    }

    #[test]
    fn a_time_in_the_gap_is_due_right_after_it() {
        assert_eq!(
            due("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2),
            ["Sun 2026-03-29 03:00 CEST", "Mon 2026-03-30 02:30 CEST"]
        );
    }

    #[test]
    fn a_time_that_comes_twice_is_due_once() {
        assert_eq!(
            due("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2),
            ["Sun 2026-10-25 02:30 CEST", "Mon 2026-10-26 02:30 CET"]
        );
    }

    #[test]
    fn every_half_hour_is_due_in_both_passes_of_an_hour() {
        assert_eq!(
            due("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:45", 5),
            [
                "Sun 2026-10-25 02:00 CEST",
                "Sun 2026-10-25 02:30 CEST",
                "Sun 2026-10-25 02:00 CET",
                "Sun 2026-10-25 02:30 CET",
                "Sun 2026-10-25 03:00 CET",
            ]
        );
    }

    #[test]
    fn seconds_leap_days_and_last_days() {
        assert_eq!(
            due("15,45 * * * * *", "UTC", "2026-01-01T00:00:20Z", 2),
            ["Thu 2026-01-01 00:00:45 UTC", "Thu 2026-01-01 00:01:15 UTC"]
        );
        assert_eq!(due("0 0 29 2 *", "UTC", "2026-01-01", 1), ["Tue 2028-02-29 00:00 UTC"]);
        assert_eq!(due("0 0 L * *", "UTC", "2026-02-01", 1), ["Sat 2026-02-28 00:00 UTC"]);
    }

    #[test]
    fn what_is_no_rule_says_why() {
        assert_eq!(check("0 6 * * *", "Europe/Berlin"), Ok(()));
        let zone = "Europe/Atlantis".to_owned();
        assert_eq!(check("0 6 * * *", &zone), Err(CalendarError::Zone { zone }));
        assert!(matches!(check("61 * * * *", "UTC"), Err(CalendarError::Expression { .. })));
        assert!(matches!(check("0 0 30 2 *", "UTC"), Err(CalendarError::Never { .. })));
        assert!(matches!(check("* * * *", "UTC"), Err(CalendarError::Expression { .. })));
    }
}
