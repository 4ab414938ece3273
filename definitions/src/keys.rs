//! The keys of the format: one table for the reader, the JSON Schema and the reference.
//!
//! Invariants:
//! * A key that is in no table here is refused by the reader and by the schema.
//! * A key in `later` is known and refused with its own code, never ignored.

mod breaker;
mod concurrency;
mod control;
mod foreign;
mod starts;

use breaker::BREAKER;
use concurrency::CONCURRENCY;
pub(crate) use concurrency::STEP_CONCURRENCY;
use control::{APPROVE, REPEAT, SWITCH};
pub(crate) use control::{CASE, GROUP};
pub(crate) use foreign::{FOREIGN, FOREIGN_TYPES};
use starts::{DEBOUNCE, DEDUPE};

/// A map with fixed keys.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name in the schema.
    pub(crate) name: &'static str,
    /// What people call it: "the top level", "an input".
    pub(crate) noun: &'static str,
    /// What it may hold.
    pub(crate) keys: &'static [Key],
    /// What it must hold.
    pub(crate) required: &'static [&'static str],
    /// Keys of the format that this version does not carry out.
    pub(crate) later: &'static [&'static str],
}

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) doc: &'static str,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// `v1`.
    Header,
    /// Text.
    Text,
    /// A version number, or text such as `^2`.
    Version,
    /// An integer from the given number up to 2^32 - 1.
    Count(u32),
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Anything, without expressions.
    Any,
    /// A list of anything.
    AnyList,
    /// Anything, with `${{ }}` in its texts.
    Template,
    /// A map of templates.
    TemplateMap,
    /// A map of texts, numbers and booleans with `${{ }}`, under names of environment variables.
    Environment,
    /// A map of texts.
    TextMap,
    /// `${{ }}` around one expression, or a boolean.
    Condition,
    /// Text such as `30s`; the flag allows zero.
    Duration { zero: bool },
    /// A duration or a template of one.
    DurationTemplate,
    /// Text or a list of texts.
    TextOrList,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number of attempts, or a map.
    Retry,
    /// What undoes a step.
    Compensate,
    /// A number of items, or the map of a limit.
    Concurrency,
    /// A map with fixed keys.
    Map(&'static Table),
    /// What starts runs.
    Triggers,
    /// The declared inputs.
    Inputs,
    /// The fields of a form, declared like inputs.
    Form,
    /// The cases of a router.
    Cases,
    /// The steps.
    Steps,
    /// The steps of a group.
    GroupSteps,
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc }
}

/// The whole document.
pub(crate) static TOP: Table = Table {
    name: "workflow",
    noun: "the top level",
    keys: &[
        key("nexus", Shape::Header, "Version of the format: v1."),
        key("name", Shape::Text, "The workflow's name."),
        key("description", Shape::Text, "What it is for. For people."),
        key("version", Shape::Count(0), "The author's version number."),
        key("labels", Shape::TextMap, "Labels that every run gets."),
        key("inputs", Shape::Inputs, "What a run takes, by name; `any` for one value of any kind."),
        key("run", Shape::Map(&RUN), "About the run as a whole."),
        key("env", Shape::Environment, "Environment of scripts, and `env` in expressions."),
        key(
            "encrypt",
            Shape::Boolean,
            "Whether the values of runs are encrypted in the store, so that they can be forgotten.",
        ),
        key("secrets", Shape::TextOrList, "Names of the secrets that steps may use."),
        key(
            "defaults",
            Shape::Map(&DEFAULTS),
            "What `uses` and `run` steps get that say nothing else.",
        ),
        key(
            "mode",
            Shape::Choice(&["graph", "sequence"]),
            "`sequence`: each step needs the one above it.",
        ),
        key(
            "on_failure",
            Shape::Choice(&["keep", "compensate"]),
            "`compensate`: a run that fails undoes its completed steps.",
        ),
        key(
            "on_cancel",
            Shape::Choice(&["keep", "compensate"]),
            "`compensate`: a run that is cancelled undoes its completed steps.",
        ),
        key(
            "triggers",
            Shape::Triggers,
            "What starts runs by itself, once the workflow is registered.",
        ),
        key("steps", Shape::Steps, "The steps by id."),
        key("outputs", Shape::Template, "The run's output."),
        key("queries", Shape::TemplateMap, "What can be asked of a run at any time, by name."),
    ],
    required: &["nexus", "name", "steps"],
    later: &["retain"],
};

/// A trigger.
pub(crate) static TRIGGER: Table = Table {
    name: "trigger",
    noun: "a trigger",
    keys: &[
        key(
            "cron",
            Shape::Text,
            "When a run is due: minute, hour, day of month, month, day of week; seconds may come first.",
        ),
        key(
            "every",
            Shape::Duration { zero: false },
            "When a run is due: at all multiples of this time since 1970.",
        ),
        key("event", Shape::Text, "Name of the event that starts a run, instead of a time."),
        key(
            "match",
            Shape::Condition,
            "Expression over `event`, what it carries; one for which it is false starts nothing.",
        ),
        key("timezone", Shape::Text, "Time zone of `cron`, such as Europe/Berlin. Default: UTC."),
        key(
            "catch_up",
            Shape::Choice(&["none", "latest", "all"]),
            "What becomes of due times at which no engine was there. Default: latest.",
        ),
        key(
            "overlap",
            Shape::Choice(&["skip", "queue", "cancel_old", "allow"]),
            "What happens at a due time when a run is open. Default: skip.",
        ),
        key("name", Shape::Text, "Name of the schedule or trigger. Default: the workflow's."),
        key(
            "with",
            Shape::Any,
            "Input of the runs; of an event also expressions over `event`. Default: what the event carries.",
        ),
    ],
    required: &[],
    later: &["webhook", "if"],
};

static RUN: Table = Table {
    name: "run",
    noun: "`run`",
    keys: &[
        key(
            "id",
            Shape::Text,
            "Name of a run, if the caller gives none. May hold expressions over inputs.",
        ),
        key("timeout", Shape::Duration { zero: false }, "Longest time from start to end."),
        key("concurrency", Shape::Map(&CONCURRENCY), "How many runs may run at one time."),
        key("dedupe", Shape::Map(&DEDUPE), "Starts whose key was seen lately start nothing."),
        key(
            "debounce",
            Shape::Map(&DEBOUNCE),
            "A start is kept until it has been quiet; further ones take its place.",
        ),
    ],
    required: &[],
    later: &["retain"],
};

static DEFAULTS: Table = Table {
    name: "defaults",
    noun: "`defaults`",
    keys: &[
        key("timeout", Shape::Duration { zero: false }, "Longest time of one attempt."),
        key("retry", Shape::Retry, "How often and when a step is tried again."),
        key(
            "concurrency",
            Shape::Map(&CONCURRENCY),
            "How many attempts of a step may be under way at one time, over all runs.",
        ),
        key("breaker", Shape::Map(&BREAKER), "The circuit breaker that each attempt asks first."),
    ],
    required: &[],
    later: &["queue"],
};

/// The types of an input.
pub(crate) const INPUT_TYPES: &[&str] =
    &["any", "string", "integer", "number", "boolean", "list", "map"];

/// The long form of an input.
pub(crate) static INPUT: Table = Table {
    name: "input",
    noun: "an input",
    keys: &[
        key("type", Shape::Choice(INPUT_TYPES), "What it must be."),
        key("default", Shape::Any, "Used when none is given; `null` makes it optional."),
        key("required", Shape::Boolean, "`false`: null when none is given."),
        key("enum", Shape::AnyList, "The values it may have."),
        key("pattern", Shape::Text, "Regular expression that a string must match."),
        key("min", Shape::Number, "Smallest number."),
        key("max", Shape::Number, "Largest number."),
        key("description", Shape::Text, "What it is. For people."),
    ],
    required: &[],
    later: &["of", "format"],
};

/// The long form of `retry`.
pub(crate) static RETRY: Table = Table {
    name: "retry",
    noun: "`retry`",
    keys: &[
        key("max_attempts", Shape::Count(1), "Attempts in total, at least 1."),
        key(
            "backoff",
            Shape::Choice(&["exponential", "linear", "constant"]),
            "How the delay grows.",
        ),
        key(
            "initial",
            Shape::Duration { zero: true },
            "Delay before the second attempt; 1s by default.",
        ),
        key(
            "factor",
            Shape::Number,
            "Growth per attempt with `exponential`, at least 1; 2 by default.",
        ),
        key("max", Shape::Duration { zero: true }, "Longest delay; 1m by default."),
        key(
            "jitter",
            Shape::Boolean,
            "Whether the delay is spread between half and whole; true by default.",
        ),
        key(
            "retry_on",
            Shape::TextOrList,
            "Failure codes to try again; none: every failure that is not fatal.",
        ),
        key("give_up_on", Shape::TextOrList, "Failure codes that end the attempts."),
    ],
    required: &["max_attempts"],
    later: &[],
};

/// What a step waits for.
static WAIT_FOR: Table = Table {
    name: "wait_for",
    noun: "`wait_for`",
    keys: &[
        key("signal", Shape::Text, "Name of the signal, sent to this run."),
        key("event", Shape::Text, "Name of the event, emitted by a step or a program."),
        key("update", Shape::Text, "Name of the update, a request that is checked and answered."),
        key("form", Shape::Form, "What an update carries, by name, declared like inputs."),
        key("accepts", Shape::Condition, "Expression over `update`; false refuses the update."),
        key("message", Shape::Template, "What the sender of a refused update is told."),
        key("reply", Shape::Template, "What the sender of an accepted update is answered."),
        key(
            "match",
            Shape::Condition,
            "Expression over `signal` or `event`, what it carries; one for which it is false is left for others.",
        ),
        key("timeout", Shape::Duration { zero: false }, "How long it waits; for ever by default."),
        key(
            "on_timeout",
            Shape::Choice(&["fail", "continue"]),
            "`continue`: the run goes on, and the output is null; `fail` by default.",
        ),
    ],
    required: &[],
    later: &[],
};

/// A kind of step: the key that makes it one, and the keys that go with it.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) key: Key,
    /// Keys of this kind, beside those of every step.
    pub(crate) own: &'static [Key],
    /// Whether it makes attempts, so that it may be tried again and time out.
    pub(crate) attempts: bool,
}

/// The kinds of steps.
pub(crate) static KINDS: [Kind; 12] = [
    Kind {
        key: key("uses", Shape::Text, "Name of the handler or built-in action it calls."),
        own: &[key("with", Shape::Template, "What the handler gets.")],
        attempts: true,
    },
    Kind {
        key: key(
            "run",
            Shape::Text,
            "A script; the JSON it writes to the file $NEXUS_OUTPUT is its output.",
        ),
        own: &[
            key("shell", Shape::Text, "The program that reads the script; sh by default."),
            key("env", Shape::Environment, "Environment variables of the script."),
        ],
        attempts: true,
    },
    Kind {
        key: key("emit", Shape::Text, "Name of the event it emits, for all who wait for it."),
        own: &[key("with", Shape::Template, "What the event carries; also the output.")],
        attempts: true,
    },
    Kind { key: key("set", Shape::TemplateMap, "Values to compute."), own: &[], attempts: false },
    Kind {
        key: key(
            "sleep",
            Shape::DurationTemplate,
            "How long to wait, such as 15m; may be an expression.",
        ),
        own: &[],
        attempts: false,
    },
    Kind {
        key: key(
            "sleep_until",
            Shape::Template,
            "Until when to wait, such as 2026-12-24T18:00:00Z; may be an expression.",
        ),
        own: &[],
        attempts: false,
    },
    Kind {
        key: key(
            "wait_for",
            Shape::Map(&WAIT_FOR),
            "A signal, an event or an update it waits for.",
        ),
        own: &[],
        attempts: false,
    },
    Kind {
        key: key(
            "call",
            Shape::Text,
            "A workflow it calls, as a run of its own: a file beside this one, or the name of a published workflow.",
        ),
        own: &[
            key("with", Shape::Template, "The inputs of the called workflow."),
            key(
                "version",
                Shape::Version,
                "Which version of a published workflow; the newest by default.",
            ),
        ],
        attempts: true,
    },
    Kind {
        key: key("approve", Shape::Map(&APPROVE), "The decision of a person it waits for."),
        own: &[],
        attempts: false,
    },
    Kind {
        key: key("switch", Shape::Map(&SWITCH), "Which of other steps run."),
        own: &[],
        attempts: false,
    },
    Kind {
        key: key(
            "race",
            Shape::TextOrList,
            "Ids of steps: the first that completes is taken, the others are ended.",
        ),
        own: &[],
        attempts: false,
    },
    Kind {
        key: key(
            "repeat",
            Shape::Map(&REPEAT),
            "An earlier step it goes back to, until something holds.",
        ),
        own: &[],
        attempts: false,
    },
];

/// Keys of every step.
pub(crate) static STEP: &[Key] = &[
    key("name", Shape::Text, "Title. For people."),
    key("description", Shape::Text, "What it is for. Stays in the file."),
    key(
        "needs",
        Shape::TextOrList,
        "Ids of steps that come before it. A reference to a step's output is a need too.",
    ),
    key(
        "when_needs",
        Shape::Choice(&["all_ok", "any_ok", "all_done", "any_failed"]),
        "When the needs let it run.",
    ),
    key("if", Shape::Condition, "Expression; false skips the step."),
    key("on_error", Shape::Choice(&["fail", "continue"]), "What its failure means for the run."),
    key("outputs", Shape::Template, "The step's output, made of `this.output`."),
    key(
        "compensate",
        Shape::Compensate,
        "What undoes the step when the run ends without having completed: an action.",
    ),
];

/// Keys of every `compensate`, beside those of its action.
pub(crate) static UNDO: &[Key] = &[
    key(
        "retry",
        Shape::Retry,
        "How often and when the undo is tried again; without it, until it succeeds.",
    ),
    key("timeout", Shape::Duration { zero: false }, "Longest time of one attempt to undo."),
];

/// What can undo a step.
pub(crate) fn undo_kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| kind.attempts && kind.key.name != "call")
}

/// Every key of a `compensate` with this action.
pub(crate) fn undo_keys(kind: &'static Kind) -> impl Iterator<Item = &'static Key> {
    std::iter::once(&kind.key).chain(kind.own).chain(UNDO)
}

/// Keys of steps that make attempts.
pub(crate) static ATTEMPTS: &[Key] = &[
    key(
        "retry",
        Shape::Retry,
        "How often and when it is tried again: attempts in total, or a map.",
    ),
    key("timeout", Shape::Duration { zero: false }, "Longest time of one attempt."),
    key("deadline", Shape::Duration { zero: false }, "Longest time of all attempts together."),
    key("for_each", Shape::Template, "A list; the step is carried out once for each item of it."),
    key("as", Shape::Text, "What an item is called in expressions; `item` by default."),
    key(
        "on_item_error",
        Shape::Choice(&["fail", "collect"]),
        "`collect`: the other items go on, and the output is `{ok, failed}`; `fail` by default.",
    ),
    key(
        "concurrency",
        Shape::Concurrency,
        "How many attempts, also of items, may be under way at one time, over all runs; a number: how many items of `for_each` in this run, 16 by default.",
    ),
    key("breaker", Shape::Map(&BREAKER), "The circuit breaker that each attempt asks first."),
    key(
        "heartbeat",
        Shape::Duration { zero: false },
        "Longest time without a sign of life of an attempt; a script gives one by writing to $NEXUS_PROGRESS.",
    ),
    key(
        "start_within",
        Shape::Duration { zero: false },
        "Longest time the step is ready and waits for its first attempt to start.",
    ),
];

/// Keys of steps that this version does not carry out.
pub(crate) const LATER_STEP: &[&str] = &["queue", "importance", "secrets"];

impl Kind {
    /// Every key a step of this kind may have.
    pub(crate) fn keys(&'static self) -> impl Iterator<Item = &'static Key> {
        let attempts = if self.attempts { ATTEMPTS } else { &[] };
        std::iter::once(&self.key).chain(self.own).chain(STEP).chain(attempts)
    }
}

/// Every key that some step may have.
pub(crate) fn step_keys() -> impl Iterator<Item = &'static Key> {
    KINDS
        .iter()
        .flat_map(|kind| std::iter::once(&kind.key).chain(kind.own))
        .chain(STEP)
        .chain(ATTEMPTS)
}
