//! Scopes: what an expression sees of a run.
//!
//! A step of 100,000 is cheap to evaluate because only what an expression refers to is looked up, and that is known when it is
//! compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::value::Value;
use serde::Deserialize;

use super::EvalError;
use super::date::rfc3339;
use super::language::{WORK, Work};
use super::reference::{Reference, Root, STEP_FIELDS};
use super::secret;
use super::value::from_json_text;
use crate::codec::chunks::{self, Assembled};
use crate::id::{Attempt, ItemIndex, RunId, StepIndex};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::{Run, StepRun, StepState, UndoState};
use crate::time::Timestamp;
use crate::vault::{Vault, reveal};

/// The longest output of a `for_each` that expressions read, in bytes.
const CHUNKS_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What expressions may look at.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The plan of the run.
    pub plan: &'a Plan,
    /// The run.
    pub run: &'a Run,
    /// Payloads loaded so far, by hash.
    pub payloads: &'a BTreeMap<PayloadHash, Arc<[u8]>>,
    /// The step and attempt the expression belongs to; `None` for the run's own (`outputs`, name).
    pub step: Option<(StepIndex, Attempt)>,
    /// What the handler returned, where a step's `outputs` are rendered.
    pub this_output: Option<&'a Payload>,
    /// What a signal, an event or an update carries, where it is asked whether it is wanted.
    pub signal: Option<&'a Payload>,
    /// The item the expression belongs to.
    pub item: Option<ItemScope<'a>>,
    /// When: the end of what has not ended. Never visible as such.
    pub now: Timestamp,
    /// What shows the texts of an encrypted run.
    pub vault: Option<&'a dyn Vault>,
}

/// An item of a step with `for_each`.
#[derive(Clone, Copy, Debug)]
pub struct ItemScope<'a> {
    /// Its number.
    pub index: ItemIndex,
    /// Its JSON.
    pub json: &'a [u8],
}

impl Scope<'_> {
    /// Looks up everything `references` name.
    ///
    /// # Errors
    /// [`EvalError::Needs`] with all payloads that are missing.
    pub(super) fn values<'r>(
        &self,
        references: impl Iterator<Item = &'r Reference>,
    ) -> Result<Value, EvalError> {
        let mut wanted: BTreeMap<(Root, &str), BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
        for reference in references {
            let names = wanted.entry((reference.root, &reference.name)).or_default();
            let fields =
                names.entry(reference.path.first().map_or("", String::as_str)).or_default();
            match reference.path.get(1) {
                Some(field) => {
                    fields.insert(field);
                }
                None => fields.extend(STEP_FIELDS),
            }
        }
        let mut lookup = Lookup { scope: self, needs: Vec::new() };
        let mut values = vec![(WORK, Work::full())];
        for ((root, name), names) in &wanted {
            values.push((*name, lookup.root(*root, names)?));
        }
        if lookup.needs.is_empty() {
            return Ok(Value::from_pairs(values));
        }
        lookup.needs.sort_unstable();
        lookup.needs.dedup();
        Err(EvalError::Needs(lookup.needs))
    }
}

struct Lookup<'a, 's> {
    scope: &'a Scope<'s>,
    needs: Vec<PayloadHash>,
}

impl Lookup<'_, '_> {
    fn root(
        &mut self,
        root: Root,
        names: &BTreeMap<&str, BTreeSet<&str>>,
    ) -> Result<Value, EvalError> {
        match root {
            Root::Inputs => match self.scope.run.started.as_ref() {
                Some(started) => self.payload(&started.input, "the input"),
                None => Ok(Value::from(())),
            },
            Root::Steps => {
                let mut steps = Vec::new();
                for (id, fields) in names {
                    if let Some(step) = self.scope.plan.find(id) {
                        steps.push((*id, self.step(step, fields)?));
                    }
                }
                Ok(Value::from_pairs(steps))
            }
            Root::Run => Ok(self.run()),
            Root::Step => Ok(self.own_step()),
            Root::This => {
                let output = match self.scope.this_output {
                    Some(payload) => self.payload(payload, "what the handler returned")?,
                    None => Value::from(()),
                };
                Ok(Value::from_pairs([("output", output)]))
            }
            Root::Env => self.environment(),
            Root::Round => self.round(),
            Root::Secrets => Ok(secret::stand_ins(names.keys())),
            Root::Signal | Root::Event | Root::Update => match self.scope.signal {
                Some(payload) => self.payload(payload, root.name()),
                None => Ok(Value::from(())),
            },
            Root::Item => match self.scope.item {
                Some(item) => json(item.json, "the item"),
                None => Ok(Value::from(())),
            },
            Root::ItemIndex => Ok(optional(self.scope.item.map(|item| item.index.0))),
        }
    }

    /// The round of the innermost loop around the step.
    fn round(&mut self) -> Result<Value, EvalError> {
        let scope = self.scope;
        let loops = scope.step.map(|(step, _)| scope.plan.loops(step)).unwrap_or_default();
        let found = loops.last().and_then(|step| scope.run.loops.get(step));
        let carry = match found {
            Some(found) => self.payload(&found.carry, "what the last round left")?,
            None => Value::from(()),
        };
        let number = found.map_or(1, |found| found.round);
        Ok(Value::from_pairs([("number", Value::from(number)), ("carry", carry)]))
    }

    /// The JSON of a payload; `null` for one that has to be loaded first.
    fn payload(&mut self, payload: &Payload, what: &str) -> Result<Value, EvalError> {
        let bytes: &[u8] = match payload {
            Payload::Null => return Ok(Value::from(())),
            Payload::Inline(_, bytes) => bytes,
            Payload::Stored(_, hash, _) => {
                let Some(bytes) = self.scope.payloads.get(hash) else {
                    self.needs.push(*hash);
                    return Ok(Value::from(()));
                };
                bytes
            }
        };
        match payload.content_type() {
            ContentType::Json => json(bytes, what),
            ContentType::Bytes => {
                let message = format!("{what} is not JSON, so expressions cannot read it");
                Err(EvalError::Failed { code: "NX2103", message })
            }
            ContentType::Chunks => self.chunks(bytes, payload.len(), what),
        }
    }

    /// What the items of a step returned, put together.
    fn chunks(&mut self, list: &[u8], len: u64, what: &str) -> Result<Value, EvalError> {
        if len > CHUNKS_BYTES_MAX {
            let message = format!(
                "{what} has about {len} bytes, more than an expression reads ({CHUNKS_BYTES_MAX})"
            );
            return Err(EvalError::Failed { code: "NX3032", message });
        }
        let loaded = |hash: &PayloadHash| self.scope.payloads.get(hash).map(|bytes| &**bytes);
        match chunks::assemble(list, loaded) {
            Assembled::Json(text) => json(&text, what),
            Assembled::Needs(needs) => {
                self.needs.extend(needs);
                Ok(Value::from(()))
            }
            Assembled::Damaged => {
                let message = format!("{what} cannot be read");
                Err(EvalError::Failed { code: "NX2103", message })
            }
        }
    }

    fn run(&self) -> Value {
        let started = self.scope.run.started.as_ref();
        let text = |text: Option<&str>| text.map_or_else(|| Value::from(()), Value::from);
        Value::from_pairs([
            ("id", text(started.map(|started| started.name.as_str()))),
            ("started_at", Value::from(rfc3339(self.scope.run.started_at))),
            ("version", optional(self.scope.plan.definition().version)),
            ("seed", optional(started.map(|started| started.seed))),
            ("workflow", Value::from(self.scope.plan.definition().name.as_str())),
            ("undone", self.undone()),
        ])
    }

    /// Ids of the steps that were undone; asked for only where something can be.
    fn undone(&self) -> Value {
        let plan = self.scope.plan;
        let is_undone =
            |step: &StepIndex| self.scope.run.step_run(*step).undo() == Some(&UndoState::Undone);
        plan.steps_with_undo().filter(is_undone).map(|step| Value::from(plan.id(step))).collect()
    }

    fn own_step(&self) -> Value {
        let Some((step, attempt)) = self.scope.step else { return Value::from(()) };
        let id = self.scope.plan.id(step);
        let run = self.scope.run.started.as_ref().map(|started| started.run).unwrap_or_default();
        let round = self.scope.run.round_mark(self.scope.plan, step);
        // An undo has a key of its own, so that it is not taken for the step.
        let undo = if self.scope.run.step_run(step).undo.is_some() { "/undo" } else { "" };
        Value::from_pairs([
            ("id", Value::from(id)),
            ("key", Value::from(self.key(run, id, &round, undo))),
            ("attempt", Value::from(attempt.0)),
        ])
    }

    /// The idempotency key of the step or item.
    fn key(&self, run: RunId, id: &str, round: &str, undo: &str) -> String {
        match self.scope.item {
            Some(item) => format!("{run}/{id}{round}{undo}/{}", item.index.0),
            None => format!("{run}/{id}{round}{undo}"),
        }
    }

    fn step(&mut self, step: StepIndex, fields: &BTreeSet<&str>) -> Result<Value, EvalError> {
        let step_run = self.scope.run.step_run(step);
        let mut values = Vec::new();
        for field in fields {
            let value = match *field {
                "output" => self.output(step, step_run)?,
                "status" => Value::from(step_run.word()),
                "error" => error(step_run, self.scope.vault),
                "attempts" => Value::from(step_run.attempt.0),
                "started_at" => step_run
                    .started_at
                    .map_or_else(|| Value::from(()), |at| Value::from(rfc3339(at))),
                "took_ms" => self.took_ms(step_run),
                _ => continue,
            };
            values.push((*field, value));
        }
        Ok(Value::from_pairs(values))
    }

    fn output(&mut self, step: StepIndex, step_run: &StepRun) -> Result<Value, EvalError> {
        let Some(output) = step_run.state.output() else { return Ok(Value::from(())) };
        self.payload(output, &format!("the output of step `{}`", self.scope.plan.id(step)))
    }

    fn took_ms(&self, step_run: &StepRun) -> Value {
        optional(
            step_run.started_at.map(|started_at| {
                step_run.settled_at.unwrap_or(self.scope.now).ms_since(started_at)
            }),
        )
    }

    fn environment(&mut self) -> Result<Value, EvalError> {
        let rendered = match self.scope.plan.env.render(self.scope) {
            Err(EvalError::Needs(needs)) => {
                self.needs.extend(needs);
                return Ok(Value::from(()));
            }
            rendered => rendered?,
        };
        Value::deserialize(rendered)
            .map_err(|error| EvalError::Failed { code: "NX2103", message: error.to_string() })
    }
}

fn json(bytes: &[u8], what: &str) -> Result<Value, EvalError> {
    from_json_text(bytes).map_err(|error| EvalError::Failed {
        code: "NX2103",
        message: format!("{what} is not JSON: {error}"),
    })
}

fn optional(value: Option<impl Into<Value>>) -> Value {
    value.map_or_else(|| Value::from(()), Into::into)
}

fn error(step_run: &StepRun, vault: Option<&dyn Vault>) -> Value {
    let failure = match &step_run.state {
        StepState::Failed { failure, .. } | StepState::Retrying { failure, .. } => failure,
        StepState::Waiting
        | StepState::Running { .. }
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. }
        | StepState::Calling { .. }
        | StepState::Iterating
        | StepState::Completed { .. }
        | StepState::Skipped { .. }
        | StepState::NotReached
        | StepState::Cancelled => return Value::from(()),
    };
    let shown = |text: &str| match vault {
        Some(_) => reveal(vault, text),
        None => text.to_owned(),
    };
    Value::from_pairs([
        ("code", Value::from(failure.code.as_str())),
        ("message", Value::from(shown(&failure.message))),
        ("details", optional(failure.details.as_deref().map(shown))),
    ])
}
