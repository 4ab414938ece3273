//! Selections: which runs are meant, in words: `status = failed and workflow = "order" and age < 1d`.
//!
//! A condition is a field, an operator and a value; conditions are joined by `and`, `or`, `not` and parentheses, of which
//! `and` binds tighter than `or`. A value with other characters than letters, digits and `-_.:@/+` stands in quotes.

mod parse;

use nexus_engine::model::expression::duration_ms;
use serde_json::Value;

use crate::api::{Problem, RunSummary};

/// Which runs are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection(Term);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(Field, Operator, String),
    /// Milliseconds since the run began.
    Age(Operator, u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Run,
    Workflow,
    Status,
    At,
    Waiting,
    Error,
    By,
    Forgotten,
    Label(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Contains,
    ContainsNot,
    Less,
    LessOrIs,
    More,
    MoreOrIs,
}

impl Selection {
    /// Reads a selection.
    ///
    /// # Errors
    /// NX4181 with what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        parse::selection(text).map(Self).map_err(|message| {
            Problem::new("NX4181", 2, format!("the selection is not understood: {message}")).hint(
                "for example: --where 'status = failed and workflow = order and age < 1d'; fields are run, workflow, status, at, waiting, error, by, forgotten, age, label.KEY",
            )
        })
    }

    /// Whether it asks where runs are.
    pub(crate) fn asks_where(&self) -> bool {
        self.0.asks_where()
    }

    /// Whether this run is meant. `now_ms` is the time now, in milliseconds since the Unix epoch.
    pub(crate) fn holds(&self, run: &RunSummary, now_ms: u64) -> bool {
        self.0.holds(run, now_ms)
    }
}

impl Term {
    fn asks_where(&self) -> bool {
        match self {
            Self::All(terms) | Self::Any(terms) => terms.iter().any(Self::asks_where),
            Self::Not(term) => term.asks_where(),
            Self::Age(..) => false,
            Self::Is(field, ..) => matches!(field, Field::At | Field::Waiting | Field::Error),
        }
    }

    fn holds(&self, run: &RunSummary, now_ms: u64) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(run, now_ms)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(run, now_ms)),
            Self::Not(term) => !term.holds(run, now_ms),
            Self::Age(operator, age) => operator.compares(age_ms(run, now_ms).cmp(age)),
            Self::Is(field, operator, value) => {
                let negative = matches!(operator, Operator::IsNot | Operator::ContainsNot);
                let fits = |found: &String| match operator {
                    Operator::Is | Operator::IsNot => found == value,
                    Operator::Contains | Operator::ContainsNot => found.contains(value.as_str()),
                    Operator::Less | Operator::LessOrIs | Operator::More | Operator::MoreOrIs => {
                        operator.compares(found.as_str().cmp(value))
                    }
                };
                values(field, run).iter().any(fits) != negative
            }
        }
    }
}

impl Operator {
    fn compares(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Is | Self::Contains => order.is_eq(),
            Self::IsNot | Self::ContainsNot => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrIs => order.is_le(),
            Self::More => order.is_gt(),
            Self::MoreOrIs => order.is_ge(),
        }
    }
}

fn values(field: &Field, run: &RunSummary) -> Vec<String> {
    match field {
        Field::Run => vec![run.id.clone()],
        Field::Workflow => vec![run.workflow.clone()],
        Field::Status => vec![run.status.clone()],
        Field::At => run.at.clone(),
        Field::Waiting => run.waiting_on.iter().chain(&run.then_waiting_on).cloned().collect(),
        Field::Error => run.error.iter().map(|error| error.code.clone()).collect(),
        Field::By => vec![run.by.name.clone()],
        Field::Forgotten => vec![run.forgotten.to_string()],
        Field::Label(key) => run.labels.get(key).into_iter().cloned().collect(),
    }
}

fn age_ms(run: &RunSummary, now_ms: u64) -> u64 {
    let started = chrono::DateTime::parse_from_rfc3339(&run.started_at).ok();
    let started = started.and_then(|at| u64::try_from(at.timestamp_millis()).ok());
    now_ms.saturating_sub(started.unwrap_or(now_ms))
}

fn duration(text: &str) -> Option<u64> {
    duration_ms(&Value::String(text.to_owned())).ok()
}

#[cfg(test)]
mod tests;
