//! Requests about starts that are kept.

use super::Client;
use super::requests::{get, pair, post};
use super::transport::segment;
use crate::api::{Act, Problem, StartActed, StartPage, StartView};

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in Service, which they stand for")]
impl Client {
    pub async fn starts(&self, limit: u32, after: Option<String>) -> Result<StartPage, Problem> {
        let mut pairs = pair("limit", Some(limit));
        pairs.extend(pair("after", after));
        self.ask(get("starts").pairs(&pairs)).await
    }

    pub async fn start_of(&self, id: &str) -> Result<StartView, Problem> {
        self.ask(get(&format!("starts/{}", segment(id)))).await
    }

    pub async fn cancel_start(&self, id: &str, act: Act) -> Result<StartActed, Problem> {
        self.ask(post(&format!("starts/{}/cancel", segment(id))).json(&act)?).await
    }
}
