//! Mocks: what stands in for handlers.
//!
//! A mock is found by the id of the step (`step/undo` for its undo), else by the name of the handler. Answers that are listed are given one after the
//! other, the last one for ever; an attempt that is made again after a crash gets the one it got before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use crate::handler::{StepError, StepResult};

/// What a mock answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The output, or the failure.
    pub result: StepResult<Value>,
    /// How long it takes, in simulated time.
    pub takes: Duration,
}

impl Answer {
    /// The same, and it takes this long.
    #[must_use]
    pub fn takes(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }
}

impl From<Value> for Answer {
    fn from(output: Value) -> Self {
        Self { result: Ok(output), takes: Duration::ZERO }
    }
}

impl From<StepError> for Answer {
    fn from(error: StepError) -> Self {
        Self { result: Err(error), takes: Duration::ZERO }
    }
}

/// A function that answers.
type Function = dyn Fn(&Call) -> Answer + Send + Sync;

/// What stands in for a handler.
#[derive(Clone)]
pub struct Mock(Kind);

#[derive(Clone)]
enum Kind {
    Answers(Vec<Answer>),
    Function(Arc<Function>),
    Real,
}

impl Mock {
    /// Gives these answers, one after the other, the last one for ever. Without any it answers `null`.
    pub fn answers<A: Into<Answer>>(answers: impl IntoIterator<Item = A>) -> Self {
        Self(Kind::Answers(answers.into_iter().map(Into::into).collect()))
    }

    /// Answers what the function says. It must say the same for the same call.
    pub fn function<A: Into<Answer>>(
        function: impl Fn(&Call) -> A + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Function(Arc::new(move |call| function(call).into())))
    }

    /// Does not stand in: the registered handler is called.
    pub fn real() -> Self {
        Self(Kind::Real)
    }
}

impl<A: Into<Answer>> From<A> for Mock {
    fn from(answer: A) -> Self {
        Self::answers([answer])
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Answers(answers) => f.debug_tuple("Mock").field(answers).finish(),
            Kind::Function(_) => f.write_str("Mock(function)"),
            Kind::Real => f.write_str("Mock(real)"),
        }
    }
}

/// All mocks, and how many calls each has answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Mocks {
    by_name: BTreeMap<String, Mock>,
    /// The first so many calls fail.
    failing: BTreeMap<String, (usize, StepError)>,
    /// Calls answered, by the name the mock was found by, each once.
    answered: BTreeMap<String, Vec<(String, u32)>>,
}

impl Mocks {
    pub(super) fn insert(&mut self, name: String, mock: Mock) {
        self.by_name.insert(name, mock);
    }

    pub(super) fn fail_first(&mut self, count: usize, name: String, error: StepError) {
        self.failing.insert(name, (count, error));
    }

    /// The answer to a call; `None`: the registered handler is to be called.
    pub(super) fn answer(&mut self, call: &Call) -> Option<Answer> {
        let names = call.names();
        let failing = names.iter().find_map(|name| {
            self.failing.get(name).map(|(count, error)| (name.clone(), *count, error.clone()))
        });
        if let Some((name, count, error)) = failing
            && self.number(&format!("{name} failing"), call) < count
        {
            return Some(error.into());
        }
        let name = names.iter().find(|name| self.by_name.contains_key(*name))?;
        let mock = self.by_name.get(name)?.clone();
        match mock.0 {
            Kind::Real => None,
            Kind::Function(function) => Some(function(call)),
            Kind::Answers(answers) => {
                let at = self.number(name, call).min(answers.len().saturating_sub(1));
                Some(answers.get(at).cloned().unwrap_or_else(|| Value::Null.into()))
            }
        }
    }

    /// Whether a call is one of the first `count` of those of its handler, which fail.
    pub(super) fn fails(&mut self, count: usize, call: &Call) -> bool {
        self.number(&format!("{} failing", call.uses), call) < count
    }

    /// Takes the last answer back: it is given to the next call.
    pub(super) fn take_back(&mut self, call: &Call) {
        let this = (call.key.clone(), call.attempt);
        for answered in self.answered.values_mut() {
            if answered.last() == Some(&this) {
                answered.pop();
            }
        }
    }

    /// Which call of this mock it is, from 0. One that was cut off is the same call again.
    fn number(&mut self, name: &str, call: &Call) -> usize {
        let answered = self.answered.entry(name.to_owned()).or_default();
        let this = (call.key.clone(), call.attempt);
        if call.may_repeat
            && let Some(at) = answered.iter().rposition(|earlier| *earlier == this)
        {
            return at;
        }
        answered.push(this);
        answered.len() - 1
    }
}
