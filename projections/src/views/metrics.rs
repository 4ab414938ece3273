//! Counters: how much happened, by workflow. Exact, because they are rows committed with the checkpoint.

mod kept_starts;

use std::collections::BTreeMap;
use std::collections::HashMap;

use nexus_model::event::Event;

use super::runs::RunRecord;
use crate::ViewsError;
use crate::bytes::{Reader, put_u64};
use crate::store::{Change, Rows, Table};
use crate::view::{Changed, Recorded, RecordedAggregate, View};

use kept_starts::KeptStarts;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How often things happened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Names and values, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }

            /// Adds what happened elsewhere.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            fn encode(&self) -> Vec<u8> {
                let mut out = Vec::new();
                $(put_u64(&mut out, self.$name);)*
                out
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                let mut reader = Reader::new(bytes);
                let counters = Self { $($name: reader.u64()?,)* };
                reader.is_empty().then_some(counters)
            }
        }
    };
}

counters! {
    /// Runs that began.
    runs_started,
    /// Runs that ended well. A run that was retried may end more than once.
    runs_completed,
    /// Runs that ended badly.
    runs_failed,
    /// Runs that were ended on request.
    runs_cancelled,
    /// Runs that were continued after they had ended.
    runs_retried,
    /// Steps that completed.
    steps_completed,
    /// Steps that failed for good.
    steps_failed,
    /// Steps that were skipped by their condition.
    steps_skipped,
    /// Attempts that were started.
    attempts_started,
    /// Attempts that failed.
    attempts_failed,
    /// Attempts that were cut off by the end of a process.
    attempts_interrupted,
    /// Retries that were scheduled.
    retries_scheduled,
    /// Timers that fired.
    timers_fired,
    /// Steps that were undone.
    steps_undone,
    /// Undos that failed for good, each time.
    undos_failed,
    /// Starts with `dedupe` whose key was not seen lately.
    starts_admitted,
    /// Starts that are kept, the first of each run.
    starts_kept,
    /// Starts that took the place of one that was kept.
    starts_joined,
    /// Kept starts whose time came.
    starts_due,
    /// Kept starts that somebody cancelled.
    starts_cancelled,
    /// Runs of such starts that were started.
    starts_begun,
    /// Runs of such starts that could not be started.
    starts_not_begun,
}

/// All counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsRow {
    /// Over all workflows.
    pub total: Counters,
    /// By name of the workflow.
    pub workflows: BTreeMap<String, Counters>,
}

impl Counters {
    /// How many runs have begun, or were retried, and have not ended since.
    #[must_use]
    pub fn runs_open(&self) -> u64 {
        let ended = self.runs_completed + self.runs_failed + self.runs_cancelled;
        (self.runs_started + self.runs_retried).saturating_sub(ended)
    }

    /// Counts an event.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    fn count(&mut self, event: &Event) {
        let counter = match event {
            Event::RunStarted(_) => &mut self.runs_started,
            Event::RunCompleted { .. } => &mut self.runs_completed,
            Event::RunFailed { .. } => &mut self.runs_failed,
            Event::RunCancelled { .. } => &mut self.runs_cancelled,
            Event::RunRetried { .. } => &mut self.runs_retried,
            Event::StepCompleted { .. } => &mut self.steps_completed,
            Event::StepFailed { .. } => &mut self.steps_failed,
            Event::StepSkipped { .. } => &mut self.steps_skipped,
            Event::UndoCompleted { .. } => &mut self.steps_undone,
            Event::UndoFailed { .. } => &mut self.undos_failed,
            Event::StepStarted { .. }
            | Event::UndoStarted { .. }
            | Event::ItemUndoStarted(_)
            | Event::ItemStarted { .. } => &mut self.attempts_started,
            Event::AttemptFailed { .. }
            | Event::UndoAttemptFailed { .. }
            | Event::ItemAttemptFailed { .. } => &mut self.attempts_failed,
            Event::ItemsInterrupted { attempts, .. } => {
                self.attempts_interrupted += attempts.len() as u64;
                return;
            }
            Event::AttemptsInterrupted { attempts, .. } => {
                self.attempts_interrupted += attempts.len() as u64;
                return;
            }
            Event::RetryScheduled { .. }
            | Event::UndoRetryScheduled { .. }
            | Event::ItemRetryScheduled { .. } => &mut self.retries_scheduled,
            Event::PathChosen { skipped: steps, .. } | Event::StepsBypassed { steps, .. } => {
                self.steps_skipped += steps.len() as u64;
                return;
            }
            Event::TimerFired { .. } => &mut self.timers_fired,
            Event::AttemptResumed { .. }
            | Event::HeartbeatRecorded { .. }
            | Event::StepQueued { .. }
            | Event::RunPaused { .. }
            | Event::RunResumed { .. }
            | Event::StepPaused { .. }
            | Event::StepResumed { .. }
            | Event::RunHeld { .. }
            | Event::RunReleased
            | Event::CancelRequested { .. }
            | Event::SlotsOffered
            | Event::RunMigrated(_)
            | Event::StepSlotRequested { .. }
            | Event::StepSlotGranted { .. }
            | Event::StepCallRequested { .. }
            | Event::StepCallAllowed { .. }
            | Event::StepCallRefused { .. }
            | Event::RunQueued { .. }
            | Event::RunSlotGranted { .. }
            | Event::SignalReceived { .. }
            | Event::UpdateAccepted { .. }
            | Event::UpdateAwaited { .. }
            | Event::StepWaits { .. }
            | Event::EventsRead { .. }
            | Event::ApprovalGranted { .. }
            | Event::ApprovalRejected { .. }
            | Event::ApprovalRequested { .. }
            | Event::SignalTaken { .. }
            | Event::StepCalled { .. }
            | Event::ChildEnded { .. }
            | Event::ParentPaused
            | Event::ParentResumed
            | Event::StepSlept { .. }
            | Event::ItemsStarted { .. }
            | Event::ItemResumed { .. }
            | Event::ItemCompleted { .. }
            | Event::ItemOutputMapped { .. }
            | Event::ItemFailed { .. }
            | Event::OutputsStored { .. }
            | Event::RoundBegun { .. }
            | Event::CallsMade(_)
            | Event::FunctionReturned(_)
            | Event::RaceDecided { .. }
            | Event::StepsNotReached { .. }
            | Event::OutputMapped { .. }
            | Event::StopRequested { .. }
            | Event::StepsCancelled { .. }
            | Event::ItemUndone(_)
            | Event::UndoRequested { .. }
            | Event::UndoWaived { .. }
            | Event::UndoRetried { .. }
            | Event::RunForgotten { .. } => return,
        };
        *counter += 1;
    }
}

/// The view. What happened since the last batch waits here.
#[derive(Default)]
pub(crate) struct MetricsView {
    news: HashMap<String, Counters>,
    starts: KeptStarts,
}

impl View for MetricsView {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [Table] {
        &[Table::Metrics, Table::KeptStarts]
    }

    fn apply(&mut self, run: &mut RunRecord, recorded: &Recorded<'_>) {
        match self.news.get_mut(&run.workflow) {
            Some(counters) => counters.count(recorded.event),
            None => self.news.entry(run.workflow.clone()).or_default().count(recorded.event),
        }
    }

    fn apply_aggregate(&mut self, recorded: &RecordedAggregate<'_>) {
        self.starts.apply(recorded);
    }

    fn flush(
        &mut self,
        _changed: &[Changed<'_>],
        rows: &dyn Rows,
        batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError> {
        let news = &mut self.news;
        self.starts.flush(rows, batch, |workflow, count| match news.get_mut(workflow) {
            Some(counters) => count(counters),
            None => count(news.entry(workflow.to_owned()).or_default()),
        })?;
        for (workflow, mut counters) in self.news.drain() {
            let key = workflow.into_bytes();
            if let Some(value) = rows.get(Table::Metrics, &key)? {
                counters.add(&decode(&value)?);
            }
            batch.push(Change { table: Table::Metrics, key, value: Some(counters.encode()) });
        }
        Ok(())
    }
}

/// All counters.
pub(crate) fn read(rows: &dyn Rows) -> Result<MetricsRow, ViewsError> {
    let mut metrics = MetricsRow::default();
    for row in rows.all(Table::Metrics) {
        let (key, value) = row?;
        let counters = decode(&value)?;
        metrics.total.add(&counters);
        let workflow = String::from_utf8(key).map_err(|_| ViewsError::Row { view: "metrics" })?;
        metrics.workflows.insert(workflow, counters);
    }
    Ok(metrics)
}

fn decode(value: &[u8]) -> Result<Counters, ViewsError> {
    Counters::decode(value).ok_or(ViewsError::Row { view: "metrics" })
}
