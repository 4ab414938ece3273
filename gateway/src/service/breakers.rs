//! `breakers`: whether targets may be called.

use nexus_engine::Loader;
use nexus_engine::model::aggregate::Kind;
use nexus_engine::model::breaker::{Breaker, Circuit};
use nexus_engine::model::limit::Holder;
use nexus_engine::projections::Views;

use super::limits::named;
use super::show::standing::Standing;
use super::{Service, show};
use crate::api::{Act, BreakerPage, BreakerView, LimitHolder, Problem};
use crate::problems;

/// How many who call or wait are named.
const NAMED_MAX: usize = 100;

impl Service {
    /// All breakers, by target. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if they cannot be read.
    pub async fn breakers(&self) -> Result<BreakerPage, Problem> {
        let rows = self
            .blocking(|service| {
                let views = service.views_now()?;
                views.aggregates(Kind::Breaker).map_err(|error| problems::views(&error))
            })
            .await?;
        let mut breakers = Vec::new();
        for row in rows {
            if let Some(breaker) = self.find_breaker(&row.name).await? {
                breakers.push(self.breaker_view(breaker).await?);
            }
        }
        Ok(BreakerPage { kind: "breakers/v1".into(), breakers })
    }

    /// A breaker.
    ///
    /// # Errors
    /// A [`Problem`] if nobody has asked it.
    pub async fn breaker(&self, target: &str) -> Result<BreakerView, Problem> {
        let breaker = self.find_breaker(target).await?;
        self.breaker_view(breaker.ok_or_else(|| problems::no_such_breaker(target))?).await
    }

    /// Closes a breaker: those who wait call at once.
    ///
    /// # Errors
    /// A [`Problem`] if nobody has asked it, or there is nothing to reset.
    pub async fn reset_breaker(&self, target: &str, act: Act) -> Result<BreakerView, Problem> {
        self.breaker(target).await?;
        let answer = self.handle().reset_breaker(target, show::actor(act.by)).await;
        answer.map_err(|error| problems::request(&error, target))?;
        self.breaker(target).await
    }

    pub(super) async fn find_breaker(&self, target: &str) -> Result<Option<Breaker>, Problem> {
        self.handle().breaker(target).await.map_err(|error| problems::load(&error))
    }

    async fn breaker_view(&self, breaker: Breaker) -> Result<BreakerView, Problem> {
        self.blocking(move |service| Ok(view(&breaker, service.handle().loader(), service.views())))
            .await
    }

    /// What stands between a run and the targets it waits for: one line for each step
    /// or for the items of it that wait for the same.
    pub(super) async fn kept_back_by(
        &self,
        standing: &Standing<'_>,
    ) -> Result<Vec<String>, Problem> {
        let mut lines = Vec::new();
        let run = standing.run.started.as_ref().map(|started| started.run).unwrap_or_default();
        let waits: Vec<(String, Holder, String)> = standing
            .waits()
            .iter()
            .filter(|waits| waits.slot.is_call())
            .take(NAMED_MAX)
            .map(|waits| {
                let target = waits.hold.wish.limit.clone();
                (standing.who(waits), waits.slot.holder(run, waits.hold), target)
            })
            .collect();
        for (step, holder, target) in waits {
            if let Some(breaker) = self.find_breaker(&target).await? {
                lines.push(line(&step, &breaker, holder));
            }
        }
        Ok(lines)
    }
}

/// `a: kept back by the circuit breaker of pay (open), one may try at 2026-11-21T10:00:00Z, 3 ahead`.
fn line(step: &str, breaker: &Breaker, holder: Holder) -> String {
    let stands = match breaker.circuit {
        Circuit::Closed { .. } => "closed), it is about to be let through".to_owned(),
        Circuit::Open { until } => format!("open), one may try at {}", show::time(until)),
        Circuit::HalfOpen { .. } => {
            let tries = breaker.calls.iter().find(|(_, call)| call.tries);
            match tries {
                Some(_) => "half open), another call tries".to_owned(),
                None => "half open)".to_owned(),
            }
        }
    };
    let ahead = match breaker.ahead_of(holder) {
        Some(0) => ", next".to_owned(),
        Some(ahead) => format!(", {ahead} ahead"),
        None => String::new(),
    };
    format!("{step}: kept back by the circuit breaker of {} ({stands}{ahead}", breaker.target)
}

fn view(breaker: &Breaker, loader: &Loader, views: Option<&Views>) -> BreakerView {
    let calls = breaker.calls.iter().take(NAMED_MAX);
    let waiting = breaker.waiting.values().take(NAMED_MAX).enumerate();
    let (failures, successes, until) = match breaker.circuit {
        Circuit::Closed { failures } => (failures, 0, None),
        Circuit::Open { until } => (0, 0, Some(show::time(until))),
        Circuit::HalfOpen { successes, .. } => (0, successes, None),
    };
    let is_new = breaker.opened == 0 && breaker.since.0 == 0;
    BreakerView {
        kind: "breaker/v1".into(),
        target: breaker.target.clone(),
        state: breaker.circuit.word().into(),
        since: (!is_new).then(|| show::time(breaker.since)),
        until,
        failures,
        successes,
        failures_max: breaker.rule.failures,
        successes_max: breaker.rule.successes,
        open_ms: breaker.rule.open_ms,
        opened: breaker.opened,
        calling: breaker.calls.len() as u64,
        waiting: breaker.waiting.len() as u64,
        calls: calls.map(|(holder, call)| named(*holder, call.since, loader, views)).collect(),
        queue: waiting
            .map(|(ahead, waiting)| LimitHolder {
                ahead: Some(ahead as u64),
                ..named(waiting.holder, waiting.since, loader, views)
            })
            .collect(),
    }
}
