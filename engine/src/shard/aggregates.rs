//! Aggregates of a shard: the same rules as for runs, without definitions, payloads and handlers.
//!
//! Invariants:
//! * Errands, replies and timers of a transition leave only after the log has answered that it is durable.
//! * An errand is begun once for each time that it comes to be pending, and by each process anew.

mod resident;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use nexus_log::{Outcome, Transition};
use nexus_model::aggregate::{AggregateId, Calendar, Effect, Entity, NoCalendar};
use nexus_model::id::RunId;
use nexus_model::time::Timestamp;

use super::{AskedAggregate, Output, Refusal, refuse};
use crate::tables::raw;
use resident::Resident;

/// Aggregates with which nothing is going on that stay in memory.
const IDLE_MAX: usize = 1_000;

/// The aggregates of a shard.
pub(super) struct Aggregates {
    residents: HashMap<AggregateId, Resident>,
    away: HashMap<AggregateId, Away>,
    calendar: Arc<dyn Calendar>,
    drives: bool,
}

/// What waits for an aggregate that is being read.
#[derive(Debug, Default)]
struct Away {
    queue: VecDeque<AskedAggregate>,
    under_way: BTreeSet<Effect>,
    /// Whether it is not read yet, because that would not help at once.
    rests: bool,
}

impl std::fmt::Debug for Aggregates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregates").field("residents", &self.residents).finish_non_exhaustive()
    }
}

/// What was found when an aggregate was read: nothing, or why it cannot be read and whether trying again may help.
pub type LoadedAggregate = Result<Option<Box<Entity>>, (String, bool)>;

/// Transitions that were decided.
type Batch = Vec<(RunId, Transition)>;

impl Aggregates {
    pub(super) fn new(drives: bool) -> Self {
        Self {
            residents: HashMap::new(),
            away: HashMap::new(),
            calendar: Arc::new(NoCalendar),
            drives,
        }
    }

    pub(super) fn set_calendar(&mut self, calendar: Arc<dyn Calendar>) {
        self.calendar = calendar;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.away.is_empty() && self.residents.values().all(Resident::is_idle)
    }

    pub(super) fn ask(
        &mut self,
        id: AggregateId,
        asked: AskedAggregate,
        now: Timestamp,
        batch: &mut Batch,
        out: &mut Vec<Output>,
    ) {
        if let Some(resident) = self.residents.get_mut(&id) {
            resident.queue.push_back(asked);
            self.work_off(id, now, batch, out);
        } else {
            self.come(id, out).queue.push_back(asked);
        }
    }

    /// Takes up an aggregate of an earlier process.
    pub(super) fn drive(&mut self, id: AggregateId, out: &mut Vec<Output>) {
        if !self.residents.contains_key(&id) {
            self.come(id, out);
        }
    }

    fn come(&mut self, id: AggregateId, out: &mut Vec<Output>) -> &mut Away {
        self.away.entry(id).or_insert_with(|| {
            out.push(Output::LoadAggregate(id));
            Away::default()
        })
    }

    pub(super) fn loaded(
        &mut self,
        id: AggregateId,
        loaded: LoadedAggregate,
        now: Timestamp,
        batch: &mut Batch,
        out: &mut Vec<Output>,
    ) {
        match loaded {
            Ok(found) => {
                let Away { queue, under_way, .. } = self.away.remove(&id).unwrap_or_default();
                let name = queue.iter().find_map(|asked| asked.name.clone());
                let fresh = name.map(|name| Box::new(Entity::new(id.kind(), &name)));
                let Some(entity) = found.or(fresh) else {
                    for asked in queue {
                        refuse(asked.reply, &Refusal::NotFound, out);
                    }
                    return;
                };
                self.residents.insert(id, Resident::new(*entity, queue, under_way));
                self.work_off(id, now, batch, out);
            }
            Err((reason, passing)) => self.unreadable(id, reason, passing, out),
        }
    }

    fn unreadable(
        &mut self,
        id: AggregateId,
        reason: String,
        passing: bool,
        out: &mut Vec<Output>,
    ) {
        tracing::error!(%id, %reason, tried_again = passing, "an aggregate stands still");
        let refusal = Refusal::Unreadable { reason, passing };
        let Some(away) = self.away.get_mut(&id) else { return };
        away.rests = true;
        away.queue.retain(|asked| {
            refuse(asked.reply, &refusal, out);
            asked.reply.is_none()
        });
        if passing {
            out.push(Output::Rest(raw(id)));
        } else {
            self.away.remove(&id);
        }
    }

    /// It has rested after the log refused it or could not be read.
    pub(super) fn rested(&mut self, id: AggregateId, out: &mut Vec<Output>) {
        if let Some(away) = self.away.get_mut(&id)
            && std::mem::take(&mut away.rests)
        {
            out.push(Output::LoadAggregate(id));
        }
    }

    fn work_off(
        &mut self,
        id: AggregateId,
        now: Timestamp,
        batch: &mut Batch,
        out: &mut Vec<Output>,
    ) {
        let Some(resident) = self.residents.get_mut(&id) else { return };
        if resident.is_broken {
            return;
        }
        resident.take_up(id, self.drives, out);
        while let Some(asked) = resident.queue.pop_front() {
            if let Some(logged) = resident.decide(id, asked, now, &*self.calendar, out) {
                batch.push((raw(id), logged));
            }
        }
        self.let_go(id, out);
    }

    pub(super) fn answered(&mut self, id: AggregateId, outcome: &Outcome, out: &mut Vec<Output>) {
        let Some(resident) = self.residents.get_mut(&id) else { return };
        if matches!(outcome, Outcome::Appended(_) | Outcome::Repeated(_)) && !resident.is_broken {
            resident.release(id, self.drives, out);
            self.let_go(id, out);
            return;
        }
        if let Some((queue, under_way)) = resident.refused(outcome, out) {
            self.residents.remove(&id);
            self.away.insert(id, Away { queue, under_way, rests: true });
            out.push(Output::Rest(raw(id)));
        }
    }

    /// Forgets an aggregate with which nothing is going on, if there are many.
    fn let_go(&mut self, id: AggregateId, out: &mut Vec<Output>) {
        let is_many = self.residents.len() > IDLE_MAX || !self.drives;
        let Some(resident) = self.residents.get_mut(&id) else { return };
        if !resident.is_idle() {
            return;
        }
        let leaves = resident.can_leave() && (is_many || resident.is_empty());
        out.extend(resident.snapshot(id, leaves));
        if leaves || !self.drives {
            self.residents.remove(&id);
        }
    }
}
