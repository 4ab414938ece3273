//! What is no run, when nothing is left to do.

use std::collections::BTreeSet;

use nexus_log::EventLog;
use nexus_model::aggregate::AggregateId;
use nexus_model::id::TimerId;

use super::Simulation;
use crate::replay::replay_aggregate;
use crate::tables::{TIMERS, WALL_TIMERS, read_timer_key};

impl Simulation {
    /// Schedules, start keys, topics, limits and breakers have nothing to do, follow again from what is recorded, and have the
    /// timers that they say.
    pub(super) fn aggregates_broken(&self) -> Vec<String> {
        let world = self.engine.world();
        let frames = self.engine.frames();
        let ids: BTreeSet<AggregateId> =
            frames.iter().filter_map(|frame| AggregateId::of(frame.stream.0)).collect();
        let (mut broken, mut timers) = (Vec::new(), BTreeSet::new());
        for id in ids {
            match replay_aggregate(&world.loader, id) {
                Ok(Some(replay)) if replay.differences.is_empty() => {}
                Ok(_) => broken.push(format!("{id} replays differently")),
                Err(error) => broken.push(format!("{id} cannot be replayed: {error}")),
            }
            let Ok(Some(entity)) = world.loader.aggregate(id) else {
                broken.push(format!("{id} cannot be read"));
                continue;
            };
            let pending = entity.state.pending();
            if !pending.is_empty() {
                broken.push(format!("{} still has to do {pending:?}", entity.name));
            }
            let of = |(timer, due): (TimerId, nexus_model::time::Timestamp)| {
                (due.as_ms(), id.bytes(), timer)
            };
            timers.extend(entity.state.timers().into_iter().map(of));
        }
        let mut rows = BTreeSet::new();
        for table in [TIMERS, WALL_TIMERS] {
            let found = world.log.rows(table, &[], &[], usize::MAX).unwrap_or_default();
            let found = found.iter().filter_map(|(key, _)| read_timer_key(key));
            let found = found.filter(|(_, run, _)| AggregateId::of(run.0).is_some());
            rows.extend(found.map(|(due, run, timer)| (due, run.0, timer)));
        }
        if rows != timers {
            broken.push(format!("timers of what is no run are {timers:?}, and the rows {rows:?}"));
        }
        broken
    }
}
