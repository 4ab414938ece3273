//! `limits`: how many may run at one time, who does, and who waits.

use nexus_engine::model::aggregate::Kind;
use nexus_engine::model::limit::{Holder, Limit, RATE_COUNT_MAX, Rate, Size};
use nexus_engine::model::time::Timestamp;
use nexus_engine::projections::Views;
use nexus_engine::{Loader, RUNS_LIMIT};

use super::show::standing::Standing;
use super::{Service, show};
use crate::api::{LimitHolder, LimitPage, LimitSize, LimitView, Problem, SetLimit};
use crate::problems;

/// How many who hold a slot or wait for one are named.
const NAMED_MAX: usize = 100;
/// How many who hold a slot are named in a line.
const NAMED_IN_LINE_MAX: usize = 3;

impl Service {
    /// All limits, by name. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if they cannot be read.
    pub async fn limits(&self) -> Result<LimitPage, Problem> {
        let rows = self
            .blocking(|service| {
                let views = service.views_now()?;
                views.aggregates(Kind::Limit).map_err(|error| problems::views(&error))
            })
            .await?;
        let mut limits = Vec::new();
        for row in rows {
            if let Some(limit) = self.find_limit(&row.name).await? {
                limits.push(self.limit_view(limit).await?);
            }
        }
        Ok(LimitPage { kind: "limits/v1".into(), limits })
    }

    /// A limit.
    ///
    /// # Errors
    /// A [`Problem`] if nobody has asked it for a slot or set it.
    pub async fn limit(&self, name: &str) -> Result<LimitView, Problem> {
        let limit = self.find_limit(name).await?;
        self.limit_view(limit.ok_or_else(|| problems::no_such_limit(name))?).await
    }

    /// Says what a limit allows from now on.
    ///
    /// # Errors
    /// A [`Problem`] if it makes no sense, or it is set so already.
    pub async fn set_limit(&self, name: &str, request: SetLimit) -> Result<LimitView, Problem> {
        if name.starts_with('@') && !is_of_runs(name) {
            let message = format!("`{name}` is no limit: with @ begin @runs and @runs/WORKFLOW");
            return Err(
                problems::bad_request(message).hint("see what there is: nexus-engine limit list")
            );
        }
        let size = request.size.map(size).transpose()?;
        let answer = self.handle().set_limit(name, size, show::actor(request.by)).await;
        answer.map_err(|error| problems::request(&error, name))?;
        self.limit(name).await
    }

    pub(super) async fn find_limit(&self, name: &str) -> Result<Option<Limit>, Problem> {
        self.handle().limit(name).await.map_err(|error| problems::load(&error))
    }

    async fn limit_view(&self, limit: Limit) -> Result<LimitView, Problem> {
        self.blocking(move |service| Ok(view(&limit, service.handle().loader(), service.views())))
            .await
    }

    /// What stands between a run and the slots it waits for: one line for each step
    /// or for the items of it that wait for the same.
    pub(super) async fn limited_by(&self, standing: &Standing<'_>) -> Result<Vec<String>, Problem> {
        let mut lines = Vec::new();
        let id = standing.run.started.as_ref().map(|started| started.run).unwrap_or_default();
        let waits: Vec<(String, Holder, String)> = standing
            .waits()
            .iter()
            .filter(|waits| !waits.slot.is_call())
            .take(NAMED_MAX)
            .map(|waits| {
                let name = waits.hold.wish.limit.clone();
                (standing.who(waits), waits.slot.holder(id, waits.hold), name)
            })
            .collect();
        for (who, holder, name) in waits {
            let Some(limit) = self.find_limit(&name).await? else { continue };
            let ahead = limit.queue.ahead_of(holder);
            let view = self.limit_view(limit).await?;
            lines.push(line(&who, &view, ahead));
        }
        Ok(lines)
    }
}

/// `a: limited by pool (2 at one time), 3 ahead, held by wf-001 (a) and wf-002 (a)`.
fn line(who: &str, limit: &LimitView, ahead: Option<usize>) -> String {
    let ahead = match ahead {
        Some(0) => "next".to_owned(),
        Some(ahead) => format!("{ahead} ahead"),
        None => "about to be asked".to_owned(),
    };
    let name = |holder: &LimitHolder| match holder.part() {
        Some(part) => format!("{} ({part})", holder.run),
        None => holder.run.clone(),
    };
    let named: Vec<String> = limit.holders.iter().take(NAMED_IN_LINE_MAX).map(name).collect();
    let more = limit.held.saturating_sub(named.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let held = match (&limit.wakes_at, named.is_empty()) {
        (Some(at), _) => format!("; its rate lets the next in at {at}"),
        (None, false) => format!(", held by {}{more}", named.join(", ")),
        (None, true) if limit.size.slots == Some(0) => "; it is set to 0".to_owned(),
        (None, true) => String::new(),
    };
    format!("{who}: limited by {} ({}), {ahead}{held}", limit.name, words(limit.size))
}

/// Whether it says how many runs may run at one time.
fn is_of_runs(name: &str) -> bool {
    name.strip_prefix(RUNS_LIMIT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn words(size: LimitSize) -> String {
    let slots = size.slots.map(|slots| format!("{slots} at one time"));
    let rate = size.rate.zip(size.rate_per_ms);
    let rate = rate.map(|(count, ms)| format!("{count} in {}", show::duration(ms)));
    let said: Vec<String> = slots.into_iter().chain(rate).collect();
    if said.is_empty() { "no limit".to_owned() } else { said.join(", ") }
}

fn size(size: LimitSize) -> Result<Size, Problem> {
    let rate = match (size.rate, size.rate_per_ms) {
        (None, None) => None,
        (Some(count), Some(per_ms)) if (1..=RATE_COUNT_MAX).contains(&count) && per_ms > 0 => {
            Some(Rate { count, per_ms })
        }
        _ => {
            let message = format!("a rate is a number from 1 to {RATE_COUNT_MAX} in a time");
            return Err(problems::bad_request(message).hint("such as --rate 100 --per 1m"));
        }
    };
    Ok(Size { slots: size.slots, rate })
}

fn view(limit: &Limit, loader: &Loader, views: Option<&Views>) -> LimitView {
    // Nothing limits runs that nobody has set, and nobody knows yet what a limit allows that no step has asked.
    let is_declared = limit.set.is_some() || limit.granted > 0 && !is_of_runs(&limit.name);
    let is_declared = is_declared || !limit.queue.is_empty();
    let size = if is_declared { limit.size() } else { Size { slots: None, rate: None } };
    let held = limit.holders.iter().take(NAMED_MAX);
    let holders = held.map(|(holder, since)| named(*holder, *since, loader, views)).collect();
    let mut waiting: Vec<_> = limit.queue.iter().collect();
    waiting.sort_by_key(|waiting| limit.queue.ahead_of(waiting.holder));
    let queue = waiting.iter().take(NAMED_MAX).map(|waiting| LimitHolder {
        fairness_key: Some(waiting.fairness_key.to_owned()).filter(|key| !key.is_empty()),
        priority: Some(waiting.priority),
        ahead: limit.queue.ahead_of(waiting.holder).map(|ahead| ahead as u64),
        ..named(waiting.holder, waiting.since, loader, views)
    });
    LimitView {
        kind: "limit/v1".into(),
        name: limit.name.clone(),
        size: LimitSize {
            slots: size.slots,
            rate: size.rate.map(|rate| rate.count),
            rate_per_ms: size.rate.map(|rate| rate.per_ms),
        },
        is_set: limit.set.is_some(),
        held: limit.holders.len() as u64,
        waiting: limit.queue.len() as u64,
        granted: limit.granted,
        wakes_at: limit.wakes_at.map(show::time),
        holders,
        queue: queue.collect(),
    }
}

/// Who it is: names, or ids where a run cannot be read.
pub(super) fn named(
    holder: Holder,
    since: Timestamp,
    loader: &Loader,
    views: Option<&Views>,
) -> LimitHolder {
    let stream = nexus_engine::tables::stream(holder.run);
    let row = views.and_then(|views| views.run(stream).ok().flatten());
    let plan = loader.plan_of(holder.run).ok().flatten();
    let step = holder.step.map(|step| match &plan {
        Some(plan) => plan.id(step).to_owned(),
        None => format!("step {}", step.0),
    });
    let run = row.map_or_else(|| holder.run.to_string(), |row| row.name);
    let item = holder.item.map(|item| item.0);
    LimitHolder { run, step, item, since: show::time(since), ..LimitHolder::default() }
}
