//! Times as text: RFC 3339 in UTC.

use serde_json::Value;

use super::EvalError;
use crate::time::Timestamp;

/// `2026-07-01T09:30:00Z`, with a fraction of a second only if there is one.
///
/// Source: days to civil date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let seconds = time.0.div_euclid(1_000_000);
    let micros = time.0.rem_euclid(1_000_000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second_of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) =
        (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    let fraction = match micros {
        0 => String::new(),
        micros if micros % 1000 == 0 => format!(".{:03}", micros / 1000),
        micros => format!(".{micros:06}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Reads a point in time as RFC 3339 writes it: `2026-12-24T18:00:00Z`, or with an offset such as `+01:00`.
///
/// # Errors
/// NX1147 if it is none.
pub fn point_in_time(value: &Value) -> Result<Timestamp, EvalError> {
    let found = value.as_str().and_then(|text| read(text.trim()));
    found.ok_or_else(|| EvalError::Failed {
        code: "NX1147",
        message: format!("{value} is no point in time, such as \"2026-12-24T18:00:00Z\""),
    })
}

fn read(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let sign = |at: usize, one_of: &str| -> Option<()> {
        text.get(at..=at).filter(|found| one_of.contains(found)).map(|_| ())
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")]
        .into_iter()
        .try_for_each(|(at, one_of)| sign(at, one_of))?;
    let days = days(year, month, day);
    if hour > 23 || minute > 59 || second > 60 || civil(days) != (year, month, day) {
        return None;
    }
    let rest = text.get(19..)?;
    let (micros, zone) = fraction(rest)?;
    let offset = offset_minutes(zone)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60;
    Some(Timestamp(seconds.checked_mul(1_000_000)?.checked_add(micros)?))
}

/// A fraction of a second in microseconds, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
    Some((micros.parse().ok()?, rest))
}

fn offset_minutes(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let number = |text: &str| -> Option<i64> {
        let is_one = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_one { text.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Days since the Unix epoch. Source: as [`civil`], `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{point_in_time, rfc3339};
    use crate::time::Timestamp;

    #[test]
    fn times_are_read_with_any_offset() {
        for (text, utc) in [
            ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
            ("2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z"),
            ("2026-12-24 18:00:00.25-05:30", "2026-12-24T23:30:00.250Z"),
            ("2026-12-24T18:00:00-23:59", "2026-12-25T17:59:00Z"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(point_in_time(&json!(text)).map(rfc3339), Ok(utc.to_owned()));
        }
        for text in [
            "",
            "tomorrow",
            "2026-12-24",
            "2026-12-24T18:00:00",
            "2026-02-30T00:00:00Z",
            "2026-12-24T25:00:00Z",
            "2026-12-24T18:60:00Z",
            "2026-12-24T18:00:61Z",
            "2026-12-24T18:00:00+1:00",
            "2026-12-24T18:00:00.Z",
            "2026-12-24T18:00:00+24:00",
            "2026-12-24T18:00:00+01:60",
            "2026-12-2éT18:00:00Z",
            "+026-12-24T18:00:00Z",
        ] {
            assert!(point_in_time(&json!(text)).is_err(), "{text}");
        }
        assert!(point_in_time(&json!(5)).is_err());
    }

    #[test]
    fn times_are_written_in_utc() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_782_898_200_000_000, "2026-07-01T09:30:00Z"),
            (1_782_898_200_250_000, "2026-07-01T09:30:00.250Z"),
            (1_782_898_200_000_001, "2026-07-01T09:30:00.000001Z"),
            (-1_000_000, "1969-12-31T23:59:59Z"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(micros)), text);
        }
        let _ = (rfc3339(Timestamp(i64::MAX)), rfc3339(Timestamp(i64::MIN)));
    }
}
