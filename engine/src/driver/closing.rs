//! How a driver ends.
//!
//! Invariants:
//! * It ends once every handler has reported and every outcome is recorded, or when its patience is at an end: a log that
//!   does not answer, or that takes nothing, does not keep the process alive.
//! * Nobody who waits is left without a word.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::message::Message;
use super::{Driver, Slots};
use crate::shard::Refusal;

/// What the log has beside twice the handlers' grace.
const PATIENCE: Duration = Duration::from_secs(1);

/// A driver's end, once it is asked for.
#[derive(Debug)]
pub(super) struct Closing {
    done: oneshot::Sender<()>,
    until: Instant,
}

impl Closing {
    pub(super) fn time_left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

impl Driver {
    pub(super) fn shut_down(&mut self, done: oneshot::Sender<()>) {
        let drain = self.config.drain;
        let until = Instant::now() + drain + 2 * self.config.grace + PATIENCE;
        self.closing = Some(Closing { done, until });
        self.slots = Slots(i64::MIN / 2);
        self.hungry.clear();
        self.taking_up.clear();
        self.timers.close();
        self.wall_timers.close();
        self.errands.close();
        self.handlers.turn_away();
        if drain.is_zero() {
            self.handlers.stop_all();
            return;
        }
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(drain).await;
            let _ = inbox.send(Message::DrainOver);
        });
    }

    /// Whether the end has come.
    pub(super) fn is_done(&self, no_messages: bool) -> bool {
        let Some(closing) = &self.closing else { return false };
        let idle = self.handlers.is_idle()
            && self.outbox.is_idle()
            && self.shard.is_idle()
            && self.calls.is_idle();
        if idle && no_messages {
            return true;
        }
        let over = closing.time_left().is_zero();
        if over {
            tracing::error!(
                "the engine ends before everything is recorded; what is missing runs again"
            );
        }
        over
    }

    /// Turns away who comes too late, and says that nothing more comes.
    pub(super) fn end(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        self.handlers.turn_away();
        self.handlers.stop_all();
        messages.close();
        while let Ok(message) = messages.try_recv() {
            turn_away(message);
        }
        self.replies.close();
        if let Some(Closing { done, .. }) = self.closing.take() {
            let _ = done.send(());
        }
    }
}

fn turn_away(message: Message) {
    match message {
        Message::Start { reply, .. }
        | Message::Ask { reply: Some(reply), .. }
        | Message::AskAggregate { reply: Some(reply), .. } => {
            let _ = reply.send(Err(Refusal::ShuttingDown));
        }
        Message::Wait { end, .. } => {
            let _ = end.send(Err(Refusal::ShuttingDown));
        }
        Message::Shutdown { done } => {
            let _ = done.send(());
        }
        Message::Ask { reply: None, .. }
        | Message::Loaded { .. }
        | Message::PayloadsLoaded { .. }
        | Message::Reported(_)
        | Message::Called(_)
        | Message::Pauses { .. }
        | Message::Drive { .. }
        | Message::TakeUp { .. }
        | Message::AlreadyEnded { .. }
        | Message::Unwaitable { .. }
        | Message::Rested { .. }
        | Message::TimersLoaded { .. }
        | Message::CallDone(_)
        | Message::Equip { .. }
        | Message::AskAggregate { reply: None, .. }
        | Message::AggregateLoaded { .. }
        | Message::DriveAggregate { .. }
        | Message::DrainOver
        | Message::TimersAgain { .. }
        | Message::HasRead(_) => {}
    }
}
