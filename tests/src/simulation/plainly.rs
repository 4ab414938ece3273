//! Programs of functions carried out plainly: without an engine, time, or anything that happens at once with something else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::functions::{Act, NAMES, Program, StepOf, UNDOS, item, number_of, step_of_child};
use super::handlers::{Moods, Said};

/// What comes of a function, and which handlers are called with what: name, attempt and input.
#[derive(Clone, Debug, Default)]
pub(super) struct Plainly {
    /// `completed` or `failed`.
    pub(super) status: &'static str,
    pub(super) output: Value,
    /// How often each call is made.
    pub(super) calls: BTreeMap<CodeCall, u32>,
    /// What the undos are called with.
    pub(super) undone: BTreeMap<(String, String), u32>,
    /// Calls that may be made or not, because somebody else may be faster.
    pub(super) perhaps: BTreeMap<CodeCall, u32>,
    /// The same of undos.
    pub(super) perhaps_undone: BTreeMap<(String, String), u32>,
}

/// Name, attempt and input of a call.
pub(super) type CodeCall = (String, u32, String);

/// The function has failed.
struct Failed;

struct Plain<'a> {
    moods: Moods,
    signals: &'a [(String, Value)],
    /// How deep it is in something that may be given up.
    unsure: u32,
    done: Plainly,
}

/// Carries a program out.
pub(super) fn plainly(
    program: &Program,
    input: &Value,
    signals: &[(String, Value)],
    moods: Moods,
) -> Plainly {
    let mut plain = Plain { moods, signals, unsure: 0, done: Plainly::default() };
    let mut number = Ok(number_of(input));
    for _ in 0..program.rounds.unwrap_or(1) {
        number = number.and_then(|number| plain.acts(&program.acts, number));
    }
    let mut done = plain.done;
    if let Ok(number) = number {
        (done.status, done.output) = ("completed", json!({"n": number}));
        (done.undone, done.perhaps_undone) = (BTreeMap::new(), BTreeMap::new());
    } else {
        done.status = "failed";
        if !program.undoes {
            (done.undone, done.perhaps_undone) = (BTreeMap::new(), BTreeMap::new());
        }
    }
    done
}

impl Plain<'_> {
    fn acts(&mut self, acts: &[Act], mut number: i64) -> Result<i64, Failed> {
        for act in acts {
            number = self.act(act, number)?;
        }
        Ok(number)
    }

    fn act(&mut self, act: &Act, number: i64) -> Result<i64, Failed> {
        match act {
            Act::Step(step) => {
                let input = item(number, step.plus, 0);
                match self.step(step, input) {
                    Ok(output) => Ok(output),
                    Err(Failed) if step.best_effort => Ok(number),
                    Err(Failed) => Err(Failed),
                }
            }
            Act::Each { name, plus, count, .. } => self.each(*name, *count, (number, *plus)),
            Act::Sleep(_) | Act::WaitWithin(_) | Act::Approve => Ok(number),
            Act::Join(branches) => {
                let ends: Vec<_> = branches.iter().map(|acts| self.acts(acts, number)).collect();
                ends.into_iter().sum::<Result<i64, Failed>>().map(|sum| sum % 1_000)
            }
            Act::Select(branches) => {
                self.unsure += 1;
                for acts in branches {
                    // One after the other: what comes of it counts for nothing.
                    let _ = self.acts(acts, number);
                }
                self.unsure -= 1;
                Ok(number)
            }
            Act::Try(acts) => Ok(self.acts(acts, number).unwrap_or(number)),
            Act::Call(plus) => {
                let (step, input) = step_of_child(item(number, *plus, 0));
                // The calls of another run are its own.
                let says = |attempt| self.says(&step, attempt, input);
                (1..=step.attempts)
                    .find_map(|attempt| says(attempt).transpose())
                    .unwrap_or(Err(Failed))
            }
            Act::Wait(signal) => {
                let payload = self.signals.get(*signal).map(|(_, payload)| payload);
                Ok(payload.map_or(0, number_of))
            }
            Act::SideEffect(plus) => Ok(item(number, *plus, 0)),
            Act::Chance(..) => unreachable!("not where it is known what comes of it"),
            Act::LeftAlone(step) => {
                self.unsure += 1;
                let step = StepOf { undo: false, ..step.clone() };
                let _ = self.step(&step, item(number, step.plus, 0));
                self.unsure -= 1;
                Ok(number)
            }
        }
    }

    /// What is said to one attempt: an output, nothing for now, or that it is over.
    fn says(&self, step: &StepOf, attempt: u32, input: i64) -> Result<Option<i64>, Failed> {
        let input = json!({"n": input});
        match self.moods.says(&of_code(NAMES[step.name], &input), None, attempt, &input) {
            Said::Done(output) => Ok(Some(number_of(&output))),
            Said::Failed => Ok(None),
            Said::Fatal => Err(Failed),
        }
    }

    fn step(&mut self, step: &StepOf, input: i64) -> Result<i64, Failed> {
        for attempt in 1..=step.attempts {
            let call = (NAMES[step.name].to_owned(), attempt, json!({"n": input}).to_string());
            let calls = if self.unsure > 0 { &mut self.done.perhaps } else { &mut self.done.calls };
            *calls.entry(call).or_default() += 1;
            if let Some(output) = self.says(step, attempt, input)? {
                if step.undo && !step.best_effort {
                    let undo = (UNDOS[step.name].to_owned(), json!({"n": output}).to_string());
                    let undone = if self.unsure > 0 {
                        &mut self.done.perhaps_undone
                    } else {
                        &mut self.done.undone
                    };
                    *undone.entry(undo).or_default() += 1;
                }
                return Ok(output);
            }
        }
        Err(Failed)
    }

    /// The first failure is that of all, and nobody knows how far the others are then.
    fn each(&mut self, name: usize, count: i64, (number, plus): (i64, i64)) -> Result<i64, Failed> {
        let step = StepOf { name, plus, attempts: 2, undo: false, best_effort: false };
        let before = self.done.clone();
        let items = (0..count).map(|at| item(number, plus, at)).collect::<Vec<_>>();
        let mut ends = Vec::new();
        for input in &items {
            ends.push(self.step(&step, *input));
        }
        let sum = ends.into_iter().sum::<Result<i64, Failed>>();
        if sum.is_err() {
            self.done = before;
            self.unsure += 1;
            for input in items {
                let _ = self.step(&step, input);
            }
            self.unsure -= 1;
        }
        sum.map(|sum| sum % 1_000)
    }
}

/// What tells the moods of a call of a function from those of another: steps of one name and input are the same.
pub(super) fn of_code(name: &str, input: &Value) -> String {
    format!("{name} {input}")
}
