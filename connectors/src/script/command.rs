//! Commands: programs that carry out tasks for a worker.
//!
//! A command is started and ended as a script is, but it sees the variables and the folder of this process, reads the input of its
//! task, and what it prints is the output. It does not outlive this process.

mod program;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

use nexus_engine::handler::{Data, StepCx, StepError, StepResult};
use nexus_model::payload::ContentType;
use serde::de::IgnoredAny;

pub use program::NoProgram;

use super::gate::{Ended, Gate, Script};
use super::progress::ProgressFile;
use super::{follow, with_stderr};
use crate::action::blocking;

/// A program that carries out tasks.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<OsString>,
    /// How many bytes its output may have.
    pub output_bytes_max: usize,
    /// How long it may clean up after it was told to stop, before it is killed.
    pub grace: Duration,
}

impl Command {
    /// Looks whether its program is there and may be executed, so that it is not found out by each of its tasks.
    ///
    /// # Errors
    /// [`NoProgram`]
    pub fn find_program(&self) -> Result<(), NoProgram> {
        let name = self.words.first().map(OsString::as_os_str).unwrap_or_default();
        program::find(name, std::env::var_os("PATH").as_deref())
    }

    /// Has the command carry out the attempt of `cx`, with `facts` as variables beside those of this process, and gives its output.
    /// A variable without a value is taken away.
    ///
    /// What it writes to standard error goes to the log of the attempt, and what it writes to `$NEXUS_PROGRESS` is a heartbeat.
    /// Dropping the future ends it.
    ///
    /// # Errors
    /// `EXIT_<code>` or `SIGNAL_<number>` if it did not end well, with the end of its standard error; `OUTPUT`, fatal, if what it
    /// printed is no JSON or too much; `CANCELLED` if it was told to stop; NX3019 if it could not be started.
    pub async fn carry_out(
        &self,
        cx: &StepCx,
        facts: &[(&str, Option<String>)],
        input: &[u8],
    ) -> StepResult<Data> {
        let input = input.to_vec();
        let input =
            blocking(move || written(&input)).await?.map_err(|error| not_started(&error))?;
        // A name that nobody has; the file is made below.
        let place = tempfile::Builder::new().prefix("nexus-progress-").make(|_| Ok(()));
        let place = place.map_err(|error| not_started(&error))?.into_temp_path();
        let heartbeat = cx.info().heartbeat.unwrap_or(Duration::MAX);
        let mut progress = ProgressFile::at(cx, place.to_path_buf(), heartbeat).await?;
        let mut env: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        env.insert("NEXUS_PROGRESS".into(), progress.path().into());
        for (name, value) in facts {
            match value {
                Some(value) => env.insert(name.into(), value.into()),
                None => env.remove(OsStr::new(name)),
            };
        }
        let script = Script {
            words: self.words.clone(),
            input: Some((path_of(&input), self.output_bytes_max)),
            folder: PathBuf::from("."),
            env,
        };
        let gate = Gate::spawn(&script).map_err(|error| not_started(&error))?;
        let ended = tokio::select! {
            ended = gate.open(cx, self.grace) => ended.map_err(|error| not_started(&error))?,
            error = follow(Some(&mut progress), cx) => return Err(error),
        };
        progress.look(cx)?;
        self.output(&ended)
    }

    fn output(&self, ended: &Ended) -> StepResult<Data> {
        if ended.stopped {
            return Err(StepError::retry("stopped on request").code("CANCELLED"));
        }
        if let Some(message) = ended.went_wrong("command") {
            let code = match (ended.status.code(), ended.status.signal()) {
                (Some(code), _) => format!("EXIT_{code}"),
                (None, number) => format!("SIGNAL_{}", number.unwrap_or(0)),
            };
            return Err(with_stderr(StepError::retry(message).code(code), &ended.stderr));
        }
        if ended.stdout.is_cut() {
            let (total, most) = (ended.stdout.total(), self.output_bytes_max);
            return Err(no_output(format!(
                "the command printed {total} bytes, and its output may have {most}"
            )));
        }
        let bytes = ended.stdout.bytes();
        let json = match bytes.trim_ascii() {
            [] => &b"null"[..],
            json => json,
        };
        serde_json::from_slice::<IgnoredAny>(json).map_err(|error| {
            no_output(format!("what the command printed to standard output is no JSON: {error}"))
        })?;
        Ok(Data { content_type: ContentType::Json, bytes: json.into() })
    }
}

fn no_output(message: String) -> StepError {
    StepError::fatal(message).code("OUTPUT")
}

fn not_started(error: &io::Error) -> StepError {
    StepError::retry(format!("the command could not be started: {error}")).code("NX3019")
}

/// A file without a name, so that nothing of it is left whatever happens.
fn written(bytes: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Where another process of this user finds it, from its beginning.
fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
}

#[cfg(test)]
mod tests;
