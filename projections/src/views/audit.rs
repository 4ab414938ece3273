//! The audit: who did what to which run, when and from where.
//!
//! Entries are kept together in rows, each for a stretch of 64 positions, because a row costs more than an entry. Which
//! entries share a row follows from positions alone, so a rebuilt view has the same rows.

mod entry;
mod query;

pub(crate) use query::list;

pub use entry::{AuditAction, AuditRow};
pub use query::{AuditFilter, AuditPage};

use super::runs::RunRecord;
use crate::ViewsError;
use crate::store::{Change, Rows, Table};
use crate::view::{Changed, Recorded, RecordedAggregate, View};

/// Positions of one row, as a power of two.
const STRETCH_BITS: u32 = 6;

/// The view. Entries since the last batch wait here, and the row written last, which may still grow.
#[derive(Default)]
pub(crate) struct AuditView {
    news: Vec<(u64, Vec<u8>)>,
    last: Option<(u64, Vec<u8>)>,
}

impl AuditView {
    fn add(&mut self, entry: &AuditRow) {
        let stretch = entry.position.0 >> STRETCH_BITS;
        match self.news.last_mut() {
            Some((last, entries)) if *last == stretch => entry.encode(entries),
            Some(_) | None => {
                let mut entries = Vec::new();
                entry.encode(&mut entries);
                self.news.push((stretch, entries));
            }
        }
    }
}

impl View for AuditView {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[Table::Audit]
    }

    fn apply(&mut self, run: &mut RunRecord, recorded: &Recorded<'_>) {
        if let Some(entry) = AuditRow::of(&run.name, recorded) {
            self.add(&entry);
        }
    }

    fn apply_aggregate(&mut self, recorded: &RecordedAggregate<'_>) {
        if let Some(entry) = AuditRow::of_aggregate(recorded) {
            self.add(&entry);
        }
    }

    fn flush(
        &mut self,
        _changed: &[Changed<'_>],
        rows: &dyn Rows,
        batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError> {
        for (at, (stretch, news)) in std::mem::take(&mut self.news).into_iter().enumerate() {
            let key = stretch.to_be_bytes().to_vec();
            let entries = match self.last.take() {
                Some((last, entries)) if last == stretch => Some(entries),
                None if at == 0 => rows.get(Table::Audit, &key)?,
                Some(_) | None => None,
            };
            let mut entries = entries.unwrap_or_default();
            entries.extend_from_slice(&news);
            self.last = Some((stretch, entries.clone()));
            batch.push(Change { table: Table::Audit, key, value: Some(entries) });
        }
        Ok(())
    }
}
