//! Races, loops and items by chance.

use serde_json::json;

use super::Shape;
use crate::definition::{
    CircuitBreaker, Concurrency, ForEach, OnItemError, Repeat, Step, StepKind, WhenNeeds,
};

/// The first of what it would need.
pub(super) fn race(step: &mut Step) {
    if step.needs.len() > 1 {
        step.kind = StepKind::Race { of: std::mem::take(&mut step.needs) };
        step.when_needs = WhenNeeds::AllOk;
    }
}

/// Goes back to the first of what it needs, until a round that comes before the limit.
pub(super) fn repeat(step: &mut Step, shape: &Shape) {
    if let Some(from) = step.needs.first().cloned() {
        let until = format!("round.number >= {}", shape.attempts);
        let delay_ms = if shape.deadline { 100 } else { 0 };
        let repeat = Repeat { from, until, limit: 3, delay_ms, ..Repeat::default() };
        step.kind = StepKind::Repeat(Box::new(repeat));
        step.when_needs = WhenNeeds::AllOk;
    }
}

/// Three items, one or two at a time.
pub(super) fn each(step: &mut Step, shape: &Shape) {
    let on_item_error = if shape.limited { OnItemError::Collect } else { OnItemError::Fail };
    let (items, name) = (json!([1, 2, 3]), ForEach::NAME.to_owned());
    let concurrency = 1 + u32::from(shape.fatal);
    step.for_each = Some(ForEach { items, name, concurrency, on_item_error });
    let key = shape.skipped.is_multiple_of(2).then(|| "${{ item }}".to_owned());
    step.concurrency =
        (shape.undo == 1).then(|| Concurrency { limit: Some(1), key, ..Concurrency::default() });
    let target = if shape.skipped > 2 { "t${{ item }}" } else { "t" }.to_owned();
    step.breaker =
        (shape.undo == 2).then(|| CircuitBreaker { target, ..CircuitBreaker::default() });
}
