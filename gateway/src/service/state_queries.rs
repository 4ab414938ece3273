//! `query`: what a workflow tells of its runs, from their state. Nothing is recorded.

use nexus_engine::{QueryAnswer, QueryError};

use super::Service;
use crate::api::{FailureView, Problem, QueriesView, QueryRow, QueryView};
use crate::problems;

impl Service {
    /// What the query of this name says of a run.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run or query, or it cannot be answered.
    pub async fn query(&self, name: &str, query: &str) -> Result<QueryView, Problem> {
        let (run, id) = self.resolve(name).await?;
        let value = self.handle().query(run, query).await;
        let value = value.map_err(|error| problems::query(&error, &id, query))?;
        Ok(QueryView { kind: "query/v1".into(), id, query: query.to_owned(), value })
    }

    /// What all queries say of a run.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it cannot be read.
    pub async fn queries(&self, name: &str) -> Result<QueriesView, Problem> {
        let (run, id) = self.resolve(name).await?;
        let answers = self.handle().queries(run).await;
        let answers = answers.map_err(|error| problems::query(&error, &id, ""))?;
        let queries = answers.into_iter().map(|answer| row(answer, &id)).collect();
        Ok(QueriesView { kind: "queries/v1".into(), id, queries })
    }
}

fn row(QueryAnswer { name, value }: QueryAnswer, id: &str) -> QueryRow {
    match value {
        Ok(value) => QueryRow { query: name, value, error: None },
        Err(QueryError::Failed { code, message }) => {
            let error = FailureView { code: code.into(), message, details: None, step: None };
            QueryRow { query: name, value: serde_json::Value::Null, error: Some(error) }
        }
        Err(error) => {
            let Problem { code, message, .. } = problems::query(&error, id, &name);
            let error = FailureView { code, message, details: None, step: None };
            QueryRow { query: name, value: serde_json::Value::Null, error: Some(error) }
        }
    }
}
