//! Transitions as the log takes them.

use std::sync::Arc;

use nexus_log::{Change, Records, Revision, Row, Transition as Logged};
use nexus_model::codec;
use nexus_model::decide::{TimerChange, Transition};
use nexus_model::event::Given;
use nexus_model::id::RunId;
use nexus_model::payload::NewPayload;
use nexus_model::plan::Plan;
use nexus_model::run::Run;

use crate::tables::{TIMERS, WALL_TIMERS, stream, timer_key};

/// How many bytes most records take at most.
const RECORD_BYTES: usize = 128;

/// Encodes what was decided. `run` is the state after it.
pub fn encode(
    plan: &Plan,
    id: RunId,
    run: &Run,
    transition: &Transition,
    given: Given,
    mut rows: Vec<Row>,
    payloads: &[NewPayload],
) -> Logged {
    let records = encode_records(run, transition, given);
    rows.extend(super::events::rows(plan, id, run, transition));
    rows.extend(transition.timers.iter().map(|change| timer_row(id, *change)));
    rows.extend(super::calls::rows(plan, id, run, transition));
    let payloads = payloads.iter().chain(&transition.payloads);
    let payloads = payloads.map(|(hash, bytes)| (hash.0, Arc::clone(bytes))).collect();
    Logged {
        stream: stream(id),
        expected: Revision(run.revision - records.count()),
        time_us: given.now.0,
        records,
        rows,
        payloads,
    }
}

fn encode_records(run: &Run, transition: &Transition, given: Given) -> Records {
    let mut records = Records::with_capacity(RECORD_BYTES * transition.events.len());
    let last = transition.events.len().saturating_sub(1);
    for (at, event) in transition.events.iter().enumerate() {
        let header = codec::header(event);
        let given = (at == 0).then_some(given);
        let mut flags = header.flags;
        if at == 0 {
            flags |= codec::FLAG_OUTSIDE;
        }
        if at == last && run.is_parked() {
            flags |= codec::FLAG_PARKED;
        }
        records.push_with(header.kind, header.version, flags, |out| {
            codec::encode(event, given, out);
        });
    }
    records
}

fn timer_row(run: RunId, change: TimerChange) -> Row {
    let (timer, due, change) = match change {
        TimerChange::Set(timer, due) => (timer, due, Change::Put(Vec::new())),
        TimerChange::Cleared(timer, due) => (timer, due, Change::Delete),
    };
    let table = if timer.follows_wall_clock() { WALL_TIMERS } else { TIMERS };
    Row { table, key: timer_key(due, run, timer), change }
}
