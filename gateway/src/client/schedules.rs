//! The requests about schedules.

use super::Client;
use super::requests::{get, post};
use super::transport::segment;
use crate::api::{
    Act, BackfillSchedule, BackfillView, Problem, PutSchedule, ScheduleActed, SchedulePage,
    ScheduleView,
};

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in Service, which they stand for")]
impl Client {
    pub async fn schedules(&self) -> Result<SchedulePage, Problem> {
        self.ask(get("schedules")).await
    }

    pub async fn schedule(&self, name: &str) -> Result<ScheduleView, Problem> {
        self.ask(get(&schedule(name, ""))).await
    }

    pub async fn put_schedule(&self, request: PutSchedule) -> Result<ScheduleActed, Problem> {
        self.ask(post("schedules").json(&request)?).await
    }

    pub async fn pause_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        self.ask(post(&schedule(name, "/pause")).json(&act)?).await
    }

    pub async fn resume_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        self.ask(post(&schedule(name, "/resume")).json(&act)?).await
    }

    pub async fn delete_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        self.ask(post(&schedule(name, "/delete")).json(&act)?).await
    }

    pub async fn trigger_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        self.ask(post(&schedule(name, "/trigger")).json(&act)?).await
    }

    pub async fn backfill_schedule(
        &self,
        name: &str,
        request: BackfillSchedule,
    ) -> Result<BackfillView, Problem> {
        self.ask(post(&schedule(name, "/backfill")).json(&request)?).await
    }
}

fn schedule(name: &str, rest: &str) -> String {
    format!("schedules/{}{rest}", segment(name))
}
