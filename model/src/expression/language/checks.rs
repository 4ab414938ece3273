//! Tests of our own.

use minijinja::value::Value;
use minijinja::{Error, State, tests};

use super::each::size;
use super::{PATTERN_BYTES_MAX, charge, wrong};

/// `text is contains("part")`, `list is contains(item)`, `map is contains("key")`.
pub(super) fn contains(
    state: &State<'_, '_>,
    container: &Value,
    item: &Value,
) -> Result<bool, Error> {
    charge(state, size(container))?;
    tests::is_in(state, item, container)
}

/// `text is matching("^A-[0-9]+$")`: whether the regular expression is found in the text.
pub(super) fn matching(state: &State<'_, '_>, text: &str, pattern: &str) -> Result<bool, Error> {
    charge(state, text.len().saturating_add(pattern.len()).saturating_mul(16))?;
    match regex_lite::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build() {
        Ok(pattern) => Ok(pattern.is_match(text)),
        Err(error) => Err(wrong(format!("not a regular expression: {error}"))),
    }
}
