//! Bare fjall: the same bytes under the same keys in one `WriteBatch` with `SyncData` per group, from one thread, and nothing else.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
};
use nexus_engine::log::{rotate_in_time, small_tables};

use super::Failure;
use super::groups::GroupShape;

/// How long its background work is waited for, so that it does not disturb what is measured next.
const SETTLE: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
const FRAMES_BYTES: u64 = 8 * MIB;
const INDEX_BYTES: u64 = 4 * MIB;

/// A database set up as that of a log.
pub(super) struct Bare {
    db: Database,
    frames: Keyspace,
    index: Keyspace,
    next: u64,
}

impl Bare {
    /// Makes the database in `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let db = Database::builder(folder.join("bare"))
            .cache_size(32 * MIB)
            .max_journaling_size(128 * MIB)
            .worker_threads(1)
            .journal_compression(CompressionType::None)
            .open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        };
        let frames = db.keyspace("ev", || {
            options()
                .max_memtable_size(FRAMES_BYTES)
                .data_block_size_policy(BlockSizePolicy::all(16 * 1024))
        })?;
        let index = db.keyspace("st", || {
            options().max_memtable_size(INDEX_BYTES).compaction_strategy(small_tables())
        })?;
        Ok(Self { db, frames, index, next: 0 })
    }

    /// How many groups of this shape it takes in a second, measured for about `time`.
    pub(super) fn groups_per_second(
        &mut self,
        shape: GroupShape,
        time: Duration,
    ) -> Result<f64, Failure> {
        let frame = vec![0x5a; shape.frame_bytes];
        let began = Instant::now();
        let mut groups = 0u32;
        while groups == 0 || began.elapsed() < time {
            self.group(shape.transitions, &frame)?;
            groups += 1;
        }
        let per_second = f64::from(groups) / began.elapsed().as_secs_f64();
        self.settle();
        Ok(per_second)
    }

    fn group(&mut self, transitions: usize, frame: &[u8]) -> Result<(), fjall::Error> {
        rotate_in_time(&self.frames, FRAMES_BYTES)?;
        rotate_in_time(&self.index, INDEX_BYTES)?;
        let mut batch = OwnedWriteBatch::with_capacity(self.db.clone(), 2 * transitions)
            .durability(Some(PersistMode::SyncData));
        for _ in 0..transitions {
            self.next += 1;
            let position = self.next.to_be_bytes();
            // Runs are told apart by the random end of their ids, and many are under way at one time.
            let mut key = [0; 20];
            key[..8].copy_from_slice(&(self.next % 256).wrapping_mul(0x9e37_79b9).to_be_bytes());
            key[12..].copy_from_slice(&position);
            batch.insert(&self.frames, position, frame);
            batch.insert(&self.index, key, [0x33; 11]);
        }
        batch.commit()
    }

    /// Waits until nothing is written in the background.
    fn settle(&self) {
        let began = Instant::now();
        while self.db.outstanding_flushes() + self.db.active_compactions() > 0
            && began.elapsed() < SETTLE
        {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Flushes and compacts every table of a database that nobody has open.
pub(super) fn compact(folder: &Path) -> Result<(), Failure> {
    let db = Database::builder(folder).worker_threads(1).open()?;
    for name in db.list_keyspace_names() {
        let keyspace = db.keyspace(&name, KeyspaceCreateOptions::default)?;
        keyspace.rotate_memtable_and_wait()?;
        keyspace.major_compact()?;
    }
    Ok(())
}
