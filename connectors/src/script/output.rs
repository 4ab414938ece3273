//! The file in which a script leaves its result.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nexus_engine::handler::{Data, StepError, StepResult};
use nexus_model::payload::ContentType;
use serde_json::{Value, json};
use tempfile::TempPath;

use super::printed::Printed;
use crate::action::{too_large, unreadable};

const RESULT_BYTES_MAX: u64 = 64 * 1024;

/// A file of its own for every execution; it goes away with this value.
pub(super) struct OutputFile(TempPath);

impl OutputFile {
    /// Makes an empty one that only this user may read.
    pub(super) fn new() -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix("nexus-output-").tempfile()?;
        Ok(Self(file.into_temp_path()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The result of a script that ended well: what is in the file, else what it printed.
    pub(super) fn read(&self, stdout: &Printed) -> StepResult<Data> {
        let bytes = self.bytes()?;
        match bytes.trim_ascii() {
            [] => printed(stdout),
            json => written(json),
        }
    }

    /// A script that took the file away left nothing in it.
    fn bytes(&self) -> StepResult<Vec<u8>> {
        match self.0.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Ok(metadata) if !metadata.is_file() => {
                return Err(unreadable("the script made $NEXUS_OUTPUT something else than a file"));
            }
            Ok(_) | Err(_) => {}
        }
        let mut bytes = Vec::new();
        File::open(&self.0)
            .and_then(|file| file.take(RESULT_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| {
                StepError::retry(format!("the result in $NEXUS_OUTPUT cannot be read: {error}"))
                    .code("NX3023")
            })?;
        Ok(bytes)
    }
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
