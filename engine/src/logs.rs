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
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_of_an_attempt_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let logs = FileLogs::new(folder.path().to_owned());
        let info = AttemptInfo { attempt: Attempt(1), ..AttemptInfo::default() };
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..2000 {
            logs.write(&info, line.as_bytes());
        }
        logs.write(&info, b"the end\n");
        let lines = FileLogs::read(folder.path(), info.run).unwrap();
        assert!(lines.len() > 500 && lines.len() <= 1025, "{}", lines.len());
        assert_eq!(lines.last().unwrap().text, "the end");
    }

    #[test]
    fn attempts_are_read_in_the_order_in_which_they_began_and_undos_with_their_items() {
        let folder = tempfile::tempdir().unwrap();
        let logs = FileLogs::new(folder.path().to_owned());
        let write = |begun: u32, step: u32, attempt: u32, item: Option<u32>, is_undo: bool| {
            let of = item.map(ItemIndex);
            let (item, undone_item) = if is_undo { (None, of) } else { (of, None) };
            let (step, attempt) = (StepIndex(step), Attempt(attempt));
            let info = AttemptInfo {
                step,
                item,
                attempt,
                begun,
                is_undo,
                undone_item,
                ..AttemptInfo::default()
            };
            logs.write(&info, b"line\n");
        };
        write(12, 0, 2, Some(7), true);
        write(11, 1, 1, None, false);
        write(9, 0, 2, Some(7), false);
        write(2, 0, 1, Some(7), false);
        write(2, 0, 1, Some(0), false);
        let lines = FileLogs::read(folder.path(), RunId::default()).unwrap();
        let read: Vec<_> = lines
            .iter()
            .map(|line| (line.step.0, line.item.map(|it| it.0), line.attempt.0, line.is_undo))
            .collect();
        let expected = [
            (0, Some(0), 1, false),
            (0, Some(7), 1, false),
            (0, Some(7), 2, false),
            (1, None, 1, false),
            (0, Some(7), 2, true),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_steps_of_the_same_number_printed_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let logs = FileLogs::new(folder.path().to_owned());
        let long = format!("{}\n", "x".repeat(1023));
        for (begun, id) in [(2, "look"), (6, "look#2"), (9, "a step")] {
            let step_id = id.into();
            let info =
                AttemptInfo { step_id, begun, attempt: Attempt(1), ..AttemptInfo::default() };
            logs.write(&info, format!("of {id}\n").as_bytes());
            // The older half of what is kept says it too.
            for _ in 0..if begun == 9 { 600 } else { 0 } {
                logs.write(&info, long.as_bytes());
            }
        }
        let lines = FileLogs::read(folder.path(), RunId::default()).unwrap();
        let ids: Vec<&str> = lines.iter().map(|line| &*line.step_id).collect();
        assert_eq!(ids[..3], ["look", "look#2", "a step"]);
        assert!(ids[3..].iter().all(|id| *id == "a step"));
        assert!(lines[3..].iter().all(|line| line.text.starts_with('x')), "only what it printed");
        assert_eq!(lines.len(), 603);
    }

    #[test]
    fn a_run_that_printed_nothing_has_no_lines() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(FileLogs::read(folder.path(), RunId::default()).unwrap(), Vec::new());
    }
}
