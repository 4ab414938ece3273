//! The requests about events between workflows.

use super::Client;
use super::requests::{get, post};
use super::transport::segment;
use crate::api::{Act, EmitEvent, EmittedView, Problem, SetTriggers, TopicPage, TriggersActed};

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in Service, which they stand for")]
impl Client {
    pub async fn emit(&self, event: &str, request: EmitEvent) -> Result<EmittedView, Problem> {
        self.ask(post(&format!("events/{}", segment(event))).json(&request)?).await
    }

    pub async fn topics(&self) -> Result<TopicPage, Problem> {
        self.ask(get("events")).await
    }

    pub async fn set_triggers(&self, request: SetTriggers) -> Result<TriggersActed, Problem> {
        self.ask(post("triggers").json(&request)?).await
    }

    pub async fn delete_trigger(
        &self,
        event: &str,
        name: &str,
        act: Act,
    ) -> Result<TriggersActed, Problem> {
        let path = format!("events/{}/triggers/{}/delete", segment(event), segment(name));
        self.ask(post(&path).json(&act)?).await
    }
}
