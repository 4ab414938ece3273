//! Where a process that holds a store can be asked: `control.json` in the store's folder.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
        let store = tempfile::tempdir().unwrap();
        let place = Place { socket: Some("/a".into()), tcp: None, pid: 1, role: "run".into() };
        assert_eq!(Place::read(store.path()), None);
        place.write(store.path()).unwrap();
        assert_eq!(Place::read(store.path()), Some(place.clone()));
        Place { pid: 2, ..place.clone() }.remove(store.path());
        assert_eq!(Place::read(store.path()), Some(place.clone()));
        place.remove(store.path());
        assert_eq!(Place::read(store.path()), None);
    }
}
