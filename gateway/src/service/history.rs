//! `history` and `follow`: the events of a run.

use std::time::Duration;

use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::model::time::Timestamp;
use nexus_engine::{LoadError, Loader, Recorded};

use super::show::event::event_view;
use super::{PARTITION, Service};
use crate::api::{EventView, HistoryPage, Problem};
use crate::follow::{Follow, FollowSender};
use crate::problems;

/// Events of a page, if none are said.
const EVENTS_DEFAULT: u32 = 1_000;
/// Events of the largest page.
const EVENTS_MAX: u32 = 10_000;
/// How many events a follower reads at a time.
const FOLLOW_EVENTS: usize = 256;
/// How long a follower leaves the log alone after it looked.
const FOLLOW_PAUSE: Duration = Duration::from_millis(15);

/// A run whose events are shown.
#[derive(Clone)]
struct Shown {
    run: RunId,
    began: Timestamp,
}

impl Service {
    /// The events of a run from number `from` on (from 1; 0 is the same), at most `limit` (0: 1,000).
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it cannot be read.
    pub async fn history(&self, name: &str, from: u32, limit: u32) -> Result<HistoryPage, Problem> {
        let (run, id) = self.resolve(name).await?;
        let shown = self.shown(run, &id).await?;
        let limit = if limit == 0 { EVENTS_DEFAULT } else { limit.min(EVENTS_MAX) } as usize;
        let first = from.max(1);
        let events = self.events(&shown, first, limit).await?;
        let full = events.len() == limit;
        let next = events.last().filter(|_| full).map(|last| last.n + 1);
        Ok(HistoryPage { kind: "history/v1".into(), id, events, next })
    }

    /// The events of a run from number `from` on, and then those that come, until the run ends, or the service is closed.
    /// What was recorded before either is told.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run.
    pub async fn follow(&self, name: &str, from: u32) -> Result<Follow, Problem> {
        let (run, id) = self.resolve(name).await?;
        let shown = self.shown(run, &id).await?;
        let (sender, follow) = Follow::open();
        let service = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = service.tell(&shown, from.max(1), &sender) => {}
            }
        });
        Ok(follow)
    }

    /// Sends events until the run has ended. The log says when to look again.
    async fn tell(&self, shown: &Shown, mut next: u32, sender: &FollowSender) {
        let mut durable = self.handle().log().subscribe(PARTITION);
        if self.ended_before(shown.run, next).await {
            return;
        }
        loop {
            durable.mark_unchanged();
            // What is durable before the service closes is read after this.
            let is_last = self.is_closing();
            let events = match self.events(shown, next, FOLLOW_EVENTS).await {
                Ok(events) => events,
                Err(problem) => {
                    let _ = sender.send(Err(problem)).await;
                    return;
                }
            };
            let read = events.len();
            for event in events {
                next = event.n + 1;
                let ends = ends(&event.event);
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
                if ends && self.has_ended(shown.run, next).await {
                    return;
                }
            }
            if read < FOLLOW_EVENTS {
                if is_last {
                    return;
                }
                tokio::select! {
                    changed = durable.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        tokio::time::sleep(FOLLOW_PAUSE).await;
                    }
                    () = self.closed() => {}
                }
            }
        }
    }

    /// Whether nothing stands behind the event before number `next`: a run may have been retried.
    async fn has_ended(&self, run: RunId, next: u32) -> bool {
        let behind = self.read(move |loader| loader.history(run, next - 1, 1)).await;
        behind.is_ok_and(|behind| behind.is_empty())
    }

    /// Whether the run has ended with the event before number `next`, so that nothing comes.
    async fn ended_before(&self, run: RunId, next: u32) -> bool {
        let Some(last) = next.checked_sub(2) else { return false };
        let found = self.read(move |loader| loader.history(run, last, 2)).await;
        let Ok([last]) = found.as_deref() else { return false };
        matches!(
            last.event,
            Event::RunCompleted { .. }
                | Event::RunFailed { .. }
                | Event::RunCancelled { .. }
                | Event::RunForgotten { .. }
        )
    }

    async fn events(
        &self,
        shown: &Shown,
        first: u32,
        limit: usize,
    ) -> Result<Vec<EventView>, Problem> {
        let shown = shown.clone();
        self.read(move |loader| {
            let recorded = loader.history(shown.run, first - 1, limit)?;
            let Some(first) = recorded.first() else { return Ok(Vec::new()) };
            // Steps are known by their places in the definition that the run had at the time.
            let mut plan = loader.plan_at(shown.run, first.revision)?.ok_or(LoadError::NoStart)?;
            let mut view = |recorded: &Recorded| {
                loader.follow_plan(&mut plan, &recorded.event)?;
                event_view(loader, &plan, shown.began, recorded)
            };
            recorded.iter().map(&mut view).collect()
        })
        .await
    }

    async fn shown(&self, run: RunId, name: &str) -> Result<Shown, Problem> {
        let shown = self.read(move |loader| shown(loader, run)).await?;
        shown.ok_or_else(|| problems::no_such_run(name, None))
    }
}

fn shown(loader: &Loader, run: RunId) -> Result<Option<Shown>, LoadError> {
    let first: Vec<Recorded> = loader.history(run, 0, 1)?;
    Ok(first.first().map(|first| Shown { run, began: began_at(first) }))
}

fn began_at(first: &Recorded) -> Timestamp {
    debug_assert!(matches!(first.event, Event::RunStarted(_)), "a run begins with its start");
    first.time
}

/// Whether an event of this name may be the last of a run.
fn ends(event: &str) -> bool {
    matches!(event, "run.completed" | "run.failed" | "run.cancelled" | "run.forgotten")
}
