//! Workflows that are functions: programs that are drawn, carried out by the engine through a [`Cx`], and plainly.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use nexus_engine::prelude::*;
use nexus_engine::workflow::OnFailure;
use serde_json::{Value, json};

use super::definitions::Made;
use super::tape::Tape;

/// What steps of functions call: few names, so that many calls have one.
pub(super) const NAMES: [&str; 4] = ["code-a", "code-b", "code-c", "code-child"];
/// What undoes them.
pub(super) const UNDOS: [&str; 4] =
    ["code-a.undo", "code-b.undo", "code-c.undo", "code-child.undo"];
/// Signals that functions wait for where it is known what comes of them.
const SIGNALS: [&str; 4] = ["signal-0", "signal-1", "signal-2", "signal-3"];
/// The signal that people send.
const ANY_SIGNAL: &str = "s";
/// How deep branches are nested, at most.
const DEPTH_MAX: u32 = 3;

/// One thing that a function does with a number, of which another one comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A step.
    Step(StepOf),
    /// A step once for each of so many numbers.
    Each { name: usize, plus: i64, count: i64, limit: usize },
    /// A while passes.
    Sleep(u64),
    /// Branches that are all waited for.
    Join(Vec<Vec<Self>>),
    /// Branches of which the first is waited for; the others are given up. The number stays what it is.
    Select(Vec<Vec<Self>>),
    /// What fails in it does not fail the function; then the number stays what it is.
    Try(Vec<Self>),
    /// Another workflow.
    Call(i64),
    /// A signal.
    Wait(usize),
    /// A signal, for so long. The number stays what it is.
    WaitWithin(u64),
    /// Somebody's word.
    Approve,
    /// Something computed once.
    SideEffect(i64),
    /// A way that depends on a time and on what looks like chance.
    Chance(Vec<Self>, Vec<Self>),
    /// A step that nobody waits for.
    LeftAlone(StepOf),
}

/// A step of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StepOf {
    pub(super) name: usize,
    pub(super) plus: i64,
    pub(super) attempts: u32,
    pub(super) undo: bool,
    pub(super) best_effort: bool,
}

/// What a function does.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) acts: Vec<Act>,
    /// How often, if it goes through rounds.
    pub(super) rounds: Option<i64>,
    /// Whether what was done is undone when it fails.
    pub(super) undoes: bool,
}

/// A workflow that is a function.
#[derive(Clone)]
pub(super) struct Coded {
    pub(super) program: Arc<Program>,
    pub(super) workflow: Workflow<Value, Value>,
    pub(super) child: Workflow<Value, Value>,
}

impl fmt::Debug for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.fmt(f)
    }
}

/// A function; `is_wild`: what comes of it may depend on who is faster.
pub(super) fn made(tape: &mut Tape, name: &str, is_wild: bool) -> Made {
    let rounds = (tape.below(4) == 3).then(|| 1 + small(tape, 4));
    let mut drawing = Drawing { tape, is_wild, repeats: rounds.is_some(), signals: Vec::new() };
    let acts = drawing.acts(5, 0);
    let signals = drawing.signals;
    let undoes = tape.below(4) != 3;
    let program = Arc::new(Program { acts, rounds, undoes });
    let child = child(&format!("{name}-child"), tape.below(3));
    let workflow = workflow(name, &program, &child);
    let (plan, coded) = (Arc::clone(workflow.plan()), Coded { program, workflow, child });
    let callees = vec![Arc::clone(coded.child.plan())];
    Made { plan, callees, signals, is_chain: true, variants: Vec::new(), coded: Some(coded) }
}

fn workflow(
    name: &str,
    program: &Arc<Program>,
    child: &Workflow<Value, Value>,
) -> Workflow<Value, Value> {
    let (program, child) = (Arc::clone(program), child.clone());
    let (undoes, rounds) = (program.undoes, program.rounds);
    let of = move || (Arc::clone(&program), child.clone());
    let workflow = match rounds {
        None => Workflow::code(name, move |cx: Cx, input: Value| {
            let (program, child) = of();
            async move {
                let number = carry_out(&cx, &child, &program.acts, number_of(&input)).await?;
                Ok(json!({"n": number}))
            }
        }),
        Some(rounds) => Workflow::repeat(name, move |cx: Cx, state: Value| {
            let (program, child) = of();
            async move {
                let number = carry_out(&cx, &child, &program.acts, number_of(&state)).await?;
                let round = state["round"].as_i64().unwrap_or(0) + 1;
                if round < rounds {
                    return Ok(Next::Again(json!({"n": number, "round": round})));
                }
                Ok(Next::Done(json!({"n": number})))
            }
        }),
    };
    let workflow = workflow.expect("a good name");
    workflow.on_failure(if undoes { OnFailure::Compensate } else { OnFailure::Keep })
}

/// What functions call: one step, or another way to wait.
fn child(name: &str, kind: u64) -> Workflow<Value, Value> {
    let workflow = Workflow::code(name, move |cx: Cx, input: Value| async move {
        if kind == 2 {
            cx.sleep(Duration::from_millis(700)).await?;
        }
        cx.step(NAMES[3], work.retry(retry(2)), input).await
    });
    workflow.expect("a good name")
}

/// The step of a function that others call.
pub(super) fn step_of_child(number: i64) -> (StepOf, i64) {
    let step = StepOf { name: 3, plus: 0, attempts: 2, undo: false, best_effort: false };
    (step, number)
}

fn retry(attempts: u32) -> Retry {
    Retry::constant(attempts, Duration::from_millis(50))
}

/// Mocks stand in for it.
async fn work(_: StepCx, input: Value) -> StepResult<Value> {
    Ok(input)
}

/// The same.
async fn unwork(_: StepCx, output: Value) -> StepResult<()> {
    drop(output);
    Ok(())
}

pub(super) fn number_of(value: &Value) -> i64 {
    value["n"].as_i64().unwrap_or(0)
}

/// The number with which step `at` of a list is called.
pub(super) fn item(number: i64, plus: i64, at: i64) -> i64 {
    (number + plus + at).rem_euclid(1_000)
}

type Carried<'a> = Pin<Box<dyn Future<Output = Result<i64>> + Send + 'a>>;

/// Does one thing after the other.
fn carry_out<'a>(
    cx: &'a Cx,
    child: &'a Workflow<Value, Value>,
    acts: &'a [Act],
    mut number: i64,
) -> Carried<'a> {
    Box::pin(async move {
        for act in acts {
            number = do_one(cx, child, act, number).await?;
        }
        Ok(number)
    })
}

async fn do_one(cx: &Cx, child: &Workflow<Value, Value>, act: &Act, number: i64) -> Result<i64> {
    match act {
        Act::Step(step) => do_step(cx, step, number).await,
        Act::Each { name, plus, count, limit } => {
            let items = (0..*count).map(|at| json!({"n": item(number, *plus, at)})).collect();
            let outputs = cx.each(NAMES[*name], work.retry(retry(2)), items).limit(*limit).await?;
            Ok(outputs.iter().map(number_of).sum::<i64>() % 1_000)
        }
        Act::Sleep(ms) => cx.sleep(Duration::from_millis(*ms)).await.map(|()| number),
        Act::Join(branches) => {
            let branches = branches.iter().map(|acts| carry_out(cx, child, acts, number));
            let mut sum = 0;
            for output in all(branches.collect()).await {
                sum += output?;
            }
            Ok(sum % 1_000)
        }
        Act::Select(branches) => {
            let branches = branches.iter().map(|acts| carry_out(cx, child, acts, number));
            first(branches.collect()).await;
            Ok(number)
        }
        Act::Try(acts) => Ok(carry_out(cx, child, acts, number).await.unwrap_or(number)),
        Act::Call(plus) => {
            let input = json!({"n": item(number, *plus, 0)});
            cx.call("child", child, input).await.map(|output| number_of(&output))
        }
        Act::Wait(signal) => {
            let name = SIGNALS.get(*signal).copied().unwrap_or(ANY_SIGNAL);
            cx.wait(&Signal::<Value>::new(name)).await.map(|payload| number_of(&payload))
        }
        Act::WaitWithin(ms) => {
            let signal = Signal::<Value>::new(ANY_SIGNAL);
            cx.wait(&signal).within(Duration::from_millis(*ms)).await?;
            Ok(number)
        }
        Act::Approve => {
            cx.approve("approve", Approval::by("dana").or_go_on()).await?;
            Ok(number)
        }
        Act::SideEffect(plus) => {
            let computed = item(number, *plus, 0);
            cx.side_effect("computed", move || computed).await
        }
        Act::Chance(one, other) => {
            let ms = cx.now().duration_since(std::time::UNIX_EPOCH).map_or(0, |it| it.as_millis());
            let heads = (u128::from(cx.random("coin") % 2) + ms).is_multiple_of(2);
            carry_out(cx, child, if heads { one } else { other }, number).await
        }
        Act::LeftAlone(step) => {
            let input = json!({"n": item(number, step.plus, 0)});
            let call = cx.step(NAMES[step.name], work.retry(retry(step.attempts)), input);
            cx.sleep(Duration::from_millis(10)).await?;
            drop(call);
            Ok(number)
        }
    }
}

async fn do_step(cx: &Cx, step: &StepOf, number: i64) -> Result<i64> {
    let name = NAMES[step.name];
    let input = json!({"n": item(number, step.plus, 0)});
    let call = work.retry(retry(step.attempts));
    if step.best_effort {
        let output: Option<Value> = cx.step(name, call.best_effort(), input).await?;
        return Ok(output.as_ref().map_or(number, number_of));
    }
    let output: Value = if step.undo {
        cx.step(name, call.undo(unwork), input).await?
    } else {
        cx.step(name, call, input).await?
    };
    Ok(number_of(&output))
}

/// What comes of all of them, in their order.
async fn all(mut branches: Vec<Carried<'_>>) -> Vec<Result<i64>> {
    let mut outputs: Vec<Option<Result<i64>>> = branches.iter().map(|_| None).collect();
    poll_fn(move |context| {
        for (branch, output) in branches.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = branch.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut outputs).into_iter().flatten().collect())
    })
    .await
}

/// Waits for the first of them.
async fn first(mut branches: Vec<Carried<'_>>) {
    poll_fn(move |context| {
        let is_done = branches.iter_mut().any(|branch| branch.as_mut().poll(context).is_ready());
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn small(tape: &mut Tape, end: u64) -> i64 {
    i64::try_from(tape.below(end)).unwrap_or(0)
}

struct Drawing<'a> {
    tape: &'a mut Tape,
    is_wild: bool,
    repeats: bool,
    signals: Vec<(String, Value)>,
}

impl Drawing<'_> {
    fn acts(&mut self, most: u64, depth: u32) -> Vec<Act> {
        (0..=self.tape.below(most)).map(|_| self.act(depth)).collect()
    }

    fn branches(&mut self, depth: u32) -> Vec<Vec<Act>> {
        (0..=self.tape.below(3)).map(|_| self.acts(2, depth + 1)).collect()
    }

    fn act(&mut self, depth: u32) -> Act {
        match self.tape.below(if depth < DEPTH_MAX { 18 } else { 11 }) {
            3 => Act::Sleep(self.tape.below(100_000)),
            4 => Act::Call(self.small()),
            5 => self.wait(),
            6 => Act::WaitWithin(1 + self.tape.below(60_000)),
            7 => Act::Approve,
            8 => Act::SideEffect(self.small()),
            9 => {
                let (name, plus, count) = (self.tape.index(3), self.small(), self.small() % 5);
                Act::Each { name, plus, count, limit: 1 + self.tape.index(3) }
            }
            10 => Act::LeftAlone(self.step()),
            11 | 12 => Act::Join(self.branches(depth)),
            13 | 14 => Act::Select(self.branches(depth)),
            15 => Act::Try(self.acts(3, depth + 1)),
            16 | 17 if self.is_wild => {
                Act::Chance(self.acts(2, depth + 1), self.acts(2, depth + 1))
            }
            _ => Act::Step(self.step()),
        }
    }

    fn small(&mut self) -> i64 {
        small(self.tape, 10)
    }

    fn step(&mut self) -> StepOf {
        let (name, plus) = (self.tape.index(3), self.small());
        let attempts = 1 + u32::try_from(self.tape.below(3)).unwrap_or(0);
        let undo = self.tape.below(2) == 1 && !self.repeats;
        StepOf { name, plus, attempts, undo, best_effort: self.tape.below(5) == 4 }
    }

    /// A wait for a signal that comes once, where it is known what comes of it.
    fn wait(&mut self) -> Act {
        if self.is_wild {
            return Act::Wait(usize::MAX);
        }
        let at = self.signals.len();
        if self.repeats || at >= SIGNALS.len() {
            return Act::Sleep(5);
        }
        self.signals.push((SIGNALS[at].to_owned(), json!({"n": self.tape.below(1_000)})));
        Act::Wait(at)
    }
}
