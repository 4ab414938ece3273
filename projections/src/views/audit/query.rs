//! Questions about the audit.

use std::ops::Bound;

use nexus_log::{EventLog, Position, Revision, StreamId};
use nexus_model::id::RunId;
use nexus_model::time::Timestamp;

use super::{AuditRow, STRETCH_BITS};
use crate::ViewsError;
use crate::checkpoint;
use crate::follower::decode;
use crate::store::{Rows, Table};
use crate::view::Recorded;
use crate::views::runs;

/// Frames of a run that are read at a time.
const FRAMES: usize = 256;

/// Which entries to list. The default asks for the newest hundred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only about this run.
    pub run: Option<RunId>,
    /// Only by this user or program.
    pub actor: Option<String>,
    /// Only at this time or later.
    pub after: Option<Timestamp>,
    /// Only before this time.
    pub before: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
    /// Only older than this entry: [`AuditPage::next`] of the page before.
    pub after_cursor: Option<Position>,
}

impl Default for AuditFilter {
    fn default() -> Self {
        Self { run: None, actor: None, after: None, before: None, limit: 100, after_cursor: None }
    }
}

/// A page of entries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries.
    pub rows: Vec<AuditRow>,
    /// The cursor of the next page; `None`: there is none.
    pub next: Option<Position>,
}

/// A page of entries. Those of one run are read from its stream, which is shorter than the audit of all.
pub(crate) fn list(
    rows: &dyn Rows,
    log: &dyn EventLog,
    filter: &AuditFilter,
) -> Result<AuditPage, ViewsError> {
    match filter.run {
        Some(run) => {
            let entries = of_run(rows, log, StreamId(run.0))?;
            page(entries.into_iter().rev().map(Ok), filter)
        }
        None => page(newest_first(rows, filter.after_cursor), filter),
    }
}

fn page(
    entries: impl Iterator<Item = Result<AuditRow, ViewsError>>,
    filter: &AuditFilter,
) -> Result<AuditPage, ViewsError> {
    let mut page = AuditPage::default();
    for entry in entries {
        let entry = entry?;
        if filter.is_past(&entry) {
            break;
        }
        if !filter.admits(&entry) {
            continue;
        }
        if page.rows.len() >= filter.limit {
            page.next = page.rows.last().map(|row| row.position);
            break;
        }
        page.rows.push(entry);
    }
    Ok(page)
}

impl AuditFilter {
    fn admits(&self, entry: &AuditRow) -> bool {
        let by = entry.by.as_ref();
        self.actor.as_ref().is_none_or(|actor| by.is_some_and(|by| by.name == *actor))
            && self.after.is_none_or(|after| entry.at >= after)
            && self.before.is_none_or(|before| entry.at < before)
            && self.after_cursor.is_none_or(|cursor| entry.position < cursor)
    }

    /// Whether everything before `entry` is too old, give or take a clock's error.
    fn is_past(&self, entry: &AuditRow) -> bool {
        const ERROR_MS: u64 = 24 * 60 * 60 * 1000;
        self.after.is_some_and(|after| entry.at.plus_ms(ERROR_MS) < after)
    }
}

fn newest_first(
    rows: &dyn Rows,
    cursor: Option<Position>,
) -> impl Iterator<Item = Result<AuditRow, ViewsError>> {
    let last = cursor.map(|position| (position.0 >> STRETCH_BITS).to_be_bytes());
    let to = last.as_ref().map_or(Bound::Unbounded, |key| Bound::Included(key.as_slice()));
    let stretches = rows.range(Table::Audit, Bound::Unbounded, to).rev();
    stretches.flat_map(|row| match row.and_then(|(_, value)| entries(&value)) {
        Ok(entries) => entries.into_iter().rev().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    })
}

fn entries(value: &[u8]) -> Result<Vec<AuditRow>, ViewsError> {
    AuditRow::decode_all(value).ok_or(ViewsError::Row { view: "audit" })
}

/// The entries of one run, oldest first, up to the checkpoint.
fn of_run(
    rows: &dyn Rows,
    log: &dyn EventLog,
    stream: StreamId,
) -> Result<Vec<AuditRow>, ViewsError> {
    let applied = checkpoint::read(rows)?.position;
    let Some(run) = runs::find(rows, stream)? else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    let mut revision = Revision(0);
    loop {
        let frames = log.read_stream(stream, revision, FRAMES)?;
        let Some(last) = frames.last() else { return Ok(entries) };
        revision = last.next_revision();
        for frame in &frames {
            if frame.position >= applied {
                return Ok(entries);
            }
            for (position, record) in (frame.position.0..).map(Position).zip(&frame.records) {
                let event = decode(position, record, frame.time_us)?;
                let at = Timestamp(frame.time_us);
                let recorded = Recorded { position, stream, at, is_parked: false, event: &event };
                entries.extend(AuditRow::of(&run.name, &recorded));
            }
        }
    }
}
