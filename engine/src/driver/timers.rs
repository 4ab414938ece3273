//! Timers: those due soon in memory, the others as rows on disk.

use std::collections::BTreeSet;
use std::time::Duration;

use nexus_log::Table;
use nexus_model::id::{RunId, TimerId};
use nexus_model::time::Timestamp;

use crate::config::Drive;
use crate::shard_of;
use crate::tables::read_timer_key;

/// Timers due within this time are in memory.
const WINDOW_MS: u64 = 30_000;
/// Rows read at a time.
pub(super) const ROWS_MAX: usize = 10_000;
/// Timers fired at a time.
const FIRED_MAX: usize = 1_000;
/// Longest sleep of a driver, so that a window is read in time.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// Rows to read: from, to, and the time up to which they reach.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) table: Table,
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
    until_ms: u64,
}

/// The timers of a driver's runs.
#[derive(Debug)]
pub(super) struct Timers {
    table: Table,
    drive: Drive,
    share: (usize, usize),
    soon: BTreeSet<(u64, RunId, TimerId)>,
    /// Rows up to here, exclusive, have been read or were seen being set.
    read_until_ms: u64,
    /// Where the next page begins.
    cursor: Vec<u8>,
    is_reading: bool,
    is_closed: bool,
}

impl Timers {
    pub(super) fn new(table: Table, drive: Drive, share: (usize, usize)) -> Self {
        Self {
            table,
            drive,
            share,
            soon: BTreeSet::new(),
            read_until_ms: 0,
            cursor: Vec::new(),
            is_reading: false,
            is_closed: false,
        }
    }

    pub(super) fn set(&mut self, run: RunId, timer: TimerId, due: Timestamp) {
        if self.drive == Drive::Named || due.as_ms() < self.read_until_ms {
            self.soon.insert((due.as_ms(), run, timer));
        }
    }

    pub(super) fn cleared(&mut self, run: RunId, timer: TimerId, due: Timestamp) {
        self.soon.remove(&(due.as_ms(), run, timer));
    }

    /// The next page of rows to read, if there is one to read now.
    pub(super) fn next_page(&mut self, now: Timestamp) -> Option<Page> {
        if self.is_closed || !self.wants_rows(now) {
            return None;
        }
        let until_ms = now.as_ms() + WINDOW_MS;
        // From here on new timers before `until_ms` are kept as they are set, so none is missed between page and set.
        self.read_until_ms = until_ms;
        self.is_reading = true;
        let (from, to) = (self.cursor.clone(), until_ms.to_be_bytes().to_vec());
        Some(Page { table: self.table, from, to, until_ms })
    }

    /// Takes a page of rows.
    pub(super) fn loaded(&mut self, rows: &[(Vec<u8>, Vec<u8>)], page: &Page) {
        self.is_reading = false;
        match rows.last() {
            Some((last, _)) if rows.len() >= ROWS_MAX => {
                self.cursor.clone_from(last);
                self.cursor.push(0);
                // A timer set from now on for the very time of the last row may sort before that row: it is kept, too.
                self.read_until_ms = read_timer_key(last).map_or(0, |(due, ..)| due + 1);
            }
            _ => self.cursor = page.until_ms.to_be_bytes().to_vec(),
        }
        let (mine, of) = self.share;
        let timers = rows.iter().filter_map(|(key, _)| read_timer_key(key));
        self.soon.extend(timers.filter(|(_, run, _)| shard_of(*run) % of == mine));
    }

    fn wants_rows(&self, now: Timestamp) -> bool {
        let low = self.soon.len() < ROWS_MAX / 2;
        self.drive == Drive::All
            && !self.is_reading
            && low
            && now.as_ms() + WINDOW_MS / 2 > self.read_until_ms
    }

    /// Takes those that are due, the earliest first, not too many at a time.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<(RunId, TimerId)> {
        let mut due = Vec::new();
        if self.soon.is_empty() || self.is_closed {
            return due;
        }
        let now_ms = now.0.max(0).unsigned_abs() / 1000;
        while due.len() < FIRED_MAX && self.soon.first().is_some_and(|(at, ..)| *at <= now_ms) {
            due.extend(self.soon.pop_first().map(|(_, run, timer)| (run, timer)));
        }
        due
    }

    /// How long until the driver has to look again.
    pub(super) fn wake_in(&self, now: Timestamp) -> Option<Duration> {
        if self.is_closed || self.drive == Drive::Nothing {
            return None;
        }
        let next = self
            .soon
            .first()
            .map(|(at, ..)| Timestamp(i64::try_from(*at).unwrap_or(i64::MAX).saturating_mul(1000)));
        let until = |due: Timestamp| {
            Duration::from_micros(u64::try_from(due.0.saturating_sub(now.0)).unwrap_or(0))
        };
        Some(next.map_or(SLEEP_MAX, |due| until(due).min(SLEEP_MAX)))
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }
}

#[cfg(test)]
mod tests;
