//! Definitions whose outcome does not depend on who is faster: values, conditions, failures and all that waits.

use std::sync::Arc;

use nexus_engine::model::definition::{
    Compensate, Concurrency, Definition, ForEach, OnEnd, OnError, OnItemError, Repeat, Retry, Step,
    StepKind, Switch, SwitchCase, WhenNeeds,
};
use nexus_engine::model::plan::Plan;
use serde_json::{Value, json};

use super::functions::Coded;
use super::handlers::{UNDO, WORK};
use super::tape::Tape;

/// A definition, and what it takes to get through it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) plan: Arc<Plan>,
    /// Definitions that it calls.
    pub(super) callees: Vec<Arc<Plan>>,
    /// Signals that its steps wait for, with what they carry.
    pub(super) signals: Vec<(String, Value)>,
    /// Whether one step comes after the other, so that even a failure leaves nothing to chance.
    pub(super) is_chain: bool,
    /// Other definitions of its name, with which its runs may go on.
    pub(super) variants: Vec<Arc<Plan>>,
    /// The function that it is, if it is one.
    pub(super) coded: Option<Coded>,
}

/// A definition of which the oracle knows what comes of it.
pub(super) fn made(tape: &mut Tape, name: &str) -> Made {
    let is_chain = tape.below(3) == 2;
    let count = 1 + tape.index(7);
    let child = child(tape, name);
    let mut making = Making { tape, is_chain, child: &child, signals: Vec::new(), free_from: 0 };
    let mut steps: Vec<Step> = Vec::new();
    for at in 0..count {
        let step = making.step(at, count, &steps);
        steps.push(step);
    }
    let outputs = making.number(&steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>());
    let on_failure =
        if is_chain && making.tape.below(2) == 1 { OnEnd::Compensate } else { OnEnd::Keep };
    let concurrency = (making.tape.below(4) == 3)
        .then(|| Concurrency { limit: Some(1), ..Concurrency::default() });
    let signals = making.signals;
    let definition = Definition {
        name: name.to_owned(),
        input_is_value: true,
        on_failure,
        concurrency,
        steps,
        outputs: Some(json!({"n": outputs})),
        ..Definition::default()
    };
    let plan = Plan::compile(definition.clone())
        .unwrap_or_else(|errors| panic!("{errors:?} in {definition:?}"));
    Made {
        plan: Arc::new(plan),
        callees: vec![child],
        signals,
        is_chain,
        variants: Vec::new(),
        coded: None,
    }
}

/// A definition that others call.
pub(super) fn child(tape: &mut Tape, name: &str) -> Arc<Plan> {
    let with = json!({"n": "${{ inputs.n }}"});
    let mut first = Step::new("c0", StepKind::Action { uses: WORK.to_owned(), with });
    first.retry = retry(1 + tape.below(2));
    let definition = Definition {
        name: format!("{name}-child"),
        input_is_value: true,
        steps: vec![first],
        outputs: Some(json!({"n": "${{ get(steps.c0.output, \"n\", 1) }}"})),
        ..Definition::default()
    };
    Arc::new(Plan::compile(definition).expect("a good definition"))
}

fn retry(max_attempts: u64) -> Retry {
    let max_attempts = u32::try_from(max_attempts).unwrap_or(1);
    Retry { max_attempts, initial_ms: 50, ..Retry::default() }
}

struct Making<'a> {
    tape: &'a mut Tape,
    is_chain: bool,
    child: &'a Arc<Plan>,
    signals: Vec<(String, Value)>,
    /// The first step that no router has chosen, and no loop goes over.
    free_from: usize,
}

impl Making<'_> {
    fn step(&mut self, at: usize, count: usize, before: &[Step]) -> Step {
        let id = format!("s{at}");
        let needs = self.needs(at, before);
        let kind = self.kind(at, count, &needs);
        let mut step = Step::new(id, kind);
        step.needs = needs;
        let is_free = at >= self.free_from;
        let is_repeat = matches!(step.kind, StepKind::Repeat(_));
        if is_repeat || matches!(step.kind, StepKind::Switch(_)) {
            return step;
        }
        if is_free && !step.needs.is_empty() {
            step.when_needs = match self.tape.below(8) {
                6 => WhenNeeds::AllDone,
                7 => WhenNeeds::AnyFailed,
                _ => WhenNeeds::AllOk,
            };
        }
        if self.tape.below(5) == 4 {
            let (number, modulus) = (self.expression(&step.needs), 2 + self.tape.below(3));
            step.condition = Some(format!("{number} % {modulus} != 0"));
        }
        if self.tape.below(2) == 1 {
            step.on_error = OnError::Continue;
        }
        if let StepKind::Action { .. } = step.kind {
            step.retry = retry(1 + self.tape.below(3));
            if self.tape.below(4) == 3 {
                self.for_each(&mut step);
            } else {
                self.limit(&mut step);
                self.compensate(&mut step);
            }
        }
        step
    }

    fn needs(&mut self, at: usize, before: &[Step]) -> Vec<String> {
        if self.is_chain || at == 0 {
            return before.last().map(|step| step.id.clone()).into_iter().collect();
        }
        let mut needs = Vec::new();
        for step in before {
            if self.tape.below(3) == 2 {
                needs.push(step.id.clone());
            }
        }
        needs
    }

    fn kind(&mut self, at: usize, count: usize, needs: &[String]) -> StepKind {
        let with = json!({"n": self.number(needs)});
        match self.tape.below(14) {
            6 => StepKind::Set { values: with },
            7 => StepKind::Sleep { duration: json!(self.tape.below(100_000)) },
            8 => {
                let signal = format!("signal-{at}");
                // A loop over it would wait for one signal in each round.
                self.free_from = if self.is_chain { at + 1 } else { self.free_from };
                self.signals.push((signal.clone(), json!({"n": self.tape.below(1_000)})));
                StepKind::WaitFor {
                    signal,
                    matches: None,
                    timeout_ms: None,
                    on_timeout: nexus_engine::model::definition::OnSignalTimeout::Fail,
                }
            }
            9 | 10 => StepKind::Call {
                workflow: self.child.definition().name.clone(),
                version: None,
                definition: Some(self.child.hash()),
                with,
            },
            11 if !self.is_chain && at >= self.free_from && at + 2 < count => {
                self.free_from = at + 3;
                let when = format!("{} % 2 == 0", self.expression(needs));
                let case = SwitchCase { when, then: vec![format!("s{}", at + 1)] };
                let default = vec![format!("s{}", at + 2)];
                StepKind::Switch(Box::new(Switch { cases: vec![case], default }))
            }
            12 if self.is_chain && at > self.free_from => {
                let back = 1 + self.tape.index((at - self.free_from).min(3));
                self.free_from = at + 1;
                let rounds = 1 + self.tape.below(3);
                StepKind::Repeat(Box::new(Repeat {
                    from: format!("s{}", at - back),
                    until: format!("round.number >= {rounds}"),
                    limit: 3,
                    delay_ms: self.tape.below(2) * 100,
                    ..Repeat::default()
                }))
            }
            _ => StepKind::Action { uses: WORK.to_owned(), with },
        }
    }

    fn for_each(&mut self, step: &mut Step) {
        let on_item_error =
            if self.tape.below(2) == 1 { OnItemError::Collect } else { OnItemError::Fail };
        let concurrency = match on_item_error {
            OnItemError::Fail => 1,
            OnItemError::Collect => 1 + u32::try_from(self.tape.below(3)).unwrap_or(0),
        };
        if let StepKind::Action { with, .. } = &mut step.kind {
            *with = json!({"n": "${{ item }}"});
        }
        let (items, name) = (json!("${{ inputs.list }}"), ForEach::NAME.to_owned());
        step.for_each = Some(ForEach { items, name, concurrency, on_item_error });
    }

    /// Shares a limit with the runs of all definitions.
    fn limit(&mut self, step: &mut Step) {
        if self.tape.below(4) == 3 {
            step.concurrency = Some(Concurrency {
                key: Some("shared".to_owned()),
                scope: nexus_engine::model::definition::ConcurrencyScope::Global,
                limit: Some(1),
                ..Concurrency::default()
            });
        }
    }

    fn compensate(&mut self, step: &mut Step) {
        if self.is_chain && step.when_needs == WhenNeeds::AllOk && self.tape.below(2) == 1 {
            let with = json!({"n": "${{ this.output.n }}"});
            let kind = StepKind::Action { uses: UNDO.to_owned(), with };
            step.compensate = Some(Box::new(Compensate { kind, retry: None, timeout_ms: None }));
        }
    }

    /// A template of a number.
    fn number(&mut self, needs: &[String]) -> Value {
        json!(format!("${{{{ {} }}}}", self.expression(needs)))
    }

    /// An expression that is a number from 0 on.
    fn expression(&mut self, needs: &[String]) -> String {
        let constant = self.tape.below(10);
        let of_need = |need: &String| format!("get(steps.{need}.output, \"n\", {constant})");
        match self.tape.below(4) {
            0 => format!("(inputs.n + {constant})"),
            1 if needs.len() > 1 => {
                format!("({} + {}) % 1000", of_need(&needs[0]), of_need(&needs[1]))
                    .replacen('(', "((", 1)
                    + ")"
            }
            1 | 2 if !needs.is_empty() => of_need(&needs[self.tape.index(needs.len())]),
            _ => constant.to_string(),
        }
    }
}
