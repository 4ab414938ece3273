//! Admission: whether a run may be started now, and which limits of the store it has to keep to.
//!
//! Invariants:
//! * Never more runs are open than `open_runs_max` says, but for those that are continued by `retry`: running work is
//!   never refused.
//! * A run that is refused leaves nothing in the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use nexus_model::limit::{Size, Wish};
use nexus_projections::{Views, ViewsError};

use super::{Handle, RequestError, Shared, StartError};
use crate::driver::PARTITION;
use crate::loader::LoadError;

/// The name of the limit on all runs of the store. With `/` and a name behind it: of the limit on those of one workflow.
pub const RUNS_LIMIT: &str = "@runs";

/// When a start that found no place should be tried again.
const RETRY_MS: u64 = 1_000;
/// How long it takes until starts that are under way may have been answered.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What the starts of an engine have in common.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// Whether the limits on runs are set, as far as somebody asked, and since which of their revisions that is known.
    set: RwLock<BTreeMap<String, (u32, bool)>>,
    /// Starts that have a place and are not answered.
    under_way: AtomicU64,
    /// Held while a place is looked for.
    looking: tokio::sync::Mutex<()>,
}

/// A place for a start, until it is answered.
pub(crate) struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.admission.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handle {
    /// A place for one more run, if there is one; `Ok(None)`: places are not counted.
    pub(super) async fn place(&self, name: Option<&str>) -> Result<Option<Place>, StartError> {
        let Some(open_max) = self.config().open_runs_max else { return Ok(None) };
        let _looking = self.shared.admission.looking.lock().await;
        let open = self.count_open(open_max).await?;
        let is_there = match name {
            Some(name) if open >= open_max => {
                self.find(name).await.map_err(RequestError::from)?.is_some()
            }
            Some(_) | None => false,
        };
        if open >= open_max && !is_there {
            return Err(StartError::Full { open, open_max, retry_ms: RETRY_MS });
        }
        self.shared.admission.under_way.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Place(Arc::clone(&self.shared))))
    }

    /// How many runs are open, with those that are being started: exact if that is `open_max` or more.
    async fn count_open(&self, open_max: u64) -> Result<u64, StartError> {
        loop {
            let shared = Arc::clone(&self.shared);
            let counted = tokio::task::spawn_blocking(move || count(&shared, open_max)).await;
            let (seen, under_way) =
                counted.map_err(|_| RequestError::Unknown)?.map_err(StartError::Uncounted)?;
            // A start that has just become durable would be counted twice, until it is answered.
            if seen >= open_max {
                return Ok(seen);
            }
            if under_way == 0 || seen + under_way < open_max {
                return Ok(seen + under_way);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The slots that every run of this workflow needs, beside those that its definition says.
    pub(super) async fn limits_of_store(&self, workflow: &str) -> Result<Vec<Wish>, LoadError> {
        let mut wishes = Vec::new();
        for limit in [format!("{RUNS_LIMIT}/{workflow}"), RUNS_LIMIT.to_owned()] {
            if self.is_set(&limit).await? {
                // Once it is set no more, nothing limits those who still wait.
                let size = Size { slots: None, rate: None };
                // Workflows take turns.
                let fairness_key = workflow.to_owned();
                wishes.push(Wish { limit, size, fairness_key, priority: 0 });
            }
        }
        Ok(wishes)
    }

    async fn is_set(&self, limit: &str) -> Result<bool, LoadError> {
        let known = &self.shared.admission.set;
        let found = known.read().unwrap_or_else(PoisonError::into_inner).get(limit).copied();
        if let Some((_, is_set)) = found {
            return Ok(is_set);
        }
        let is_set = self.limit(limit).await?.is_some_and(|limit| limit.set.is_some());
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        // Who has set it meanwhile knows better.
        Ok(known.entry(limit.to_owned()).or_insert((0, is_set)).1)
    }

    /// Takes note that a limit was set, or is no longer. Of two who set it, the later one counts, whoever says so first.
    pub(super) fn has_set(&self, limit: &str, revision: u32, is_set: bool) {
        if limit.starts_with(RUNS_LIMIT) {
            let known = &self.shared.admission.set;
            let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
            let known = known.entry(limit.to_owned()).or_default();
            *known = (*known).max((revision, is_set));
        }
    }
}

/// How many runs are open, and how many are being started.
///
/// While a place is looked for no other start begins. One that is no longer under way is durable, and so the views have seen
/// it; they have to catch up only if that can make a difference.
fn count(shared: &Shared, open_max: u64) -> Result<(u64, u64), ViewsError> {
    let Some(views) = &shared.views else { return Ok((0, 0)) };
    let under_way = shared.admission.under_way.load(Ordering::SeqCst);
    let unseen = views.lag();
    let seen = open(views)?;
    if seen + unseen + under_way < open_max {
        return Ok((seen, under_way));
    }
    views.catch_up(shared.loader.log().durable(PARTITION))?;
    Ok((open(views)?, under_way))
}

/// How many runs have not ended, as far as the views have seen.
fn open(views: &Views) -> Result<u64, ViewsError> {
    let seen = views.metrics()?.total;
    let began = seen.runs_started + seen.runs_retried;
    Ok(began.saturating_sub(seen.runs_completed + seen.runs_failed + seen.runs_cancelled))
}
