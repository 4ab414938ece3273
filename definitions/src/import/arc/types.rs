//! Scalars of the files: types, names and times.

use nexus_model::definition::InputKind;
use serde_json::{Value, json};

use super::Entry;
use crate::import::error::ImportError;
use crate::import::foreign::escaped;
use crate::import::sketch::Sketch;
use crate::yaml::{Node, Tree};

/// Longest time that is believed, in seconds: some 300 years.
const SECONDS_MAX: f64 = 1e10;

/// A scalar as text.
pub(super) fn label(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.clone()),
        Node::Number(number) => Some(number.to_string()),
        Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => None,
    }
}

/// A title as a name: small letters, digits and `_`.
pub(super) fn slug(title: &str) -> String {
    let mut slug = String::new();
    for next in title.chars() {
        match next {
            next if next.is_alphanumeric() => slug.extend(next.to_lowercase()),
            _ if slug.ends_with('_') || slug.is_empty() => {}
            _ => slug.push('_'),
        }
    }
    slug.trim_end_matches('_').to_owned()
}

/// Seconds, from 0 on, in milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is in the range of 64 bits and not negative"
)]
pub(super) fn seconds(node: &Node) -> Option<u64> {
    let seconds =
        node.to_value().as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds))?;
    Some((seconds * 1000.0).round() as u64)
}

/// A time limit in seconds.
pub(super) fn milliseconds(tree: &Tree, sketch: &Sketch) -> Result<u64, ImportError> {
    seconds(&tree.value).filter(|milliseconds| *milliseconds > 0).ok_or_else(|| {
        sketch.findings.damage(&tree.defined, "a time limit is a number of seconds above 0")
    })
}

/// Names and types, written as a map or as a list of maps.
pub(super) fn declared(tree: Option<&Tree>) -> Vec<(String, String)> {
    let Some(tree) = tree else { return Vec::new() };
    let maps = tree.value.items().iter().map(|item| &item.value).chain([&tree.value]);
    maps.flat_map(Node::entries)
        .map(|(name, kind)| (name.value.clone(), label(&kind.value).unwrap_or_default()))
        .collect()
}

/// What a type is as the type of an input.
pub(super) fn kind(declared: &str) -> InputKind {
    let word = declared.split(['[', '(', '<', '|', ' ']).next().unwrap_or_default();
    match word.to_lowercase().as_str() {
        "string" | "str" | "text" | "url" | "enum" => InputKind::String,
        "boolean" | "bool" => InputKind::Boolean,
        "integer" | "int" => InputKind::Integer,
        "number" | "float" => InputKind::Number,
        "list" | "array" => InputKind::List,
        "map" | "dict" | "object" => InputKind::Map,
        _ => InputKind::Any,
    }
}

/// A value of a type: of several words the first, of anything else the least.
pub(super) fn sample(declared: &str) -> Value {
    if let Some(options) = declared.strip_prefix("enum[").and_then(|rest| rest.strip_suffix(']')) {
        return json!(escaped(options.split(['|', ',']).next().unwrap_or_default().trim()));
    }
    match kind(declared) {
        InputKind::String => json!(""),
        InputKind::Boolean => json!(false),
        InputKind::Integer | InputKind::Number => json!(0),
        InputKind::List => json!([]),
        InputKind::Map => json!({}),
        InputKind::Any => Value::Null,
    }
}

/// Checks what a step says about its agent.
pub(super) fn check(entry: &Entry<'_>, sketch: &Sketch) -> Result<(), ImportError> {
    let damage = |tree: &Tree, what: &str| {
        Err(sketch.findings.damage(&tree.defined, format!("{what}: step `{}`", entry.called)))
    };
    if let Some(policy) = entry.get("context_policy")
        && !matches!(policy.value.text(), Some("minimal" | "standard" | "deep"))
    {
        return damage(policy, "`context_policy` is `minimal`, `standard` or `deep`");
    }
    if let Some(limit) = entry.get("audit_limit")
        && limit.value.to_value().as_u64().is_none_or(|limit| limit == 0)
    {
        return damage(limit, "`audit_limit` is a whole number above 0");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names() {
        let check = |title: &str, name: &str| assert_eq!(slug(title), name);
        check("Triage & Classification", "triage_classification");
        check("  A  ", "a");
        check("---", "");
    }

    #[test]
    fn a_type_gives_a_value_of_it() {
        let check =
            |declared: &str, expected: Value| assert_eq!(sample(declared), expected, "{declared}");
        check("enum[approved|rejected]", json!("approved"));
        check("enum[a, b]", json!("a"));
        check("list[string]", json!([]));
        check("boolean", json!(false));
        check("whatever", Value::Null);
    }
}
