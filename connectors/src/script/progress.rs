//! The file by which a script says how far it is, and learns how far the last attempt was.
//!
//! Every time the script writes to `$NEXUS_PROGRESS` counts as a heartbeat. What is in the file is the progress: JSON, or else
//! text. When the script begins, the file holds what was recorded last, and nothing if nothing was.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nexus_engine::handler::{PROGRESS_BYTES_MAX, StepCx, StepError, StepResult};
use serde_json::Value;

use crate::action::blocking;

/// Longest time until a change of the file is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A file of its own for every execution; it goes away with this value.
pub(super) struct ProgressFile {
    path: PathBuf,
    look_every: Duration,
    seen: Option<(SystemTime, Vec<u8>)>,
}

/// Where the file is that belongs to an output file.
pub(super) fn path_beside(output: &Path) -> PathBuf {
    output.with_extension("progress")
}

impl ProgressFile {
    /// Makes it, if the step has a heartbeat.
    pub(super) async fn new(cx: &StepCx, output: &Path) -> StepResult<Option<Self>> {
        match cx.info().heartbeat {
            Some(heartbeat) => Self::at(cx, path_beside(output), heartbeat).await.map(Some),
            None => Ok(None),
        }
    }

    /// Makes it at `path`.
    pub(super) async fn at(cx: &StepCx, path: PathBuf, heartbeat: Duration) -> StepResult<Self> {
        let text = match cx.progress::<Value>()? {
            None => String::new(),
            Some(Value::String(text)) => text + "\n",
            Some(json) => format!("{json}\n"),
        };
        let file = Self { path, look_every: LOOK_EVERY.min(heartbeat / 4), seen: None };
        blocking(move || file.begin(&text)).await?
    }

    fn begin(mut self, text: &str) -> StepResult<Self> {
        let options = OpenOptions::new().write(true).create_new(true).mode(0o600).to_owned();
        let written = options.open(&self.path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| {
            StepError::retry(format!("the file $NEXUS_PROGRESS could not be made: {error}"))
                .code("NX3019")
        })?;
        self.seen = self.read();
        Ok(self)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Passes on what the script writes, until it says something that is refused.
    pub(super) async fn follow(&mut self, cx: &StepCx) -> StepError {
        loop {
            tokio::time::sleep(self.look_every).await;
            if let Err(error) = self.look(cx) {
                return error;
            }
        }
    }

    /// Passes on what the script has written since the last look.
    pub(super) fn look(&mut self, cx: &StepCx) -> StepResult<()> {
        let found = self.read();
        if found.is_none() || found == self.seen {
            return Ok(());
        }
        self.seen = found;
        let bytes = self.seen.as_ref().map_or(&[][..], |(_, bytes)| bytes.trim_ascii());
        match serde_json::from_slice::<Value>(bytes) {
            _ if bytes.is_empty() => cx.heartbeat(()),
            Ok(json) => cx.heartbeat(json),
            Err(_) => cx.heartbeat(String::from_utf8_lossy(bytes)),
        }
    }

    /// When it was written last, and what is in it; a file that the script took away, or made something else of, is silent.
    fn read(&self) -> Option<(SystemTime, Vec<u8>)> {
        let metadata = self.path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
        let mut bytes = Vec::new();
        // One byte more than may be said, so that too much is noticed.
        let most = PROGRESS_BYTES_MAX as u64 + 3;
        File::open(&self.path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
        Some((metadata.modified().ok()?, bytes))
    }
}

impl Drop for ProgressFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
