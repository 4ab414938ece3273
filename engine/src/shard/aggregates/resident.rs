//! An aggregate in memory.

use std::collections::{BTreeSet, VecDeque};

use nexus_log::{Change, Outcome, Records, Revision, Row, Transition};
use nexus_model::aggregate::{
    self, AggregateId, Calendar, ClockKind, Effect, Entity, Event, Rejection,
};
use nexus_model::codec::{FLAG_OUTSIDE, FLAG_PARKED};
use nexus_model::id::TimerId;
use nexus_model::time::Timestamp;

use crate::shard::{Answer, AskedAggregate, Output, Refusal, refuse};
use crate::tables::{TIMERS, WALL_TIMERS, raw, read_name_row, stream, timer_key};

/// A snapshot is written after so many events.
const SNAPSHOT_EVENTS: u32 = 256;

/// An aggregate in memory.
#[derive(Debug)]
pub(super) struct Resident {
    entity: Entity,
    pub(super) queue: VecDeque<AskedAggregate>,
    /// Whether the log refused a transition, so that the state in memory is not what is recorded.
    pub(super) is_broken: bool,
    is_driven: bool,
    given_back: VecDeque<AskedAggregate>,
    held: VecDeque<Held>,
    /// Errands that were begun and are still pending.
    under_way: BTreeSet<Effect>,
    events_since_snapshot: u32,
}

/// A transition on its way to the disk, and what waits for it.
#[derive(Debug)]
struct Held {
    asked: AskedAggregate,
    revision: u32,
    pending: BTreeSet<Effect>,
    timers_set: Vec<(TimerId, Timestamp)>,
    timers_cleared: Vec<(TimerId, Timestamp)>,
    /// What was refused because of the state this transition leads to.
    after: Vec<(AskedAggregate, Rejection)>,
}

impl Resident {
    pub(super) fn new(
        entity: Entity,
        queue: VecDeque<AskedAggregate>,
        under_way: BTreeSet<Effect>,
    ) -> Self {
        Self {
            entity,
            queue,
            is_broken: false,
            is_driven: false,
            given_back: VecDeque::new(),
            held: VecDeque::new(),
            under_way,
            events_since_snapshot: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.held.is_empty()
    }

    pub(super) fn can_leave(&self) -> bool {
        !self.is_broken && self.under_way.is_empty()
    }

    /// Whether nothing is recorded of it.
    pub(super) fn is_empty(&self) -> bool {
        self.entity.revision == 0
    }

    /// Sets the timers and begins the errands of one that was read from the log.
    pub(super) fn take_up(&mut self, id: AggregateId, drives: bool, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.is_driven, true) {
            return;
        }
        for (timer, due) in self.entity.state.timers() {
            out.push(Output::TimerSet(raw(id), timer, due));
        }
        let pending = self.entity.state.pending().into_iter().collect();
        self.follow(id, pending, drives, out);
    }

    /// Begins errands that are pending now, and gives up those that are not any more.
    fn follow(
        &mut self,
        id: AggregateId,
        pending: BTreeSet<Effect>,
        drives: bool,
        out: &mut Vec<Output>,
    ) {
        if !drives {
            return;
        }
        let over = self.under_way.difference(&pending).cloned();
        out.extend(over.map(|effect| Output::ErrandOver(id, Box::new(effect))));
        let begun = pending.difference(&self.under_way).cloned();
        out.extend(begun.map(|effect| Output::Errand(id, Box::new(effect))));
        self.under_way = pending;
    }

    /// Decides a request. Returns what is to be logged; what follows from it is held.
    pub(super) fn decide(
        &mut self,
        id: AggregateId,
        asked: AskedAggregate,
        now: Timestamp,
        calendar: &dyn Calendar,
        out: &mut Vec<Output>,
    ) -> Option<Transition> {
        let before = self.entity.state.timers();
        let expected = self.entity.revision;
        let command = self.entity.state.prepare(asked.command.clone(), now, calendar);
        let events = match self.entity.decide(command, now) {
            Ok(events) => events,
            Err(rejection) => {
                self.reject(id, asked, rejection, out);
                return None;
            }
        };
        let after = self.entity.state.timers();
        let timers_cleared = without(&before, &after);
        let timers_set = without(&after, &before);
        let logged = Transition {
            stream: stream(raw(id)),
            expected: Revision(expected),
            time_us: now.0,
            records: self.encode(&events, expected == 0),
            rows: rows(id, &timers_set, &timers_cleared)
                .chain(asked.rows.iter().cloned())
                .collect(),
            payloads: Vec::new(),
        };
        self.events_since_snapshot += self.entity.revision - expected;
        self.held.push_back(Held {
            asked,
            revision: self.entity.revision,
            pending: self.entity.state.pending().into_iter().collect(),
            timers_set,
            timers_cleared,
            after: Vec::new(),
        });
        Some(logged)
    }

    fn encode(&self, events: &[Event], is_new: bool) -> Records {
        let mut records = Records::new();
        let last = events.len().saturating_sub(1);
        let is_parked = self.entity.is_parked();
        let mut body = Vec::new();
        for (at, event) in events.iter().enumerate() {
            body.clear();
            let name = (at == 0 && is_new).then_some(self.entity.name.as_str());
            let header = aggregate::encode(event, name, &mut body);
            let outside = if at == 0 { FLAG_OUTSIDE } else { 0 };
            let parked = if at == last && is_parked { FLAG_PARKED } else { 0 };
            let flags = header.flags | outside | parked;
            records.push_with(header.kind, header.version, flags, |out| {
                out.extend_from_slice(&body);
            });
        }
        records
    }

    fn reject(
        &mut self,
        id: AggregateId,
        asked: AskedAggregate,
        why: Rejection,
        out: &mut Vec<Output>,
    ) {
        tracing::debug!(%id, rejection = %why, "refused");
        // A refusal may depend on a transition that is not durable yet: it waits its turn.
        match self.held.back_mut() {
            Some(last) => last.after.push((asked, why)),
            None => refuse(asked.reply, &Refusal::Aggregate(why), out),
        }
    }

    /// Lets out what waited for the oldest transition, which is now durable.
    pub(super) fn release(&mut self, id: AggregateId, drives: bool, out: &mut Vec<Output>) {
        let Some(held) = self.held.pop_front() else { return };
        for (timer, due) in held.timers_cleared {
            out.push(Output::TimerCleared(raw(id), timer, due));
        }
        for (timer, due) in held.timers_set {
            out.push(Output::TimerSet(raw(id), timer, due));
        }
        self.follow(id, held.pending, drives, out);
        if let Some(reply) = held.asked.reply {
            out.push(Output::Reply(reply, Ok(Answer { run: raw(id), revision: held.revision })));
        }
        for (asked, rejection) in held.after {
            refuse(asked.reply, &Refusal::Aggregate(rejection), out);
        }
    }

    /// The log did not take the oldest transition, so no later one counts either. Once the last has been answered: what is to
    /// be asked again, and the errands that are under way.
    pub(super) fn refused(
        &mut self,
        outcome: &Outcome,
        out: &mut Vec<Output>,
    ) -> Option<(VecDeque<AskedAggregate>, BTreeSet<Effect>)> {
        let held = self.held.pop_front()?;
        self.is_broken = true;
        let refusal = match outcome {
            Outcome::Unacceptable => Some(Refusal::TooLarge),
            Outcome::Taken { value, .. } => {
                let (run, request) = read_name_row(value).unwrap_or_default();
                Some(Refusal::Taken(run, request))
            }
            Outcome::DiskNearlyFull { free_bytes } if held.asked.reply.is_some() => {
                Some(Refusal::DiskNearlyFull(*free_bytes))
            }
            Outcome::DiskNearlyFull { .. }
            | Outcome::Conflict { .. }
            | Outcome::Appended(_)
            | Outcome::Repeated(_) => None,
        };
        match refusal {
            Some(refusal) => refuse(held.asked.reply, &refusal, out),
            None => self.given_back.push_back(held.asked),
        }
        self.given_back.extend(held.after.into_iter().map(|(asked, _)| asked));
        if !self.held.is_empty() {
            return None;
        }
        let mut queue = std::mem::take(&mut self.given_back);
        queue.append(&mut self.queue);
        Some((queue, std::mem::take(&mut self.under_way)))
    }

    /// A snapshot, if folding the events again would take long.
    pub(super) fn snapshot(&mut self, id: AggregateId, leaves: bool) -> Option<Output> {
        let events_max = if leaves { SNAPSHOT_EVENTS / 4 } else { SNAPSHOT_EVENTS };
        if self.events_since_snapshot < events_max {
            return None;
        }
        self.events_since_snapshot = 0;
        let bytes = aggregate::encode_entity(&self.entity);
        Some(Output::Snapshot(raw(id), self.entity.revision, bytes))
    }
}

/// Timers whose rows are not those of others. Rows count whole milliseconds: a timer that moves by less keeps its row, which a
/// transition could not put and delete at once.
fn without(
    these: &[(TimerId, Timestamp)],
    those: &[(TimerId, Timestamp)],
) -> Vec<(TimerId, Timestamp)> {
    let row = |(timer, due): &(TimerId, Timestamp)| (*timer, due.as_ms());
    let is_new = |timer: &&(TimerId, Timestamp)| those.iter().all(|it| row(it) != row(timer));
    these.iter().filter(is_new).copied().collect()
}

fn rows(
    id: AggregateId,
    set: &[(TimerId, Timestamp)],
    cleared: &[(TimerId, Timestamp)],
) -> impl Iterator<Item = Row> {
    let table = match id.kind().clock() {
        ClockKind::Engine => TIMERS,
        ClockKind::Wall => WALL_TIMERS,
    };
    let row = move |(timer, due): &(TimerId, Timestamp), change| Row {
        table,
        key: timer_key(*due, raw(id), *timer),
        change,
    };
    let set = set.iter().map(move |timer| row(timer, Change::Put(Vec::new())));
    set.chain(cleared.iter().map(move |timer| row(timer, Change::Delete)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_moves_within_its_millisecond_keeps_its_row() {
        let at = |us| [(TimerId(0), Timestamp(us))];
        assert_eq!(without(&at(1_999), &at(1_001)), []);
        assert_eq!(without(&at(2_001), &at(2_000)), at(2_001));
        assert_eq!(without(&[], &at(1)), []);
    }
}
