//! Pauses of the store, as a shard keeps to them.
//!
//! Invariants:
//! * From the moment the shard is told of a pause on, nothing begins in a run to which it applies.
//! * A run that left memory while it was held is taken up again when a pause ends.

use std::sync::Arc;

use nexus_model::command::Command;
use nexus_model::event::RunStarted;
use nexus_model::id::RunId;
use nexus_model::pauses::Pauses;
use nexus_model::time::Timestamp;

use super::resident::Resident;
use super::{Asked, Output, Shard, Slots};

impl Shard {
    /// Keeps to these pauses from now on.
    pub(super) fn set_pauses(
        &mut self,
        pauses: Arc<Pauses>,
        now: Timestamp,
        slots: &mut Slots,
        out: &mut Vec<Output>,
    ) {
        let one_ends = self.pauses.loses_one_in(&pauses);
        self.pauses = pauses;
        let mut runs: Vec<RunId> = self.runs.keys().copied().collect();
        runs.sort_unstable();
        for run in runs {
            self.work_off(run, now, slots, out);
        }
        if one_ends {
            for run in std::mem::take(&mut self.kept_away) {
                self.drive(run, now, slots, out);
            }
        }
    }

    /// Remembers a run that leaves memory, so that it is taken up when the pause that holds it ends.
    pub(super) fn note_kept_away(&mut self, run: RunId) {
        let is_held = self.runs.get(&run).is_some_and(|resident| {
            !resident.run.status.is_terminal() && !resident.run.holds.by_store.is_empty()
        });
        if is_held && self.limits.drives {
            self.kept_away.insert(run);
        }
    }
}

fn is_about_pauses(asked: &Asked) -> bool {
    matches!(asked.command, Command::HoldRun { .. } | Command::ReleaseRun)
}

impl Resident {
    /// Whether pauses of the store apply to the run.
    pub(super) fn is_kept_by(&self, pauses: &Pauses) -> bool {
        self.run.started.as_deref().is_some_and(|started| !pauses.of(started).is_empty())
    }

    /// Puts first what makes the run keep to the pauses, if it does not.
    pub(super) fn keep_to(&mut self, pauses: &Pauses) {
        let Some(started) = self.run.started.as_deref() else { return };
        if self.run.status.is_terminal() {
            return;
        }
        let is_held = !self.run.holds.by_store.is_empty();
        let pauses = pauses.of(started);
        let command = match (pauses.is_empty(), is_held) {
            (false, false) => Some(Command::HoldRun { pauses }),
            (true, true) => Some(Command::ReleaseRun),
            (true, false) | (false, true) => None,
        };
        let is_first = |asked: &Asked| Some(&asked.command) == command.as_ref();
        // What waits may be about earlier pauses.
        while self.queue.front().is_some_and(|asked| is_about_pauses(asked) && !is_first(asked)) {
            self.queue.pop_front();
        }
        let is_there = self.queue.front().is_some_and(is_first);
        if let Some(command) = command.filter(|_| !is_there) {
            self.queue.push_front(Asked::silent(command));
        }
    }

    /// The command as it is decided: one that begins or continues a run holds it, if pauses apply.
    pub(super) fn in_hold(&self, command: &Command, pauses: &Pauses) -> Command {
        let started: Option<&RunStarted> = match command {
            Command::StartRun(started) => Some(started),
            Command::RetryRun { .. } | Command::MigrateRun(_) => self.run.started.as_deref(),
            Command::CompleteStep { .. }
            | Command::FailStep { .. }
            | Command::CompleteItem { .. }
            | Command::FailItem { .. }
            | Command::InterruptItems { .. }
            | Command::ResumeItem { .. }
            | Command::ResumeAttempt { .. }
            | Command::RecordHeartbeat { .. }
            | Command::AnswerApproval { .. }
            | Command::InterruptAttempts { .. }
            | Command::FireTimer { .. }
            | Command::PauseRun { .. }
            | Command::ResumeRun { .. }
            | Command::PauseStep { .. }
            | Command::ResumeStep { .. }
            | Command::HoldRun { .. }
            | Command::ReleaseRun
            | Command::InHold { .. }
            | Command::ForgetRun { .. }
            | Command::CancelRun { .. }
            | Command::DeliverSignal { .. }
            | Command::Update(_)
            | Command::EndChild { .. }
            | Command::FollowParent { .. }
            | Command::MakeCalls(_)
            | Command::ReturnFunction(_)
            | Command::OfferEvent { .. }
            | Command::EventsRead { .. }
            | Command::AllowCall { .. }
            | Command::RefuseCall { .. }
            | Command::GrantSlot { .. }
            | Command::OfferSlots => None,
        };
        let pauses = started.map(|started| pauses.of(started)).unwrap_or_default();
        if pauses.is_empty() || !self.run.holds.by_store.is_empty() {
            return command.clone();
        }
        Command::InHold { pauses, command: Box::new(command.clone()) }
    }
}
