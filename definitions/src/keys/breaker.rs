//! The keys of a circuit breaker.

use super::{Shape, Table, key};

/// A circuit breaker.
pub(crate) static BREAKER: Table = Table {
    name: "breaker",
    noun: "`breaker`",
    keys: &[
        key(
            "target",
            Shape::Text,
            "What is called; all steps of all workflows that name it share the breaker. May hold expressions.",
        ),
        key("failures", Shape::Count(1), "It opens after so many failures in a row, 5 by default."),
        key(
            "successes",
            Shape::Count(1),
            "It closes after so many successes in a row of calls that try, 2 by default.",
        ),
        key(
            "open_for",
            Shape::Duration { zero: false },
            "How long it is open before one call tries, 60s by default.",
        ),
        key(
            "while_open",
            Shape::Choice(&["wait", "fail"]),
            "What the step does meanwhile: `wait`, by default, or `fail` with NX3045, which ends its `retry`.",
        ),
    ],
    required: &["target"],
    later: &[],
};
