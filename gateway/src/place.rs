//! Where a process that holds a store can be asked: `control.json` in the store's folder.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Name of the file.
const FILE: &str = "control.json";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The socket.
    pub(crate) socket: Option<PathBuf>,
    /// The address, if it listens at one.
    pub(crate) tcp: Option<SocketAddr>,
    /// The process.
    pub(crate) pid: u32,
    /// Why it holds the store.
    pub(crate) role: String,
    /// By when it lets go of the store, in milliseconds since 1970, if it ends; then it cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ends_by_ms: Option<u64>,
}

/// A process that ends, and cannot be asked any more, but has the store still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The process.
    pub pid: u32,
    /// Why it holds the store.
    pub role: String,
    /// By when it lets go of the store.
    pub by: SystemTime,
}

/// The process that lets go of the store in this folder, if one has said so.
pub fn ending(store: &Path) -> Option<Ending> {
    let Place { pid, role, ends_by_ms, .. } = Place::read(store)?;
    Some(Ending { pid, role, by: UNIX_EPOCH + Duration::from_millis(ends_by_ms?) })
}

/// Says that a process ends, until it is dropped.
#[derive(Debug)]
pub struct Draining {
    place: Place,
    store: PathBuf,
}

impl Draining {
    /// Says that the process of this place lets go of the store after at most this time.
    pub(crate) fn say(place: &Place, store: &Path, at_most: Duration) -> io::Result<Self> {
        let by = SystemTime::now() + at_most;
        let by = by.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let ends_by_ms = Some(u64::try_from(by).unwrap_or(u64::MAX));
        let place = Place { socket: None, tcp: None, ends_by_ms, ..place.clone() };
        place.write(store)?;
        Ok(Self { place, store: store.to_owned() })
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        self.place.remove(&self.store);
    }
}

/// Where an engine is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket of this machine.
    Socket(PathBuf),
    /// A port of this machine.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

impl Place {
    /// Reads the file in a store's folder; `None` if there is none, or it makes no sense.
    pub(crate) fn read(store: &Path) -> Option<Self> {
        let text = fs::read(store.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The address to use: the socket, because only its owner can open it.
    pub(crate) fn address(self) -> Option<Address> {
        self.socket.map(Address::Socket).or_else(|| self.tcp.map(Address::Tcp))
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self, store: &Path) -> io::Result<()> {
        let new = store.join(format!("{FILE}.{}", self.pid));
        let text = serde_json::to_vec(self)?;
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&text)?;
        fs::rename(&new, store.join(FILE))
    }

    /// Removes the file, if it is still ours.
    pub(crate) fn remove(&self, store: &Path) {
        if Self::read(store).as_ref() == Some(self) {
            let _ = fs::remove_file(store.join(FILE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_it_was_written_and_removed_by_its_owner_only() {
        let store = tempfile::tempdir().expect("a folder");
        let place = Place {
            socket: Some("/a".into()),
            tcp: None,
            pid: 1,
            role: "run".into(),
            ends_by_ms: None,
        };
        assert_eq!(Place::read(store.path()), None);
        place.write(store.path()).expect("written");
        assert_eq!(Place::read(store.path()), Some(place.clone()));
        Place { pid: 2, ..place.clone() }.remove(store.path());
        assert_eq!(Place::read(store.path()), Some(place.clone()));
        place.remove(store.path());
        assert_eq!(Place::read(store.path()), None);
    }

    #[test]
    fn who_ends_says_so_until_it_has() {
        let store = tempfile::tempdir().expect("a folder");
        let place = Place {
            socket: Some("/a".into()),
            tcp: None,
            pid: 1,
            role: "serve".into(),
            ends_by_ms: None,
        };
        place.write(store.path()).expect("written");
        assert_eq!(ending(store.path()), None);
        let draining =
            Draining::say(&place, store.path(), Duration::from_mins(1)).expect("it is said");
        place.remove(store.path());
        let told = ending(store.path()).expect("it is read");
        assert_eq!((told.pid, &*told.role), (1, "serve"));
        assert!(told.by > SystemTime::now() + Duration::from_secs(50));
        drop(draining);
        assert_eq!(ending(store.path()), None);
    }
}
