//! The oracle: says what comes of a definition, without events, time, or anything under way.
//!
//! It goes through the steps from the first to the last, which is an order that needs allow, and does what each says. Handlers
//! answer at once. It knows nothing of the engine but [`Definition`].

use std::collections::{BTreeMap, BTreeSet};

use nexus_engine::model::definition::{
    Definition, OnEnd, OnError, OnItemError, Step, StepKind, Switch, WhenNeeds,
};
use serde_json::{Map, Value, json};

use super::evaluator::{holds, template};
use super::handlers::{Moods, Said};

/// What comes of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fate {
    /// `completed` or `failed`.
    pub(super) status: &'static str,
    pub(super) output: Value,
    /// Status and output of each step.
    pub(super) steps: BTreeMap<String, (&'static str, Value)>,
    pub(super) calls: BTreeSet<CallOf>,
    /// The inputs of the runs that it calls, by the step.
    pub(super) children: BTreeMap<String, Vec<Value>>,
    /// Steps of which this says nothing, because they see what a failure has cut short.
    pub(super) unsure: BTreeSet<String>,
}

/// A call of a handler: step, item, whether it undoes the step, attempt and input.
pub(super) type CallOf = (String, Option<u32>, bool, u32, String);

/// How a step has ended.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Completed(Value),
    Skipped,
    Bypassed,
    Failed,
    NotReached,
}

/// What the oracle is asked about.
pub(super) struct Oracle<'a> {
    pub(super) definition: &'a Definition,
    pub(super) callees: Vec<&'a Definition>,
    pub(super) signals: &'a [(String, Value)],
    pub(super) input: &'a Value,
    pub(super) moods: Moods,
    /// Whether one step comes after the other.
    pub(super) is_chain: bool,
}

#[derive(Default)]
struct Going {
    ends: BTreeMap<String, End>,
    fate: Fate,
    /// Whether a step has failed that ends the run.
    fails: bool,
    round: u32,
    /// Steps that a router has gone around.
    bypassed: BTreeSet<String>,
    /// Attempts of each step and item so far, over all rounds.
    attempts: BTreeMap<(String, Option<u32>), u32>,
    /// How often each step went through its items.
    times: BTreeMap<String, u32>,
    /// The completed steps that have to be undone, in the order they completed, with the attempt that follows.
    done: Vec<String>,
}

impl Oracle<'_> {
    /// What comes of it.
    pub(super) fn fate(&self) -> Fate {
        let mut going = Going { round: 1, ..Going::default() };
        self.go(&mut going, 0, self.definition.steps.len());
        if going.fails {
            going.fate.status = "failed";
            if self.definition.on_failure == OnEnd::Compensate {
                self.undo(&mut going);
            }
            self.find_unsure(&mut going);
        } else {
            going.fate.status = "completed";
            let scope = self.scope(&going, None);
            let output = self.definition.outputs.as_ref();
            going.fate.output = output.map_or(Value::Null, |output| template(output, &scope));
        }
        let ends = going.ends.iter().map(|(id, end)| (id.clone(), (end.word(), end.output())));
        going.fate.steps = ends.collect();
        going.fate
    }

    fn go(&self, going: &mut Going, from: usize, to: usize) {
        for at in from..to {
            let step = &self.definition.steps[at];
            let end = self.end(going, at, step);
            if end == End::Failed && step.on_error == OnError::Fail {
                going.fails = true;
            }
            going.done.retain(|done| *done != step.id);
            if matches!(end, End::Completed(_)) && step.compensate.is_some() {
                going.done.push(step.id.clone());
            }
            going.ends.insert(step.id.clone(), end);
        }
    }

    fn end(&self, going: &mut Going, at: usize, step: &Step) -> End {
        let routers = self.routers(step);
        let needs: Vec<&String> = step.needs.iter().chain(&routers).collect();
        let ends: Vec<&End> = needs.iter().filter_map(|need| going.ends.get(*need)).collect();
        let is_ok = |need: &String| match going.ends.get(need) {
            Some(End::Completed(_) | End::Skipped | End::Bypassed) => true,
            Some(End::Failed) => self.step(need).is_some_and(|it| it.on_error == OnError::Continue),
            Some(End::NotReached) | None => false,
        };
        let is_around = !ends.is_empty() && ends.iter().all(|end| **end == End::Bypassed);
        // A router that was gone around itself has chosen nothing.
        let unchosen = routers.iter().any(|router| going.ends.get(router) == Some(&End::Bypassed));
        let is_around = is_around && step.when_needs == WhenNeeds::AllOk;
        if going.bypassed.contains(&step.id) || unchosen || is_around {
            return End::Bypassed;
        }
        let all_ok = needs.iter().all(|need| is_ok(need));
        let runs = match step.when_needs {
            WhenNeeds::AllOk => all_ok && !(self.is_chain && going.fails),
            WhenNeeds::AllDone => true,
            WhenNeeds::AnyFailed => ends.contains(&&End::Failed),
            WhenNeeds::AnyOk => unreachable!("that depends on who is faster"),
        };
        if !runs {
            return End::NotReached;
        }
        let scope = self.scope(going, None);
        if step.condition.as_ref().is_some_and(|condition| !holds(condition, &scope)) {
            return End::Skipped;
        }
        self.done(going, at, step, &scope)
    }

    fn done(&self, going: &mut Going, at: usize, step: &Step, scope: &Value) -> End {
        match &step.kind {
            StepKind::Action { with, .. } if step.for_each.is_some() => {
                self.for_each(going, step, with, scope)
            }
            StepKind::Action { with, .. } => {
                let input = template(with, scope);
                self.call(going, step, None, &input).map_or(End::Failed, End::Completed)
            }
            StepKind::Set { values } => End::Completed(template(values, scope)),
            StepKind::Sleep { .. } => End::Completed(Value::Null),
            StepKind::WaitFor { signal, .. } => {
                let sent = self.signals.iter().find(|(name, _)| name == signal);
                End::Completed(sent.map_or(Value::Null, |(_, payload)| payload.clone()))
            }
            StepKind::Call { with, .. } => self.called(going, step, &template(with, scope)),
            StepKind::Switch(switch) => Self::switch(going, switch, scope),
            StepKind::Repeat(repeat) => {
                if holds(&repeat.until, &self.scope(going, None)) {
                    return End::Completed(json!({"rounds": going.round}));
                }
                if going.round == repeat.limit {
                    return End::Failed;
                }
                going.round += 1;
                let from = self.definition.steps.iter().position(|it| it.id == repeat.from);
                self.go(going, from.unwrap_or(at), at);
                // In the new round its needs may be other than they were.
                let end = if going.fails { End::NotReached } else { self.end(going, at, step) };
                going.round = 1;
                end
            }
            StepKind::Script { .. }
            | StepKind::SleepUntil { .. }
            | StepKind::Approve(_)
            | StepKind::Update(_)
            | StepKind::Race { .. } => unreachable!("not among the definitions of the oracle"),
        }
    }

    /// Calls a handler until it is done or gives up.
    fn call(
        &self,
        going: &mut Going,
        step: &Step,
        item: Option<u32>,
        input: &Value,
    ) -> Option<Value> {
        for _ in 0..step.retry.max_attempts {
            let attempts = going.attempts.entry((step.id.clone(), item)).or_default();
            *attempts += 1;
            let attempt = *attempts;
            let call = (step.id.clone(), item, false, attempt, input.to_string());
            going.fate.calls.insert(call);
            match self.moods.says(&step.id, item, attempt, input) {
                Said::Done(output) => return Some(output),
                Said::Failed => {}
                Said::Fatal => return None,
            }
        }
        None
    }

    fn for_each(&self, going: &mut Going, step: &Step, with: &Value, scope: &Value) -> End {
        let each = step.for_each.as_ref().expect("it has items");
        let items = template(&each.items, scope);
        let (mut ok, mut failed) = (Vec::new(), 0);
        let times = going.times.entry(step.id.clone()).or_default();
        // In a later round the numbers of attempts go on behind all that there could be before.
        let first = *times * step.retry.max_attempts;
        *times += 1;
        going.attempts.retain(|(id, item), _| *id != step.id || item.is_none());
        for (index, item) in (0..).zip(items.as_array().into_iter().flatten()) {
            let input = template(with, &self.scope(going, Some(item)));
            going.attempts.insert((step.id.clone(), Some(index)), first);
            match (self.call(going, step, Some(index), &input), each.on_item_error) {
                (Some(output), _) => ok.push(output),
                (None, OnItemError::Fail) => return End::Failed,
                (None, OnItemError::Collect) => failed += 1,
            }
        }
        End::Completed(match each.on_item_error {
            OnItemError::Fail => ok.into(),
            OnItemError::Collect => json!({"ok": ok, "failed": failed}),
        })
    }

    fn called(&self, going: &mut Going, step: &Step, input: &Value) -> End {
        let children = going.fate.children.entry(step.id.clone()).or_default();
        children.push(input.clone());
        let StepKind::Call { workflow, .. } = &step.kind else { return End::Failed };
        let callee = self.callees.iter().find(|callee| callee.name == *workflow);
        let definition = callee.expect("a definition that is called");
        let oracle = Oracle {
            definition,
            callees: Vec::new(),
            signals: &[],
            input,
            moods: self.moods,
            is_chain: true,
        };
        match oracle.fate() {
            Fate { status: "completed", output, .. } => End::Completed(output),
            _ => End::Failed,
        }
    }

    fn switch(going: &mut Going, switch: &Switch, scope: &Value) -> End {
        let case = switch.cases.iter().position(|case| holds(&case.when, scope));
        let chosen = case.map_or(&switch.default, |case| &switch.cases[case].then);
        let all = switch.cases.iter().flat_map(|case| &case.then).chain(&switch.default);
        let others = all.filter(|id| !chosen.contains(id)).cloned();
        going.bypassed.extend(others);
        End::Completed(json!({"case": case, "then": chosen}))
    }

    /// Undoes what was done, the last first.
    fn undo(&self, going: &mut Going) {
        for id in std::mem::take(&mut going.done).into_iter().rev() {
            let Some(step) = self.step(&id) else { continue };
            let output = going.ends.get(&id).map(End::output).unwrap_or_default();
            let with = step.compensate.as_ref().map(|compensate| &compensate.kind);
            let Some(StepKind::Action { with, .. }) = with else { continue };
            let scope = json!({"this": {"output": output}});
            let input = template(with, &scope).to_string();
            let attempt = going.attempts.get(&(id.clone(), None)).copied().unwrap_or(0) + 1;
            going.fate.calls.insert((id, None, true, attempt, input));
        }
    }

    /// Where branches go their own ways, a failure of one cuts the others short, and what runs last sees that.
    fn find_unsure(&self, going: &mut Going) {
        if self.is_chain {
            return;
        }
        for step in &self.definition.steps {
            let routers = self.routers(step);
            let mut needs = step.needs.iter().chain(&routers);
            let is_last = step.when_needs != WhenNeeds::AllOk;
            if is_last || needs.any(|need| going.fate.unsure.contains(need)) {
                going.fate.unsure.insert(step.id.clone());
            }
        }
    }

    fn step(&self, id: &str) -> Option<&Step> {
        self.definition.steps.iter().find(|step| step.id == id)
    }

    /// The routers that choose a step: it needs them.
    fn routers(&self, of: &Step) -> Vec<String> {
        let chooses = |step: &&Step| {
            let StepKind::Switch(switch) = &step.kind else { return false };
            let cases = switch.cases.iter().flat_map(|case| &case.then);
            cases.chain(&switch.default).any(|id| *id == of.id)
        };
        self.definition.steps.iter().filter(chooses).map(|step| step.id.clone()).collect()
    }

    fn scope(&self, going: &Going, item: Option<&Value>) -> Value {
        let outputs =
            going.ends.iter().map(|(id, end)| (id.clone(), json!({"output": end.output()})));
        json!({
            "inputs": self.input,
            "steps": outputs.collect::<Map<_, _>>(),
            "item": item,
            "round": {"number": going.round},
        })
    }
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Skipped | Self::Bypassed => "skipped",
            Self::Failed => "failed",
            Self::NotReached => "not reached",
        }
    }

    fn output(&self) -> Value {
        if let Self::Completed(output) = self { output.clone() } else { Value::Null }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::simulation::evaluator::{expression, template};

    #[test]
    fn expressions_have_the_values_that_anybody_would_say() {
        let scope = json!({"inputs": {"n": 4}, "steps": {"a": {"output": null}}});
        assert_eq!(expression("(inputs.n + 3)", &scope), json!(7));
        assert_eq!(expression("get(steps.a.output, \"n\", 5)", &scope), json!(5));
        assert_eq!(template(&json!({"n": "${{ inputs.n }}"}), &scope), json!({"n": 4}));
    }
}
