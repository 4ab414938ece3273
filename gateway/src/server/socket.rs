//! The socket: in the store's folder if its path is short enough, otherwise in a folder of the user's.
//!
//! Addresses of sockets hold about a hundred bytes, and paths of stores are longer than that sooner than one thinks.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::getuid;
use tokio::net::UnixListener;

use super::unusable;
use crate::api::Problem;

/// The longest path of a socket, in bytes: what every system takes.
const PATH_BYTES_MAX: usize = 100;

/// A socket that is removed with its server.
#[derive(Debug)]
pub(super) struct Socket(PathBuf);

impl Socket {
    /// Opens a socket for the process that holds `store`, at the first place that takes one.
    pub(super) fn bind(store: &Path) -> Result<(Self, UnixListener), Problem> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for path in candidates(store) {
            match bind(&path) {
                Ok(listener) => return Ok((Self(path), listener)),
                Err(error) => {
                    tracing::debug!(%error, path = %path.display(), "no socket here");
                    last = error;
                }
            }
        }
        Err(unusable("a socket", &last))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Where the socket could be, best first.
fn candidates(store: &Path) -> impl Iterator<Item = PathBuf> {
    let store = store.canonicalize().ok().filter(|store| !store.as_os_str().is_empty());
    let inside = store.map(|store| store.join("control").join("engine.sock"));
    let name = format!("{}.sock", std::process::id());
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime =
        runtime.filter(|folder| folder.is_absolute()).map(|folder| folder.join("nexus-engine"));
    let shared = std::env::temp_dir().join(format!("nexus-engine-{}", getuid().as_raw()));
    let fallback = PathBuf::from(format!("/tmp/nexus-engine-{}", getuid().as_raw()));
    let outside = [runtime, Some(shared), Some(fallback)];
    // One process may hold several stores: the name is made unique by a number.
    let outside = outside.into_iter().flatten().flat_map(move |folder| {
        let name = name.clone();
        (0..100).map(move |number| match number {
            0 => folder.join(&name),
            number => folder.join(format!("{number}-{name}")),
        })
    });
    let is_short = |path: &PathBuf| path.as_os_str().as_bytes().len() <= PATH_BYTES_MAX;
    inside
        .into_iter()
        .map(|path| (path, true))
        .chain(outside.map(|path| (path, false)))
        .filter(move |(path, ours)| is_short(path) && (*ours || !is_alive(path)))
        .map(|(path, _)| path)
}

/// Whether a process listens at this socket.
fn is_alive(path: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(path).is_ok()
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    own_folder(folder)?;
    // The store's lock is ours, or nobody answers here: what stands here was left behind by a process that is gone.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Makes a folder that nobody else can enter, so that there is no moment in which somebody else could open the socket.
fn own_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != getuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}
