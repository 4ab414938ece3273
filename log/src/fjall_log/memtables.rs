//! Memtables that are nearly full make room for new ones before the storage engine sees that they are.
//!
//! It would ask its thread for that, again with each batch until the thread gets to it, in a queue of 1,000 places into which the
//! thread itself puts work. If a compaction takes so long that the queue is full, the thread waits for a place in it, which nobody
//! makes: from then on nothing leaves the memory, and no journal ends.

use fjall::{AbstractTree, Keyspace};

/// Begins a new memtable of a keyspace that has nearly as much in memory as it may; to be called before each batch.
/// `bytes_max`: its `max_memtable_size`.
///
/// # Errors
/// Those of the storage engine. What is in memory is still there.
pub fn rotate_in_time(keyspace: &Keyspace, bytes_max: u64) -> Result<(), fjall::Error> {
    if keyspace.tree.active_memtable().size() >= bytes_max / 8 * 7 {
        keyspace.rotate_memtable()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::super::layout::{Use, memtable_bytes};
    use super::super::{FjallLog, Options};
    use super::*;
    use crate::{
        Change, EventLog, Outcome, Partition, Record, Records, Revision, Row, StreamId, Submission,
        Table, TableSpec, Transition,
    };

    const BYTES_MAX: u64 = 1024 * 1024;
    /// With what a row takes in memory beside its bytes, some twenty memtables.
    const BATCHES: u32 = 100_000;
    /// Groups of so many transitions fill each memtable of a log once or more.
    const GROUPS: u32 = 5_000;
    const GROUP: u32 = 32;

    /// Small batches come faster than the engine's thread looks into its queue, as they do while it compacts.
    #[test]
    fn the_engine_goes_on_writing_tables_however_fast_batches_come() {
        let folder = tempfile::tempdir_in("/dev/shm");
        // On a disk there were fewer batches in the time of a flush if each was synced.
        let durability = if folder.is_ok() { PersistMode::SyncData } else { PersistMode::Buffer };
        let folder = folder.or_else(|_| tempfile::tempdir()).expect("a folder");
        let place = folder.path().to_owned();
        let (done, is_done) = mpsc::channel();
        // Where the engine stands still, so does who writes, and a database cannot be closed.
        thread::spawn(move || {
            write_much(&place, durability);
            let _ = done.send(());
        });
        let in_time = is_done.recv_timeout(Duration::from_mins(1));
        assert!(in_time.is_ok(), "it panicked, or the thread of the storage engine stands still");
    }

    fn write_much(folder: &Path, durability: PersistMode) {
        let db = Database::builder(folder).worker_threads(1).open().expect("a database");
        let options = || KeyspaceCreateOptions::default().max_memtable_size(BYTES_MAX);
        let keyspaces = ["a", "b"].map(|name| db.keyspace(name, options).expect("a keyspace"));
        for number in 0..BATCHES {
            let mut batch = db.batch().durability(Some(durability));
            for keyspace in &keyspaces {
                rotate_in_time(keyspace, BYTES_MAX).expect("it is well");
                batch.insert(keyspace, number.to_be_bytes(), [7; 100]);
            }
            batch.commit().expect("it is well");
        }
        let sealed = || keyspaces.iter().map(|it| it.tree.sealed_memtable_count()).sum::<usize>();
        while db.outstanding_flushes() > 0 || sealed() > 0 {
            thread::sleep(Duration::from_millis(5));
        }
        for keyspace in &keyspaces {
            assert!(keyspace.tree.active_memtable().size() <= BYTES_MAX);
            assert!(keyspace.tree.table_count() > 0, "tables were written");
        }
    }

    /// A transition in a stream of its own, and nothing beside it.
    fn little(number: u32) -> Transition {
        let mut records = Records::new();
        records.push(Record { kind: 1, version: 1, flags: 0, body: &[7] });
        Transition {
            stream: StreamId((u128::from(number) << 96).to_be_bytes()),
            expected: Revision(0),
            time_us: 1,
            records,
            rows: Vec::new(),
            payloads: Vec::new(),
        }
    }

    /// The same with a kilobyte or two of everything.
    fn much(number: u32) -> Transition {
        let bytes = [7; 1000];
        let transition = little(number);
        let stream = transition.stream.0;
        let row = |table| {
            let change = Change::Put(bytes.to_vec());
            Row { table: Table(table), key: stream.to_vec(), change }
        };
        let mut records = Records::new();
        records.push(Record { kind: 1, version: 1, flags: 0, body: &[7; 2000] });
        let payloads = vec![(*blake3::hash(&stream).as_bytes(), bytes.as_slice().into())];
        Transition { records, rows: vec![row(0), row(1)], payloads, ..transition }
    }

    #[test]
    fn no_group_leaves_a_memtable_of_the_log_full() {
        const TABLES: &[TableSpec] = &[TableSpec::new("rows"), TableSpec::apart("apart")];
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder");
        let log = FjallLog::open(folder.path(), Options::new(TABLES)).expect("a store");
        let store = &log.store;
        for number in 0..GROUPS {
            let permit = log.permits().try_acquire(0).expect("nothing is always free");
            let first = number * GROUP;
            let few = (first + 1..first + GROUP).map(little);
            let transitions = std::iter::once(much(first)).chain(few).collect();
            let partition = Partition(0);
            let ticket = log.append_here(Submission { partition, transitions, permit });
            let outcomes = ticket.wait().expect("the log is open");
            let is_appended = |outcome: &Outcome| matches!(outcome, Outcome::Appended(_));
            assert!(outcomes.iter().all(is_appended), "{outcomes:?}");
            let frames = &store.segments.newest().frames;
            let apart = store.rows.all_apart().map(|keyspace| (keyspace, Use::Apart));
            let others = [
                (frames, Use::Events),
                (&store.streams, Use::Streams),
                (&store.payloads, Use::Payloads),
                (store.rows.keyspace(), Use::Rows),
            ];
            for (keyspace, purpose) in apart.chain(others) {
                let size = keyspace.tree.active_memtable().size();
                let name = keyspace.name();
                assert!(size < memtable_bytes(purpose), "{name} has {size} in group {number}");
            }
        }
    }
}
