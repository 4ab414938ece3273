//! Keys of steps that ask people, choose, and go back.

use super::{DEFAULTS, Shape, Table, key};

/// What a step asks of people.
pub(super) static APPROVE: Table = Table {
    name: "approve",
    noun: "`approve`",
    keys: &[
        key(
            "by",
            Shape::TextOrList,
            "Who may decide: `user:dana`, `group:ops`, or a bare word that may be either; may be an expression.",
        ),
        key("message", Shape::Text, "What they are asked; may hold expressions."),
        key("form", Shape::Form, "What they fill in, by name, declared like inputs."),
        key("timeout", Shape::Duration { zero: false }, "How long it waits; for ever by default."),
        key(
            "on_timeout",
            Shape::Choice(&["fail", "reject", "continue"]),
            "`reject`: it counts as rejected; `continue`: the run goes on, and the output is null; `fail` by default.",
        ),
    ],
    required: &["by"],
    later: &[],
};

/// A loop.
pub(super) static REPEAT: Table = Table {
    name: "repeat",
    noun: "`repeat`",
    keys: &[
        key("from", Shape::Text, "Id of the step it goes back to."),
        key("until", Shape::Condition, "Expression; the loop ends when it is true."),
        key("limit", Shape::Count(1), "Rounds in total, at least 1; 20 by default."),
        key("delay", Shape::Duration { zero: true }, "Time between two rounds; none by default."),
        key("carry", Shape::Template, "What the next round sees as `round.carry`."),
    ],
    required: &["from", "until"],
    later: &[],
};

/// Which steps run.
pub(super) static SWITCH: Table = Table {
    name: "switch",
    noun: "`switch`",
    keys: &[
        key(
            "cases",
            Shape::Cases,
            "Looked at in this order; the first whose `when` holds is taken.",
        ),
        key(
            "default",
            Shape::TextOrList,
            "Ids of the steps that run if no case holds; none by default.",
        ),
    ],
    required: &["cases"],
    later: &[],
};

/// Steps under one name.
pub(crate) static GROUP: Table = Table {
    name: "group",
    noun: "a group",
    keys: &[
        key(
            "group",
            Shape::GroupSteps,
            "The steps of the group by id; from outside they are `group.step`.",
        ),
        key("name", Shape::Text, "Title. For people."),
        key("description", Shape::Text, "What it is for. Stays in the file."),
        key("needs", Shape::TextOrList, "Ids of what comes before the first steps of the group."),
        key(
            "when_needs",
            Shape::Choice(&["all_ok", "any_ok", "all_done", "any_failed"]),
            "When the needs let its first steps run.",
        ),
        key("if", Shape::Condition, "Expression; false skips every step of the group."),
        key(
            "defaults",
            Shape::Map(&DEFAULTS),
            "What its `uses` and `run` steps get that say nothing else.",
        ),
    ],
    required: &["group"],
    later: &[],
};

/// A case of a router.
pub(crate) static CASE: Table = Table {
    name: "case",
    noun: "a case",
    keys: &[
        key("when", Shape::Condition, "Expression; the case is taken if it is true."),
        key("then", Shape::TextOrList, "Ids of the steps that run then."),
    ],
    required: &["when", "then"],
    later: &[],
};
