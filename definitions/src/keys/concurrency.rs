//! The keys of a limit.

use super::{Key, Shape, Table, key};

const KEY: Key = key(
    "key",
    Shape::Text,
    "Those with the same key share the limit; none: all runs of the workflow, or all attempts of the step.",
);
const SCOPE: Key = key(
    "scope",
    Shape::Choice(&["workflow", "global"]),
    "Who shares a key: runs of this workflow, by default, or of all.",
);
const LIMIT: Key = key("limit", Shape::Count(1), "How many at one time; the others wait.");
const RATE: Key = key("rate", Shape::Map(&RATES), "How many begin in a time; the others wait.");
const FAIRNESS_KEY: Key = key(
    "fairness_key",
    Shape::Text,
    "Those who wait under different fairness keys take turns, however many wait under each.",
);
const PRIORITY: Key = key(
    "priority",
    Shape::Template,
    "An integer, or an expression; higher comes first, 0 by default.",
);
const ITEMS: Key = key(
    "items",
    Shape::Count(1),
    "How many items of `for_each` are under way or wait for a slot at one time, 16 by default.",
);

/// A limit.
pub(super) static CONCURRENCY: Table = Table {
    name: "concurrency",
    noun: "`concurrency`",
    keys: &[KEY, SCOPE, LIMIT, RATE, FAIRNESS_KEY, PRIORITY],
    required: &[],
    later: &["when_full"],
};

/// The limit of a step, whose items may ask for slots.
pub(crate) static STEP_CONCURRENCY: Table = Table {
    name: "step_concurrency",
    noun: "`concurrency`",
    keys: &[KEY, SCOPE, LIMIT, RATE, FAIRNESS_KEY, PRIORITY, ITEMS],
    required: &[],
    later: &["when_full"],
};

static RATES: Table = Table {
    name: "rate",
    noun: "`rate`",
    keys: &[
        key("limit", Shape::Count(1), "How many, at most 10000."),
        key("per", Shape::Duration { zero: false }, "In how long a time."),
    ],
    required: &["limit", "per"],
    later: &[],
};
