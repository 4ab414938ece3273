//! Durations: `15m`, `1h30m`, `500ms`, `2d`, `PT5M`, or a number of milliseconds.

use serde_json::Value;

use super::EvalError;

const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Reads a duration.
///
/// Shape: text such as `15m`, `1h30m`, `1.5s`, `500ms`, `2d`, `1w` or ISO 8601 with weeks, days, hours, minutes and seconds
/// (`P1DT12H`, `PT5M`); a number stands for milliseconds, and so does text that is a number.
/// Units: milliseconds.
///
/// # Errors
/// NX1201 if it is none of these, or negative.
pub fn duration_ms(value: &Value) -> Result<u64, EvalError> {
    let ms = match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole_ms)),
        Value::String(text) => parse(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    ms.ok_or_else(|| {
        let shown: String = value.to_string().chars().take(60).collect();
        EvalError::Failed {
            code: "NX1201",
            message: format!(
                "{shown} is not a duration; write one such as 500ms, 30s, 15m, 1h30m, 2d or PT5M"
            ),
        }
    })
}

fn parse(text: &str) -> Option<u64> {
    if let Some(iso) = text.strip_prefix('P') {
        return parse_iso(iso);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    parse_parts(text, &UNITS)
}

fn parse_iso(text: &str) -> Option<u64> {
    let (days, time) = text.split_once('T').map_or((text, None), |(days, time)| (days, Some(time)));
    if time == Some("") || text.is_empty() {
        return None;
    }
    let date = if days.is_empty() {
        0
    } else {
        parse_parts(days, &[("W", 604_800_000), ("D", 86_400_000)])?
    };
    let units = [("H", 3_600_000), ("M", 60_000), ("S", 1_000)];
    date.checked_add(time.map_or(Some(0), |time| parse_parts(time, &units))?)
}

/// One or more of number and unit, without spaces.
fn parse_parts(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(part_ms(number, *factor)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

fn part_ms(number: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let (whole, fraction) = number.split_once('.')?;
    if fraction.len() > 9 {
        return None;
    }
    let part = fraction.parse::<u64>().ok()?.checked_mul(factor)?
        / 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(part)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked, and parts of a millisecond are dropped"
)]
fn whole_ms(number: f64) -> Option<u64> {
    (0.0..9.0e15).contains(&number).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::duration_ms;

    #[test]
    fn durations_are_read() {
        for (text, ms) in [
            ("500ms", 500),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1w", 604_800_000),
            ("1.5s", 1_500),
            ("PT5M", 300_000),
            ("P1DT12H", 129_600_000),
            ("PT0.25S", 250),
            ("0.123456789s", 123),
            ("0s", 0),
            ("250", 250),
        ] {
            assert_eq!(duration_ms(&json!(text)), Ok(ms), "{text}");
        }
        assert_eq!(duration_ms(&json!(1500)), Ok(1500));
        assert_eq!(duration_ms(&json!(1500.0)), Ok(1500));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for value in [
            json!(-1),
            json!(-0.5),
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!(""),
            json!("-5m"),
            json!("5".to_owned() + "x"),
            json!("P"),
            json!("PT"),
            json!("m"),
            json!("1h 30m"),
            json!("30 seconds"),
            json!("1..5s"),
            json!(".5s"),
            json!("5.s"),
            json!("0.1234567890s"),
            json!("99999999999999999999d"),
            json!("99999999999999999d"),
            json!(1e300),
            json!("P1M"),
        ] {
            assert!(duration_ms(&value).is_err(), "{value}");
        }
    }
}
