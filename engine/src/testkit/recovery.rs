//! Crashes of the simulated engine, and what comes after them.

use std::sync::Arc;

use nexus_log::EventLog;
use nexus_model::id::RunId;
use nexus_projections::resume::scan;

use super::acting::Acting;
use super::calling::Starts;
use super::limits::limits;
use super::schedules::schedules;
use super::start_keys::start_keys;
use super::topics::{Topics, topics};
use super::world::World;
use crate::config::Config;
use crate::engine::usual_calendar;
use crate::loader::Loader;
use crate::shard::{Input, Shard, Slots};
use crate::tables::{TIMERS, WALL_TIMERS, read_timer_key};

/// A shard without runs, which knows the calendar.
pub(super) fn new_shard(config: &Config) -> Shard {
    Shard::new(config.shard_limits()).with_calendar(usual_calendar())
}

impl World {
    /// The engine ends without notice, and another one begins at once.
    pub(super) fn crash(&mut self) {
        self.end();
        self.recover();
    }

    /// The engine ends without notice: what was not durable is gone.
    pub(super) fn end(&mut self) {
        self.life += 1;
        self.shard = new_shard(&self.setup.config);
        self.slots = Slots(i64::from(self.setup.config.concurrency));
        self.loader = Loader::new(self.log.clone(), None);
        self.folded.clear();
        self.timers.clear();
        self.hungry.clear();
        self.errands.clear();
        self.told.clear();
        self.topics = Topics::default();
        self.called = Starts::default();
        self.acting = Acting::new(&self.setup.functions);
        self.starting.clear();
        self.beginning.clear();
        self.wanted.clear();
        self.flying.clear();
        self.working.clear();
        self.resuming.clear();
        self.replies.clear();
        self.ended.clear();
        self.pausing.clear();
        self.pauses = Arc::default();
        self.read_fails = false;
    }

    /// An engine begins on what the log holds: timers from their rows, and the runs that are not parked.
    pub(super) fn recover(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.begins(&self.loader);
        }
        let log: Arc<dyn EventLog> = self.log.clone();
        self.keep_to_pauses();
        let rows = log.rows(TIMERS, &[], &[], usize::MAX).unwrap_or_default();
        self.timers.extend(rows.iter().filter_map(|(key, _)| read_timer_key(key)));
        for id in limits(&*log).into_iter().chain(topics(&*log)).chain(start_keys(&*log)) {
            self.tell(Input::DriveAggregate { id }, None);
        }
        let rows = log.rows(WALL_TIMERS, &[], &[], usize::MAX).unwrap_or_default();
        self.timers.extend(rows.iter().filter_map(|(key, _)| read_timer_key(key)));
        for id in schedules(&*log) {
            self.tell(Input::DriveAggregate { id }, None);
        }
        for stream in scan(&*log).unwrap_or_default() {
            self.tell(Input::Drive { run: RunId(stream.0) }, None);
        }
        self.recover_calls();
    }
}
