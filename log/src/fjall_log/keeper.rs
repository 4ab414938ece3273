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

use super::mark::{Mark, MarkFile};
use super::{creation, failure};
use crate::OpenError;
use crate::tip::Tip;
use crate::waking::{self, Bell, Keeping, Waker};

/// Whether the storage engine could write everything.
pub(super) type Health = Box<dyn Fn() -> Result<(), String> + Send>;

/// The keeper's thread, seen from outside.
#[derive(Debug)]
pub(super) struct Keeper {
    bell: Bell,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread. `written` is what the file says.
    pub(super) fn start(
        store: &Path,
        file: MarkFile,
        written: Mark,
        tip: &Arc<Tip<Mark>>,
        health: Health,
        last_words: Option<fn()>,
    ) -> Result<Self, OpenError> {
        let (bell, sleeper) = waking::open();
        let mut keeping = HighWater { file, written, tip: Arc::clone(tip), health, last_words };
        let thread = thread::Builder::new()
            .name("nexus-log-mark".to_owned())
            .spawn(move || sleeper.work(&mut keeping))
            .map_err(creation::io(store))?;
        Ok(Self { bell, thread })
    }

    /// What the writer wakes the keeper with.
    pub(super) fn waker(&self) -> Waker {
        self.bell.waker()
    }

    /// Ends the thread after it has written the newest mark.
    pub(super) fn finish(self) {
        self.bell.last();
        let _ = self.thread.join();
    }
}

struct HighWater {
    file: MarkFile,
    written: Mark,
    tip: Arc<Tip<Mark>>,
    health: Health,
    last_words: Option<fn()>,
}

impl Keeping for HighWater {
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
