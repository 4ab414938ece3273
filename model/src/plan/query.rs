//! Queries: what a workflow tells of its runs, computed from their state, whenever somebody asks.
//!
//! A query sees what the run's output sees, at any moment: of a step that has not completed, or was skipped, `output` is `null`
//! and `status` says where it stands. Nothing is recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::compile::Problems;
use super::names::{Names, Place};
use super::{Plan, is_plain_id};
use crate::definition::Definition;
use crate::expression::{EvalError, Scope, Template};
use crate::payload::PayloadHash;
use crate::run::Run;
use crate::time::Timestamp;

/// Compiles the queries.
pub(super) fn compile(
    definition: &Definition,
    names: &Names<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Template> {
    let mut queries = BTreeMap::new();
    for (name, value) in &definition.queries {
        let place = Place::query(name);
        if !is_plain_id(name) {
            let message = format!("`{}` cannot be the name of a query", name.escape_debug());
            problems.error("NX1111", place.path(), message).hint = Some(
                "write a letter or `_`, then letters, digits, `_` and `-`; at most 64".to_owned(),
            );
        }
        if let Some(template) = problems.take(place.path(), Template::compile(value)) {
            names.check(&template.references(), &place, problems);
            queries.insert(name.clone(), template);
        }
    }
    queries
}

impl Plan {
    /// Names of what can be asked of its runs, in order.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    /// What the query `name` says of `run`; `None`: there is no such query.
    ///
    /// # Errors
    /// [`EvalError::Needs`]: load these payloads and ask again; else what is wrong with it, given this state.
    pub fn answer(
        &self,
        name: &str,
        run: &Run,
        payloads: &BTreeMap<PayloadHash, Arc<[u8]>>,
        now: Timestamp,
    ) -> Option<Result<Value, EvalError>> {
        let template = self.queries.get(name)?;
        Some(template.render(&Scope {
            plan: self,
            run,
            payloads,
            step: None,
            this_output: None,
            signal: None,
            item: None,
            now,
            vault: None,
        }))
    }
}
