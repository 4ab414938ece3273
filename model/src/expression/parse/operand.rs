//! Operands: constants, names, calls, lists and maps.

use super::super::SyntaxError;
use super::super::language::FUNCTIONS;
use super::super::reference::{Reference, Root};
use super::super::token::{Token, TokenKind};
use super::unknown::{unknown_function, unknown_name};
use super::{CONSTANTS, Operand, Parsed, Parser, RESERVED};

impl<'s> Parser<'_, 's> {
    pub(super) fn primary(&mut self) -> Parsed {
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

    pub(super) fn name(&mut self, token: Token<'s>, operand: Operand) -> Parsed {
        let name = token.text;
        if RESERVED.contains(&name) {
            return Err(self.unexpected(Some(token), "a value"));
        }
        if self.peek_is("(") {
            return self.call(token, operand);
        }
        if CONSTANTS.contains(&name) {
            return Ok(operand);
        }
        let own = self.item.and_then(|item| item.find(name));
        let Some(root) = own.or_else(|| Root::find(name)) else {
            return Err(self.dashed(token).unwrap_or_else(|| unknown_name(token, self.item)));
        };
        self.references.push(Reference::new(root, name, token.range()));
        Ok(Operand { reference: Some(self.references.len() - 1), ..operand })
    }

    /// `steps.my-step`, which reads as `steps.my` minus `step`.
    pub(super) fn dashed(&self, token: Token<'s>) -> Option<SyntaxError> {
        let reference =
            self.references.last().filter(|reference| reference.range.end + 1 == token.start)?;
        let dash = self.tokens.get(self.at.checked_sub(2)?)?;
        let [id] = reference.path.as_slice() else { return None };
        let id = (reference.root == Root::Steps && dash.text == "-")
            .then(|| format!("{id}-{}", token.text))?;
        let range = reference.range.start..token.end();
        let message = format!("`steps.{id}` reads as `steps` minus something");
        Some(
            SyntaxError::new("NX2101", range, message)
                .hint(format!("write `steps[\"{id}\"]` for an id with a dash")),
        )
    }

    pub(super) fn call(&mut self, name: Token<'s>, operand: Operand) -> Parsed {
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

    pub(super) fn guard(&mut self, reference: usize) {
        if let Some(reference) = self.references.get_mut(reference) {
            reference.guarded = true;
        }
    }

    pub(super) fn list(&mut self, mut operand: Operand) -> Parsed {
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

    pub(super) fn map(&mut self, mut operand: Operand) -> Parsed {
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
}
