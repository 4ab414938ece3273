//! Definitions by chance, for tests: of this package, and of those above it. Every construct is among them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

mod ways;

use crate::definition::{
    Approval, CircuitBreaker, Compensate, Concurrency, OnApprovalTimeout, OnError, OnSignalTimeout,
    Retry, Step, StepKind, Switch, SwitchCase, Update, WhenNeeds,
};
use crate::id::DefinitionHash;
use ways::{each, race, repeat};

/// What a step is made of: numbers and flags that mean something else for each kind.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// The kind, below 15.
    pub kind: u8,
    /// Needs, as numbers of steps, of which the rest counts.
    pub needs: Vec<usize>,
    /// When the needs let it run, below 8.
    pub when: u8,
    /// Attempts, from 1.
    pub attempts: u32,
    /// Whether it has times.
    pub deadline: bool,
    /// Whether its failure fails the run.
    pub fatal: bool,
    /// Skipped if 0.
    pub skipped: u8,
    /// Whether it has a limit.
    pub limited: bool,
    /// Undone if below 3.
    pub undo: u8,
}

/// Steps of these shapes. Only one router chooses a step, and none chooses beyond the end.
pub fn steps(shapes: &[Shape]) -> Vec<Step> {
    let mut steps: Vec<Step> =
        shapes.iter().enumerate().map(|(at, shape)| step(at, shape)).collect();
    let count = steps.len();
    let mut free = 0;
    for (at, step) in steps.iter_mut().enumerate() {
        if matches!(step.kind, StepKind::Switch(_)) {
            if at < free || at + 2 >= count {
                step.kind = StepKind::Set { values: json!({}) };
            } else {
                free = at + 2;
            }
        }
    }
    steps
}

fn plain(id: &str) -> Step {
    let kind = StepKind::Action { uses: "work".to_owned(), with: Value::Null };
    Step { retry: Retry { jitter: false, ..Retry::default() }, ..Step::new(id, kind) }
}

fn step(at: usize, shape: &Shape) -> Step {
    let mut step = plain(&format!("s{at}"));
    let needs: BTreeSet<usize> =
        shape.needs.iter().filter(|_| at > 0).map(|need| need % at).collect();
    step.needs = needs.into_iter().map(|need| format!("s{need}")).collect();
    step.when_needs = match shape.when {
        0..4 => WhenNeeds::AllOk,
        4 => WhenNeeds::AllDone,
        _ if step.needs.is_empty() => WhenNeeds::AllOk,
        6.. => WhenNeeds::AnyOk,
        _ => WhenNeeds::AnyFailed,
    };
    step.retry.max_attempts = shape.attempts;
    step.retry.jitter = true;
    step.deadline_ms = shape.deadline.then_some(2_000);
    step.start_within_ms = (shape.fatal && shape.deadline).then_some(1_000);
    step.on_error = if shape.fatal { OnError::Fail } else { OnError::Continue };
    step.condition = (shape.skipped == 0).then(|| "false".to_owned());
    if shape.undo < 3 {
        let kind = StepKind::Action { uses: "undo".to_owned(), with: Value::Null };
        let retry = (shape.undo > 0)
            .then(|| Retry { max_attempts: u32::from(shape.undo), ..Retry::default() });
        step.compensate = Some(Box::new(Compensate { kind, retry, timeout_ms: None }));
    }
    match shape.kind {
        0 => step.kind = StepKind::Set { values: json!({"at": at}) },
        1 => step.kind = StepKind::Sleep { duration: json!(at * 100) },
        2 if shape.fatal => {
            step.kind = StepKind::SleepUntil { time: json!("1970-01-01T00:00:03Z") }
        }
        6 => step.kind = wait_for(shape),
        7 => step.kind = approve(shape),
        8 => step.kind = switch(at, shape),
        13 => race(&mut step),
        14 => step.kind = update(shape),
        10 => repeat(&mut step, shape),
        11..13 => each(&mut step, shape),
        9 => {
            step.kind = call();
            step.timeout_ms = shape.fatal.then_some(3_000);
        }
        _ => {
            step.concurrency =
                shape.limited.then(|| Concurrency { limit: Some(1), ..Default::default() });
            let target = "t".to_owned();
            step.breaker = (shape.attempts > 1 || shape.undo == 1)
                .then(|| CircuitBreaker { target, ..Default::default() });
        }
    }
    step
}

fn call() -> StepKind {
    StepKind::Call {
        workflow: "other".to_owned(),
        version: None,
        definition: Some(DefinitionHash([4; 32])),
        with: json!({}),
    }
}

/// Waits for every signal `s`, or for those with the right number, for ever or not.
fn wait_for(shape: &Shape) -> StepKind {
    StepKind::WaitFor {
        signal: if shape.limited { "event:e" } else { "s" }.to_owned(),
        matches: (shape.attempts > 1).then(|| {
            let carried = if shape.limited { "event" } else { "signal" };
            format!("{carried} == {}", shape.attempts)
        }),
        timeout_ms: shape.deadline.then_some(2_000),
        on_timeout: if shape.fatal { OnSignalTimeout::Fail } else { OnSignalTimeout::Continue },
    }
}

/// Chooses between the next steps, which need not be there.
fn switch(at: usize, shape: &Shape) -> StepKind {
    let holds = if shape.fatal { "true" } else { "false" };
    let case = SwitchCase { when: holds.to_owned(), then: vec![format!("s{}", at + 1)] };
    StepKind::Switch(Box::new(Switch { cases: vec![case], default: vec![format!("s{}", at + 2)] }))
}

/// Asks dana, for ever or not.
fn approve(shape: &Shape) -> StepKind {
    StepKind::Approve(Box::new(Approval {
        by: json!("dana"),
        timeout_ms: shape.deadline.then_some(2_000),
        on_timeout: match shape.attempts {
            1 => OnApprovalTimeout::Fail,
            2 => OnApprovalTimeout::Reject,
            _ => OnApprovalTimeout::Continue,
        },
        ..Approval::default()
    }))
}

/// Takes updates with some number, for ever or not.
fn update(shape: &Shape) -> StepKind {
    StepKind::Update(Box::new(Update {
        name: "u".to_owned(),
        accepts: (shape.attempts > 1).then(|| format!("update == {}", shape.attempts)),
        reply: json!("${{ update }}"),
        timeout_ms: shape.deadline.then_some(2_000),
        on_timeout: if shape.fatal { OnSignalTimeout::Fail } else { OnSignalTimeout::Continue },
        ..Update::default()
    }))
}
