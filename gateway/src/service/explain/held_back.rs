//! The limits and circuit breakers that keep a run: how they stand, and when that ends by itself.

use nexus_engine::model::breaker::Circuit;

use super::super::Service;
use super::super::show::time;
use crate::api::{Cause, ExplainView, Problem};

/// How many of those who wait are named in the line that says why.
const NAMED_MAX: usize = 3;

impl Service {
    /// Says of the causes that are limits and breakers how these stand.
    pub(super) async fn explain_held_back(&self, view: &mut ExplainView) -> Result<(), Problem> {
        for cause in &mut view.causes {
            match (cause.cause.as_str(), cause.on.clone()) {
                ("limited", Some(limit)) => {
                    let limit = self.find_limit(&limit).await?;
                    cause.until = limit.and_then(|limit| limit.wakes_at).map(time);
                }
                ("broken", Some(target)) => {
                    if let Some(breaker) = self.find_breaker(&target).await? {
                        tell(cause, &target, &breaker.circuit);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn tell(cause: &mut Cause, target: &str, circuit: &Circuit) {
    let reset = format!("nexus-engine breaker reset {target}");
    let (stands, release) = match circuit {
        Circuit::Closed { .. } => {
            ("it is closed".to_owned(), "nothing: it is about to be let through".to_owned())
        }
        Circuit::Open { until } => {
            let until = time(*until);
            cause.until = Some(until.clone());
            (format!("it is open until {until}"), format!("{reset}, or at {until} one tries"))
        }
        Circuit::HalfOpen { .. } => {
            ("it is half open".to_owned(), format!("{reset}, or those that try succeed"))
        }
    };
    cause.why = format!("{}; {stands}", cause.why);
    cause.release = release;
    cause.state = Some(circuit.word().to_owned());
}

/// What stands between a run and all that it waits for, in one line.
pub(super) fn in_one_line(limits: &[String]) -> Option<String> {
    let more = limits.len().saturating_sub(NAMED_MAX);
    let more = (more > 0).then(|| format!("and {more} more"));
    let named = limits.iter().take(NAMED_MAX).cloned();
    let line = named.chain(more).collect::<Vec<_>>().join("; ");
    (!line.is_empty()).then_some(line)
}
