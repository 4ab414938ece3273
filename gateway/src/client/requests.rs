//! The requests, one method for each.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::Value;

use super::Client;
use super::transport::{Asking, segment};
use crate::api::Raw;
use crate::api::WorkersView;
use crate::api::{
    Act, Acted, ApprovalAnswer, ApprovalsPage, AuditFilter, AuditPage, DecidedView, ExplainView,
    GraphView, HistoryPage, InboxFilter, LogPage, Pairs, PauseStore, PausesView, Problem,
    RebuildView, ReplayView, RunPage, RunView, RunsFilter, SendSignal, SignalView, StartRun,
    StartedRun, Status, VerifyView,
};
use crate::api::{BreakerPage, BreakerView};
use crate::api::{LimitPage, LimitView, SetLimit};
use crate::api::{QueriesView, QueryView};
use crate::api::{SendUpdate, UpdateView};
use crate::follow::Follow;
use crate::problems;

/// How long one long poll lasts.
const POLL: Duration = Duration::from_secs(25);
/// The exit code of a run that is still going.
const STILL_GOING: u8 = problems::exit::STILL_GOING;

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in Service, which they stand for")]
impl Client {
    pub async fn status(&self) -> Result<Status, Problem> {
        self.ask(get("status")).await
    }

    pub async fn workers(&self) -> Result<WorkersView, Problem> {
        self.ask(get("workers")).await
    }

    pub async fn start(&self, request: StartRun) -> Result<StartedRun, Problem> {
        self.ask(post("runs").json(&request)?).await
    }

    pub async fn list(&self, filter: RunsFilter) -> Result<RunPage, Problem> {
        self.ask(get("runs").pairs(&filter.to_pairs())).await
    }

    pub async fn get(&self, name: &str) -> Result<RunView, Problem> {
        self.ask(get(&run(name, ""))).await
    }

    pub async fn output(&self, name: &str, step: Option<&str>) -> Result<Value, Problem> {
        self.ask(get(&run(name, "/output")).pairs(&pair("step", step))).await
    }

    pub async fn raw(
        &self,
        name: &str,
        step: Option<&str>,
        path: Option<&str>,
    ) -> Result<Raw, Problem> {
        let pairs = [pair("step", step), pair("path", path)].concat();
        self.raw_answer(get(&run(name, "/output/raw")).pairs(&pairs)).await
    }

    pub async fn history(&self, name: &str, from: u32, limit: u32) -> Result<HistoryPage, Problem> {
        let pairs = [pair("from", Some(from)), pair("limit", Some(limit))].concat();
        self.ask(get(&run(name, "/history")).pairs(&pairs)).await
    }

    pub async fn follow(&self, name: &str, from: u32) -> Result<Follow, Problem> {
        self.stream(get(&run(name, "/events")).pairs(&pair("from", Some(from)))).await
    }

    pub async fn logs(&self, name: &str, step: Option<&str>) -> Result<LogPage, Problem> {
        self.ask(get(&run(name, "/logs")).pairs(&pair("step", step))).await
    }

    pub async fn limits(&self) -> Result<LimitPage, Problem> {
        self.ask(get("limits")).await
    }

    pub async fn limit(&self, name: &str) -> Result<LimitView, Problem> {
        self.ask(get(&format!("limits/{}", segment(name)))).await
    }

    pub async fn set_limit(&self, name: &str, request: SetLimit) -> Result<LimitView, Problem> {
        self.ask(post(&format!("limits/{}", segment(name))).json(&request)?).await
    }

    pub async fn breakers(&self) -> Result<BreakerPage, Problem> {
        self.ask(get("breakers")).await
    }

    pub async fn breaker(&self, target: &str) -> Result<BreakerView, Problem> {
        self.ask(get(&format!("breakers/{}", segment(target)))).await
    }

    pub async fn reset_breaker(&self, target: &str, act: Act) -> Result<BreakerView, Problem> {
        self.ask(post(&format!("breakers/{}/reset", segment(target))).json(&act)?).await
    }

    pub async fn pause(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        self.ask(post(&run(name, "/pause")).json(&act)?).await
    }

    pub async fn resume(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        self.ask(post(&run(name, "/resume")).json(&act)?).await
    }

    pub async fn pause_step(&self, name: &str, step: &str, act: Act) -> Result<Acted, Problem> {
        let path = run(name, &format!("/steps/{}/pause", segment(step)));
        self.ask(post(&path).json(&act)?).await
    }

    pub async fn resume_step(&self, name: &str, step: &str, act: Act) -> Result<Acted, Problem> {
        let path = run(name, &format!("/steps/{}/resume", segment(step)));
        self.ask(post(&path).json(&act)?).await
    }

    pub async fn cancel(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        self.ask(post(&run(name, "/cancel")).json(&act)?).await
    }

    /// See [`Service::forget`](crate::Service::forget).
    ///
    /// # Errors
    /// A [`Problem`].
    pub async fn forget(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        let answer = self.ask(post(&run(name, "/forget")).json(&act)?).await;
        answer.map_err(|problem| problems::unknown_if_forgotten(problem, name))
    }

    pub async fn retry(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        self.ask(post(&run(name, "/retry")).json(&act)?).await
    }

    pub async fn approve(
        &self,
        name: &str,
        answer: ApprovalAnswer,
    ) -> Result<DecidedView, Problem> {
        self.ask(post(&run(name, "/approve")).json(&answer)?).await
    }

    pub async fn reject(&self, name: &str, answer: ApprovalAnswer) -> Result<DecidedView, Problem> {
        self.ask(post(&run(name, "/reject")).json(&answer)?).await
    }

    pub async fn inbox(&self, filter: InboxFilter) -> Result<ApprovalsPage, Problem> {
        self.ask(get("inbox").pairs(&filter.to_pairs())).await
    }

    pub async fn signal(
        &self,
        name: &str,
        signal: &str,
        request: SendSignal,
    ) -> Result<SignalView, Problem> {
        let path = run(name, &format!("/signals/{}", segment(signal)));
        self.ask(post(&path).json(&request)?).await
    }

    pub async fn update(
        &self,
        name: &str,
        update: &str,
        request: SendUpdate,
    ) -> Result<UpdateView, Problem> {
        let path = run(name, &format!("/updates/{}", segment(update)));
        self.ask(post(&path).json(&request)?).await
    }

    pub async fn queries(&self, name: &str) -> Result<QueriesView, Problem> {
        self.ask(get(&run(name, "/queries"))).await
    }

    pub async fn query(&self, name: &str, query: &str) -> Result<QueryView, Problem> {
        self.ask(get(&run(name, &format!("/queries/{}", segment(query))))).await
    }

    pub async fn drive(&self, name: &str) -> Result<Acted, Problem> {
        self.ask(post(&run(name, "/drive"))).await
    }

    pub async fn wait(&self, name: &str, timeout: Option<Duration>) -> Result<RunView, Problem> {
        let began = Instant::now();
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(began.elapsed()));
            let poll = left.unwrap_or(POLL).min(POLL);
            let pairs = pair("timeout_ms", Some(poll.as_millis()));
            let answer = self.ask(get(&run(name, "/wait")).pairs(&pairs)).await;
            match answer {
                Err(problem) if problem.exit_code == STILL_GOING => {
                    if left.is_some_and(|left| left <= POLL) {
                        return Err(problem);
                    }
                }
                answer => return answer,
            }
        }
    }

    pub async fn replay(
        &self,
        name: &str,
        to: Option<u32>,
        with_state: bool,
    ) -> Result<ReplayView, Problem> {
        let pairs = [pair("to", to), pair("state", Some(with_state))].concat();
        self.ask(get(&run(name, "/replay")).pairs(&pairs)).await
    }

    pub async fn explain(&self, name: &str) -> Result<ExplainView, Problem> {
        self.ask(get(&run(name, "/explain"))).await
    }

    pub async fn graph(&self, name: &str) -> Result<GraphView, Problem> {
        self.ask(get(&run(name, "/graph"))).await
    }

    pub async fn pauses(&self) -> Result<PausesView, Problem> {
        self.ask(get("pauses")).await
    }

    pub async fn pause_store(&self, request: PauseStore) -> Result<PausesView, Problem> {
        self.ask(post("pauses").json(&request)?).await
    }

    pub async fn resume_store(&self, request: PauseStore) -> Result<PausesView, Problem> {
        self.ask(post("pauses/resume").json(&request)?).await
    }

    pub async fn audit(&self, filter: AuditFilter) -> Result<AuditPage, Problem> {
        self.ask(get("audit").pairs(&filter.to_pairs())).await
    }

    pub async fn verify(&self) -> Result<VerifyView, Problem> {
        self.ask(get("verify")).await
    }

    pub async fn rebuild(&self) -> Result<RebuildView, Problem> {
        self.ask(post("projections/rebuild")).await
    }

    pub async fn metrics(&self) -> Result<String, Problem> {
        self.text(Asking::new(Method::GET, "/metrics".to_owned())).await
    }
}

pub(super) fn get(path: &str) -> Asking {
    Asking::new(Method::GET, format!("/control/v1/{path}"))
}

pub(super) fn post(path: &str) -> Asking {
    Asking::new(Method::POST, format!("/control/v1/{path}"))
}

fn run(name: &str, rest: &str) -> String {
    format!("runs/{}{rest}", segment(name))
}

pub(super) fn pair(name: &str, value: Option<impl ToString>) -> Pairs {
    value.map(|value| (name.to_owned(), value.to_string())).into_iter().collect()
}
