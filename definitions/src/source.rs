//! The text a definition was read from: lines, columns and the way back from a value to its place.

use std::ops::Range;

use serde_saphyr::Location;

use crate::problem::{Problem, Severity};

/// Something wrong at a byte range of the text.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) severity: Severity,
}

impl Fault {
    pub(crate) fn new(code: &'static str, range: Range<usize>, message: String) -> Self {
        Self { code, range, message, hint: None, severity: Severity::Error }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A named text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    name: String,
    text: String,
    line_starts: Vec<usize>,
    /// Whether every character is a byte, so that columns need no counting.
    ascii: bool,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let text = without_mark(text).to_owned();
        let ends =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        Self { name: name.to_owned(), ascii: text.is_ascii(), text, line_starts }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        narrow(self.line_starts.partition_point(|start| *start <= at).max(1))
    }

    /// The fault with its line and column.
    pub(crate) fn problem(&self, fault: Fault) -> Problem {
        let start = fault.range.start.min(self.text.len());
        let line = self.line_starts.partition_point(|at| *at <= start).max(1) - 1;
        let line_start = self.line_starts.get(line).copied().unwrap_or(0);
        let next = self.line_starts.get(line + 1).copied().unwrap_or(self.text.len());
        let line_end =
            line_start + self.text[line_start..next].trim_end_matches(['\n', '\r']).len();
        let end = fault.range.end.clamp(start, line_end.max(start));
        Problem {
            code: fault.code,
            message: fault.message,
            hint: fault.hint,
            file: self.name.clone(),
            line: narrow(line + 1),
            column: narrow(self.characters(line_start..start) + 1),
            length: narrow(self.characters(start..end).max(1)),
            severity: fault.severity,
        }
    }

    fn characters(&self, range: Range<usize>) -> usize {
        if self.ascii {
            return range.len();
        }
        self.text.get(range).map_or(0, |text| text.chars().count())
    }
}

/// The byte range of a place.
pub(crate) fn range_of(location: &Location, text: &str) -> Range<usize> {
    let span = location.span();
    let known = span.byte_offset().zip(span.byte_len()).and_then(|(at, length)| {
        let at = usize::try_from(at).ok()?;
        let range = at..at.checked_add(usize::try_from(length).ok()?)?;
        text.get(range.clone()).map(|_| range)
    });
    known.unwrap_or_else(|| {
        let at = offset_of(text, location.line(), location.column());
        at..at + text[at..].chars().next().map_or(0, char::len_utf8)
    })
}

/// The byte at a line and column, both from 1.
pub(crate) fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.split_inclusive('\n').next().unwrap_or_default();
    let characters = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    start + rest.char_indices().nth(characters).map_or(rest.len(), |(at, _)| at)
}

/// The byte of `raw` (a scalar as it stands in the file) that byte `target` of `value` (the same scalar, read) comes from.
///
/// Follows both texts side by side: quotes, escapes, folded lines and the indentation of blocks are in `raw` only.
pub(crate) fn offset_in_scalar(raw: &str, value: &str, target: usize) -> usize {
    let quote = raw.chars().next().filter(|char| matches!(char, '"' | '\''));
    let mut cursor = Cursor { raw, at: usize::from(quote.is_some()), quote };
    for (at, char) in value.char_indices() {
        if at >= target {
            if !char.is_whitespace() {
                cursor.skip_space();
            }
            break;
        }
        cursor.pass(char);
    }
    cursor.at.min(raw.len())
}

struct Cursor<'t> {
    raw: &'t str,
    at: usize,
    quote: Option<char>,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.raw.get(self.at..)?.chars().next()
    }

    fn skip_space(&mut self) {
        while let Some(char) = self.peek().filter(|char| char.is_whitespace()) {
            self.at += char.len_utf8();
        }
    }

    fn pass(&mut self, char: char) {
        match self.peek() {
            Some(' ') if char == ' ' => self.at += 1,
            Some(next) if char.is_whitespace() && next.is_whitespace() => {
                let rest = &self.raw[self.at..];
                if char == '\n'
                    && let Some(end) = rest.find('\n')
                {
                    self.at += end + 1;
                } else {
                    self.skip_space();
                }
            }
            _ => {
                self.skip_space();
                self.pass_visible();
            }
        }
    }

    fn pass_visible(&mut self) {
        let rest = self.raw.get(self.at..).unwrap_or_default();
        let mut chars = rest.chars();
        let first = chars.next();
        self.at += match (self.quote, first, chars.next()) {
            (Some('"'), Some('\\'), Some(kind)) => match kind {
                'x' => 4,
                'u' => 6,
                'U' => 10,
                _ => 1 + kind.len_utf8(),
            },
            (Some('\''), Some('\''), Some('\'')) => 2,
            _ => first.map_or(0, char::len_utf8),
        };
    }
}

/// The text without a byte order mark.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, value: &str, needle: &str) {
        let target = value.find(needle).expect("the value has it");
        let at = offset_in_scalar(raw, value, target);
        assert!(raw[at..].starts_with(needle), "{raw:?}: {at} is {:?}", &raw[at..]);
    }

    #[test]
    fn a_byte_of_a_value_is_found_in_the_file() {
        check("plain ${{ x }}", "plain ${{ x }}", "x");
        check("\"q \\\" \\u00e4 ${{ x }}\"", "q \" ä ${{ x }}", "x");
        check("'it''s ${{ x }}'", "it's ${{ x }}", "x");
        check("line1\n    line2 ${{ x }}\n", "line1\nline2 ${{ x }}\n", "x }}");
        check("if:\n      deep\n    ${{ x }}\n", "if:\n  deep\n${{ x }}\n", "${{");
        check("folded\n    more ${{ x }}\n", "folded more ${{ x }}", "x }}");
        check("a\r\n  b ${{ x }}", "a\nb ${{ x }}", "x }}");
    }
}
