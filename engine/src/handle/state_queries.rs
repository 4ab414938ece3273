//! Queries: what a workflow tells of its runs, computed from their recorded state. The run is read, not taken into memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_model::expression::EvalError;
use nexus_model::id::RunId;
use nexus_model::payload::{ContentType, Payload, PayloadHash};
use nexus_model::plan::Plan;
use nexus_model::run::Run;
use nexus_model::suggest::nearest;
use nexus_model::time::Timestamp;
use serde_json::Value;

use super::Handle;
use crate::loader::{LoadError, Loader};

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is no such run.
    #[error("there is no such run")]
    NoSuchRun,
    /// The workflow of the run has no query of this name.
    #[error("the workflow has no query `{name}`")]
    NoSuchQuery {
        /// The name.
        name: String,
        /// A name that may be meant.
        near: Option<String>,
        /// How many queries there are.
        count: usize,
    },
    /// Its expression fails, given the state of the run.
    #[error("{message}")]
    Failed {
        /// Error code, `NXnnnn`.
        code: &'static str,
        /// What is wrong, with the expression.
        message: String,
    },
    /// The log cannot be read, or the run is forgotten.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// What a query of a run came to.
#[derive(Debug)]
pub struct QueryAnswer {
    /// The name of the query.
    pub name: String,
    /// What it says.
    pub value: Result<Value, QueryError>,
}

impl Handle {
    /// What the query `name` says of a run, open or ended, as it is recorded. No event is made of it.
    ///
    /// # Errors
    /// [`QueryError`]
    pub async fn query(&self, run: RunId, name: &str) -> Result<Value, QueryError> {
        let (name, now) = (name.to_owned(), self.clock().now());
        self.blocking(move |loader| {
            let (plan, state) = loader.shown(run)?.ok_or(QueryError::NoSuchRun)?;
            answer(loader, (&plan, &state), &name, now)
        })
        .await
    }

    /// What all queries say of a run, by name.
    ///
    /// # Errors
    /// [`QueryError`] if there is no such run, or it cannot be read.
    pub async fn queries(&self, run: RunId) -> Result<Vec<QueryAnswer>, QueryError> {
        let now = self.clock().now();
        self.blocking(move |loader| {
            let (plan, state) = loader.shown(run)?.ok_or(QueryError::NoSuchRun)?;
            let names = plan.queries();
            let answers = names.map(|name| QueryAnswer {
                name: name.to_owned(),
                value: answer(loader, (&plan, &state), name, now),
            });
            Ok(answers.collect())
        })
        .await
    }
}

/// Asks again until all payloads are there.
pub(crate) fn answer(
    loader: &Loader,
    (plan, run): (&Plan, &Run),
    name: &str,
    now: Timestamp,
) -> Result<Value, QueryError> {
    let mut payloads: BTreeMap<PayloadHash, Arc<[u8]>> = BTreeMap::new();
    let mut forgotten = false;
    loop {
        let Some(answer) = plan.answer(name, run, &payloads, now) else {
            let near = nearest(name, plan.queries()).map(str::to_owned);
            let count = plan.queries().count();
            return Err(QueryError::NoSuchQuery { name: name.to_owned(), near, count });
        };
        match answer {
            Ok(value) => return Ok(value),
            // What is wrong is that the values are gone.
            Err(EvalError::Failed { .. }) if forgotten => return Err(LoadError::Forgotten.into()),
            Err(EvalError::Failed { code, message }) => {
                return Err(QueryError::Failed { code, message });
            }
            Err(EvalError::Needs(needs)) => {
                for hash in needs {
                    let bytes = match loader.payloads(&[hash]) {
                        Err(LoadError::Forgotten) => {
                            forgotten = true;
                            reference_to_forgotten(&hash)
                        }
                        loaded => {
                            loaded?.into_iter().map(|(_, bytes)| bytes).next().unwrap_or_default()
                        }
                    };
                    payloads.insert(hash, bytes);
                }
            }
        }
    }
}

/// What stands where a value of a forgotten run stood.
fn reference_to_forgotten(hash: &PayloadHash) -> Arc<[u8]> {
    let mut reference = Payload::Stored(ContentType::Json, *hash, 0).reference();
    if let Some(about) = reference["$payload"].as_object_mut() {
        about.remove("bytes");
        about.insert("forgotten".to_owned(), true.into());
    }
    reference.to_string().into_bytes().into()
}
