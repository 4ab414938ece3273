//! Counts of starts that have a key: which keys have one that is kept, so that those that take its place are told from the first.

use nexus_model::aggregate::{self, AggregateId};
use nexus_model::start_key::{StartKeyEvent, parts};

use super::Counters;
use crate::ViewsError;
use crate::store::{Change, Rows, Table};
use crate::view::RecordedAggregate;

/// Something that happened to the starts of a key.
struct News {
    id: AggregateId,
    workflow: String,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Admitted,
    Kept,
    /// What was kept is to be started.
    Due,
    Cancelled,
    Begun,
    NotBegun,
}

/// What happened to starts since the last batch, in order.
#[derive(Default)]
pub(super) struct KeptStarts(Vec<News>);

impl KeptStarts {
    pub(super) fn apply(&mut self, recorded: &RecordedAggregate<'_>) {
        let aggregate::Event::StartKey(event) = recorded.event else { return };
        let what = match event {
            StartKeyEvent::StartAdmitted(_) => What::Admitted,
            StartKeyEvent::StartKept(_) => What::Kept,
            StartKeyEvent::KeptDue(_) => What::Due,
            StartKeyEvent::RunBegun(_) => What::Begun,
            StartKeyEvent::RunNotBegun(_) => What::NotBegun,
            StartKeyEvent::KeptCancelled(_) => What::Cancelled,
        };
        let workflow = parts(recorded.name).0.to_owned();
        self.0.push(News { id: recorded.id, workflow, what });
    }

    /// Counts what happened, and puts into rows which keys have a start that is kept.
    pub(super) fn flush(
        &mut self,
        rows: &dyn Rows,
        batch: &mut Vec<Change>,
        mut counters: impl FnMut(&str, &dyn Fn(&mut Counters)),
    ) -> Result<(), ViewsError> {
        let mut is_kept = std::collections::BTreeMap::new();
        for News { id, workflow, what } in self.0.drain(..) {
            let count: &dyn Fn(&mut Counters) = match what {
                What::Admitted => &|of| of.starts_admitted += 1,
                What::Begun => &|of| of.starts_begun += 1,
                What::NotBegun => &|of| of.starts_not_begun += 1,
                What::Cancelled => {
                    is_kept.insert(id, false);
                    &|of| of.starts_cancelled += 1
                }
                What::Due => {
                    is_kept.insert(id, false);
                    &|of| of.starts_due += 1
                }
                What::Kept => {
                    let before = match is_kept.insert(id, true) {
                        Some(before) => before,
                        None => rows.get(Table::KeptStarts, &id.bytes())?.is_some(),
                    };
                    if before { &|of| of.starts_joined += 1 } else { &|of| of.starts_kept += 1 }
                }
            };
            counters(&workflow, count);
        }
        batch.extend(is_kept.into_iter().map(|(id, is_kept)| Change {
            table: Table::KeptStarts,
            key: id.bytes().to_vec(),
            value: is_kept.then(Vec::new),
        }));
        Ok(())
    }
}
