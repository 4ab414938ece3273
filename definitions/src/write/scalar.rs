//! Texts in YAML: plain where nothing can be misread, a block where there are lines, quoted otherwise.

use serde_json::Value;

/// A value of a key at `indent`: plain, a block below, or quoted.
pub(super) fn text(text: &str, indent: usize) -> String {
    block(text, indent).unwrap_or_else(|| inline(text))
}

/// A text on one line.
pub(super) fn inline(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A list on one line, if it is empty or short and holds only words and numbers.
pub(super) fn flow(items: &[Value]) -> Option<String> {
    let simple = items.iter().all(|item| match item {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= 40 && !text.contains(['\n', '$']),
        Value::Array(_) | Value::Object(_) => false,
    });
    let words = items.iter().map(|item| match item {
        Value::String(text)
            if is_plain(text) && !text.contains([',', '[', ']', '{', '}', ' ', ':', '#']) =>
        {
            text.clone()
        }
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            item.to_string()
        }
    });
    (simple && items.len() <= 12)
        .then(|| format!("[{}]", words.collect::<Vec<_>>().join(", ")))
        .filter(|line| line.len() <= 100 || items.is_empty())
}

/// Whether `text` stands for itself without quotes, for every reader of YAML.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "="];
    let first = text
        .chars()
        .next()
        .is_some_and(|char| char.is_alphanumeric() || matches!(char, '_' | '/' | '$' | '('));
    let number = text.starts_with(|char: char| char.is_ascii_digit())
        && text.chars().all(|char| {
            char.is_ascii_hexdigit() || matches!(char, 'x' | 'o' | '_' | '+' | '-' | '.' | ':')
        });
    first
        && !number
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|char| !is_special(char))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Characters that only an escape keeps.
fn is_special(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Lines below the key, if they can be kept exactly so.
fn block(text: &str, indent: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let fits = text.contains('\n')
        && !body.is_empty()
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n'])
        && body.lines().all(|line| line.is_empty() || !line.trim().is_empty())
        && body.chars().all(|char| char == '\n' || !is_special(char));
    fits.then(|| {
        let mark = if text.ends_with('\n') { "|" } else { "|-" };
        let mut out = mark.to_owned();
        for line in body.split('\n') {
            out.push('\n');
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', indent + 2));
                out.push_str(line);
            }
        }
        out
    })
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            char if is_special(char) => out.extend(format!("\\u{:04x}", u32::from(char)).chars()),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}
