//! The requests about versions.

use super::Client;
use super::requests::{get, post};
use super::transport::segment;
use crate::api::{
    CompareDefinitions, DefinitionView, DiffView, Problem, PublishVersion, RollBack, VersionActed,
    WorkflowPage, WorkflowView,
};

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in Service, which they stand for")]
impl Client {
    pub async fn publish(&self, request: PublishVersion) -> Result<VersionActed, Problem> {
        self.ask(post("workflows").json(&request)?).await
    }

    pub async fn workflows(&self) -> Result<WorkflowPage, Problem> {
        self.ask(get("workflows")).await
    }

    pub async fn workflow(&self, name: &str) -> Result<WorkflowView, Problem> {
        self.ask(get(&format!("workflows/{}", segment(name)))).await
    }

    pub async fn roll_back(&self, name: &str, request: RollBack) -> Result<VersionActed, Problem> {
        self.ask(post(&format!("workflows/{}/rollback", segment(name))).json(&request)?).await
    }

    pub async fn definition(&self, reference: &str) -> Result<DefinitionView, Problem> {
        self.ask(get(&format!("definitions/{}", segment(reference)))).await
    }

    pub async fn compare(&self, request: CompareDefinitions) -> Result<DiffView, Problem> {
        self.ask(post("definitions/compare").json(&request)?).await
    }
}
