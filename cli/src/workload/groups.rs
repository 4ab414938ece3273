//! The groups that a log commits, counted by a recorder of metrics that only this log tells.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

use super::float;

/// Groups that were committed, each with one sync.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// How many groups had so many transitions.
    sizes: Mutex<BTreeMap<u64, u64>>,
    /// Bytes of all frames.
    bytes: AtomicU64,
}

/// Groups of some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counted {
    sizes: BTreeMap<u64, u64>,
    /// Bytes of all frames.
    pub(super) bytes: u64,
}

/// What a group is like, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GroupShape {
    /// Transitions.
    pub(super) transitions: usize,
    /// Bytes of a frame.
    pub(super) frame_bytes: usize,
}

impl Groups {
    /// Opens something; the log in it counts its groups here.
    pub(super) fn watch<T>(self: &Arc<Self>, open: impl FnOnce() -> T) -> T {
        with_local_recorder(&Watch(Arc::clone(self)), open)
    }

    /// The groups until now.
    pub(super) fn now(&self) -> Counted {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Counted { sizes, bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

impl Counted {
    /// The groups since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |size| earlier.sizes.get(size).copied().unwrap_or(0);
        let sizes = self.sizes.iter().map(|(size, count)| (*size, count - before(size)));
        Self {
            sizes: sizes.filter(|(_, count)| *count > 0).collect(),
            bytes: self.bytes - earlier.bytes,
        }
    }

    /// Adds groups of another time.
    pub(super) fn add(&mut self, other: &Self) {
        other.sizes.iter().for_each(|(size, count)| *self.sizes.entry(*size).or_default() += count);
        self.bytes += other.bytes;
    }

    /// How many groups: each was synced once.
    pub(super) fn groups(&self) -> u64 {
        self.sizes.values().sum()
    }

    /// Transitions of all groups.
    pub(super) fn transitions(&self) -> u64 {
        self.sizes.iter().map(|(size, count)| size * count).sum()
    }

    /// Transitions of a group, on average.
    pub(super) fn mean(&self) -> f64 {
        float(self.transitions()) / float(self.groups().max(1))
    }

    /// The size that `permille` of 1000 groups stay at or below.
    pub(super) fn at(&self, permille: u64) -> u64 {
        let mut left = (self.groups() * permille).div_ceil(1000);
        for (size, count) in &self.sizes {
            left = left.saturating_sub(*count);
            if left == 0 {
                return *size;
            }
        }
        0
    }

    /// What a group was like, on average; `None` if there was none.
    pub(super) fn shape(&self) -> Option<GroupShape> {
        let (groups, transitions) = (self.groups(), self.transitions());
        if groups == 0 {
            return None;
        }
        let rounded = |sum: u64, by: u64| usize::try_from((sum + by / 2) / by).unwrap_or(1).max(1);
        Some(GroupShape {
            transitions: rounded(transitions, groups),
            frame_bytes: rounded(self.bytes, transitions),
        })
    }
}

impl GroupShape {
    /// Bytes that fjall's journal has for such a group: a frame by position and a row of the index for each transition.
    pub(super) fn journal_bytes(&self) -> usize {
        const BATCH: usize = 26;
        const ITEM: usize = 21;
        const POSITION: usize = 8;
        const INDEX_ROW: usize = 20 + 11;
        BATCH + self.transitions * (2 * ITEM + POSITION + INDEX_ROW + self.frame_bytes)
    }
}

/// The recorder, which hears only of groups.
struct Watch(Arc<Groups>);

struct Sizes(Arc<Groups>);
struct Bytes(Arc<Groups>);

impl Recorder for Watch {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match key.name() {
            "nexus_log_group_transitions" => {
                Histogram::from_arc(Arc::new(Sizes(Arc::clone(&self.0))))
            }
            "nexus_log_group_bytes" => Histogram::from_arc(Arc::new(Bytes(Arc::clone(&self.0)))),
            _ => Histogram::noop(),
        }
    }
}

impl HistogramFn for Sizes {
    fn record(&self, value: f64) {
        let mut sizes = self.0.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        *sizes.entry(whole(value)).or_default() += 1;
    }
}

impl HistogramFn for Bytes {
    fn record(&self, value: f64) {
        self.0.bytes.fetch_add(whole(value), Ordering::Relaxed);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts that were made floats to be recorded"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_of_the_log_that_is_watched() {
        let groups = Arc::new(Groups::default());
        let record = |count: u32, bytes: u32| {
            metrics::histogram!("nexus_log_group_transitions").record(count);
            metrics::histogram!("nexus_log_group_bytes").record(bytes);
            metrics::histogram!("another").record(count);
        };
        record(9, 9);
        groups.watch(|| record(1, 100));
        let before = groups.now();
        groups
            .watch(|| [(1, 100), (4, 400), (4, 400), (7, 900)].map(|(n, bytes)| record(n, bytes)));
        let counted = groups.now().since(&before);
        assert_eq!((counted.groups(), counted.transitions(), counted.bytes), (4, 16, 1800));
        assert_eq!([counted.at(250), counted.at(500), counted.at(1000)], [1, 4, 7]);
        let shape = counted.shape().expect("there are groups");
        assert_eq!(shape, GroupShape { transitions: 4, frame_bytes: 113 });
        assert_eq!(shape.journal_bytes(), 26 + 4 * (21 + 8 + 113 + 21 + 31));
        assert_eq!(Counted::default().shape(), None);
    }
}
