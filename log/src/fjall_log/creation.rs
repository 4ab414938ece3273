//! The store's folder: its lock, its creation, its layout version.
//!
//! Invariants:
//! * The lock is taken before anything else is touched.
//! * A database is made aside and renamed into place, so a creation that was killed half-way leaves nothing that looks like a store.
//! * The high-water file is older than the database: a store without its database has lost data exactly if the mark says so.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::mark::MarkFile;
use super::{Options, layout};
use crate::{OpenError, Position};

/// The folder of the database, within the store.
pub(super) const LOG: &str = "log";

const CREATING: &str = "log.creating";
const LOCK: &str = "lock";
const LAYOUT: &str = "layout";
const LAYOUT_CREATING: &str = "layout.creating";
const MARK: &str = "high-water";
const LAYOUT_WORDS: &str = "nexus-log layout ";

/// Says which path an error is about.
pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}

/// Makes names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))
}

/// The locks that this process holds, by device and inode. A lock is taken and let go of while this is held.
static HELD: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

/// The lock of a store, held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    file: Option<File>,
    held_as: (u64, u64),
    is_new: bool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.held_as);
        drop(self.file.take());
    }
}

/// Takes the lock of the store, making its folder if there is none.
pub(super) fn lock(store: &Path) -> Result<Lock, OpenError> {
    fs::create_dir_all(store).map_err(io(store))?;
    let path = store.join(LOCK);
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io(&path))?;
    let about = file.metadata().map_err(io(&path))?;
    let held_as = (about.dev(), about.ino());
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    match file.try_lock() {
        Ok(()) => {
            held.insert(held_as);
            Ok(Lock { file: Some(file), held_as, is_new })
        }
        Err(TryLockError::WouldBlock) => {
            let is_here = held.contains(&held_as);
            Err(OpenError::Locked { path: store.to_owned(), is_here })
        }
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

/// Sees to it that there is a store of a known layout, and opens its high-water file.
pub(super) fn prepare(store: &Path, lock: &Lock, options: &Options) -> Result<MarkFile, OpenError> {
    let mark = store.join(MARK);
    if !store.join(LOG).is_dir() {
        refuse_what_is_no_store(store, lock)?;
        refuse_a_lost_database(store, options)?;
        create(store, options)?;
    }
    remove_leftovers(store)?;
    check_layout(store)?;
    if options.accept_data_loss && !mark.exists() {
        MarkFile::create(&mark).map_err(io(&mark))?;
    }
    match MarkFile::open(&mark) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::HighWater { path: mark })
        }
        opened => opened.map_err(io(&mark)),
    }
}

/// Refuses a folder without a layout, but with things in it that a half-made store does not have.
fn refuse_what_is_no_store(store: &Path, lock: &Lock) -> Result<(), OpenError> {
    const OURS: [&str; 4] = [LOCK, MARK, CREATING, LAYOUT_CREATING];
    if store.join(LAYOUT).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(store).map_err(io(store))? {
        let name = entry.map_err(io(store))?.file_name();
        if !OURS.iter().any(|ours| name == *ours) {
            if lock.is_new {
                // Left behind, it would be a stray in somebody else's folder.
                let _ = fs::remove_file(store.join(LOCK));
            }
            return Err(OpenError::NotAStore { path: store.to_owned() });
        }
    }
    Ok(())
}

/// Refuses to start anew where a store once acknowledged something.
fn refuse_a_lost_database(store: &Path, options: &Options) -> Result<(), OpenError> {
    let path = store.join(MARK);
    if options.accept_data_loss || !path.exists() {
        return Ok(());
    }
    let mark = MarkFile::open(&path).map_err(io(&path))?.mark().cloned();
    match mark {
        Some(mark) if mark.position > Position(0) => {
            Err(OpenError::EndsEarly { found: Position(0), acknowledged: mark.position })
        }
        _ => Ok(()),
    }
}

fn create(store: &Path, options: &Options) -> Result<(), OpenError> {
    remove_leftovers(store)?;
    let mark = store.join(MARK);
    MarkFile::create(&mark).map_err(io(&mark))?;
    write_layout(store)?;
    let aside = store.join(CREATING);
    drop(layout::open(&aside, options)?);
    sync_tree(&aside)?;
    fs::rename(&aside, store.join(LOG)).map_err(io(&aside))?;
    sync_folder(store)?;
    store.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

/// Makes every file and folder below `folder` durable: not every error of its making was reported.
fn sync_tree(folder: &Path) -> Result<(), OpenError> {
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let path = entry.map_err(io(folder))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path).and_then(|file| file.sync_all()).map_err(io(&path))?;
        }
    }
    sync_folder(folder)
}

fn remove_leftovers(store: &Path) -> Result<(), OpenError> {
    let aside = store.join(CREATING);
    if aside.exists() { fs::remove_dir_all(&aside).map_err(io(&aside)) } else { Ok(()) }
}

fn write_layout(store: &Path) -> Result<(), OpenError> {
    let (aside, path) = (store.join(LAYOUT_CREATING), store.join(LAYOUT));
    fs::write(&aside, format!("{LAYOUT_WORDS}{}\n", layout::VERSION)).map_err(io(&aside))?;
    File::open(&aside).and_then(|file| file.sync_all()).map_err(io(&aside))?;
    fs::rename(&aside, &path).map_err(io(&path))?;
    sync_folder(store)
}

fn check_layout(store: &Path) -> Result<(), OpenError> {
    let path: PathBuf = store.join(LAYOUT);
    // The mark is older than the database: where it is, there was a store, and its layout file is damaged.
    let no_store = || {
        if store.join(MARK).exists() {
            OpenError::Layout { path: path.clone() }
        } else {
            OpenError::NotAStore { path: store.to_owned() }
        }
    };
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| no_store())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_store()),
        Err(source) => return Err(OpenError::Io { path, source }),
    };
    let found: u32 = text
        .strip_prefix(LAYOUT_WORDS)
        .and_then(|rest| rest.trim_end().parse().ok())
        .ok_or_else(no_store)?;
    match found {
        layout::VERSION => Ok(()),
        newer if newer > layout::VERSION => Err(OpenError::Newer { found, known: layout::VERSION }),
        0 => Err(no_store()),
        found => Err(OpenError::Older { found, known: layout::VERSION }),
    }
}
