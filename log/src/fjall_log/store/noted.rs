//! Where streams end that were read to their end lately: who reads one mostly writes it next, and the writer need not look for its end again.
//!
//! Invariants:
//! * What is noted was read from one moment of the database; whether it is still so, the database is asked.
//! * Bounded, as everything that is remembered.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StreamId;
use crate::heads::{Heads, StreamHead};

/// Streams whose end is remembered, in each of two generations.
const STREAMS_REMEMBERED: usize = 8 * 1024;

/// Ends of streams.
#[derive(Debug)]
pub(super) struct Noted(Mutex<Heads>);

impl Default for Noted {
    fn default() -> Self {
        Self(Mutex::new(Heads::new(STREAMS_REMEMBERED)))
    }
}

impl Noted {
    /// Takes note of where a stream ended.
    pub(super) fn set(&self, stream: StreamId, head: StreamHead) {
        let mut heads = self.heads();
        heads.set(stream, head);
        heads.age();
    }

    /// Where it ended when it was read.
    pub(super) fn get(&self, stream: StreamId) -> Option<StreamHead> {
        self.heads().get(stream)
    }

    fn heads(&self) -> MutexGuard<'_, Heads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::fjall_log::store::Store;
    use crate::group::Durable;
    use crate::heads::StreamHead;
    use crate::{
        EventLog, FjallLog, Options, Outcome, Partition, Records, Revision, StreamId, Submission,
        Transition,
    };

    const STREAM: StreamId = StreamId([7; 16]);

    fn append(log: &FjallLog, revision: u32) {
        let mut records = Records::default();
        records.push_with(1, 1, 0, |bytes| bytes.push(7));
        let transition = Transition {
            stream: STREAM,
            expected: Revision(revision),
            time_us: 1,
            records,
            rows: Vec::new(),
            payloads: Vec::new(),
        };
        let permit = log.permits().try_acquire(transition.bytes()).expect("there is room");
        let transitions = vec![transition];
        let ticket = log.append(Submission { partition: Partition(0), transitions, permit });
        assert!(matches!(ticket.wait().expect("it is open")[..], [Outcome::Appended(_)]));
    }

    /// Where the stream ends, as the database says.
    fn asked(store: &Store) -> StreamHead {
        let frame = store.frame_before(STREAM, Revision(u32::MAX)).expect("it can be read");
        frame.map_or(StreamHead::EMPTY, |frame| StreamHead {
            next: frame.next_revision(),
            chain: frame.chain,
        })
    }

    #[test]
    fn what_was_noted_counts_only_as_long_as_the_stream_ends_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = FjallLog::open(folder.path(), Options::new(&[])).expect("it opens");
        append(&log, 0);
        append(&log, 1);
        let read = |most| log.read_stream(STREAM, Revision(0), most).expect("it reads").len();
        assert_eq!((read(1), log.store.noted.get(STREAM)), (1, None), "there is more");
        assert_eq!(read(3), 2);
        let noted = log.store.noted.get(STREAM);
        assert_eq!(noted, Some(asked(&log.store)));
        assert_eq!(log.store.head(STREAM).ok(), noted);
        append(&log, 2);
        assert_eq!(log.store.head(STREAM).ok(), Some(asked(&log.store)), "it went on");
        assert_ne!(log.store.head(STREAM).ok(), noted);
    }
}
