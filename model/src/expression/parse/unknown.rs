//! Names nobody knows, and what may have been meant.

use super::super::SyntaxError;
use super::super::language::{FILTERS, FUNCTIONS, NOT_DETERMINISTIC};
use super::super::reference::{ItemNames, Root};
use super::super::token::Token;
use crate::suggest::nearest;

pub(super) fn unknown(what: &str, token: Token<'_>, known: &[&str]) -> SyntaxError {
    let error =
        SyntaxError::new("NX2101", token.range(), format!("unknown {what} `{}`", token.text));
    match nearest(token.text, known.iter().copied()) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error,
    }
}

pub(super) fn unknown_name(token: Token<'_>, item: Option<&ItemNames>) -> SyntaxError {
    if NOT_DETERMINISTIC.contains(&token.text) {
        return unknown_function(token);
    }
    let own = item.into_iter().flat_map(ItemNames::all);
    let known: Vec<&str> = own.chain(Root::NAMES).collect();
    let error = unknown("name", token, &known);
    if error.hint.is_some() {
        return error;
    }
    error.hint(format!("known here: {}; a text stands in quotes", known.join(", ")))
}

pub(super) fn unknown_function(token: Token<'_>) -> SyntaxError {
    if NOT_DETERMINISTIC.contains(&token.text) {
        let message = format!("`{}` would give another answer on replay", token.text);
        return SyntaxError::new("NX2201", token.range(), message).hint(
            "use `run.started_at`, `steps.<id>.started_at` or `run.seed`, which are recorded",
        );
    }
    if FILTERS.contains(&token.text) {
        let message = format!("`{}` is a filter", token.text);
        return SyntaxError::new("NX2101", token.range(), message)
            .hint(format!("write `value | {}`", token.text));
    }
    unknown("function", token, FUNCTIONS)
}
