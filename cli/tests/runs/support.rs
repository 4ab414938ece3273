//! A folder with workflows, and the binary to run them with.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::until::until;

/// Steps that leave traces; `gate` waits until the file `go` is there.
const WORKFLOWS: [(&str, &str); 4] = [
    (
        "gate",
        "nexus: v1
name: gate
inputs:
  who: { type: string, default: you }
  count: { type: integer, default: 1 }
steps:
  first:
    run: echo first >> traces
  gate:
    needs: first
    run: |
      echo at the gate >> arrivals
      while [ ! -e go ]; do sleep 0.02; done
      echo gate >> traces
  last:
    needs: gate
    set: { who: '${{ inputs.who }}', count: '${{ inputs.count }}' }
outputs: ${{ steps.last.output }}
",
    ),
    (
        "quick",
        "nexus: v1
name: quick
inputs:
  n: { type: integer, default: 1 }
steps:
  one:
    run: echo one >> traces
  skip:
    needs: one
    if: ${{ inputs.n > 5 }}
    run: exit 1
  two:
    needs: skip
    set: { n: '${{ inputs.n }}' }
outputs: ${{ steps.two.output }}
",
    ),
    (
        "mend",
        "nexus: v1
name: mend
steps:
  before:
    run: echo before >> traces
  broken:
    needs: before
    run: '[ -e mended ]'
",
    ),
    (
        "nap",
        "nexus: v1
name: nap
inputs:
  long: { type: string, default: 1h }
steps:
  nap:
    sleep: ${{ inputs.long }}
",
    ),
];

/// A folder with workflows.
pub(crate) struct Desk(TempDir);

/// What a command left behind.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        let has_escapes = [&out, &err].iter().any(|text| text.contains('\u{1b}'));
        assert!(!has_escapes, "escape codes in a pipe: {out:?} {err:?}");
        Self { code: output.status.code().unwrap_or(-1), out, err }
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The only document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {:?}", self.out))
    }

    /// The error on standard error, as JSON.
    #[track_caller]
    pub(crate) fn problem(&self) -> Value {
        let last = self.err.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {:?}", self.err))
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a folder for the test"));
        for (name, text) in WORKFLOWS {
            desk.write(&format!("{name}.workflow.yaml"), text);
        }
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("the test's folder takes files");
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join(".nexus")
    }

    /// The lines of a file that steps write to.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path().join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-engine"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["NEXUS_STORE", "NEXUS_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color").env("USER", "dana");
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn nexus(&self, args: &[&str]) -> Done {
        Done::new(self.command(args).output().expect("the binary runs"))
    }

    /// Starts a command that goes on.
    pub(crate) fn begin(&self, args: &[&str]) -> Running {
        Running(Some(self.command(args).spawn().expect("the binary runs")))
    }

    /// Waits until a step of `count` runs is at the gate.
    #[track_caller]
    pub(crate) fn at_the_gate(&self, count: usize) {
        until("steps are at the gate", || self.lines("arrivals").len() >= count);
    }
}

/// A command that goes on. What is dropped is killed.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("it goes on")
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        let pid = Pid::from_child(self.child());
        kill_process(pid, signal).expect("the process is there");
    }

    /// Reads what it says to people, until `word` stands there.
    #[track_caller]
    pub(crate) fn read_err_until(&mut self, word: &str, said: &mut String) {
        let err = self.child().stderr.as_mut().expect("it is piped");
        let mut byte = [0];
        let mut bytes = Vec::new();
        while !said.contains(word) {
            let read = err.read(&mut byte).expect("it can be read");
            assert_ne!(read, 0, "it ended without `{word}`: {said}");
            bytes.push(byte[0]);
            *said = String::from_utf8_lossy(&bytes).into_owned();
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Done {
        let child = self.0.take().expect("it goes on");
        Done::new(child.wait_with_output().expect("the process ends"))
    }

    /// Kills it, as a crash would.
    pub(crate) fn crash(mut self) {
        let mut child = self.0.take().expect("it goes on");
        child.kill().expect("the process is there");
        child.wait().expect("the process ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Files below a folder that hold these bytes.
pub(crate) fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if fs::read(&path).expect("a file").windows(bytes.len()).any(|part| part == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}
