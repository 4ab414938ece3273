//! Records of running scripts, so that a script which outlived its engine is ended before it runs again.
//!
//! A record is a file `<store>/scripts/<run>-<step>.json`. It has to outlive the engine but not the machine, whose end
//! is the script's end too, so it is not synced.
//!
//! Invariants:
//! * A process is only ended if it is the recorded one: same number, same start, same boot; or, if the recorded one is
//!   gone, if one of its group has the record's `$NEXUS_OUTPUT`.
//! * A record goes away when nothing of its group is left.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_engine::handler::{AttemptInfo, StepError, StepResult};
use serde::{Deserialize, Serialize};

use super::group::{self, Process};

const FOLDER: &str = "scripts";
const ENDING: &str = "json";
/// What a record is called until it is whole. One that stays so is of a script that never began.
const UNFINISHED: &str = "new";

/// How long scripts of an engine that is gone may clean up.
const GRACE: Duration = Duration::from_secs(5);

/// Which process a script is.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    pid: i32,
    start: u64,
    boot: String,
    /// `$NEXUS_OUTPUT`: no two executions share it.
    output: PathBuf,
}

/// Where the record of a step's script is; nowhere if nothing outlives this process.
pub(super) fn path(info: &AttemptInfo) -> Option<PathBuf> {
    let folder = info.store.as_ref()?.join(FOLDER);
    let item = info.item.map(|item| format!(".{}", item.0)).unwrap_or_default();
    let step = plain(&info.step_id, info.step.0);
    Some(folder.join(format!("{}-{step}{item}.{ENDING}", info.run)))
}

/// The id of a step as part of a file name.
fn plain(id: &str, index: u32) -> String {
    if id.len() > 100 {
        return format!("%{index}");
    }
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    name
}

/// Puts process `pid` on record; the script may begin afterwards.
pub(super) fn write(path: &Path, pid: i32, output: &Path) -> io::Result<()> {
    let record =
        Record { pid, start: group::process(pid)?.start, boot: boot()?, output: output.to_owned() };
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file =
        tempfile::Builder::new().suffix(&format!(".{UNFINISHED}")).tempfile_in(folder)?;
    serde_json::to_writer(&mut file, &record)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Takes a record away. One that stays is found to be of a process that is gone.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "the record of a script could not be removed");
    }
}

/// Ends an earlier execution of the step that is still running.
pub(super) fn end_earlier(path: &Path, grace: Duration) -> StepResult<()> {
    match end_recorded(path, grace) {
        Ok(true) => Ok(()),
        Ok(false) => Err(StepError::retry(
            "an earlier execution of this script is still running and could not be ended",
        )
        .code("NX3022")),
        Err(error) => Err(StepError::retry(format!(
            "an earlier execution of this script may still be running: {}: {error}",
            path.display()
        ))
        .code("NX3022")),
    }
}

/// Ends all scripts that outlived the engine which ran them, and returns how many records it found.
///
/// For the start of an engine, once it alone has the store open. Waits until the scripts are gone; a script that
/// withstands stays on record and is tried again before its step runs.
///
/// # Errors
/// If the folder with the records cannot be read.
pub fn reap_orphans(store: &Path) -> io::Result<usize> {
    let folder = store.join(FOLDER);
    for unfinished in files(&folder, UNFINISHED)? {
        let _ = std::fs::remove_file(unfinished);
    }
    let paths = files(&folder, ENDING)?;
    // Together, so that all of them share one time to clean up.
    std::thread::scope(|scope| {
        for path in &paths {
            scope.spawn(|| match end_recorded(path, GRACE) {
                Ok(true) => {}
                Ok(false) => tracing::warn!(path = %path.display(), "a script could not be ended"),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the record of a script cannot be read");
                }
            });
        }
    });
    Ok(paths.len())
}

fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension() == Some(OsStr::new(ending))).collect())
}

/// Ends the script on record, if there is one, and takes the record away; false if it could not be ended.
fn end_recorded(path: &Path, grace: Duration) -> io::Result<bool> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        bytes => bytes?,
    };
    match serde_json::from_slice::<Record>(&bytes) {
        Ok(record) if record.is_running()? && !group::end(record.pid, grace) => return Ok(false),
        Ok(record) => {
            let _ = std::fs::remove_file(&record.output);
            let _ = std::fs::remove_file(super::progress::path_beside(&record.output));
            let _ = std::fs::remove_file(super::output::type_beside(&record.output));
        }
        // It was renamed into place, so only the end of the machine, and of the script with it, can have cut it.
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the record of a script was cut");
        }
    }
    std::fs::remove_file(path)?;
    Ok(true)
}

impl Record {
    /// Whether something of its group runs.
    fn is_running(&self) -> io::Result<bool> {
        if self.boot != boot()? {
            return Ok(false);
        }
        if group::process(self.pid).is_ok_and(|leader| leader.start != self.start) {
            return Ok(false);
        }
        let members = group::members(self.pid)?;
        Ok(members.iter().any(|member| self.is_leader(member) || self.has_output(member)))
    }

    fn is_leader(&self, process: &Process) -> bool {
        process.pid == self.pid && process.start == self.start
    }

    /// The group of a leader that is gone is known by the environment of its members.
    fn has_output(&self, process: &Process) -> bool {
        let entry = [b"NEXUS_OUTPUT=", self.output.as_os_str().as_bytes()].concat();
        std::fs::read(Path::new("/proc").join(process.pid.to_string()).join("environ"))
            .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|item| item == entry))
    }
}

/// Which start of the machine this is: process numbers and start times mean nothing beyond.
fn boot() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}
