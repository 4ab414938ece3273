//! Checks the source of an expression before minijinja sees it.
//!
//! The grammar is the expression grammar of minijinja without methods, tuples and splats. This pass finds what a run has to
//! provide (references), refuses names nobody knows while the author still looks, bounds the depth on which minijinja's parser
//! and compiler recurse, and marks the operands of `*` and `~`, whose meaning in minijinja we do not want: `*` repeats texts
//! and lists up to 100 MB, and `~` writes values as Python would. The marks are filters of ours, inserted into the source.
//!
//! Invariants:
//! * Recursion is bounded by [`DEPTH_MAX`] whatever the source is.
//! * A filter, test, function or name that is not listed in [`language`](super::language) never reaches minijinja.

use std::ops::Range;

use super::SyntaxError;
use super::language::{FUNCTIONS, NUMBER_MARK, TEXT_MARK};
use super::reference::{ItemNames, Reference};
use super::token::{NESTING_MAX, Token, TokenKind};

mod operand;
mod suffix;
mod unknown;

/// How deep an expression may be: brackets, operators in a row, filters in a row.
const DEPTH_MAX: usize = 100;

/// Names of constants.
const CONSTANTS: [&str; 7] = ["true", "True", "false", "False", "none", "None", "null"];

/// Words that cannot be names.
const RESERVED: [&str; 7] = ["and", "or", "not", "if", "else", "in", "is"];

/// Whether it is a word of the language, or a function.
pub(super) fn is_word(name: &str) -> bool {
    RESERVED.contains(&name) || CONSTANTS.contains(&name) || FUNCTIONS.contains(&name)
}

/// A source that passed.
#[derive(Debug)]
pub(super) struct Checked {
    /// What minijinja compiles.
    pub(super) source: String,
    /// What the expression refers to.
    pub(super) references: Vec<Reference>,
}

/// Checks the expression of which `tokens` are all tokens. `item` are names that are known beside the roots.
pub(super) fn check(
    source: &str,
    tokens: &[Token<'_>],
    item: Option<&ItemNames>,
) -> Result<Checked, SyntaxError> {
    let mut parser = Parser {
        tokens,
        item,
        at: 0,
        depth: 0,
        end: source.len(),
        openings: Vec::new(),
        closings: Vec::new(),
        references: Vec::new(),
    };
    parser.condition()?;
    if let Some(token) = parser.peek() {
        let message = format!("`{}` is not expected here", token.text);
        return Err(SyntaxError::new("NX2001", token.range(), message));
    }
    let start = tokens.first().map_or(0, |token| token.start);
    let end = tokens.last().map_or(0, Token::end);
    let source = parser.rewrite(source, start..end);
    Ok(Checked { source, references: parser.references })
}

/// What was parsed last.
#[derive(Clone, Copy)]
struct Operand {
    start: usize,
    end: usize,
    depth: usize,
    /// Whether a filter put behind it would bind to a part of it only.
    composed: bool,
    /// The reference it consists of, if it is nothing else.
    reference: Option<usize>,
}

struct Parser<'t, 's> {
    tokens: &'t [Token<'s>],
    item: Option<&'t ItemNames>,
    at: usize,
    depth: usize,
    end: usize,
    openings: Vec<usize>,
    closings: Vec<(usize, &'static str)>,
    references: Vec<Reference>,
}

type Parsed = Result<Operand, SyntaxError>;

impl<'s> Parser<'_, 's> {
    fn peek(&self) -> Option<Token<'s>> {
        self.tokens.get(self.at).copied()
    }

    fn peek_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.text == text)
    }

    fn skip(&mut self, text: &str) -> bool {
        let found = self.peek_is(text);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<Token<'s>, SyntaxError> {
        match self.peek() {
            Some(token) if token.text == text => {
                self.at += 1;
                Ok(token)
            }
            found => Err(self.unexpected(found, &format!("`{text}`"))),
        }
    }

    fn word(&mut self, what: &str) -> Result<Token<'s>, SyntaxError> {
        match self.peek() {
            Some(token) if token.kind == TokenKind::Word => {
                self.at += 1;
                Ok(token)
            }
            found => Err(self.unexpected(found, what)),
        }
    }

    fn unexpected(&self, found: Option<Token<'_>>, expected: &str) -> SyntaxError {
        let (range, found) = match found {
            Some(token) => (token.range(), format!("`{}`", token.text)),
            None => (self.end..self.end, "the end".to_owned()),
        };
        SyntaxError::new("NX2001", range, format!("found {found} where {expected} is expected"))
    }

    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.too_deep(self.end));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn too_deep(&self, end: usize) -> SyntaxError {
        let start = self.tokens.first().map_or(0, |token| token.start);
        let message = format!("the expression is more than {DEPTH_MAX} operators deep");
        SyntaxError::new("NX2301", start..end, message).hint("compute a part of it in a `set` step")
    }

    fn deeper(&self, mut operand: Operand, than: usize) -> Parsed {
        operand.depth = operand.depth.max(than) + 1;
        operand.reference = None;
        if operand.depth > DEPTH_MAX { Err(self.too_deep(operand.end)) } else { Ok(operand) }
    }

    fn join(&self, left: Operand, right: Operand) -> Parsed {
        let joined = Operand { end: right.end, composed: true, ..left };
        self.deeper(joined, right.depth)
    }

    // ---- operators, loosest first -------------------------------------------------------------

    fn condition(&mut self) -> Parsed {
        self.nested(|parser| {
            let mut value = parser.or()?;
            while let Some(token) = parser.peek()
                && parser.skip("if")
            {
                let test = parser.or()?;
                if !parser.skip("else") {
                    let message = "this `if` has no `else`".to_owned();
                    return Err(SyntaxError::new("NX2001", token.start..test.end, message)
                        .hint("add `else` and a value, such as `else null`"));
                }
                let other = parser.condition()?;
                value = parser.join(parser.join(value, test)?, other)?;
            }
            Ok(value)
        })
    }

    fn chain(&mut self, symbols: &[&str], next: fn(&mut Self) -> Parsed) -> Parsed {
        let mut left = next(self)?;
        while symbols.iter().any(|symbol| self.peek_is(symbol)) {
            self.at += 1;
            let right = next(self)?;
            left = self.join(left, right)?;
        }
        Ok(left)
    }

    fn or(&mut self) -> Parsed {
        self.chain(&["or"], Self::and)
    }

    fn and(&mut self) -> Parsed {
        self.chain(&["and"], Self::not)
    }

    fn not(&mut self) -> Parsed {
        let Some((start, count)) = self.prefixes("not")? else { return self.compare() };
        let operand = self.compare()?;
        let depth = operand.depth + count - 1;
        self.deeper(Operand { start, depth, composed: true, ..operand }, 0)
    }

    /// Skips prefix operators; answers where the first one stands and how many there are.
    fn prefixes(&mut self, symbol: &str) -> Result<Option<(usize, usize)>, SyntaxError> {
        let first = self.peek();
        let mut count = 0;
        while self.skip(symbol) {
            count += 1;
            if count > NESTING_MAX {
                let start = first.map_or(0, |token| token.start);
                let message = format!("more than {NESTING_MAX} prefix operators in a row");
                return Err(SyntaxError::new("NX2301", start..self.end, message));
            }
        }
        Ok(first.filter(|_| count > 0).map(|token| (token.start, count)))
    }

    fn compare(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            if self.peek_is("not") {
                self.at += 1;
                if !self.peek_is("in") {
                    let found = self.peek();
                    return Err(self.unexpected(found, "`in`"));
                }
            } else if !["==", "!=", "<", "<=", ">", ">=", "in"].iter().any(|op| self.peek_is(op)) {
                return Ok(left);
            }
            self.at += 1;
            let right = self.sum()?;
            left = self.join(left, right)?;
        }
    }

    fn sum(&mut self) -> Parsed {
        self.chain(&["+", "-"], Self::concat)
    }

    /// `~`: both operands become text the way templates write it.
    fn concat(&mut self) -> Parsed {
        let mut left = self.product()?;
        let mut first = true;
        while self.skip("~") {
            if first {
                self.mark(left, TEXT_MARK);
            }
            first = false;
            let right = self.product()?;
            self.mark(right, TEXT_MARK);
            left = self.join(left, right)?;
        }
        Ok(left)
    }

    /// `*`: both operands must be numbers.
    fn product(&mut self) -> Parsed {
        let mut left = self.power()?;
        while let Some(token) = self.peek()
            && ["*", "/", "//", "%"].iter().any(|symbol| self.peek_is(symbol))
        {
            self.at += 1;
            if token.text == "*" {
                self.closings.push((left.end, NUMBER_MARK));
            }
            let right = self.power()?;
            if token.text == "*" {
                self.closings.push((right.end, NUMBER_MARK));
            }
            left = self.join(left, right)?;
        }
        Ok(left)
    }

    fn power(&mut self) -> Parsed {
        self.chain(&["**"], Self::unary)
    }

    fn mark(&mut self, operand: Operand, mark: &'static str) {
        if operand.composed {
            self.openings.push(operand.start);
            self.closings.push((operand.end, ")"));
        }
        self.closings.push((operand.end, mark));
    }

    fn unary(&mut self) -> Parsed {
        let operand = self.negation()?;
        self.filters(operand)
    }

    fn negation(&mut self) -> Parsed {
        let start = self.prefixes("-")?;
        let primary = self.primary()?;
        let operand = self.postfix(primary)?;
        match start {
            Some((start, count)) => {
                let depth = operand.depth + count - 1;
                self.deeper(Operand { start, depth, ..operand }, 0)
            }
            None => Ok(operand),
        }
    }

    /// The source with the marks in it.
    fn rewrite(&mut self, source: &str, range: Range<usize>) -> String {
        self.openings.sort_unstable();
        self.closings.sort_by_key(|(at, _)| *at);
        let mut rewritten = String::with_capacity(range.len() + 8 * self.closings.len());
        let (mut openings, mut closings) =
            (self.openings.iter().peekable(), self.closings.iter().peekable());
        let mut from = range.start;
        loop {
            let opening = openings.peek().map_or(usize::MAX, |at| **at);
            let closing = closings.peek().map_or(usize::MAX, |(at, _)| *at);
            let at = opening.min(closing).min(range.end);
            rewritten.push_str(source.get(from..at).unwrap_or(""));
            from = at;
            if closing != usize::MAX && closing <= opening {
                rewritten.push_str(closings.next().map_or("", |(_, mark)| mark));
            } else if opening != usize::MAX {
                openings.next();
                rewritten.push('(');
            } else {
                rewritten.push_str(source.get(from..range.end).unwrap_or(""));
                return rewritten;
            }
        }
    }
}
