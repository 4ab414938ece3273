//! References: what an expression takes from a run.

use std::ops::Range;

/// The first name of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// The input of the run.
    Inputs,
    /// Steps by id.
    Steps,
    /// The run.
    Run,
    /// The step the expression belongs to.
    Step,
    /// What the handler of the step returned.
    This,
    /// The workflow's environment.
    Env,
    /// What a signal carries.
    Signal,
    /// What an event carries.
    Event,
    /// What an update carries.
    Update,
    /// The item of a step with `for_each`, under the name that step gives it.
    Item,
    /// The number of that item.
    ItemIndex,
    /// The round of the loop the step is in.
    Round,
    /// Secrets by name. What stands for one is filled in when a handler is called.
    Secrets,
}

impl Root {
    pub(super) const NAMES: [&'static str; 11] = [
        "inputs", "steps", "run", "step", "this", "env", "signal", "event", "update", "round",
        "secrets",
    ];
    const ALL: [Self; 11] = [
        Self::Inputs,
        Self::Steps,
        Self::Run,
        Self::Step,
        Self::This,
        Self::Env,
        Self::Signal,
        Self::Event,
        Self::Update,
        Self::Round,
        Self::Secrets,
    ];

    /// The root with this name that is known everywhere.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.name() == name)
    }

    /// Its name; steps may call their items otherwise.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Steps => "steps",
            Self::Run => "run",
            Self::Step => "step",
            Self::This => "this",
            Self::Env => "env",
            Self::Signal => "signal",
            Self::Event => "event",
            Self::Update => "update",
            Self::Item => "item",
            Self::ItemIndex => "item_index",
            Self::Round => "round",
            Self::Secrets => "secrets",
        }
    }

    /// What may follow it; `None`: that depends on the workflow.
    pub fn fields(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Inputs
            | Self::Steps
            | Self::Env
            | Self::Signal
            | Self::Event
            | Self::Update
            | Self::Item
            | Self::ItemIndex
            | Self::Secrets => None,
            Self::Run => Some(&["id", "started_at", "version", "seed", "workflow", "undone"]),
            Self::Step => Some(&["id", "key", "attempt"]),
            Self::This => Some(&["output"]),
            Self::Round => Some(&["number", "carry"]),
        }
    }
}

/// What items of a step are called in its expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemNames {
    item: Box<str>,
    index: Box<str>,
}

impl ItemNames {
    /// `item`, and `item_index` for its number.
    pub fn new(item: &str) -> Self {
        Self { item: item.into(), index: format!("{item}_index").into() }
    }

    /// Both names.
    pub(super) fn all(&self) -> [&str; 2] {
        [&self.item, &self.index]
    }

    /// What a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<Root> {
        if *name == *self.item {
            return Some(Root::Item);
        }
        (*name == *self.index).then_some(Root::ItemIndex)
    }
}

/// Whether a name or word means something in every expression.
pub(crate) fn is_known_name(name: &str) -> bool {
    Root::find(name).is_some() || super::parse::is_word(name)
}

/// What may follow the id of a step.
pub const STEP_FIELDS: [&str; 6] =
    ["output", "status", "error", "attempts", "started_at", "took_ms"];

/// A name in an expression and the constant keys behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The first name.
    pub root: Root,
    /// The first name as it is written.
    pub name: Box<str>,
    /// The names and constant text keys that follow it, up to the first key that is computed.
    pub path: Vec<String>,
    /// Whether something is read from what the path leads to.
    pub deeper: bool,
    /// Whether a missing value is expected: `default`, `get`, `is defined`.
    pub guarded: bool,
    /// Where it stands: bytes of the expression's source.
    pub range: Range<usize>,
}

impl Reference {
    pub(super) fn new(root: Root, name: &str, range: Range<usize>) -> Self {
        Self { root, name: name.into(), path: Vec::new(), deeper: false, guarded: false, range }
    }

    pub(super) fn extend(&mut self, key: Option<String>, end: usize) {
        match key {
            Some(key) if !self.deeper => {
                self.path.push(key);
                self.range.end = end;
            }
            Some(_) | None => self.deeper = true,
        }
    }

    /// The id of the step, if it leads to one.
    pub fn step(&self) -> Option<&str> {
        (self.root == Root::Steps).then(|| self.path.first().map(String::as_str)).flatten()
    }

    /// The field of the step, if it names one.
    pub fn step_field(&self) -> Option<&str> {
        (self.root == Root::Steps).then(|| self.path.get(1).map(String::as_str)).flatten()
    }
}

/// A reference and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'t> {
    /// Keys and list indexes from the root of the template.
    pub path: Vec<String>,
    /// Bytes of the string at the path.
    pub range: Range<usize>,
    /// What it is.
    pub reference: &'t Reference,
}
