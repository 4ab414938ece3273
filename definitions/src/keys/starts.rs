//! The keys of what decides whether and when a run is started.

use super::{Shape, Table, key};

/// Starts that start nothing because their key was seen.
pub(crate) static DEDUPE: Table = Table {
    name: "dedupe",
    noun: "`dedupe`",
    keys: &[
        key(
            "key",
            Shape::Text,
            "Starts of the workflow with the same key are the same. May hold expressions over inputs.",
        ),
        key(
            "within",
            Shape::Duration { zero: false },
            "How long a key counts: until then, a start is answered with the run that is there.",
        ),
    ],
    required: &["key", "within"],
    later: &[],
};

/// Starts that are kept until it has been quiet.
pub(crate) static DEBOUNCE: Table = Table {
    name: "debounce",
    noun: "`debounce`",
    keys: &[
        key(
            "key",
            Shape::Text,
            "A start takes the place of one with the same key; none: of any of the workflow. May hold expressions over inputs.",
        ),
        key(
            "wait",
            Shape::Duration { zero: false },
            "How long no further start must come until the run is started.",
        ),
        key(
            "at_most",
            Shape::Duration { zero: false },
            "How long after the first start the run is started at the latest. Default: it may be put off for ever.",
        ),
    ],
    required: &["wait"],
    later: &[],
};
