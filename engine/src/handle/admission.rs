//! Admission: whether a run may be started now, and which limits of the store it has to keep to.
//!
//! Invariants:
//! * Never more runs are open than `open_runs_max` says, but for those that others call and those that are continued by `retry`:
//!   running work is never refused.
//! * A run that is refused leaves nothing in the log.
//! * Nobody waits for a place: a start has one, or is refused at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use nexus_model::limit::{Size, Wish};
use nexus_projections::{Views, ViewsError};

use super::{Handle, RequestError, Shared, StartError};
use crate::loader::LoadError;

/// The name of the limit on all runs of the store. With `/` and a name behind it: of the limit on those of one workflow.
pub const RUNS_LIMIT: &str = "@runs";

/// When a start that found no place should be tried again.
const RETRY_MS: u64 = 1_000;

/// How many runs are open: what the views saw when the engine was opened, and what became durable since.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenRuns(Arc<AtomicI64>);

impl OpenRuns {
    /// Those that the views have seen.
    ///
    /// # Errors
    /// [`ViewsError`]
    pub(crate) fn seen_by(views: &Views) -> Result<Self, ViewsError> {
        let open = i64::try_from(views.metrics()?.total.runs_open()).unwrap_or(i64::MAX);
        Ok(Self(Arc::new(AtomicI64::new(open))))
    }

    /// So many more are open, or fewer.
    pub(crate) fn change(&self, by: i64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// How many are open.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or(0)
    }
}

/// What the starts of an engine have in common.
#[derive(Debug)]
pub(crate) struct Admission {
    /// Whether the limits on runs are set, as far as somebody asked, and since which of their revisions that is known.
    set: RwLock<BTreeMap<String, (u32, bool)>>,
    open: OpenRuns,
    under_way: Mutex<UnderWay>,
}

impl Admission {
    /// For an engine with so many open runs.
    pub(crate) fn new(open: OpenRuns) -> Self {
        Self { set: RwLock::default(), open, under_way: Mutex::default() }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts that have a place and are not answered.
#[derive(Debug, Default)]
struct UnderWay {
    /// How many of them have no name.
    unnamed: u64,
    /// How many have this name. They share a place: one of them opens the run, the others find it.
    named: HashMap<String, u64>,
}

impl UnderWay {
    fn places(&self) -> u64 {
        self.unnamed + self.named.len() as u64
    }

    fn begins(&mut self, name: Option<&str>) {
        match name {
            None => self.unnamed += 1,
            Some(name) => *self.named.entry(name.to_owned()).or_default() += 1,
        }
    }

    fn is_over(&mut self, name: Option<&str>) {
        let Some(name) = name else {
            self.unnamed -= 1;
            return;
        };
        if let Some(count) = self.named.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.named.remove(name);
            }
        }
    }
}

/// A place for a start, until it is answered.
pub(crate) struct Place {
    shared: Arc<Shared>,
    name: Option<String>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.admission.under_way().is_over(self.name.as_deref());
    }
}

impl Handle {
    /// A place for one more run, if there is one; `Ok(None)`: it needs none, because places are not counted or its run is there.
    pub(super) async fn place(&self, name: Option<&str>) -> Result<Option<Place>, StartError> {
        let Some(open_max) = self.config().open_runs_max else { return Ok(None) };
        let admission = &self.shared.admission;
        let open = {
            let mut under_way = admission.under_way();
            // A start that becomes durable now is counted twice, until it is answered, and never not at all.
            let places = under_way.places();
            let open = places + admission.open.count();
            let is_known = name.is_some_and(|name| under_way.named.contains_key(name));
            if open < open_max || is_known {
                under_way.begins(name);
                let name = name.map(str::to_owned);
                return Ok(Some(Place { shared: Arc::clone(&self.shared), name }));
            }
            open
        };
        let is_there = match name {
            Some(name) => self.find(name).await.map_err(RequestError::from)?.is_some(),
            None => false,
        };
        if is_there {
            Ok(None)
        } else {
            Err(StartError::Full { open, open_max, retry_ms: RETRY_MS })
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
