//! What stands behind an operand: attributes, subscripts, filters, tests, arguments.

use super::super::SyntaxError;
use super::super::language::{FILTERS, TESTS};
use super::super::token::TokenKind;
use super::unknown::unknown;
use super::{Operand, Parsed, Parser, RESERVED};

impl Parser<'_, '_> {
    pub(super) fn postfix(&mut self, mut operand: Operand) -> Parsed {
        while let Some(token) = self.peek() {
            let number = self.tokens.get(self.at.wrapping_sub(1)).is_some_and(|before| {
                before.kind == TokenKind::Number && before.start == operand.start
            });
            match token.text {
                "." if !number => operand = self.attribute(operand)?,
                "[" if !number => operand = self.subscript(operand)?,
                "(" => {
                    let message = "only functions can be called".to_owned();
                    return Err(SyntaxError::new("NX2001", operand.start..token.end(), message)
                        .hint("values have no methods; use a filter, such as `x | upper`"));
                }
                _ => break,
            }
        }
        Ok(operand)
    }

    pub(super) fn attribute(&mut self, operand: Operand) -> Parsed {
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
    pub(super) fn subscript(&mut self, operand: Operand) -> Parsed {
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
    pub(super) fn constant_key(&self) -> Option<String> {
        let (text, close) = (self.peek()?, self.tokens.get(self.at + 1)?);
        let plain = text.kind == TokenKind::Text && !text.text.contains('\\') && close.text == "]";
        let inner = text.text.get(1..text.text.len().checked_sub(1)?)?;
        plain.then(|| inner.to_owned())
    }

    pub(super) fn extend(
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

    pub(super) fn filters(&mut self, mut operand: Operand) -> Parsed {
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

    pub(super) fn filter(&mut self, operand: Operand) -> Parsed {
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

    pub(super) fn test(&mut self, operand: Operand) -> Parsed {
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

    pub(super) fn starts_bare_argument(&self) -> bool {
        self.peek().is_some_and(|token| match token.kind {
            TokenKind::Word => !RESERVED.contains(&token.text),
            TokenKind::Number | TokenKind::Text => true,
            TokenKind::Symbol => ["-", "[", "{"].contains(&token.text),
        })
    }

    pub(super) fn arguments(&mut self) -> Result<Arguments, SyntaxError> {
        self.expect("(")?;
        let mut arguments = Arguments { end: 0, depth: 0, first: None };
        let (mut named, mut is_first) = (false, true);
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
            if is_first && !is_name {
                arguments.first = argument.reference;
            }
            is_first = false;
            if !self.skip(",") {
                break;
            }
        }
        arguments.end = self.expect(")")?.end();
        Ok(arguments)
    }
}

/// Arguments in parentheses.
pub(super) struct Arguments {
    pub(super) end: usize,
    pub(super) depth: usize,
    /// The reference the first argument consists of.
    pub(super) first: Option<usize>,
}
