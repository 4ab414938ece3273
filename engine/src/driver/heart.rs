//! The heartbeats of an attempt: whether they come in time, and how far it said it is.
//!
//! Invariants:
//! * Progress is recorded in the order it was said, before the failure of its attempt.
//! * However often a handler says how far it is, no more than one record a second comes of it: the newest.

use std::time::Duration;

use nexus_model::command::Command;
use nexus_model::id::{Attempt, RunId, StepIndex};
use nexus_model::payload::Payload;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::message::Message;
use crate::handler::{Beats, StepCx};
use crate::shard::Asked;

/// Least time between two records of one attempt.
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// The heartbeats of one attempt.
pub(super) struct Heart {
    inbox: mpsc::UnboundedSender<Message>,
    which: (RunId, StepIndex, Attempt),
    beats: Beats,
    /// Longest silence that is borne; `None`: any.
    silence_max: Option<Duration>,
    recorded: Payload,
    recorded_at: Option<Instant>,
    of_item: bool,
}

impl Heart {
    pub(super) fn new(inbox: mpsc::UnboundedSender<Message>, cx: &StepCx, beats: Beats) -> Self {
        let info = cx.info();
        let recorded = beats.progress();
        Self {
            inbox,
            which: (info.run, info.step, info.attempt),
            beats,
            silence_max: info.heartbeat,
            recorded,
            recorded_at: None,
            of_item: info.item.is_some(),
        }
    }

    /// Bears no longer silence than this from now on.
    pub(super) fn bear(&mut self, silence_max: Duration) {
        self.silence_max = Some(silence_max);
    }

    /// Takes note that this is recorded, in whatever form.
    pub(super) fn has_recorded(&mut self, progress: Payload) {
        self.recorded = progress;
    }

    /// Records progress as it comes. Ends when no heartbeat has come for too long, and says how long that is.
    pub(super) async fn falls_silent(&mut self) -> Duration {
        let mut last_beat = Instant::now();
        loop {
            let record_at = self.record_at();
            tokio::select! {
                biased;
                () = at(record_at) => self.flush(),
                () = self.beats.next() => last_beat = Instant::now(),
                () = at(self.silence_max.map(|max| last_beat + max)) => {
                    return self.silence_max.unwrap_or_default();
                }
            }
        }
    }

    /// When there is something to record; `None`: not before the next heartbeat.
    fn record_at(&self) -> Option<Instant> {
        let is_new = self.beats.progress() != self.recorded;
        (is_new && !self.of_item)
            .then(|| self.recorded_at.map_or_else(Instant::now, |at| at + RECORD_EVERY))
    }

    /// Records how far the attempt said it is, if that is not recorded.
    pub(super) fn flush(&mut self) {
        let progress = self.beats.progress();
        // How far an item has come is not recorded: there are many of them.
        if progress == self.recorded || self.of_item {
            return;
        }
        let (run, step, attempt) = self.which;
        self.recorded = progress.clone();
        self.recorded_at = Some(Instant::now());
        let asked = Asked::silent(Command::RecordHeartbeat { step, attempt, progress });
        let _ = self.inbox.send(Message::Ask { run, asked, reply: None });
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
