//! Starts with a key that are carried out by those who asked for them, so that no errand does it beside them.
//!
//! Invariant: an errand waits for nobody who is gone, so a start that is cut off is carried out by the errand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Who is at work on starts, by start key and a number of their own.
#[derive(Debug, Default)]
pub(crate) struct KeyedStarts(Mutex<AtWork>);

#[derive(Debug, Default)]
struct AtWork {
    next: u64,
    callers: BTreeMap<(String, u64), watch::Receiver<Option<u32>>>,
}

/// Somebody who is about to start a run of a start key, until this is dropped.
#[derive(Debug)]
pub(super) struct Caller {
    starts: Arc<KeyedStarts>,
    key: (String, u64),
    started: watch::Sender<Option<u32>>,
}

impl KeyedStarts {
    /// Says that somebody is about to start a run of this key.
    pub(super) fn begin(self: &Arc<Self>, start_key: &str) -> Caller {
        let (started, caller) = watch::channel(None);
        let mut at_work = self.lock();
        at_work.next += 1;
        let key = (start_key.to_owned(), at_work.next);
        at_work.callers.insert(key.clone(), caller);
        Caller { starts: Arc::clone(self), key, started }
    }

    /// Waits until those who are about to start a run of this key are done. Says whether one of them has started the run of
    /// this number.
    pub(crate) async fn have_started(&self, start_key: &str, number: u32) -> bool {
        let of_key = (start_key.to_owned(), 0)..=(start_key.to_owned(), u64::MAX);
        let callers: Vec<_> =
            self.lock().callers.range(of_key).map(|(_, caller)| caller.clone()).collect();
        for mut caller in callers {
            if caller.wait_for(Option::is_some).await.is_ok_and(|started| *started == Some(number))
            {
                return true;
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, AtWork> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// The run of this number is there, and that was told.
    pub(super) fn has_started(&self, number: u32) {
        self.started.send_replace(Some(number));
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.starts.lock().callers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn an_errand_waits_for_who_asked_and_is_told_what_they_started() {
        let starts = Arc::new(KeyedStarts::default());
        let (one, two) = (starts.begin("index/s"), starts.begin("index/s"));
        let other = starts.begin("index/t");
        let mut first = Box::pin(starts.have_started("index/s", 1));
        let mut second = Box::pin(starts.have_started("index/s", 2));
        assert_eq!((&mut first).now_or_never(), None);
        one.has_started(1);
        assert_eq!((&mut first).now_or_never(), Some(true));
        assert_eq!((&mut second).now_or_never(), None, "that was another run");
        drop((one, two));
        assert_eq!(second.now_or_never(), Some(false), "they are gone");
        assert_eq!(starts.have_started("index/s", 3).now_or_never(), Some(false));
        drop(other);
        assert!(starts.lock().callers.is_empty());
    }
}
