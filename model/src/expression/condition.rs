//! Conditions: the `if` of a step.

use minijinja::value::Value;

use super::value::json_text;
use super::{EvalError, Expression, Found, Reference, Scope, SyntaxError, shortened};
use crate::plan::DefinitionError;

/// How much of a value is shown.
const SHOWN_CHARS: usize = 60;

/// How many values are shown.
const SHOWN_VALUES: usize = 8;

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    expression: Expression,
}

/// What a condition said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// The expression and the values it saw, such as `steps.validate.output.total > 1000 is false (250)`.
    pub saw: String,
}

impl Condition {
    /// Compiles `source`, an expression without `${{ }}` (with it is fine too).
    ///
    /// # Errors
    /// What is wrong with the source, with an empty path and the bytes of it.
    pub fn compile(source: &str) -> Result<Self, DefinitionError> {
        Self::parse(source).map_err(|error| error.at(&[], 0))
    }

    fn parse(source: &str) -> Result<Self, SyntaxError> {
        let inner = source.trim().strip_prefix("${{").and_then(|inner| inner.strip_suffix("}}"));
        let offset = inner.map_or(0, |inner| inner.as_ptr().addr() - source.as_ptr().addr());
        let inner = inner.unwrap_or(source);
        let (mut expression, end) = Expression::compile(inner, None).map_err(|error| {
            SyntaxError { range: error.range.start + offset..error.range.end + offset, ..error }
        })?;
        if end < inner.len() {
            let range = offset + end..source.len();
            let message = "a condition is one expression and nothing else".to_owned();
            return Err(SyntaxError::new("NX2001", range, message));
        }
        expression.offset = offset;
        Ok(Self { expression })
    }

    /// What it refers to.
    pub fn references(&self) -> Vec<Found<'_>> {
        self.expression.found(&[]).collect()
    }

    /// Evaluates it. `false`, `null`, 0, and empty texts, lists and maps count as false.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn holds(&self, scope: &Scope<'_>) -> Result<Verdict, EvalError> {
        let values = scope.values(self.expression.references.iter())?;
        let holds = self.expression.eval(&values)?.is_true();
        let mut saw = format!("{} is {holds}", shortened(&self.expression.source, 400));
        saw.push_str(&self.shown(&values));
        Ok(Verdict { holds, saw })
    }

    fn shown(&self, values: &Value) -> String {
        let mut shown: Vec<(String, String)> = Vec::new();
        for reference in &self.expression.references {
            let name = name_of(reference);
            if shown.iter().all(|(before, _)| *before != name) {
                shown.push((name, value_of(reference, values)));
            }
        }
        match shown.as_slice() {
            [] => String::new(),
            [(_, value)] => format!(" ({value})"),
            more => {
                let list: Vec<String> = more
                    .iter()
                    .take(SHOWN_VALUES)
                    .map(|(name, value)| format!("{name} = {value}"))
                    .collect();
                format!(" ({})", list.join(", "))
            }
        }
    }
}

fn name_of(reference: &Reference) -> String {
    let path = reference.path.iter().map(String::as_str);
    std::iter::once(&*reference.name).chain(path).collect::<Vec<_>>().join(".")
}

fn value_of(reference: &Reference, values: &Value) -> String {
    let root = values.get_attr(&reference.name).unwrap_or_default();
    let value =
        reference.path.iter().fold(root, |value, key| value.get_attr(key).unwrap_or_default());
    if value.is_undefined() {
        return "missing".to_owned();
    }
    // A longer one is not worth writing out to be cut again.
    json_text(&value, 16 * 1024)
        .map_or_else(|_| "…".to_owned(), |text| shortened(&text, SHOWN_CHARS))
}
