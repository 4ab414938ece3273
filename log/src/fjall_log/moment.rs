//! Moments: before and after each thing the writer does to the disk, for tests that end the process there.

/// Something the writer does to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A group of transitions is written and synced.
    Commit,
    /// A purge writes the bytes that it will look for.
    Canary,
    /// A purge writes what is in memory to tables.
    Memtables,
    /// A purge fills up the journal.
    Filling,
    /// A purge compacts the tables.
    Compaction,
    /// A purge looks for the bytes in all files.
    Search,
    /// A purge takes away the rows that asked for it.
    Removal,
}

/// A moment in the work of the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is about to be done.
    Before(Act),
    /// It was done, and nobody was told.
    After(Act),
}

/// Who is told of moments.
#[derive(Clone, Copy)]
pub(super) struct Moments(pub(super) Option<fn(Moment)>);

impl Moments {
    /// Does `work`, and tells of the moments before and after it.
    pub(super) fn around<T>(self, act: Act, work: impl FnOnce() -> T) -> T {
        self.tell(Moment::Before(act));
        let done = work();
        self.tell(Moment::After(act));
        done
    }

    fn tell(self, moment: Moment) {
        if let Some(told) = self.0 {
            told(moment);
        }
    }
}
