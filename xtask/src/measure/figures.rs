//! Figures as a table shows them.

use serde_json::Value;

/// A number of a report, found by names with points between; not a number if there is none.
pub(super) fn number(report: &Value, name: &str) -> f64 {
    let found = name.split('.').try_fold(report, |value, name| value.get(name));
    found.and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// A number with as many digits as mean something.
pub(super) fn figure(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.abs() >= 100.0 {
        return thousands(value.round());
    }
    let digits = if value.abs() >= 10.0 { 1 } else { 2 };
    format!("{value:.digits$}")
}

fn thousands(value: f64) -> String {
    let plain = format!("{value:.0}");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// A median with the least and the greatest value.
pub(super) fn spread(median: f64, min: f64, max: f64) -> String {
    format!("{} ({} to {})", figure(median), figure(min), figure(max))
}

/// The values of these names, which are a median, the least and the greatest.
pub(super) fn spread_of(report: &Value, median: &str, min: &str, max: &str) -> String {
    spread(number(report, median), number(report, min), number(report, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_or_so() {
        let shown = [0.1234, 9.876, 12.34, 123.4, 1_234_567.8, -4_321.0, f64::NAN].map(figure);
        assert_eq!(shown, ["0.12", "9.88", "12.3", "123", "1,234,568", "-4,321", "–"]);
    }

    #[test]
    fn numbers_are_found_inside_of_others() {
        let report = serde_json::json!({ "half": { "p50": 3.5 }, "none": null });
        assert!((number(&report, "half.p50") - 3.5).abs() < 1e-9);
        assert!(number(&report, "none").is_nan() && number(&report, "half.p99").is_nan());
    }
}
