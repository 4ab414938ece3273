//! What handlers print: files beside the log, never part of the state.
//!
//! Each attempt has a folder entry `logs/<run>/<begun>-<step>-<attempt>.log`, of an item `<begun>-<step>.<item>-<attempt>.log`, where
//! `<begun>` is how many events the run had; an undo has a `u` behind its attempt. The newest 1 MiB is kept, in two halves. An attempt
//! that is taken up again after a crash has another entry. The first line of each is the id of the step: its number may be that of
//! another step by the time somebody reads it, in a function and after a migration.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::vault::{Vault, seal_text};

use crate::handler::{AttemptInfo, LogSink};

/// Half of what is kept of an attempt, in bytes.
const HALF_BYTES: u64 = 512 * 1024;
/// Files kept open.
const OPEN_MAX: usize = 64;

/// Keeps what handlers print in files.
#[derive(Debug)]
pub struct FileLogs {
    folder: PathBuf,
    open: Mutex<OpenFiles>,
}

/// Open files and their sizes in bytes.
type OpenFiles = HashMap<(RunId, FileOf), (File, u64)>;

/// What a file holds, in the order in which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct FileOf {
    begun: u32,
    step: StepIndex,
    item: Option<ItemIndex>,
    attempt: Attempt,
    is_undo: bool,
}

/// What one attempt printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The number of the step when it printed this.
    pub step: StepIndex,
    /// The id of the step.
    pub step_id: String,
    /// The item, if the step has `for_each`.
    pub item: Option<ItemIndex>,
    /// The attempt.
    pub attempt: Attempt,
    /// Whether it was printed by the undo.
    pub is_undo: bool,
    /// The text, without the line end.
    pub text: String,
}

impl FileLogs {
    /// Keeps them in this folder, which is made when the first line comes.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, open: Mutex::default() }
    }

    /// Reads what the attempts of a run printed, in the order in which they began.
    ///
    /// # Errors
    /// What the file system says; a run that printed nothing is no error.
    pub fn read(folder: &Path, run: RunId) -> io::Result<Vec<LogLine>> {
        let entries = match fs::read_dir(folder.join(run.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            files.extend(read_file_name(&path).map(|key| (key, path)));
        }
        files.sort();
        let mut lines = Vec::new();
        for ((of, _), path) in files {
            let FileOf { step, item, attempt, is_undo, .. } = of;
            let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
            let (id, text) = text.split_once('\n').unwrap_or((&text, ""));
            let line = |line: &str| {
                let (step_id, text) = (id.to_owned(), line.to_owned());
                LogLine { step, step_id, item, attempt, is_undo, text }
            };
            lines.extend(text.lines().map(line));
        }
        Ok(lines)
    }

    fn append(&self, info: &AttemptInfo, text: &[u8]) -> io::Result<()> {
        let key = (info.run, FileOf::attempt(info));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.contains_key(&key) {
            if open.len() >= OPEN_MAX {
                open.clear();
            }
            open.insert(key, self.open_file(info)?);
        }
        let Some((file, bytes)) = open.get_mut(&key) else { return Ok(()) };
        file.write_all(text)?;
        *bytes += text.len() as u64;
        if *bytes >= HALF_BYTES {
            open.remove(&key);
            fs::rename(self.path(info, "log"), self.path(info, "0.log"))?;
        }
        Ok(())
    }

    fn open_file(&self, info: &AttemptInfo) -> io::Result<(File, u64)> {
        let path = self.path(info, "log");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let mut bytes = file.metadata()?.len();
        if bytes == 0 {
            let id = format!("{}\n", info.step_id);
            file.write_all(id.as_bytes())?;
            bytes = id.len() as u64;
        }
        Ok((file, bytes))
    }

    fn path(&self, info: &AttemptInfo, ending: &str) -> PathBuf {
        let FileOf { begun, step, item, attempt, is_undo } = FileOf::attempt(info);
        let item = item.map(|item| format!(".{}", item.0)).unwrap_or_default();
        let undo = if is_undo { "u" } else { "" };
        let name = format!("{begun}-{}{item}-{}{undo}.{ending}", step.0, attempt.0);
        self.folder.join(info.run.to_string()).join(name)
    }
}

impl FileOf {
    fn attempt(info: &AttemptInfo) -> Self {
        let AttemptInfo { begun, step, attempt, is_undo, .. } = *info;
        let item = if is_undo { info.undone_item } else { info.item };
        Self { begun, step, item, attempt, is_undo }
    }
}

/// Reads `<begun>-<step>-<attempt>.0.log` (the older half) or `<begun>-<step>-<attempt>.log`.
fn read_file_name(path: &Path) -> Option<(FileOf, u8)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    let (name, newer) = name.strip_suffix(".0").map_or((name, 1), |name| (name, 0));
    let (begun, name) = name.split_once('-')?;
    let (step, attempt) = name.split_once('-')?;
    let (step, item) = match step.split_once('.') {
        Some((step, item)) => (step, Some(ItemIndex(item.parse().ok()?))),
        None => (step, None),
    };
    let (attempt, is_undo) = match attempt.strip_suffix('u') {
        Some(attempt) => (attempt, true),
        None => (attempt, false),
    };
    let (begun, step) = (begun.parse().ok()?, StepIndex(step.parse().ok()?));
    let attempt = Attempt(attempt.parse().ok()?);
    Some((FileOf { begun, step, item, attempt, is_undo }, newer))
}

impl LogSink for FileLogs {
    fn write(&self, attempt: &AttemptInfo, text: &[u8]) {
        if let Err(error) = self.append(attempt, text) {
            tracing::warn!(run = %attempt.run_name, step = %attempt.step_id, %error, "a log line was lost");
        }
    }
}

/// What handlers of an encrypted run print: each piece a sealed text on a line of its own.
pub(crate) struct SealedLogs {
    vault: Arc<dyn Vault>,
    logs: Arc<dyn LogSink>,
}

impl SealedLogs {
    /// The logs, sealed if there is a vault.
    pub(crate) fn over(
        logs: &Arc<dyn LogSink>,
        vault: Option<&Arc<dyn Vault>>,
    ) -> Arc<dyn LogSink> {
        match vault {
            None => Arc::clone(logs),
            Some(vault) => Arc::new(Self { vault: Arc::clone(vault), logs: Arc::clone(logs) }),
        }
    }
}

impl LogSink for SealedLogs {
    fn write(&self, attempt: &AttemptInfo, text: &[u8]) {
        let mut line = seal_text(&*self.vault, &String::from_utf8_lossy(text));
        line.push('\n');
        self.logs.write(attempt, line.as_bytes());
    }
}

#[cfg(test)]
mod tests;
