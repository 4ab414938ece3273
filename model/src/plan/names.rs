//! Names: whether what expressions refer to exists where they stand.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::DefinitionError;
use super::compile::Problems;
use crate::definition::Definition;
use crate::expression::{Found, Reference, Root, STEP_FIELDS};
use crate::id::StepIndex;
use crate::suggest::nearest;

/// Searching for a similar name costs as much as there are names, so only the first mistakes get a suggestion.
const SUGGESTIONS_MAX: u32 = 20;

/// A place where expressions stand.
pub(super) struct Place<'p> {
    path: Vec<&'p str>,
    roots: &'static [Root],
    step: Option<(&'p str, StepIndex)>,
    /// What is handed to a handler, where secrets may stand.
    secrets: SecretsIn,
}

/// Where secrets may stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecretsIn {
    Nothing,
    All,
    /// In the `env` of a script.
    Env,
}

impl SecretsIn {
    fn field(field: &str) -> Self {
        match field {
            "with" => Self::All,
            "" => Self::Env,
            _ => Self::Nothing,
        }
    }

    fn takes(self, path: &[String]) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Env => path.first().is_some_and(|key| key == "env"),
        }
    }
}

impl<'p> Place<'p> {
    pub(super) fn env() -> Self {
        Self {
            path: vec!["env"],
            roots: &[Root::Inputs, Root::Run],
            step: None,
            secrets: SecretsIn::Nothing,
        }
    }

    pub(super) fn run_id() -> Self {
        Self {
            path: vec!["run", "id"],
            roots: &[Root::Inputs, Root::Env],
            step: None,
            secrets: SecretsIn::Nothing,
        }
    }

    pub(super) fn outputs() -> Self {
        let roots = &[Root::Inputs, Root::Steps, Root::Run, Root::Env];
        Self { path: vec!["outputs"], roots, step: None, secrets: SecretsIn::Nothing }
    }

    /// A query: what `outputs` may refer to.
    pub(super) fn query(name: &'p str) -> Self {
        Self { path: vec!["queries", name], ..Self::outputs() }
    }

    /// A field of a step; `this` is known in its `outputs` only.
    pub(super) fn step(id: &'p str, index: StepIndex, field: &'p str) -> Self {
        const ALL: &[Root] =
            &[Root::Inputs, Root::Steps, Root::Run, Root::Step, Root::Env, Root::Round, Root::This];
        let roots = if field == "outputs" { ALL } else { ALL.get(..6).unwrap_or(ALL) };
        let path = if field.is_empty() { vec!["steps", id] } else { vec!["steps", id, field] };
        Self { path, roots, step: Some((id, index)), secrets: SecretsIn::field(field) }
    }

    /// The same place, of which what it comes to is recorded: no secret may stand there.
    pub(super) fn recorded(self) -> Self {
        Self { secrets: SecretsIn::Nothing, ..self }
    }

    /// The `match` of a step that waits, where `signal` is known, or `event` if it waits for one.
    pub(super) fn signal_match(id: &'p str, index: StepIndex, is_event: bool) -> Self {
        const SIGNAL: &[Root] =
            &[Root::Inputs, Root::Steps, Root::Run, Root::Step, Root::Env, Root::Signal];
        const EVENT: &[Root] =
            &[Root::Inputs, Root::Steps, Root::Run, Root::Step, Root::Env, Root::Event];
        let roots = if is_event { EVENT } else { SIGNAL };
        Self {
            path: vec!["steps", id, "wait_for", "match"],
            roots,
            step: Some((id, index)),
            secrets: SecretsIn::Nothing,
        }
    }

    /// A field of a step that takes an update, where `update` is known.
    pub(super) fn update(id: &'p str, index: StepIndex, field: &'p str) -> Self {
        const ROOTS: &[Root] = &[
            Root::Inputs,
            Root::Steps,
            Root::Run,
            Root::Step,
            Root::Env,
            Root::Round,
            Root::Update,
        ];
        let step = Some((id, index));
        let path = vec!["steps", id, "wait_for", field];
        Self { path, roots: ROOTS, step, secrets: SecretsIn::Nothing }
    }

    /// A field of a trigger for events.
    pub(super) fn event_trigger() -> Self {
        let path = vec!["triggers"];
        Self { path, roots: &[Root::Event], step: None, secrets: SecretsIn::Nothing }
    }

    /// A field of `run.concurrency`.
    pub(super) fn run_slot(field: &'p str) -> Self {
        let mut path = vec!["run", "concurrency"];
        path.extend(Some(field).filter(|field| !field.is_empty()));
        Self { path, ..Self::run_id() }
    }

    /// The key of `run.dedupe` or `run.debounce`.
    pub(super) fn start_key(rule: &'p str) -> Self {
        Self { path: vec!["run", rule, "key"], ..Self::run_id() }
    }

    /// A field of a step's `concurrency`.
    pub(super) fn step_slot(id: &'p str, index: StepIndex, field: &'p str) -> Self {
        let mut place = Self::step(id, index, "concurrency");
        place.path.extend(Some(field).filter(|field| !field.is_empty()));
        place
    }

    /// A field of a step's `breaker`.
    pub(super) fn step_breaker(id: &'p str, index: StepIndex, field: &'p str) -> Self {
        let mut place = Self::step(id, index, "breaker");
        place.path.push(field);
        place
    }

    /// A field of the `compensate` of a step.
    pub(super) fn undo(id: &'p str, index: StepIndex, field: &'p str) -> Self {
        let place = Self::step(id, index, "outputs");
        let mut path = vec!["steps", id, "compensate"];
        if !field.is_empty() {
            path.push(field);
        }
        Self { path, secrets: SecretsIn::field(field), ..place }
    }

    /// The condition of a case of a router.
    pub(super) fn switch_case(id: &'p str, index: StepIndex, case: &'p str) -> Self {
        let roots = &[Root::Inputs, Root::Steps, Root::Run, Root::Step, Root::Env];
        let path = vec!["steps", id, "switch", "cases", case, "when"];
        Self { path, roots, step: Some((id, index)), secrets: SecretsIn::Nothing }
    }

    /// A field of a loop.
    pub(super) fn repeat(id: &'p str, index: StepIndex, field: &'p str) -> Self {
        Self { path: vec!["steps", id, "repeat", field], ..Self::step(id, index, field) }
    }

    pub(super) fn path(&self) -> &[&'p str] {
        &self.path
    }
}

/// The names a definition declares.
pub(super) struct Names<'d> {
    definition: &'d Definition,
    by_id: &'d [StepIndex],
    suggestions: Cell<u32>,
}

impl<'d> Names<'d> {
    pub(super) fn new(definition: &'d Definition, by_id: &'d [StepIndex]) -> Self {
        Self { definition, by_id, suggestions: Cell::new(0) }
    }

    pub(super) fn find(&self, id: &str) -> Option<StepIndex> {
        let at = self.by_id.binary_search_by(|step| self.id(*step).cmp(id)).ok()?;
        self.by_id.get(at).copied()
    }

    fn id(&self, step: StepIndex) -> &'d str {
        self.definition.steps.get(step.at()).map_or("", |step| step.id.as_str())
    }

    /// The id `wrong` may have meant.
    pub(super) fn similar_id(&self, wrong: &str) -> Option<&'d str> {
        let ids = self.definition.steps.iter().map(|step| step.id.as_str());
        self.similar(wrong, ids)
    }

    fn similar<'k>(&self, wrong: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
        self.suggestions.set(self.suggestions.get() + 1);
        if self.suggestions.get() > SUGGESTIONS_MAX {
            return None;
        }
        nearest(wrong, known)
    }

    /// Checks what was `found` at `place`. Answers with the steps it leads to.
    pub(super) fn check(
        &self,
        found: &[Found<'_>],
        place: &Place<'_>,
        problems: &mut Problems,
    ) -> BTreeSet<StepIndex> {
        let mut steps = BTreeSet::new();
        for found in found {
            match self.look_up(found, place) {
                Ok(step) => steps.extend(step),
                Err(wrong) => {
                    let path = place.path.iter().map(|key| (*key).to_owned());
                    problems.errors.push(DefinitionError {
                        code: wrong.code,
                        path: path.chain(found.path.iter().cloned()).collect(),
                        range: Some(found.range.clone()),
                        message: wrong.message,
                        hint: wrong.hint,
                        warning: false,
                    });
                }
            }
        }
        steps
    }

    fn look_up(&self, found: &Found<'_>, place: &Place<'_>) -> Result<Option<StepIndex>, Wrong> {
        let reference = found.reference;
        // The names of an item are known to the parser only where they mean something.
        if matches!(reference.root, Root::Item | Root::ItemIndex) {
            return Ok(None);
        }
        if reference.root == Root::Secrets {
            return self.secret(found, place).map(|()| None);
        }
        if !place.roots.contains(&reference.root) {
            return Err(not_here(reference.root, place));
        }
        match reference.root {
            Root::Inputs => self.input(reference).map(|()| None),
            Root::Env => self.env(reference).map(|()| None),
            Root::Run | Root::Step | Root::This | Root::Round => field(reference).map(|()| None),
            Root::Signal
            | Root::Event
            | Root::Update
            | Root::Item
            | Root::ItemIndex
            | Root::Secrets => Ok(None),
            Root::Steps => self.step(reference, place).map(Some),
        }
    }

    fn secret(&self, found: &Found<'_>, place: &Place<'_>) -> Result<(), Wrong> {
        let name = found.reference.path.first().map_or("", String::as_str);
        if !place.secrets.takes(&found.path) {
            let message = format!("the secret `{name}` cannot stand here: it would be recorded");
            return Err(Wrong::new("NX1133", message)
                .hint("secrets are for the `with` of an action and the `env` of a script"));
        }
        let declared = &self.definition.secrets;
        if declared.iter().any(|declared| declared == name) {
            return Ok(());
        }
        let hint = match self.similar(name, declared.iter().map(String::as_str)) {
            Some(similar) => format!("did you mean `secrets.{similar}`?"),
            None => format!("write `secrets: [{name}]` at the top"),
        };
        Err(Wrong::new("NX1132", format!("the workflow declares no secret `{name}`")).hint(hint))
    }

    fn input(&self, reference: &Reference) -> Result<(), Wrong> {
        let Some(name) = reference.path.first() else { return Ok(()) };
        let declared = &self.definition.inputs;
        if self.definition.input_is_value || declared.contains_key(name) {
            return Ok(());
        }
        let hint = match self.similar(name, declared.keys().map(String::as_str)) {
            Some(similar) => format!("did you mean `inputs.{similar}`?"),
            None => "declare it under `inputs`".to_owned(),
        };
        Err(Wrong::new("NX2101", format!("the workflow has no input `{name}`")).hint(hint))
    }

    fn env(&self, reference: &Reference) -> Result<(), Wrong> {
        let Some(name) = reference.path.first() else { return Ok(()) };
        let declared = &self.definition.env;
        if declared.contains_key(name) {
            return Ok(());
        }
        let hint = match self.similar(name, declared.keys().map(String::as_str)) {
            Some(similar) => format!("did you mean `env.{similar}`?"),
            None => "declare it under `env` of the workflow".to_owned(),
        };
        Err(Wrong::new("NX2101", format!("the workflow has no `env.{name}`")).hint(hint))
    }

    fn step(&self, reference: &Reference, place: &Place<'_>) -> Result<StepIndex, Wrong> {
        let Some(id) = reference.step() else {
            return Err(Wrong::new("NX2101", "`steps` alone is not a value".to_owned())
                .hint("name one step: `steps.<id>`, or `steps[\"<id>\"]`"));
        };
        let Some(step) = self.find(id) else { return Err(self.no_step(id)) };
        if let Some((own, index)) = place.step
            && index == step
        {
            let message = format!("step `{own}` refers to itself: {own} → {own}");
            return Err(Wrong::new("NX1105", message)
                .hint("in `outputs` of a step, `this.output` is what its handler returned"));
        }
        match reference.step_field() {
            Some(field) if !STEP_FIELDS.contains(&field) => {
                let message = format!("a step has no `{field}`");
                let hint = match nearest(field, STEP_FIELDS) {
                    Some(similar) => format!("did you mean `steps.{id}.{similar}`?"),
                    None => format!("what it returned is `steps.{id}.output.{field}`"),
                };
                Err(Wrong::new("NX2101", message).hint(hint))
            }
            Some(_) | None => Ok(step),
        }
    }

    fn no_step(&self, id: &str) -> Wrong {
        let wrong = Wrong::new("NX1104", format!("there is no step `{id}`"));
        let prefix = format!("{id}-");
        let dashed =
            self.by_id.iter().map(|step| self.id(*step)).find(|id| id.starts_with(&prefix));
        if let Some(dashed) = dashed {
            return wrong.hint(format!("write `steps[\"{dashed}\"]` for an id with a dash"));
        }
        match self.similar_id(id) {
            Some(similar) => wrong.hint(format!("did you mean `steps.{similar}`?")),
            None => wrong,
        }
    }
}

/// What is wrong with a reference, before it is known where it stands.
struct Wrong {
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Wrong {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn not_here(root: Root, place: &Place<'_>) -> Wrong {
    let known: Vec<&str> = place.roots.iter().map(|root| root.name()).collect();
    Wrong::new("NX2101", format!("`{}` is not known here", root.name()))
        .hint(format!("known here: {}", known.join(", ")))
}

fn field(reference: &Reference) -> Result<(), Wrong> {
    let (Some(name), Some(fields)) = (reference.path.first(), reference.root.fields()) else {
        return Ok(());
    };
    if fields.contains(&name.as_str()) {
        return Ok(());
    }
    let root = reference.root.name();
    let hint = match nearest(name, fields.iter().copied()) {
        Some(similar) => format!("did you mean `{root}.{similar}`?"),
        None => format!("`{root}` has {}", fields.join(", ")),
    };
    Err(Wrong::new("NX2101", format!("there is no `{root}.{name}`")).hint(hint))
}
