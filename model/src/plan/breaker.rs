//! The circuit breaker of a step, compiled.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compile::Problems;
use super::each::item_names;
use super::names::{Names, Place};
use super::slots::text;
use super::step::Shape;
use crate::breaker::Rule;
use crate::definition::{CircuitBreaker, StepKind, WhileOpen};
use crate::expression::Template;
use crate::id::StepIndex;

/// A breaker that is asked before an attempt starts.
#[derive(Debug)]
pub(crate) struct CallRule {
    pub(crate) target: Template,
    pub(crate) rule: Rule,
    /// Whether the step waits while the breaker is open.
    pub(crate) patient: bool,
}

impl CallRule {
    /// The target that its template gives.
    ///
    /// # Errors
    /// What is wrong with it, one line.
    pub(crate) fn target(value: &Value) -> Result<String, String> {
        let target = text(value, "target", "breaker")?;
        target.ok_or_else(|| "`target` of `breaker` is nothing; it needs a name".to_owned())
    }
}

/// Compiles a breaker; `None` if that is not possible, with the reasons among `problems`. Adds the steps its target names.
pub(super) fn compile_breaker(
    shape: &Shape<'_>,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<CallRule> {
    let (step, breaker) = (shape.step, shape.step.breaker.as_ref()?);
    check(&step.id, breaker, problems);
    check_kind(shape, problems);
    let place = Place::step_breaker(&step.id, shape.index, "target");
    let target = Value::from(breaker.target.clone());
    let compiled = Template::compile_with(&target, item_names(step).as_ref());
    let target = problems.take(place.path(), compiled)?;
    needs.extend(names.check(&target.references(), &place, problems));
    if let Some(Err(message)) = target.literal().map(CallRule::target) {
        problems.error("NX1176", place.path(), message).hint =
            Some("such as the name of the service that is called".to_owned());
    }
    let CircuitBreaker { failures, successes, open_ms, .. } = *breaker;
    Some(CallRule {
        target,
        rule: Rule { failures, successes, open_ms },
        patient: breaker.while_open == WhileOpen::Wait,
    })
}

fn check(id: &str, breaker: &CircuitBreaker, problems: &mut Problems) {
    let mut zero = |is_zero: bool, field: &str, hint: &str| {
        if is_zero {
            let message = format!("`{field}` of `breaker` is 0");
            problems.error("NX1176", &["steps", id, "breaker", field], message).hint =
                Some(hint.to_owned());
        }
    };
    zero(breaker.failures == 0, "failures", "the breaker opens after so many failures; 5 is usual");
    zero(breaker.successes == 0, "successes", "it closes after so many successes; 2 is usual");
    zero(breaker.open_ms == 0, "open_for", "it stays open for so long; 60s is usual");
}

fn check_kind(shape: &Shape<'_>, problems: &mut Problems) {
    let step = shape.step;
    let path = ["steps", &step.id, "breaker"];
    if !matches!(step.kind, StepKind::Action { .. } | StepKind::Script { .. }) {
        let message = format!("step `{}` makes no attempts that could be kept back", step.id);
        problems.error("NX1177", &path, message).hint =
            Some("`breaker` goes with `uses` and `run`".to_owned());
    }
}
