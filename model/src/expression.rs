//! Expressions and templates: `${{ }}` over the state of a run, evaluated by `decide` only.
//!
//! * A string that is one `${{ expression }}` and nothing else becomes the expression's value with its type. Inside other text
//!   the value becomes text: texts as they are, `null` as nothing, numbers and booleans as in JSON, lists and maps as JSON.
//! * `$${{` stands for the characters `${{`.
//! * An expression that refers to a step makes that step a need.
//! * A missing value is an error, `null` is not; `default` and `get` put something in the place of both.
//! * `*` multiplies numbers only. `/` gives a float, `//` an integer.
//!
//! Invariants:
//! * Evaluation depends on nothing but the [`Scope`]: there is no clock and no chance.
//! * Source, depth, steps of evaluation and size of the result are bounded; no source panics or hangs.

use std::fmt;
use std::ops::Range;

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

use crate::payload::PayloadHash;
use crate::plan::DefinitionError;

mod condition;
pub(crate) mod date;
mod duration;
mod language;
mod parse;
mod reference;
mod scope;
mod secret;
mod template;
mod token;
mod value;

pub use condition::{Condition, Verdict};
pub use date::point_in_time;
pub(crate) use date::rfc3339;
pub use duration::duration_ms;
pub use language::{FILTERS, FUNCTIONS, TESTS};
pub(crate) use reference::is_known_name;
pub use reference::{Found, ItemNames, Reference, Root, STEP_FIELDS};
pub use scope::{ItemScope, Scope};
pub use secret::{SecretPlace, is_secret_name};
pub use template::Template;
pub(crate) use value::json_as_text;

use language::LANGUAGE;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Load these payloads and ask again.
    #[error("payloads have to be loaded first")]
    Needs(Vec<PayloadHash>),
    /// It cannot be evaluated.
    #[error("{message}")]
    Failed {
        /// Error code, `NXnnnn`.
        code: &'static str,
        /// What is wrong, one line, with the expression.
        message: String,
    },
}

/// A source that is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    code: &'static str,
    /// Bytes of the source.
    range: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl SyntaxError {
    fn new(code: &'static str, range: Range<usize>, message: String) -> Self {
        Self { code, range, message, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error of a string at `path` in which this source begins at `offset`.
    fn at(self, path: &[String], offset: usize) -> DefinitionError {
        DefinitionError {
            code: self.code,
            path: path.to_vec(),
            range: Some(self.range.start + offset..self.range.end + offset),
            message: self.message,
            hint: self.hint,
            warning: false,
        }
    }
}

/// One compiled expression.
struct Expression {
    source: Box<str>,
    /// Where the text in which it was compiled begins, in the string of which that is a part.
    offset: usize,
    /// What minijinja compiles, if that is not the source. Its programs take 16 KB each, whatever the source, and 4 µs to
    /// make; so one is made to check the source, and one for each evaluation, and none is kept.
    marked: Option<Box<str>>,
    references: Box<[Reference]>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl Expression {
    /// Compiles the expression `source` begins with, up to its end or to a `}}`.
    ///
    /// Shape: the expression, and where it ended.
    fn compile(source: &str, item: Option<&ItemNames>) -> Result<(Self, usize), SyntaxError> {
        let (tokens, end) = token::tokens(source)?;
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Err(SyntaxError::new("NX2001", 0..end, "the expression is empty".to_owned()));
        };
        let range = first.start..last.end();
        let body = source.get(..end).unwrap_or("");
        let checked = parse::check(body, &tokens, item)?;
        LANGUAGE.compile_expression(&checked.source).map_err(|error| {
            let message = error.detail().unwrap_or("not an expression").to_owned();
            SyntaxError::new("NX2001", range.clone(), message)
        })?;
        let source: Box<str> = source.get(range).unwrap_or("").into();
        let marked = (*checked.source != *source).then(|| checked.source.into());
        secret::check(&source, &checked.references)?;
        let references = checked.references.into();
        Ok((Self { source, offset: 0, marked, references }, end))
    }

    /// What it refers to, for a string at `path`.
    fn found(&self, path: &[String]) -> impl Iterator<Item = Found<'_>> {
        self.references.iter().map(move |reference| Found {
            path: path.to_vec(),
            range: reference.range.start + self.offset..reference.range.end + self.offset,
            reference,
        })
    }

    /// Evaluates it over `values`, which must have everything that it refers to.
    fn eval(&self, values: &Value) -> Result<Value, EvalError> {
        let source = self.marked.as_ref().unwrap_or(&self.source);
        let value = LANGUAGE
            .compile_expression(source)
            .and_then(|program| program.eval(values.clone()))
            .map_err(|error| self.failed(&error, values))?;
        if value.is_undefined() {
            return Err(self.failed(&Error::from(ErrorKind::UndefinedError), values));
        }
        Ok(value)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "minijinja may add kinds")]
    fn failed(&self, error: &Error, values: &Value) -> EvalError {
        let (code, what) = match error.kind() {
            ErrorKind::OutOfFuel => {
                ("NX2301", error.detail().unwrap_or("it takes too many steps").to_owned())
            }
            ErrorKind::UndefinedError => match self.missing(values) {
                // The whole of it is missing: there is nothing else to show.
                Some(name) if name == self.source.trim() => {
                    return EvalError::Failed {
                        code: "NX2102",
                        message: format!("`{}` is missing", shortened(&name, 200)),
                    };
                }
                Some(name) => ("NX2102", format!("`{name}` is missing")),
                None => ("NX2102", "a value is missing".to_owned()),
            },
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
                ("NX2101", error.detail().unwrap_or("unknown filter or test").to_owned())
            }
            _ => ("NX2103", error.detail().map_or_else(|| error.to_string(), str::to_owned)),
        };
        let message = format!("{what} in `{}`", shortened(&self.source, 200));
        EvalError::Failed { code, message }
    }

    /// The first reference that leads nowhere, as far as it leads.
    fn missing(&self, values: &Value) -> Option<String> {
        self.references.iter().filter(|reference| !reference.guarded).find_map(|reference| {
            let mut name = reference.name.to_string();
            let mut value = values.get_attr(&name).ok()?;
            for key in &reference.path {
                name = format!("{name}.{key}");
                value = value.get_attr(key).unwrap_or_default();
                if value.is_undefined() {
                    return Some(name);
                }
            }
            None
        })
    }
}

/// The beginning of a text, with `…` if there is more.
fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
