//! Vitals: what an attempt and those who watch over it tell each other: that it is to stop, that it is alive, and how far it is.
//!
//! One allocation for each attempt, and nothing to be done for it when nobody waits, which is so for nearly all of them.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_model::payload::Payload;
use tokio::sync::Notify;

/// What is told of one attempt.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    is_stopped: AtomicBool,
    stopped: Notify,
    said: Mutex<Said>,
    beaten: Notify,
}

/// What a handler has said of itself.
#[derive(Debug, Default)]
struct Said {
    /// How far it is: what an earlier attempt said, until it says something itself.
    progress: Payload,
    /// How often it said that it is alive.
    beats: u64,
}

impl Vitals {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the handler was told to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// Waits until the handler is told to stop.
    pub(super) async fn until_stopped(&self) {
        // It hears what is told from here on, before it waits for the first time.
        let told = pin!(self.stopped.notified());
        if !self.is_stopped() {
            told.await;
        }
    }

    /// The handler is alive, and perhaps says how far it is.
    pub(super) fn beat(&self, progress: Option<Payload>) {
        let mut said = self.said();
        said.beats += 1;
        if let Some(progress) = progress {
            said.progress = progress;
        }
        drop(said);
        self.beaten.notify_waiters();
    }

    /// How far the handler said it is.
    pub(super) fn progress(&self) -> Payload {
        self.said().progress.clone()
    }

    /// Replaces what an earlier attempt said, which is no heartbeat.
    pub(super) fn take_over(&self, progress: Payload) {
        self.said().progress = progress;
    }
}

/// Tells a handler to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Vitals>);

impl Stop {
    pub(super) fn new(vitals: Arc<Vitals>) -> Self {
        Self(vitals)
    }

    /// Tells it.
    pub fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::SeqCst);
        self.0.stopped.notify_waiters();
    }
}

/// Hears the heartbeats of a handler.
#[derive(Clone, Debug)]
pub struct Beats {
    vitals: Arc<Vitals>,
    heard: u64,
}

impl Beats {
    pub(super) fn new(vitals: Arc<Vitals>) -> Self {
        let heard = vitals.said().beats;
        Self { vitals, heard }
    }

    /// Waits until the handler has said once more that it is alive. Nothing is lost if it is not waited for to the end.
    pub async fn next(&mut self) {
        loop {
            let told = pin!(self.vitals.beaten.notified());
            let beats = self.vitals.said().beats;
            if std::mem::replace(&mut self.heard, beats) != beats {
                return;
            }
            told.await;
        }
    }

    /// How far the handler said it is: what an earlier attempt said, until it says something itself.
    pub fn progress(&self) -> Payload {
        self.vitals.progress()
    }
}
