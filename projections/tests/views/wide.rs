//! Runs whose rows are wide, so that few of them fill a table.

use nexus_log::{Revision, StreamId, Transition};
use nexus_model::event::{Event, Given, RunStarted};
use nexus_model::id::RunId;
use nexus_model::time::Timestamp;

use crate::chance::Chance;
use crate::transitions::records;

const NOW: Timestamp = Timestamp(1_763_719_200_000_000);

/// Runs of workflows with long names, of which there is a row for each.
pub(crate) fn wide_runs(count: u64, name_bytes: usize) -> Vec<Transition> {
    let mut chance = Chance::new(9);
    let mut noise = || {
        let letter = |_| char::from(b'a' + u8::try_from(chance.below(26)).unwrap());
        (0..name_bytes).map(letter).collect::<String>()
    };
    let wide = |number: u64| {
        let mut id = [0x78; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let started = RunStarted {
            run: RunId(id),
            name: format!("wide-{number}"),
            workflow: noise(),
            ..RunStarted::default()
        };
        let given = Given { now: NOW, slots: 9 };
        Transition {
            stream: StreamId(id),
            expected: Revision(0),
            time_us: NOW.0,
            records: records(&[Event::RunStarted(Box::new(started))], given, false),
            rows: Vec::new(),
            payloads: Vec::new(),
        }
    };
    (0..count).map(wide).collect()
}
