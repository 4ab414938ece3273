//! The check before opening: is a journal's end torn, or is its middle damaged? The storage engine itself cannot tell, and drops what follows damage.
//!
//! Invariants:
//! * A torn tail belongs to a sync that never ended, so it was not acknowledged: it is kept aside and cut off.
//! * If the log then ends before its high-water mark, the tail was acknowledged after all: it is put back and the store does not open.
//! * With a whole batch behind it, the damage is in the middle: nothing is touched and the store does not open.
//! * A whole batch of whose sequence number the end may be missing, and that is the last, is a torn tail like others.
//! * A sealed journal was synced whole, so it has no torn tail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Advice;

use super::creation::{self, io};
use super::journal::{self, Rest};
use super::measures;
use crate::{OpenError, TornTail};

const TORN: &str = "torn";
const BUFFER_BYTES: usize = 256 * 1024;

/// Checks every journal of the store, and cuts a torn tail.
pub(super) fn check(store: &Path) -> Result<Option<TornTail>, OpenError> {
    let journals = journals(&store.join(creation::LOG))?;
    let mut sequence = None;
    let mut torn_tail = None;
    for (index, path) in journals.iter().enumerate() {
        let content = walk(path, sequence).map_err(io(path))?;
        sequence = content.sequence;
        let damaged = OpenError::Damaged { journal: path.clone(), offset: content.end };
        // Behind a number that was changed upwards, those of all later batches are too small.
        let (skipped, later_than) = match content.rest {
            Rest::Nothing => continue,
            Rest::Order => return Err(damaged),
            Rest::Broken => (0, sequence),
            Rest::Cut(bytes) => (usize::try_from(bytes).unwrap_or(usize::MAX), None),
        };
        let rest = rest(path, content.end).map_err(io(path))?;
        if rest.is_empty() {
            continue;
        }
        let behind = rest.get(skipped..).unwrap_or_default();
        if index + 1 < journals.len() || journal::holds_a_batch(behind, later_than) {
            return Err(damaged);
        }
        torn_tail = Some(cut(store, path, content.end, &rest)?);
    }
    Ok(torn_tail)
}

/// The journals, oldest first.
fn journals(database: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(database).map_err(io(database))? {
        let path = entry.map_err(io(database))?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_journal);
        let number: Option<u64> = stem.and_then(|stem| stem.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn walk(path: &Path, sequence: Option<u64>) -> io::Result<journal::Content> {
    let file = File::open(path)?;
    // After a failed sync the cache may hold pages that the disk does not: ask for those of the disk.
    // A file system that takes no advice reads as it does.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    journal::walk(&mut BufReader::with_capacity(BUFFER_BYTES, file), sequence)
}

/// What stands behind `end`, without the zeros that fill up the file.
fn rest(path: &Path, end: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = data_end(&mut file, end)?;
    file.seek(SeekFrom::Start(end))?;
    let mut rest = Vec::new();
    file.take(length - end).read_to_end(&mut rest)?;
    Ok(rest)
}

/// Where the last byte that is not zero ends, or `from` if there is none behind it.
fn data_end(file: &mut File, from: u64) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut at, mut end) = (from, from);
    loop {
        at = match rustix::fs::seek(&*file, rustix::fs::SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(rustix::io::Errno::NXIO) => return Ok(end),
            // A file system that does not know its holes reads them as zeros.
            Err(_) => file.seek(SeekFrom::Start(at))?,
        };
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(end);
        }
        if let Some(last) = buffer.iter().take(read).rposition(|byte| *byte != 0) {
            end = at + last as u64 + 1;
        }
        at += read as u64;
    }
}

/// Keeps the tail aside, then cuts it off; each step is durable before the next.
fn cut(store: &Path, journal: &Path, offset: u64, tail: &[u8]) -> Result<TornTail, OpenError> {
    let folder = store.join(TORN);
    fs::create_dir_all(&folder).map_err(io(&folder))?;
    let name = journal.file_name().unwrap_or_default().to_string_lossy();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let copy = folder.join(format!("{name}-{offset}-{seconds}"));
    File::create(&copy)
        .and_then(|mut file| file.write_all(tail).and_then(|()| file.sync_all()))
        .map_err(io(&copy))?;
    creation::sync_folder(&folder)?;
    creation::sync_folder(store)?;
    let file = OpenOptions::new().write(true).open(journal).map_err(io(journal))?;
    file.set_len(offset).and_then(|()| file.sync_all()).map_err(io(journal))?;
    Ok(TornTail { journal: journal.to_owned(), offset, bytes: tail.len() as u64, copy })
}

/// Says that a tail was cut off, once the store has opened without it.
pub(super) fn report(torn: &TornTail) {
    measures::torn_tail();
    tracing::warn!(journal = %torn.journal.display(), offset = torn.offset, bytes = torn.bytes, copy = %torn.copy.display(), "cut off a torn tail that was never acknowledged");
}

/// Puts a tail back that was cut off, because the store does not open without it either: a refusal leaves things as they were.
/// If anything stands in the way the copy stays where it is.
pub(super) fn put_back(torn: &TornTail) {
    let put = || -> io::Result<()> {
        let tail = fs::read(&torn.copy)?;
        let mut journal = OpenOptions::new().append(true).open(&torn.journal)?;
        if journal.metadata()?.len() == torn.offset {
            journal.write_all(&tail)?;
            journal.sync_all()?;
            fs::remove_file(&torn.copy)?;
        }
        Ok(())
    };
    if let Err(error) = put() {
        tracing::warn!(%error, copy = %torn.copy.display(), "cannot put a torn tail back");
    }
}
