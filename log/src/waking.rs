//! Waking: how the thread that keeps the high-water file learns that there is something to keep, and that it is to end.
//!
//! Invariants:
//! * What was published before the last word is kept before the thread ends.
//! * Nobody who wakes it ever waits for it.

use std::time::Duration;

use crate::sync::channel::{self, Receiver, RecvTimeoutError, Sender};

const PAUSE: Duration = Duration::from_millis(250);
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What the thread does.
pub(crate) trait Keeping {
    /// Keeps the newest mark.
    fn keep(&mut self);

    /// Sees to it that everything is well.
    fn look(&self);
}

/// Tells the thread that the log has grown.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Sender<()>);

impl Waker {
    /// Tells it; never blocks.
    pub(crate) fn wake(&self) {
        // A full channel means that it has been told already.
        let _ = self.0.try_send(());
    }
}

/// The end of those who wake the thread.
#[derive(Debug)]
pub(crate) struct Bell {
    progress: Sender<()>,
    closing: Sender<()>,
}

impl Bell {
    /// What others wake the thread with.
    pub(crate) fn waker(&self) -> Waker {
        Waker(self.progress.clone())
    }

    /// Tells the thread to end once it has kept the newest mark.
    pub(crate) fn last(self) {
        let _ = self.closing.try_send(());
        let _ = self.progress.try_send(());
    }
}

/// The end of the thread.
pub(crate) struct Sleeper {
    progressed: Receiver<()>,
    closed: Receiver<()>,
}

/// Makes both ends.
pub(crate) fn open() -> (Bell, Sleeper) {
    let (progress, progressed) = channel::bounded(1);
    let (closing, closed) = channel::bounded(1);
    (Bell { progress, closing }, Sleeper { progressed, closed })
}

impl Sleeper {
    /// Works until the last word, at most once in 250 ms.
    pub(crate) fn work(&self, keeping: &mut impl Keeping) {
        loop {
            match self.progressed.recv_timeout(LOOK_AFTER) {
                Ok(()) => keeping.keep(),
                Err(RecvTimeoutError::Timeout) => {
                    keeping.look();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.closed.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            keeping.look();
        }
        keeping.keep();
    }
}
