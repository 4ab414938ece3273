//! Tokens of an expression, with their places.

use std::ops::Range;

use super::SyntaxError;

/// Longest source of one expression, in bytes.
pub(super) const SOURCE_BYTES_MAX: usize = 2048;

/// How many brackets may be open at once, and how many prefix operators may stand in a row.
pub(super) const NESTING_MAX: usize = 32;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a word such as `and`.
    Word,
    /// A number.
    Number,
    /// A text in quotes.
    Text,
    /// Anything else.
    Symbol,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: TokenKind,
    /// As it is written; a text with its quotes.
    pub(super) text: &'s str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end()
    }
}

/// Reads the tokens of `source` up to its end, or up to a `}}` outside of brackets.
///
/// Shape: the tokens, and where reading ended (at the `}}`, or at the end).
pub(super) fn tokens(source: &str) -> Result<(Vec<Token<'_>>, usize), SyntaxError> {
    let mut tokens = Vec::new();
    let mut open = 0usize;
    let mut at = 0;
    while let Some(token) = next_token(source, at)? {
        if open == 0 && source.get(token.start..).is_some_and(|rest| rest.starts_with("}}")) {
            return Ok((tokens, token.start));
        }
        match token.text {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            _ => {}
        }
        if open > NESTING_MAX {
            let message = format!("more than {NESTING_MAX} brackets are open");
            return Err(SyntaxError::new("NX2301", token.range(), message)
                .hint("compute a part of it in a `set` step"));
        }
        at = token.end();
        if at > SOURCE_BYTES_MAX {
            let message = format!("the expression is longer than {SOURCE_BYTES_MAX} bytes");
            return Err(SyntaxError::new("NX2301", 0..at, message)
                .hint("compute a part of it in a `set` step"));
        }
        tokens.push(token);
    }
    Ok((tokens, source.len()))
}

fn next_token(source: &str, at: usize) -> Result<Option<Token<'_>>, SyntaxError> {
    let rest = source.get(at..).unwrap_or("");
    let start = at + rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    let rest = source.get(start..).unwrap_or("");
    let Some(first) = rest.chars().next() else { return Ok(None) };
    let (kind, len) = match first {
        'a'..='z' | 'A'..='Z' | '_' => (TokenKind::Word, word_len(rest)),
        '0'..='9' => (TokenKind::Number, number_len(source, start)?),
        '"' | '\'' => (TokenKind::Text, text_len(rest, first, start)?),
        _ => (TokenKind::Symbol, symbol_len(rest, start)?),
    };
    Ok(rest.get(..len).map(|text| Token { kind, text, start }))
}

fn word_len(rest: &str) -> usize {
    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn number_len(source: &str, start: usize) -> Result<usize, SyntaxError> {
    let rest = source.get(start..).unwrap_or("");
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut len = digits(rest);
    let tail = |len: usize| rest.get(len..).unwrap_or("");
    if let Some(fraction) = tail(len).strip_prefix('.')
        && digits(fraction) > 0
        && !source.get(..start).unwrap_or("").ends_with('.')
    {
        len += 1 + digits(fraction);
    }
    if let Some(exponent) = tail(len).strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits(unsigned) > 0 {
            len += 1 + (exponent.len() - unsigned.len()) + digits(unsigned);
        }
    }
    let text = rest.get(..len).unwrap_or("");
    if tail(len).starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        let range = start..start + len + word_len(tail(len));
        return Err(SyntaxError::new("NX2001", range, "this is not a number".to_owned()));
    }
    if !text.contains(['.', 'e', 'E']) && text.parse::<u64>().is_err() {
        let message = format!("{text} is beyond 64 bits");
        return Err(SyntaxError::new("NX2001", start..start + len, message));
    }
    Ok(len)
}

fn text_len(rest: &str, quote: char, start: usize) -> Result<usize, SyntaxError> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Ok(at + 1),
            _ => {}
        }
    }
    let message = format!("the text is not closed with {quote}");
    Err(SyntaxError::new("NX2001", start..start + rest.len(), message))
}

fn symbol_len(rest: &str, start: usize) -> Result<usize, SyntaxError> {
    for (wrong, right) in [("&&", "and"), ("||", "or")] {
        if rest.starts_with(wrong) {
            let message = format!("`{wrong}` is not an operator here");
            return Err(SyntaxError::new("NX2001", start..start + 2, message)
                .hint(format!("write `{right}`")));
        }
    }
    if ["//", "**", "==", "!=", ">=", "<="].iter().any(|symbol| rest.starts_with(symbol)) {
        return Ok(2);
    }
    if rest.starts_with('!') {
        let message = "`!` is not an operator here".to_owned();
        return Err(SyntaxError::new("NX2001", start..start + 1, message).hint("write `not`"));
    }
    let len = rest.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with(|c| "+-*/%.,:~|=<>()[]{}".contains(c)) {
        return Ok(len);
    }
    let message = "this character has no meaning here".to_owned();
    Err(SyntaxError::new("NX2001", start..start + len, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponent_has_digits() {
        for number in ["1e5", "1E-5", "1.5e+5", "10"] {
            let found = tokens(number).unwrap_or_default().0;
            assert_eq!(found.first().map(|token| token.text), Some(number));
        }
        for wrong in ["1e", "1e+", "1.5E-", "1ex", "1x", "1_"] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
    }
}
