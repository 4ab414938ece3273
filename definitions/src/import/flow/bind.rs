//! Steps that look back past a router: they are chosen, so that they are skipped with their way.

use std::collections::BTreeSet;

use nexus_model::definition::{Step, StepKind, Switch, SwitchCase};
use serde_json::Value;

use super::{Order, Woven};
use crate::import::foreign::outputs_in;
use crate::import::graph::Ids;

/// Makes sure that the whole block is skipped when a router goes another way.
///
/// A step is skipped when all its needs were, and a look at an output is a need: a step that looks at what ran before the
/// router would run. What a router chooses is skipped whatever it looks at, so such steps are chosen: by the router before
/// the block, or by one that has no other way.
pub(super) fn bind(woven: &mut [Woven], at: usize, order: &Order, ids: &mut Ids) {
    if !order.before(at).iter().any(|before| woven[*before].router.is_some()) {
        return;
    }
    let first = woven[at].first_ids();
    let looking = woven[at].looking();
    if looking.is_empty() {
        return;
    }
    if woven[at].chosen {
        for block in woven.iter_mut() {
            for step in &mut block.steps {
                let StepKind::Switch(switch) = &mut step.kind else { continue };
                let ways = switch.cases.iter_mut().map(|case| &mut case.then);
                for way in ways.chain([&mut switch.default]) {
                    if way.iter().any(|id| first.contains(id)) {
                        way.extend(looking.iter().filter(|id| !first.contains(id)).cloned());
                    }
                }
            }
        }
        return;
    }
    let gate = ids.free(&format!("{}-gate", woven[at].id));
    let mut needs: Vec<String> = Vec::new();
    for place in woven[at].first.clone() {
        let of_step = std::mem::replace(&mut woven[at].steps[place].needs, vec![gate.clone()]);
        needs.extend(of_step.into_iter().filter(|need| !needs.contains(need)).collect::<Vec<_>>());
    }
    let mut then = first;
    then.extend(looking.into_iter().filter(|id| !then.contains(id)).collect::<Vec<_>>());
    let cases = vec![SwitchCase { when: "true".to_owned(), then }];
    let kind = StepKind::Switch(Box::new(Switch { cases, default: Vec::new() }));
    woven[at].steps.insert(0, Step { needs, ..Step::new(gate, kind) });
}

impl Woven {
    /// The steps that look at outputs of others than those they need.
    fn looking(&self) -> Vec<String> {
        let looks = |step: &&Step| looked_at(step).iter().any(|id| !step.needs.contains(id));
        self.steps.iter().filter(looks).map(|step| step.id.clone()).collect()
    }
}

/// The steps whose outputs a step looks at.
fn looked_at(step: &Step) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut texts = vec![serde_json::to_value(step).unwrap_or_default()];
    while let Some(value) = texts.pop() {
        match value {
            Value::String(text) => found.extend(outputs_in(&text)),
            Value::Array(values) => texts.extend(values),
            Value::Object(map) => texts.extend(map.into_iter().map(|(_, value)| value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}
