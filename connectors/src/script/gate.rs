//! The start of a script: its process waits at a gate until it is on record.
//!
//! The process begins as a shell that reads one line and only then becomes the script's own shell. If the engine dies
//! before it wrote that line, the pipe closes and the process ends with nothing done.
//!
//! A process with an input ([`Script::input`]) is on no record: it does not outlive this one. A guard in its group waits for the end of
//! the same pipe, which comes with the end of this process at the latest, and ends the group then.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nexus_engine::handler::StepCx;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;

use super::group::{Group, signal_name};
use super::printed::{Printed, pump};

const GATE: &str = r#"IFS= read -r _ || exit 125; exec "$@" </dev/null"#;

/// The same for a process with an input. The guard is no child of the program, which may wait for all that it has.
const GUARDED: &str = r#"IFS= read -r _ || exit 125
exec 3<&0
({ while IFS= read -r _; do :; done; trap '' TERM; kill -TERM 0; sleep 5; rm -f -- "$NEXUS_PROGRESS"; kill -KILL 0
} <&3 3<&- >/dev/null 2>&1 &)
input=$1; shift; exec "$@" <"$input" 3<&-"#;

/// How much of what a script printed is kept for its result, and for the details of its failure.
const STDOUT_BYTES_MAX: usize = 64 * 1024;
const STDERR_BYTES_MAX: usize = 2 * 1024;

/// How long is read on from pipes that the script left open to others when it ended.
const LINGER: Duration = Duration::from_secs(1);

/// A script, ready to be started.
pub(super) struct Script {
    /// The program and its arguments.
    pub(super) words: Vec<OsString>,
    /// What it reads, if anything. What it prints is then a result of so many bytes at most, and not logged.
    pub(super) input: Option<(PathBuf, usize)>,
    pub(super) folder: PathBuf,
    pub(super) env: BTreeMap<OsString, OsString>,
}

/// A process that waits to become a script. Dropping it kills its group.
pub(super) struct Gate {
    // First, so that the group is killed while the child still holds its number.
    group: Group,
    child: Child,
    result_bytes_max: Option<usize>,
}

/// How a script ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// Whether it was told to stop.
    pub(super) stopped: bool,
    /// Whether nothing of its process group is left.
    pub(super) group_is_gone: bool,
    pub(super) stdout: Printed,
    pub(super) stderr: Printed,
}

impl Ended {
    /// In words how it went wrong, if it did; `what` it was: a script.
    pub(super) fn went_wrong(&self, what: &str) -> Option<String> {
        let status = self.status;
        if status.success() {
            return None;
        }
        Some(match (status.code(), status.signal()) {
            (Some(127), _) => {
                format!("the {what} ended with exit code 127: a command was not found")
            }
            (Some(code), _) => format!("the {what} ended with exit code {code}"),
            (None, Some(signal)) => format!("the {what} was ended by {}", signal_name(signal)),
            (None, None) => format!("the {what} ended with {status}"),
        })
    }
}

impl Gate {
    /// Starts the process.
    pub(super) fn spawn(script: &Script) -> io::Result<Self> {
        if !script.folder.is_dir() {
            let message = format!("there is no folder {}", script.folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let mut command = Command::new("/bin/sh");
        match &script.input {
            None => command.args(["-c", GATE, "sh"]),
            Some((path, _)) => command.args(["-c", GUARDED, "sh"]).arg(path),
        };
        let child = command
            .args(&script.words)
            .env_clear()
            .envs(&script.env)
            .current_dir(&script.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| io::Error::other("its process has no number"))?;
        let result_bytes_max = script.input.as_ref().map(|(_, bytes_max)| *bytes_max);
        Ok(Self { group: Group::new(pid), child, result_bytes_max })
    }

    /// The number of the process and of its group.
    pub(super) fn pid(&self) -> i32 {
        self.group.id()
    }

    /// Lets the script run, and follows it to its end or to a stop request.
    pub(super) async fn open(mut self, cx: &StepCx, grace: Duration) -> io::Result<Ended> {
        let stdout_bytes_max = self.result_bytes_max.unwrap_or(STDOUT_BYTES_MAX);
        let stdout = Arc::new(Mutex::new(Printed::first(stdout_bytes_max)));
        let stderr = Arc::new(Mutex::new(Printed::last(STDERR_BYTES_MAX)));
        let mut pumps = JoinSet::new();
        if let Some(pipe) = self.child.stdout.take() {
            let log = self.result_bytes_max.is_none().then(|| cx.clone());
            pumps.spawn(pump(pipe, log, Arc::clone(&stdout)));
        }
        if let Some(pipe) = self.child.stderr.take() {
            pumps.spawn(pump(pipe, Some(cx.clone()), Arc::clone(&stderr)));
        }
        let _pipe = self.say_go().await;
        let stopped = tokio::select! {
            status = self.child.wait() => { status?; false }
            () = cx.cancelled() => true,
        };
        if !stopped {
            // What the script piped its output through may still have to pass it on.
            let _ = tokio::time::timeout(LINGER, drained(&mut pumps)).await;
        }
        let group_is_gone = self.group.end(grace).await;
        let status = self.child.wait().await?;
        let _ = tokio::time::timeout(LINGER, drained(&mut pumps)).await;
        pumps.shutdown().await;
        Ok(Ended { status, stopped, group_is_gone, stdout: taken(&stdout), stderr: taken(&stderr) })
    }

    /// Ends the process as the end of the engine would.
    #[cfg(test)]
    pub(super) async fn shut(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().await.expect("a child can be waited for")
    }

    /// A process that is gone by now says so by its status. The pipe is given back if a guard waits for its end.
    async fn say_go(&mut self) -> Option<ChildStdin> {
        let mut gate = self.child.stdin.take()?;
        let _ = gate.write_all(b"go\n").await;
        self.result_bytes_max.is_some().then_some(gate)
    }
}

async fn drained(pumps: &mut JoinSet<()>) {
    while pumps.join_next().await.is_some() {}
}

fn taken(printed: &Mutex<Printed>) -> Printed {
    std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner))
}
