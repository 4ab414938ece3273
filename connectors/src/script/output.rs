//! The file in which a script leaves its result.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nexus_engine::handler::{Data, StepCx, StepError, StepResult};
use nexus_model::payload::ContentType;
use serde_json::{Value, json};
use tempfile::TempPath;

use super::printed::Printed;
use crate::action::{too_large, unreadable};

const RESULT_BYTES_MAX: u64 = 64 * 1024;

/// The longest media type.
const TYPE_BYTES_MAX: u64 = 1024;

/// Two files of its own for every execution, for the result and its media type; they go away with this value.
pub(super) struct OutputFile {
    result: TempPath,
    media_type: TempPath,
}

/// Where the file for the media type is that belongs to an output file.
pub(super) fn type_beside(output: &Path) -> PathBuf {
    output.with_extension("type")
}

impl OutputFile {
    /// Makes empty ones that only this user may read.
    pub(super) fn new() -> io::Result<Self> {
        let result = tempfile::Builder::new().prefix("nexus-output-").tempfile()?.into_temp_path();
        let media_type = type_beside(&result);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&media_type)?;
        Ok(Self { result, media_type: TempPath::try_from_path(media_type)? })
    }

    /// Where the result is.
    pub(super) fn path(&self) -> &Path {
        &self.result
    }

    /// Where its media type is.
    pub(super) fn type_path(&self) -> &Path {
        &self.media_type
    }

    /// The result of a script that ended well: what is in the file, else what it printed.
    pub(super) fn read(&self, cx: &StepCx, stdout: &Printed) -> StepResult<Data> {
        let media_type = content(&self.media_type, TYPE_BYTES_MAX, "$NEXUS_OUTPUT_TYPE")?;
        let media_type = String::from_utf8_lossy(media_type.trim_ascii());
        if !media_type.is_empty() {
            let most = u64::try_from(cx.blob_bytes_max()).unwrap_or(u64::MAX);
            let bytes = content(&self.result, most, "$NEXUS_OUTPUT")?;
            return Data::json(&cx.keep(&media_type, bytes)?);
        }
        let bytes = content(&self.result, RESULT_BYTES_MAX, "$NEXUS_OUTPUT")?;
        match bytes.trim_ascii() {
            [] => printed(stdout),
            json => written(json),
        }
    }
}

/// What is in a file, up to a byte more than it may have. A script that took the file away left nothing in it.
fn content(path: &Path, bytes_max: u64, name: &str) -> StepResult<Vec<u8>> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Ok(metadata) if !metadata.is_file() => {
            return Err(unreadable(format!("the script made {name} something else than a file")));
        }
        Ok(_) | Err(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| {
            StepError::retry(format!("the result in {name} cannot be read: {error}")).code("NX3023")
        })?;
    Ok(bytes)
}

fn written(bytes: &[u8]) -> StepResult<Data> {
    if bytes.len() as u64 > RESULT_BYTES_MAX {
        return Err(too_large(format!(
            "the script left more than {RESULT_BYTES_MAX} bytes in $NEXUS_OUTPUT; write them to a file and leave its path"
        )));
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => Ok(Data { content_type: ContentType::Json, bytes: bytes.into() }),
        Err(error) => {
            Err(unreadable(format!("what the script left in $NEXUS_OUTPUT is no JSON: {error}")))
        }
    }
}

fn printed(stdout: &Printed) -> StepResult<Data> {
    if stdout.is_cut() {
        return Err(too_large(format!(
            "the script printed {} bytes, and its output may have {RESULT_BYTES_MAX}; leave the result in $NEXUS_OUTPUT, \
             then printing has no limit",
            stdout.total()
        )));
    }
    Data::json(&json!({ "stdout": stdout.text(), "exit_code": 0 }))
}
