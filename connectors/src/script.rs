//! `script`: the script of a `run` step.
//!
//! A script sees a short list of variables, the folder of the definition and no input; its result is the JSON that it
//! leaves in the file `$NEXUS_OUTPUT`, or the bytes if it leaves their media type in `$NEXUS_OUTPUT_TYPE`, else what it
//! printed. It is the leader of its own process group, and the group
//! does not outlive it.

pub(crate) mod command;
mod files;
mod gate;
mod group;
mod output;
mod printed;
mod progress;
mod record;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use nexus_engine::handler::{AttemptInfo, Data, Registry, StepCx, StepError, StepResult};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use nexus_model::plan::SCRIPT_HANDLER;
use serde::Deserialize;
use serde_json::Value;

use crate::Options;
use crate::action::{Input, action, blocking, misfit};
use gate::{Gate, Script};
use output::OutputFile;
use printed::Printed;
use progress::ProgressFile;

pub use record::reap_orphans;

/// Linux takes no longer argument, its final zero included.
const SCRIPT_BYTES_MAX: usize = 128 * 1024 - 1;

/// What a script gets of the engine's own environment.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptInput {
    script: String,
    shell: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, Value>,
}

impl Input for ScriptInput {
    const ACTION: &'static str = SCRIPT_HANDLER;
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::required("script", &[ValueShape::Text]),
            InputKey::optional("shell", &[ValueShape::Text]),
            InputKey::optional("env", &[ValueShape::Map]),
        ],
    };
}

pub(crate) fn register(registry: &mut Registry, options: &Options) {
    let grace = options.script_grace;
    registry.insert(
        SCRIPT_HANDLER,
        action(move |cx, input: ScriptInput| async move { run(&cx, input, grace).await }),
    );
}

async fn run(cx: &StepCx, input: ScriptInput, grace: Duration) -> StepResult<Data> {
    let record = record::path(cx.info());
    if let Some(record) = record.clone() {
        blocking(move || record::end_earlier(&record, grace)).await??;
    }
    let mut input = input;
    // They go away when the script has ended.
    let _files = files::lay_out(cx, &mut input.env).await?;
    let result = blocking(OutputFile::new).await?.map_err(|error| not_started(&error))?;
    let mut progress = ProgressFile::new(cx, result.path()).await?;
    let script = prepared(cx, input, &result, progress.as_ref())?;
    let gate = Gate::spawn(&script).map_err(|error| not_started(&error))?;
    if let Some(record) = record.clone() {
        let (pid, output) = (gate.pid(), result.path().to_owned());
        blocking(move || record::write(&record, pid, &output))
            .await?
            .map_err(|error| not_started(&error))?;
    }
    let ended = tokio::select! {
        ended = gate.open(cx, grace) => ended.map_err(|error| not_started(&error))?,
        error = follow(progress.as_mut(), cx) => return Err(error),
    };
    if let Some(progress) = &mut progress {
        progress.look(cx)?;
    }
    if let Some(record) = record
        && ended.group_is_gone
    {
        blocking(move || record::remove(&record)).await?;
    }
    if ended.stopped {
        return Err(StepError::retry("stopped on request").code("NX3016"));
    }
    if let Some(message) = ended.went_wrong("script") {
        return Err(with_stderr(StepError::retry(message).code("NX3007"), &ended.stderr));
    }
    let cx = cx.clone();
    blocking(move || result.read(&cx, &ended.stdout)).await?
}

async fn follow(progress: Option<&mut ProgressFile>, cx: &StepCx) -> StepError {
    match progress {
        Some(progress) => progress.follow(cx).await,
        None => std::future::pending().await,
    }
}

fn not_started(error: &std::io::Error) -> StepError {
    StepError::retry(format!("the script could not be started: {error}")).code("NX3019")
}

fn prepared(
    cx: &StepCx,
    input: ScriptInput,
    result: &OutputFile,
    progress: Option<&ProgressFile>,
) -> StepResult<Script> {
    if input.script.len() > SCRIPT_BYTES_MAX || input.script.contains('\0') {
        return Err(misfit(format!(
            "the script has {} bytes; it may have {SCRIPT_BYTES_MAX} and no zero among them, so keep a longer one in a \
             file and call that",
            input.script.len()
        )));
    }
    let shell = input.shell.as_deref().unwrap_or("sh").split_whitespace().map(str::to_owned);
    let mut words: Vec<OsString> = shell.map(OsString::from).collect();
    if words.is_empty() {
        return Err(misfit("the shell of the script has no name"));
    }
    words.extend(["-c".into(), input.script.into()]);
    Ok(Script {
        words,
        input: None,
        folder: cx.info().folder.as_deref().unwrap_or_else(|| Path::new(".")).to_owned(),
        env: environment(cx, &input.env, result, progress)?,
    })
}

/// All that a script sees. The engine's own variables win over the step's.
fn environment(
    cx: &StepCx,
    env: &BTreeMap<String, Value>,
    result: &OutputFile,
    progress: Option<&ProgressFile>,
) -> StepResult<BTreeMap<OsString, OsString>> {
    let inherited =
        INHERITED.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    let mut all: BTreeMap<OsString, OsString> = inherited.collect();
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(misfit(format!("`{name}` cannot be the name of a variable")));
        }
        if let Some(value) = variable(name, value)? {
            all.insert(name.into(), value.into());
        }
    }
    all.insert("NEXUS_OUTPUT".into(), result.path().into());
    all.insert("NEXUS_OUTPUT_TYPE".into(), result.type_path().into());
    all.extend(progress.map(|file| ("NEXUS_PROGRESS".into(), file.path().into())));
    for (name, value) in facts(cx.info(), cx.idempotency_key()) {
        all.insert(name.into(), value.into());
    }
    if let Some(item) = cx.item() {
        all.insert("NEXUS_ITEM".into(), item.to_string().into());
    }
    Ok(all)
}

fn facts(info: &AttemptInfo, key: String) -> [(&'static str, String); 4] {
    [
        ("NEXUS_RUN", info.run_name.to_string()),
        ("NEXUS_STEP", info.step_id.to_string()),
        ("NEXUS_ATTEMPT", info.attempt.0.to_string()),
        ("NEXUS_KEY", key),
    ]
}

/// Text, numbers and booleans are values; `null` leaves the variable out.
fn variable(name: &str, value: &Value) -> StepResult<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.contains('\0') => {
            Err(misfit(format!("the variable `{name}` has a zero byte")))
        }
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Err(misfit(format!("the variable `{name}` has to be text, a number or a boolean")))
        }
    }
}

/// The failure with the end of what was written to standard error.
fn with_stderr(error: StepError, stderr: &Printed) -> StepError {
    let stderr = stderr.text();
    if stderr.is_empty() { error } else { error.details(stderr) }
}

#[cfg(test)]
mod tests;
