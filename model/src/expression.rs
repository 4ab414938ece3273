//! Expressions and templates: `${{ }}` over the state of a run, evaluated by `decide` only.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::id::{Attempt, StepIndex};
use crate::payload::{Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::Run;
use crate::time::Timestamp;

/// A compiled condition.
#[derive(Debug)]
pub struct Condition;

/// A compiled template.
#[derive(Debug)]
pub struct Template;

/// What an expression sees.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The run.
    pub run: &'a Run,
    /// Payloads loaded so far.
    pub payloads: &'a BTreeMap<PayloadHash, Arc<[u8]>>,
    /// The step it belongs to.
    pub step: Option<(StepIndex, Attempt)>,
    /// `this.output`.
    pub this_output: Option<&'a Payload>,
    /// Now.
    pub now: Timestamp,
}

/// What a condition said.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// The values it saw.
    pub saw: String,
}

/// Why there is no value.
#[derive(Clone, Debug)]
pub enum EvalError {
    /// Load these first.
    Needs(Vec<PayloadHash>),
    /// It failed.
    Failed {
        /// Error code.
        code: &'static str,
        /// What happened.
        message: String,
    },
}

impl Template {
    /// Renders.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn render(&self, _scope: &Scope<'_>) -> Result<Value, EvalError> {
        Ok(Value::Null)
    }

    /// Whether it holds no expression.
    pub fn is_literal(&self) -> bool {
        true
    }
}

impl Condition {
    /// Evaluates.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn holds(&self, _scope: &Scope<'_>) -> Result<Verdict, EvalError> {
        Ok(Verdict { holds: true, saw: String::new() })
    }
}

/// Reads a duration.
///
/// # Errors
/// [`EvalError`].
pub fn duration_ms(value: &Value) -> Result<u64, EvalError> {
    value.as_u64().ok_or(EvalError::Failed { code: "NX1201", message: "no duration".to_owned() })
}
