//! The keeper: writes the high-water file, off the path of acknowledgements.
//!
//! Invariants:
//! * At most one write in 250 ms, except at the end.
//! * After a rest, and after closing, the file holds the newest mark.

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
        last_words: Option<fn()>,
    ) -> Result<Self, OpenError> {
        let (progress, progressed) = channel::bounded(1);
        let (closing, closed) = channel::bounded(1);
        let mut keeping = Keeping { file, written, tip: Arc::clone(tip), last_words };
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
    last_words: Option<fn()>,
}

impl Keeping {
    fn run(&mut self, progressed: &Receiver<()>, closed: &Receiver<()>) {
        while progressed.recv().is_ok() {
            self.keep();
            if closed.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        self.keep();
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
