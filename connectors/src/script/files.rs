//! Files in which a script finds the binary values that its variables name.

use std::collections::BTreeMap;
use std::io::{self, Write};

use nexus_engine::handler::{Blob, StepCx, StepError, StepResult};
use serde_json::Value;
use tempfile::TempPath;

use crate::action::blocking;

/// Puts each binary value that a variable names into a file of its own, whose path the variable has instead.
pub(super) async fn lay_out(
    cx: &StepCx,
    env: &mut BTreeMap<String, Value>,
) -> StepResult<Vec<TempPath>> {
    let mut files = Vec::new();
    for value in env.values_mut() {
        let Some(blob) = named(value) else { continue };
        let bytes = cx.read(&blob).await?;
        let file = blocking(move || written(&bytes)).await?.map_err(|error| {
            StepError::retry(format!("a binary value cannot be put into a file: {error}"))
                .code("NX3019")
        })?;
        let path = file.to_str().ok_or_else(|| {
            StepError::fatal("the path of the folder for temporary files is no text").code("NX3019")
        })?;
        *value = Value::from(path);
        files.push(file);
    }
    Ok(files)
}

/// Variables are text: what they name stands in it as JSON.
fn named(value: &Value) -> Option<Blob> {
    match value.as_str() {
        Some(text) if text.starts_with("{\"$payload\"") => {
            Blob::of(&serde_json::from_str(text).ok()?)
        }
        Some(_) => None,
        None => Blob::of(value),
    }
}

/// A file that only this user may read.
fn written(bytes: &[u8]) -> io::Result<TempPath> {
    let mut file = tempfile::Builder::new().prefix("nexus-input-").tempfile()?;
    file.write_all(bytes)?;
    Ok(file.into_temp_path())
}
