//! What a run is asked and asked for: queries and updates of its workflow.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::run::program;
use super::{Error, Result, RunHandle};
use crate::handle::{QueryError, RequestError, UpdateError};

impl<Out> RunHandle<Out> {
    /// What a query of its workflow says of it, open or ended, from what is recorded. No event is made of it.
    ///
    /// ```
    /// use nexus_engine::model::{definition::Definition, plan::Plan};
    /// use nexus_engine::prelude::*;
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// let basket: Definition = serde_json::from_value(json!({
    ///     "name": "basket",
    ///     "steps": [{"id": "take", "kind": {"update": {
    ///         "name": "quantity", "accepts": "update.n > 0", "reply": "${{ update.n * 2 }}",
    ///     }}}],
    ///     "queries": {"stage": "${{ steps.take.status }}"},
    ///     "outputs": "${{ steps.take.output.n }}",
    /// }))?;
    /// let engine = Engine::builder().in_memory()?;
    /// let request = nexus_engine::StartRequest {
    ///     plan: Plan::compile(basket).map_err(|problems| format!("{problems:?}"))?.into(),
    ///     callees: Vec::new(),
    ///     sent: None,
    ///     input: json!({}),
    ///     name: Some("basket-1".into()),
    ///     labels: Default::default(),
    ///     folder: None,
    ///     by: Default::default(),
    /// };
    /// engine.handle().start(request).await?;
    /// let run = engine.run::<u64>("basket-1");
    /// assert_eq!(run.query::<String>("stage").await?, "waiting");
    /// assert!(run.update::<u64>("quantity", &json!({"n": 0})).await.is_err());
    /// assert_eq!(run.update::<u64>("quantity", &json!({"n": 4})).await?, 8);
    /// assert_eq!(run.result().await?, 4);
    /// assert_eq!(run.query::<String>("stage").await?, "completed");
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchRun`]; [`Error::Query`] if its workflow has no such query, or it has no answer now; [`Error::Output`] if the answer is no
    /// `T`.
    pub async fn query<T: DeserializeOwned>(&self, query: &str) -> Result<T> {
        match self.handle().query(self.run_id().await?, query).await {
            Ok(value) => self.read_answer(value),
            Err(QueryError::NoSuchRun) => Err(Error::NoSuchRun { run: self.id().to_owned() }),
            Err(QueryError::Load(error)) => Err(RequestError::from(error).into()),
            Err(error @ (QueryError::NoSuchQuery { .. } | QueryError::Failed { .. })) => {
                Err(Error::Query { run: self.id().to_owned(), source: Box::new(error) })
            }
        }
    }

    /// Has a step take an update, and gives its reply once that is durable. One that no step waits for or accepts is refused, and
    /// nothing is recorded. Each call is another update; [`Handle::update`](crate::Handle::update) takes an id that makes one count once.
    ///
    /// # Errors
    /// [`Error::Value`] if `data` has no JSON form; [`Error::Request`] if it is refused; [`Error::Output`] if the reply is no `T`.
    pub async fn update<T: DeserializeOwned>(
        &self,
        update: &str,
        data: &impl Serialize,
    ) -> Result<T> {
        let data = serde_json::to_value(data);
        let data = data.map_err(|source| Error::Value { run: self.id().to_owned(), source })?;
        let run = self.run_id().await?;
        match self.handle().update(run, update, &data, "", program()).await {
            Ok(answer) => self.read_answer(answer.reply),
            Err(UpdateError::Request(error)) => Err(error.into()),
            // Without an id there is no other.
            Err(UpdateError::Conflict { .. }) => Err(RequestError::Unknown.into()),
        }
    }

    fn read_answer<T: DeserializeOwned>(&self, value: Value) -> Result<T> {
        serde_json::from_value(value).map_err(|source| Error::Output {
            run: self.id().to_owned(),
            expected: type_name::<T>(),
            source,
        })
    }
}
