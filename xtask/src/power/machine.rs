//! What the rigs need of the machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Rig;
use crate::process;

/// Where Debian has the library in whose presence syncs do nothing.
const NO_SYNC: &str = "libeatmydata.so";

/// Programs, and the Debian package that has each.
const KERNEL: [(&str, &str); 2] = [("linux.uml", "user-mode-linux"), ("mkfs.ext4", "e2fsprogs")];
const IMAGES: [(&str, &str); 3] =
    [("mkfs.btrfs", "btrfs-progs"), ("mkfs.ext4", "e2fsprogs"), ("mount", "mount")];

/// Checks that there is everything; returns the library in whose presence syncs do nothing.
///
/// # Errors
/// What is missing, and which package has it.
pub(super) fn ready(rigs: &[Rig]) -> Result<PathBuf> {
    let mut missing = Vec::new();
    for rig in rigs {
        let programs: &[_] = match rig {
            Rig::Kernel => &KERNEL,
            Rig::Images => &IMAGES,
        };
        for (program, package) in programs {
            if !installed(program) {
                missing.push(format!("{program}: install the Debian package {package}"));
            }
        }
    }
    if rigs.contains(&Rig::Images) {
        let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        if !root || !Path::new("/dev/loop-control").exists() {
            missing.push(
                "images of a file system need root and loop devices: \
                 `--rig kernel` does without them"
                    .to_owned(),
            );
        }
    }
    let no_sync = no_sync();
    if no_sync.is_none() {
        missing.push(format!("{NO_SYNC}: install the Debian package libeatmydata1"));
    }
    match no_sync {
        Some(no_sync) if missing.is_empty() => Ok(no_sync),
        _ => {
            missing.sort_unstable();
            missing.dedup();
            bail!("the power cannot be cut on this machine:\n  {}", missing.join("\n  "))
        }
    }
}

/// On the path, or where only the root user looks.
fn installed(program: &str) -> bool {
    let folders = ["/sbin", "/usr/sbin"];
    process::installed(program)
        || folders.iter().any(|folder| Path::new(folder).join(program).exists())
}

fn no_sync() -> Option<PathBuf> {
    let architectures = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let folders = architectures.map(|entry| entry.path());
    folders.map(|folder| folder.join(NO_SYNC)).find(|library| library.is_file())
}
