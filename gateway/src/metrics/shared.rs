//! What runs share: limits and circuit breakers, as they stand.

use nexus_engine::model::aggregate::{Kind as AggregateKind, State};
use nexus_engine::model::breaker::{Breaker, Circuit};
use nexus_engine::model::limit::Limit;

use super::counts::number;
use super::text::{Kind, Text};
use crate::Service;

/// How many limits, and how many breakers, have samples of their own: those that were used last.
const NAMED_MAX: usize = 100;

/// Writes them.
pub(super) fn write(service: &Service, text: &mut Text) {
    limits(service, text);
    breakers(service, text);
}

fn limits(service: &Service, text: &mut Text) {
    let limits = states(service, AggregateKind::Limit, |state| {
        let State::Limit(limit) = state else { return None };
        Some(limit)
    });
    let mut metric = |kind, name: &str, help: &str, value: &dyn Fn(&Limit) -> Option<u64>| {
        let sample =
            |limit: &Limit| Some((vec![("limit", limit.name.clone())], number(value(limit)?)));
        text.metric(kind, name, help, limits.iter().filter_map(sample));
    };
    metric(
        Kind::Gauge,
        "nexus_limit_slots",
        "Slots of a limit; none if it has only a rate.",
        &|limit| limit.size().slots.map(u64::from),
    );
    metric(Kind::Gauge, "nexus_limit_held", "Slots of a limit that are held.", &|limit| {
        Some(limit.holders.len() as u64)
    });
    metric(Kind::Gauge, "nexus_limit_waiting", "Runs and steps that wait for a slot.", &|limit| {
        Some(limit.queue.len() as u64)
    });
    metric(Kind::Counter, "nexus_limit_granted_total", "Slots that were granted.", &|limit| {
        Some(limit.granted)
    });
}

fn breakers(service: &Service, text: &mut Text) {
    let breakers = states(service, AggregateKind::Breaker, |state| {
        let State::Breaker(breaker) = state else { return None };
        Some(breaker)
    });
    let mut metric = |kind, name: &str, help: &str, value: &dyn Fn(&Breaker) -> u64| {
        let sample =
            |breaker: &Breaker| (vec![("target", breaker.target.clone())], number(value(breaker)));
        text.metric(kind, name, help, breakers.iter().map(sample));
    };
    let help = "How a circuit breaker stands: 0 closed, 1 half open, 2 open.";
    metric(Kind::Gauge, "nexus_breaker_state", help, &|breaker| match breaker.circuit {
        Circuit::Closed { .. } => 0,
        Circuit::HalfOpen { .. } => 1,
        Circuit::Open { .. } => 2,
    });
    metric(Kind::Gauge, "nexus_breaker_waiting", "Steps that a breaker keeps back.", &|breaker| {
        breaker.waiting.len() as u64
    });
    metric(
        Kind::Counter,
        "nexus_breaker_opened_total",
        "Times a breaker has opened.",
        &|breaker| breaker.opened,
    );
}

/// The states of the aggregates of a kind that were used last, by name.
fn states<T>(service: &Service, kind: AggregateKind, of: impl Fn(State) -> Option<T>) -> Vec<T> {
    let rows = service.views().and_then(|views| views.aggregates(kind).ok());
    let mut rows = rows.unwrap_or_default();
    if rows.len() > NAMED_MAX {
        rows.sort_by_key(|row| (row.is_parked, std::cmp::Reverse(row.updated_at)));
        rows.truncate(NAMED_MAX);
        rows.sort_by(|one, other| one.name.cmp(&other.name));
    }
    let loader = service.handle().loader();
    let read = |id| loader.aggregate(id).ok().flatten();
    rows.into_iter().filter_map(|row| of(read(row.id)?.state)).collect()
}
