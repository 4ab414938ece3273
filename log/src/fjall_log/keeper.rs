//! The keeper: writes the high-water file, off the path of acknowledgements, and sees to it that the storage engine is well.
//!
//! Invariants:
//! * At most one write in 250 ms, except at the end.
//! * After a rest, and after closing, the file holds the newest mark.
//! * What the storage engine fails to write on its own ends the process a moment later, also while the writer waits for it: it would
//!   wait for ever.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender};

use super::mark::{Mark, MarkFile};
use super::writer::Tip;
use super::{creation, failure};
use crate::OpenError;

const PAUSE: Duration = Duration::from_millis(250);
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Whether the storage engine could write everything.
pub(super) type Health = Box<dyn Fn() -> Result<(), String> + Send>;

/// The keeper's thread, seen from outside.
#[derive(Debug)]
pub(super) struct Keeper {
    progress: Sender<()>,
    closing: Sender<()>,
    thread: JoinHandle<()>,
}

/// Tells the keeper that the log has grown.
#[derive(Clone, Debug)]
pub(super) struct Waker(Sender<()>);

impl Waker {
    /// Tells it; never blocks.
    pub(super) fn wake(&self) {
        // A full channel means that the keeper has been told already.
        let _ = self.0.try_send(());
    }
}

impl Keeper {
    /// Starts the thread. `written` is what the file says.
    pub(super) fn start(
        store: &Path,
        file: MarkFile,
        written: Mark,
        tip: &Arc<Tip>,
        health: Health,
        last_words: Option<fn()>,
    ) -> Result<Self, OpenError> {
        let (progress, progressed) = channel::bounded(1);
        let (closing, closed) = channel::bounded(1);
        let mut keeping = Keeping { file, written, tip: Arc::clone(tip), health, last_words };
        let thread = thread::Builder::new()
            .name("nexus-log-mark".to_owned())
            .spawn(move || keeping.run(&progressed, &closed))
            .map_err(creation::io(store))?;
        Ok(Self { progress, closing, thread })
    }

    /// What the writer wakes the keeper with.
    pub(super) fn waker(&self) -> Waker {
        Waker(self.progress.clone())
    }

    /// Ends the thread after it has written the newest mark.
    pub(super) fn finish(self) {
        let _ = self.closing.try_send(());
        let _ = self.progress.try_send(());
        let _ = self.thread.join();
    }
}

struct Keeping {
    file: MarkFile,
    written: Mark,
    tip: Arc<Tip>,
    health: Health,
    last_words: Option<fn()>,
}

impl Keeping {
    fn run(&mut self, progressed: &Receiver<()>, closed: &Receiver<()>) {
        loop {
            match progressed.recv_timeout(LOOK_AFTER) {
                Ok(()) => self.keep(),
                Err(RecvTimeoutError::Timeout) => {
                    self.look();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if closed.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            self.look();
        }
        self.keep();
    }

    fn look(&self) {
        if let Err(error) = (self.health)() {
            failure::end_process("cannot write", &error, self.last_words);
        }
    }

    fn keep(&mut self) {
        let mark = self.tip.mark();
        if mark == self.written {
            return;
        }
        if let Err(error) = self.file.write(&mark) {
            failure::end_process("cannot write the high-water file", &error, self.last_words);
        }
        self.written = mark;
    }
}
