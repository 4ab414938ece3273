//! The watch of a simulation: looks at everything that leaves the shard, and at all that is recorded.

use std::collections::{BTreeMap, BTreeSet};

use nexus_log::Revision;
use nexus_model::aggregate::AggregateId;
use nexus_model::codec::{self, Header};
use nexus_model::effect::RunAttempt;
use nexus_model::event::Event;
use nexus_model::id::{RunId, StepIndex, TimerId};
use nexus_model::pauses::Pauses;
use nexus_model::run::Run;

use super::super::world::Flying;
use super::truth::{Known, Truth};
use crate::handler::AttemptInfo;
use crate::loader::Loader;
use crate::shard::{Answer, Output, Shard};
use crate::tables::{
    CALL, CALL_END, META, TIMERS, WALL_TIMERS, read_call_row, read_timer_key, stream,
};

/// What must hold in a simulation, and what did not.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    truth: Truth,
    /// How many events of a run were durable when somebody was told so.
    acknowledged: BTreeMap<RunId, u32>,
    broken: Vec<String>,
    /// Prefixes of the names of runs of which one is open at a time.
    single: BTreeSet<String>,
    is_stale: bool,
    /// How many runs are open, as the shard says.
    open: i64,
}

impl Watch {
    /// Something leaves the shard: what it follows from has to be durable.
    pub(crate) fn sees(&mut self, output: &Output, loader: &Loader) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are about what is to be read"
        )]
        match output {
            Output::Attempt { info, attempt, .. } => self.sees_attempt(info, attempt, loader),
            Output::Reply(_, Ok(Answer { run, revision })) if AggregateId::of(run.0).is_none() => {
                self.needs_durable(*run, *revision, "somebody is answered", loader);
                let known = self.acknowledged.entry(*run).or_default();
                *known = (*known).max(*revision);
            }
            Output::Ended(run, status) => {
                self.truth.follow(loader);
                // It may have been continued since.
                let known = self.truth.runs.get(run);
                if !known.is_some_and(|known| known.ends.contains(status)) {
                    self.broken
                        .push(format!("{run} is said to have ended, and that is not durable"));
                }
            }
            Output::Opened(change) => self.open += change,
            Output::Call(call) => {
                self.truth.follow(loader);
                let step = call.call.step;
                if !self
                    .truth
                    .runs
                    .get(&call.parent.run)
                    .is_some_and(|known| known.begun_to_call(step))
                {
                    self.broken.push("a run is called, and that is not durable".to_owned());
                }
            }
            Output::Snapshot(run, revision, _) => {
                self.needs_durable(*run, *revision, "a snapshot is written", loader);
            }
            Output::TimerSet(run, timer, due) if AggregateId::of(run.0).is_none() => {
                self.truth.follow(loader);
                let known = self.truth.runs.get(run).map(|known| &known.run);
                let next = known.map_or(TimerId(0), |run| run.next_timer);
                if timer.0 >= next.0 && !timer.follows_wall_clock() {
                    self.broken
                        .push(format!("timer {timer:?} for {due:?} is set before it is durable"));
                }
            }
            _ => {}
        }
    }

    /// What is decided keeps to the pauses that the shard knows: nothing begins in a run that they mean.
    pub(crate) fn sees_pauses<'a>(
        &mut self,
        pauses: &Pauses,
        decided: impl Iterator<Item = &'a Flying>,
    ) {
        if pauses.active.is_empty() {
            return;
        }
        for Flying { run, transition, .. } in decided {
            if AggregateId::of(run.0).is_some() {
                continue;
            }
            let mut started = self.truth.runs.get(run).and_then(|known| known.run.started.clone());
            for record in &transition.records {
                let header =
                    Header { kind: record.kind, version: record.version, flags: record.flags };
                match codec::decode(header, record.body, transition.time_us) {
                    Ok((Event::RunStarted(begins), _)) => started = Some(begins),
                    Ok((Event::StepStarted { step, .. } | Event::ItemStarted { step, .. }, _))
                        if started.as_ref().is_some_and(|it| !pauses.of(it).is_empty()) =>
                    {
                        self.broken.push(format!("step {step:?} of {run} begins in a pause"));
                    }
                    _ => {}
                }
            }
        }
    }

    /// No two runs of this schedule are open at a time.
    pub(crate) fn expects_one_at_a_time(&mut self, schedule: &str) {
        self.single.insert(format!("{schedule}@"));
    }

    /// Schedules whose runs come one after the other have no two that are open; one that somebody has continued counts for
    /// nothing.
    fn compare_schedules(&mut self) {
        for prefix in &self.single {
            let of = |known: &&Known| {
                let name = known.run.started.as_ref().map_or("", |started| started.name.as_str());
                name.starts_with(prefix)
            };
            let runs = || self.truth.runs.values().filter(of);
            let open = runs().filter(|known| !known.run.status.is_terminal()).count();
            if open > 1 && runs().all(|known| !known.is_reopened) {
                self.broken.push(format!("{open} runs of {prefix} are open"));
            }
        }
    }

    fn sees_attempt(&mut self, info: &AttemptInfo, attempt: &RunAttempt, loader: &Loader) {
        self.needs_durable(info.run, info.fencing_token, "a handler is called", loader);
        self.truth.follow(loader);
        let this = (attempt.step, attempt.item, attempt.attempt, attempt.undo);
        let known = self.truth.runs.get(&info.run);
        if !known.is_some_and(|known| known.begun.contains(&this)) {
            self.broken.push(format!(
                "a handler of {} of {} is called whose attempt is not durable",
                info.step_id, info.run_name
            ));
        }
    }

    fn needs_durable(&mut self, run: RunId, revision: u32, what: &str, loader: &Loader) {
        let Some(last) = revision.checked_sub(1) else { return };
        let found = loader.log().read_stream(stream(run), Revision(last), 1);
        if !found.is_ok_and(|frames| !frames.is_empty()) {
            self.broken.push(format!("{what} before event {revision} of {run} is durable"));
        }
    }

    /// The runs, as the log says.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&RunId, &Run)> {
        self.truth.runs.iter().map(|(id, known)| (id, &known.run))
    }

    /// Reads what has become durable.
    pub(crate) fn follow(&mut self, loader: &Loader) {
        self.is_stale |= self.truth.follow(loader);
    }

    /// An engine begins: it counts the open runs of the log.
    pub(crate) fn begins(&mut self, loader: &Loader) {
        self.follow(loader);
        self.open = self.truth.open();
    }

    /// How many runs are open, as the log says.
    pub(crate) fn open_runs(&self) -> i64 {
        self.truth.open()
    }

    /// What the shard says of the open runs is what the log says, when nothing is on its way.
    pub(crate) fn compare_open(&mut self) {
        let (open, said) = (self.open_runs(), self.open);
        if open != said {
            self.broken.push(format!("{open} runs are open, and the shard told of {said}"));
        }
    }

    /// Compares what is in memory and in tables with what the log says.
    pub(crate) fn compare(&mut self, shard: &Shard, loader: &Loader) {
        for (id, plan, run) in shard.at_rest() {
            let Some(known) = self.truth.runs.get(&id) else {
                self.broken.push(format!("{id} is at rest in memory and not in the log"));
                continue;
            };
            if *run != known.run
                || codec::encode_run(plan, run) != codec::encode_run(&known.plan, &known.run)
            {
                self.broken.push(format!(
                    "{id} is not the fold of its events: revision {} in memory, {} in the log",
                    run.revision, known.run.revision
                ));
            }
        }
        if std::mem::take(&mut self.is_stale) {
            self.compare_rows(loader);
            self.compare_acknowledged();
            self.compare_limits();
            self.compare_schedules();
        }
    }

    fn compare_rows(&mut self, loader: &Loader) {
        let log = loader.log();
        let mut rows: BTreeSet<(u64, RunId, TimerId)> = BTreeSet::new();
        for table in [TIMERS, WALL_TIMERS] {
            let found = log.rows(table, &[], &[], usize::MAX).unwrap_or_default();
            rows.extend(found.iter().filter_map(|(key, _)| read_timer_key(key)));
        }
        rows.retain(|(_, run, _)| AggregateId::of(run.0).is_none());
        let timers = self.truth.runs.iter().flat_map(|(id, known)| {
            known.run.timers.iter().map(|(timer, set)| (set.due.as_ms(), *id, *timer))
        });
        let timers: BTreeSet<_> = timers.collect();
        self.differences("timer", &timers, &rows);
        let rows = log.rows(META, CALL, CALL_END, usize::MAX).unwrap_or_default();
        let rows: BTreeSet<RunId> =
            rows.iter().filter_map(|(key, row)| read_call_row(key, row)).map(|row| row.0).collect();
        let calling = self.truth.runs.iter().filter(|(_, known)| known.run.calling().count() > 0);
        let calling: BTreeSet<RunId> = calling.map(|(id, _)| *id).collect();
        self.differences("call", &calling, &rows);
    }

    fn differences<T: Ord + std::fmt::Debug>(
        &mut self,
        what: &str,
        state: &BTreeSet<T>,
        rows: &BTreeSet<T>,
    ) {
        let missing = state.difference(rows).map(|it| format!("the {what} {it:?} has no row"));
        let left = rows.difference(state).map(|it| format!("the row of the {what} {it:?} is left"));
        self.broken.extend(missing.chain(left));
    }

    /// What was acknowledged is in the log.
    fn compare_acknowledged(&mut self) {
        for (run, revision) in &self.acknowledged {
            let has = self.truth.runs.get(run).map_or(0, |known| known.run.revision);
            if has < *revision {
                self.broken.push(format!(
                    "event {revision} of {run} was acknowledged, and the log has {has}"
                ));
            }
        }
    }

    /// Nobody has a slot that is not there.
    fn compare_limits(&mut self) {
        let mut held: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for known in self.truth.runs.values() {
            for (slot, hold) in known.run.slots.iter() {
                if hold.granted && !slot.is_call() {
                    let entry = held.entry(&hold.wish.limit).or_insert((0, u32::MAX));
                    let most = hold.wish.size.slots.unwrap_or(u32::MAX);
                    *entry = (entry.0 + 1, entry.1.min(most));
                }
            }
        }
        for (limit, (held, most)) in held {
            if held > most {
                self.broken.push(format!("{held} hold a slot of {limit}, which has {most}"));
            }
        }
    }

    /// What was broken since the last time.
    pub(crate) fn broken(&mut self) -> Vec<String> {
        let mut broken = std::mem::take(&mut self.broken);
        broken.append(&mut self.truth.broken);
        broken
    }
}

impl Known {
    /// Whether the step has called a run.
    fn begun_to_call(&self, step: StepIndex) -> bool {
        self.called.contains(&step)
            || self.run.calls.contains_key(&step)
            || self.run.calling().any(|it| it == step)
    }
}
