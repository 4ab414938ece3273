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
use super::language::{FILTERS, FUNCTIONS, NOT_DETERMINISTIC, NUMBER_MARK, TESTS, TEXT_MARK};
use super::reference::{Reference, Root};
use super::suggest::did_you_mean;
use super::token::{NESTING_MAX, Token, TokenKind};

/// How deep an expression may be: brackets, operators in a row, filters in a row.
const DEPTH_MAX: usize = 100;

/// Words that cannot be names.
const RESERVED: [&str; 7] = ["and", "or", "not", "if", "else", "in", "is"];

/// A source that passed.
#[derive(Debug)]
pub(super) struct Checked {
    /// What minijinja compiles.
    pub(super) source: String,
    /// What the expression refers to.
    pub(super) references: Vec<Reference>,
}

/// Checks the expression of which `tokens` are all tokens.
pub(super) fn check(source: &str, tokens: &[Token<'_>]) -> Result<Checked, SyntaxError> {
    let mut parser = Parser {
        tokens,
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
        self.peek().is_some_and(|token| token.text == text && token.kind != TokenKind::Text)
    }

    fn skip(&mut self, text: &str) -> bool {
        let found = self.peek_is(text);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<Token<'s>, SyntaxError> {
        match self.peek() {
            Some(token) if token.text == text && token.kind == TokenKind::Symbol => {
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

    // ---- operands -----------------------------------------------------------------------------

    fn primary(&mut self) -> Parsed {
        let Some(token) = self.peek() else { return Err(self.unexpected(None, "a value")) };
        self.at += 1;
        let mut operand = Operand {
            start: token.start,
            end: token.end(),
            depth: 0,
            composed: false,
            reference: None,
        };
        match (token.kind, token.text) {
            (TokenKind::Number, _) => {}
            (TokenKind::Text, _) => {
                while let Some(more) = self.peek()
                    && more.kind == TokenKind::Text
                {
                    operand.end = more.end();
                    self.at += 1;
                }
            }
            (TokenKind::Word, _) => return self.name(token, operand),
            (TokenKind::Symbol, "(") => {
                let inner = self.condition()?;
                operand.end = self.expect(")")?.end();
                return self.deeper(operand, inner.depth);
            }
            (TokenKind::Symbol, "[") => return self.list(operand),
            (TokenKind::Symbol, "{") => return self.map(operand),
            (TokenKind::Symbol, _) => return Err(self.unexpected(Some(token), "a value")),
        }
        Ok(operand)
    }

    fn name(&mut self, token: Token<'s>, operand: Operand) -> Parsed {
        let name = token.text;
        if RESERVED.contains(&name) {
            return Err(self.unexpected(Some(token), "a value"));
        }
        if self.peek_is("(") {
            return self.call(token, operand);
        }
        if ["true", "True", "false", "False", "none", "None", "null"].contains(&name) {
            return Ok(operand);
        }
        let Some(root) = Root::find(name) else { return Err(unknown_name(token)) };
        self.references.push(Reference::new(root, token.range()));
        Ok(Operand { reference: Some(self.references.len() - 1), ..operand })
    }

    fn call(&mut self, name: Token<'s>, operand: Operand) -> Parsed {
        if !FUNCTIONS.contains(&name.text) {
            return Err(unknown_function(name));
        }
        let first = self.references.len();
        let arguments = self.arguments()?;
        if name.text == "get"
            && let Some(reference) = arguments.first.filter(|reference| *reference == first)
        {
            self.guard(reference);
        }
        self.deeper(Operand { end: arguments.end, ..operand }, arguments.depth)
    }

    fn guard(&mut self, reference: usize) {
        if let Some(reference) = self.references.get_mut(reference) {
            reference.guarded = true;
        }
    }

    fn list(&mut self, mut operand: Operand) -> Parsed {
        let mut depth = 0;
        while !self.peek_is("]") {
            depth = depth.max(self.condition()?.depth);
            if !self.skip(",") {
                break;
            }
        }
        operand.end = self.expect("]")?.end();
        self.deeper(operand, depth)
    }

    fn map(&mut self, mut operand: Operand) -> Parsed {
        let mut depth = 0;
        while !self.peek_is("}") {
            depth = depth.max(self.condition()?.depth);
            self.expect(":")?;
            depth = depth.max(self.condition()?.depth);
            if !self.skip(",") {
                break;
            }
        }
        operand.end = self.expect("}")?.end();
        self.deeper(operand, depth)
    }

    // ---- what stands behind an operand --------------------------------------------------------

    fn postfix(&mut self, mut operand: Operand) -> Parsed {
        while let Some(token) = self.peek() {
            let number = self.tokens.get(self.at.wrapping_sub(1)).is_some_and(|before| {
                before.kind == TokenKind::Number && before.start == operand.start
            });
            match token.text {
                "." if token.kind == TokenKind::Symbol && !number => {
                    operand = self.attribute(operand)?;
                }
                "[" if token.kind == TokenKind::Symbol && !number => {
                    operand = self.subscript(operand)?;
                }
                "(" if token.kind == TokenKind::Symbol => {
                    let message = "only functions can be called".to_owned();
                    return Err(SyntaxError::new("NX2001", operand.start..token.end(), message)
                        .hint("values have no methods; use a filter, such as `x | upper`"));
                }
                _ => break,
            }
        }
        Ok(operand)
    }

    fn attribute(&mut self, operand: Operand) -> Parsed {
        self.at += 1;
        let Some(token) = self.peek() else { return Err(self.unexpected(None, "a name")) };
        let index =
            token.kind == TokenKind::Number && token.text.bytes().all(|b| b.is_ascii_digit());
        if token.kind != TokenKind::Word && !index {
            return Err(self.unexpected(Some(token), "a name"));
        }
        self.at += 1;
        self.extend(operand, (!index).then(|| token.text.to_owned()), token.end(), 0)
    }

    /// `[…]` behind an operand: an index, a key or a slice.
    fn subscript(&mut self, operand: Operand) -> Parsed {
        self.at += 1;
        let key = self.constant_key();
        let mut depth = 0;
        for part in 0..3 {
            if !self.peek_is(":") && !self.peek_is("]") {
                depth = depth.max(self.condition()?.depth);
            } else if part == 0 && self.peek_is("]") {
                let found = self.peek();
                return Err(self.unexpected(found, "an index"));
            }
            if !self.skip(":") {
                break;
            }
        }
        let end = self.expect("]")?.end();
        self.extend(operand, key, end, depth)
    }

    /// The text between the brackets, if it is nothing but a text without escapes.
    fn constant_key(&self) -> Option<String> {
        let (text, close) = (self.peek()?, self.tokens.get(self.at + 1)?);
        let plain = text.kind == TokenKind::Text && !text.text.contains('\\') && close.text == "]";
        let inner = text.text.get(1..text.text.len().checked_sub(1)?)?;
        plain.then(|| inner.to_owned())
    }

    fn extend(
        &mut self,
        operand: Operand,
        key: Option<String>,
        end: usize,
        depth: usize,
    ) -> Parsed {
        let reference = operand.reference;
        if let Some(reference) = reference.and_then(|at| self.references.get_mut(at)) {
            reference.extend(key, end);
        }
        let extended = self.deeper(Operand { end, ..operand }, depth)?;
        Ok(Operand { reference, ..extended })
    }

    fn filters(&mut self, mut operand: Operand) -> Parsed {
        loop {
            if self.skip("|") {
                operand = self.filter(operand)?;
            } else if self.skip("is") {
                operand = self.test(operand)?;
            } else {
                return Ok(operand);
            }
        }
    }

    fn filter(&mut self, operand: Operand) -> Parsed {
        let name = self.word("the name of a filter")?;
        if !FILTERS.contains(&name.text) {
            return Err(unknown("filter", name, FILTERS));
        }
        if ["default", "d"].contains(&name.text)
            && let Some(reference) = operand.reference
        {
            self.guard(reference);
        }
        if !self.peek_is("(") {
            return self.deeper(Operand { end: name.end(), ..operand }, 0);
        }
        let arguments = self.arguments()?;
        self.deeper(Operand { end: arguments.end, ..operand }, arguments.depth)
    }

    fn test(&mut self, operand: Operand) -> Parsed {
        self.skip("not");
        let name = self.word("the name of a test")?;
        if !TESTS.contains(&name.text) {
            return Err(unknown("test", name, TESTS));
        }
        if let Some(reference) = operand.reference
            && ["defined", "undefined", "none"].contains(&name.text)
        {
            self.guard(reference);
        }
        if self.peek_is("(") {
            let arguments = self.arguments()?;
            return self.deeper(Operand { end: arguments.end, ..operand }, arguments.depth);
        }
        if self.starts_bare_argument() {
            let argument = self.negation()?;
            return self.deeper(Operand { end: argument.end, ..operand }, argument.depth);
        }
        // Otherwise minijinja would take a following `if` or `in` for an argument.
        self.closings.push((name.end(), "()"));
        self.deeper(Operand { end: name.end(), ..operand }, 0)
    }

    fn starts_bare_argument(&self) -> bool {
        self.peek().is_some_and(|token| match token.kind {
            TokenKind::Word => !RESERVED.contains(&token.text),
            TokenKind::Number | TokenKind::Text => true,
            TokenKind::Symbol => ["-", "[", "{"].contains(&token.text),
        })
    }

    fn arguments(&mut self) -> Result<Arguments, SyntaxError> {
        self.expect("(")?;
        let mut arguments = Arguments { end: 0, depth: 0, first: None };
        let (mut named, mut count) = (false, 0);
        while !self.peek_is(")") {
            let is_name = self.peek().is_some_and(|token| token.kind == TokenKind::Word)
                && self.tokens.get(self.at + 1).is_some_and(|token| token.text == "=");
            if is_name {
                self.at += 2;
                named = true;
            } else if named {
                let found = self.peek();
                return Err(self.unexpected(found, "a named argument"));
            }
            let argument = self.condition()?;
            arguments.depth = arguments.depth.max(argument.depth);
            if count == 0 && !is_name {
                arguments.first = argument.reference;
            }
            count += 1;
            if !self.skip(",") {
                break;
            }
        }
        arguments.end = self.expect(")")?.end();
        Ok(arguments)
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

struct Arguments {
    end: usize,
    depth: usize,
    /// The reference the first argument consists of.
    first: Option<usize>,
}

fn unknown(what: &str, token: Token<'_>, known: &[&str]) -> SyntaxError {
    let error =
        SyntaxError::new("NX2101", token.range(), format!("unknown {what} `{}`", token.text));
    match did_you_mean(token.text, known.iter().copied()) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error,
    }
}

fn unknown_name(token: Token<'_>) -> SyntaxError {
    if NOT_DETERMINISTIC.contains(&token.text) {
        return unknown_function(token);
    }
    let error = unknown("name", token, &Root::NAMES);
    if error.hint.is_some() {
        return error;
    }
    error.hint(format!("known here: {}; a text stands in quotes", Root::NAMES.join(", ")))
}

fn unknown_function(token: Token<'_>) -> SyntaxError {
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
