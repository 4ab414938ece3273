//! When the follower works: at once when the log was quiet or somebody waits, and otherwise so seldom that changes collect.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use nexus_log::Position;
use tokio::sync::watch;

/// Time between the beginnings of two batches under load: a run that begins and ends within it costs one row, and no marks that
/// are taken away again. Who asks the views for something does not wait for it.
const REST: Duration = Duration::from_millis(100);

/// How long the follower sleeps at most when nothing rings.
const NAP: Duration = Duration::from_mins(1);

/// The time of the last batch.
#[derive(Default)]
pub(super) struct Pace {
    next: Option<Instant>,
}

impl Pace {
    /// How long to wait before the next batch; `None`: not at all.
    pub(super) fn wait(&self, is_wanted: bool) -> Option<Duration> {
        let rest = self.next?.saturating_duration_since(Instant::now());
        (!is_wanted && !rest.is_zero()).then_some(rest)
    }

    /// Notes a batch. One that left records behind is followed by the next without a rest.
    pub(super) fn done(&mut self, begun: Instant, is_behind: bool) {
        self.next = (!is_behind).then(|| begun + REST);
    }
}

/// Rings when the log grows.
pub(super) struct Bell {
    durable: watch::Receiver<Position>,
    waker: Waker,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Bell {
    /// Made in the thread that waits.
    pub(super) fn new(durable: watch::Receiver<Position>) -> Self {
        Self { durable, waker: Waker::from(Arc::new(Unpark(thread::current()))) }
    }

    /// Where the log ends.
    pub(super) fn durable(&mut self) -> Position {
        *self.durable.borrow_and_update()
    }

    /// Parks the thread until the log has grown since [`durable`](Self::durable) was asked, or somebody unparks it.
    pub(super) fn wait(&mut self) {
        let changed = pin!(self.durable.changed());
        match changed.poll(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Ok(())) => {}
            // A log that is gone rings no more; those who close the views do.
            Poll::Ready(Err(_)) | Poll::Pending => thread::park_timeout(NAP),
        }
    }
}
