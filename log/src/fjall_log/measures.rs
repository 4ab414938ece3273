//! What the writer measures. Handles are looked up once, so measuring costs no search and no text.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

/// The metrics of a log.
pub(super) struct Measures {
    pub(super) append_seconds: Histogram,
    pub(super) sync_seconds: Histogram,
    pub(super) group_transitions: Histogram,
    pub(super) group_bytes: Histogram,
    pub(super) transitions: Counter,
    pub(super) records: Counter,
}

impl Measures {
    /// Registers the metrics with the recorder of the moment.
    pub(super) fn new() -> Self {
        Self {
            append_seconds: histogram!("nexus_log_append_seconds"),
            sync_seconds: histogram!("nexus_log_sync_seconds"),
            group_transitions: histogram!("nexus_log_group_transitions"),
            group_bytes: histogram!("nexus_log_group_bytes"),
            transitions: counter!("nexus_log_transitions_total"),
            records: counter!("nexus_log_records_total"),
        }
    }

    /// Counts one group.
    #[expect(clippy::cast_precision_loss, reason = "a histogram is not exact")]
    pub(super) fn group(&self, transitions: usize, records: u64, bytes: usize, sync: Duration) {
        self.sync_seconds.record(sync);
        self.group_transitions.record(transitions as f64);
        self.group_bytes.record(bytes as f64);
        self.transitions.increment(transitions as u64);
        self.records.increment(records);
    }
}

/// Counts a torn tail that was cut off.
pub(super) fn torn_tail() {
    counter!("nexus_log_torn_tails_total").increment(1);
}
