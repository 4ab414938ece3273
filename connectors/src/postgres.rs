//! Steps whose work is a transaction of PostgreSQL: what they write and that they are done becomes durable in one commit.
//!
//! The log of events and PostgreSQL cannot commit as one. So the transaction of a step also writes a row with the step's key and
//! output. When the process ends between the commit and the event that records it, the attempt is made again, finds the row, and
//! returns that output without calling the function.
//!
//! Invariants:
//! * The row is written first. Of two executions of a step at one time, the second waits for the first to commit or give up.
//! * The function is called, and what it did is committed, at most once for each key.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use deadpool_postgres::{Pool, PoolError};
use nexus_engine::{StepCx, StepError, StepResult};
use nexus_model::payload::Payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Transaction;

pub use {deadpool_postgres, tokio_postgres};

/// What makes the table. Safe to carry out again.
const TABLE: &str = "create table if not exists nexus_steps (
    step_key text primary key,
    input_hash bytea not null,
    output text,
    at timestamptz not null default now()
)";
/// Takes the key, or waits until whoever has it commits or gives up.
const TAKE: &str = "insert into nexus_steps (step_key, input_hash) values ($1, $2) on conflict (step_key) do nothing";
const RECORD: &str = "update nexus_steps set output = $2 where step_key = $1";
const FIND: &str = "select input_hash, output from nexus_steps where step_key = $1";

/// A database in which steps do their work.
///
/// The outputs of steps stand in its table `nexus_steps`. A row is needed as long as its step may be carried out again: until the
/// run has completed, or nobody will retry it.
#[derive(Clone)]
pub struct Transactions {
    pool: Pool,
}

/// A function that does the work of a step in a transaction: any
/// `async fn(StepCx, &Transaction<'_>, In) -> StepResult<Out>`.
pub trait InTransaction<'t, In, Out>: Send + Sync {
    /// What it returns.
    type Future: Future<Output = StepResult<Out>> + Send + 't;

    /// Calls it.
    fn call(&self, cx: StepCx, transaction: &'t Transaction<'t>, input: In) -> Self::Future;
}

impl<'t, F, Fut, In, Out> InTransaction<'t, In, Out> for F
where
    F: Fn(StepCx, &'t Transaction<'t>, In) -> Fut + Send + Sync,
    Fut: Future<Output = StepResult<Out>> + Send + 't,
{
    type Future = Fut;

    fn call(&self, cx: StepCx, transaction: &'t Transaction<'t>, input: In) -> Fut {
        self(cx, transaction, input)
    }
}

impl Transactions {
    /// Makes the table `nexus_steps` if it is not there.
    ///
    /// # Errors
    /// [`PoolError`] if the database cannot be reached, or does not allow it.
    pub async fn open(pool: Pool) -> Result<Self, PoolError> {
        let client = pool.get().await?;
        // Two programs that make the same table at one time get in each other's way; one of them has made it then.
        if let Err(error) = client.batch_execute(TABLE).await {
            client.query_opt(FIND, &[&""]).await.map_err(|_| error)?;
        }
        Ok(Self { pool })
    }

    /// A step that does its work in a transaction. It is committed if `function` returns an output, and rolled back if it
    /// returns an error, panics, or is dropped.
    ///
    /// What cannot be done because the database is away, or does not take the commit, is tried again as the step's `retry`
    /// says. A commit whose answer is lost counts as a failed attempt; the next one finds out.
    pub fn step<In, Out, F>(
        &self,
        function: F,
    ) -> impl Fn(StepCx, In) -> Working<Out> + Clone + Send + Sync + use<In, Out, F>
    where
        In: Serialize + Send + 'static,
        Out: Serialize + DeserializeOwned + Send + 'static,
        F: for<'t> InTransaction<'t, In, Out> + 'static,
    {
        let (pool, function) = (self.pool.clone(), Arc::new(function));
        move |cx, input| {
            let (pool, function) = (pool.clone(), Arc::clone(&function));
            Box::pin(async move {
                if cx.info().vault.is_some() {
                    let message =
                        "the output of an encrypted run would stand in nexus_steps as it is";
                    return Err(StepError::fatal(message).code("NX3058"));
                }
                let mut client = pool.get().await?;
                let transaction = client.transaction().await?;
                let key = cx.idempotency_key();
                let hash = hash_of(&input)?;
                if transaction.execute(TAKE, &[&key, &&hash[..]]).await? == 0 {
                    let row = transaction.query_one(FIND, &[&key]).await?;
                    return recorded(row.try_get::<_, &[u8]>(0)? == hash, row.try_get(1)?);
                }
                let output = function.call(cx, &transaction, input).await?;
                let text = serde_json::to_string(&output).map_err(|error| {
                    let message = format!("the output has no JSON form: {error}");
                    StepError::fatal(message).code("NX3014")
                })?;
                transaction.execute(RECORD, &[&key, &text]).await?;
                transaction.commit().await?;
                Ok(output)
            })
        }
    }
}

/// What such a step does.
pub type Working<Out> = Pin<Box<dyn Future<Output = StepResult<Out>> + Send>>;

impl fmt::Debug for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transactions").finish_non_exhaustive()
    }
}

/// What tells one input from another.
fn hash_of(input: &impl Serialize) -> StepResult<[u8; 32]> {
    // By way of a value, whose keys are in order.
    let (payload, _) = Payload::json(&serde_json::to_value(input)?);
    Ok(payload.hash().0)
}

/// What an earlier execution has committed.
fn recorded<Out: DeserializeOwned>(is_same: bool, output: Option<&str>) -> StepResult<Out> {
    if !is_same {
        let message =
            "this step has committed its work for another input, before the run was retried";
        return Err(StepError::fatal(message).code("NX3057"));
    }
    let output = output.ok_or_else(|| {
        StepError::fatal("the table nexus_steps has the key of this step, without an output")
    })?;
    serde_json::from_str(output).map_err(|error| {
        let message = format!("the output in nexus_steps does not fit this step: {error}");
        StepError::fatal(message).code("NX3015")
    })
}
