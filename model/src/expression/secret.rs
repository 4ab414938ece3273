//! Secrets: named in a definition, filled in when a handler is called, and nowhere else.
//!
//! Invariants:
//! * What an expression gives for a secret is the text `${{ secrets.NAME }}`: that is what is recorded.
//! * A secret is inserted as it is, so the places where one has to be filled in are known from the definition alone. A text
//!   that looks like one and came from an input or an output stays a text.

use minijinja::value::Value;

use super::reference::{Reference, Root};
use super::{SyntaxError, shortened};

/// Longest name of a secret.
const NAME_CHARS_MAX: usize = 128;

/// A place in the rendered input of a handler where secrets have to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPlace {
    /// Keys and list indexes from the root of the input to a text.
    pub path: Vec<String>,
    /// The names of the secrets in it.
    pub names: Vec<String>,
}

impl SecretPlace {
    /// What stands for a secret in the text at the place.
    pub fn stand_in(name: &str) -> String {
        format!("${{{{ secrets.{name} }}}}")
    }
}

/// Whether a secret may have this name: a letter or `_`, then letters, digits and `_`.
pub fn is_secret_name(name: &str) -> bool {
    let mut chars = name.chars();
    name.len() <= NAME_CHARS_MAX
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What stands for secrets while an expression is evaluated.
pub(super) fn stand_ins<'n>(names: impl Iterator<Item = &'n &'n str>) -> Value {
    Value::from_pairs(names.map(|name| (*name, Value::from(SecretPlace::stand_in(name)))))
}

/// Refuses an expression that does anything with a secret but insert it.
pub(super) fn check(source: &str, references: &[Reference]) -> Result<(), SyntaxError> {
    let Some(secret) = references.iter().find(|reference| reference.root == Root::Secrets) else {
        return Ok(());
    };
    let bare = secret.path.first().is_some_and(|name| source == format!("secrets.{name}"));
    if bare && secret.path.len() == 1 {
        return Ok(());
    }
    let message =
        format!("a secret is inserted as it is, so `{}` has no value", shortened(source, 80));
    Err(SyntaxError::new("NX1134", secret.range.clone(), message)
        .hint("write `${{ secrets.NAME }}` and nothing else between the braces"))
}

/// Adds the secrets of an expression at `path`.
pub(super) fn collect(places: &mut Vec<SecretPlace>, path: &[String], references: &[Reference]) {
    for reference in references.iter().filter(|reference| reference.root == Root::Secrets) {
        let Some(name) = reference.path.first() else { continue };
        match places.last_mut().filter(|place| place.path == path) {
            Some(place) if place.names.contains(name) => {}
            Some(place) => place.names.push(name.clone()),
            None => places.push(SecretPlace { path: path.to_vec(), names: vec![name.clone()] }),
        }
    }
}
