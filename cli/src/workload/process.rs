//! Parts of a workload in processes of their own, and what they say to each other: one word in a line, sometimes with a number.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::Failure;

/// A part of a workload that is carried out in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Starts runs that stay open.
    Fill,
    /// Opens the store with them, and carries them out.
    TakeUp,
    /// Starts runs that sleep.
    Sleep,
    /// Opens the store with them, and rests.
    Rest,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is told to, and closes its store.
    Clean,
    /// It is killed.
    Killed,
}

/// A process with a part of a workload.
pub(super) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    began: Instant,
    /// What it said: when, since it was started, and the number.
    said: BTreeMap<String, (Duration, u64)>,
}

impl Process {
    /// Starts one.
    pub(super) fn start(mut command: Command) -> Result<Self, Failure> {
        let began = Instant::now();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("its output is not there")?;
        Ok(Self { child, lines: BufReader::new(out).lines(), began, said: BTreeMap::new() })
    }

    /// Waits until it says `word`; returns when that was, and the number it said.
    pub(super) fn hear(&mut self, word: &str) -> Result<(Duration, u64), Failure> {
        while !self.said.contains_key(word) {
            let line =
                self.lines.next().ok_or_else(|| format!("it ended before it said {word}"))??;
            let (said, number) = line.split_once(' ').unwrap_or((&line, "0"));
            let number = number.parse().map_err(|_| format!("it said {line}"))?;
            self.said.insert(said.to_owned(), (self.began.elapsed(), number));
        }
        Ok(self.said[word])
    }

    /// Ends it.
    pub(super) fn end(mut self, ending: Ending) -> Result<(), Failure> {
        match ending {
            Ending::Killed => self.child.kill()?,
            Ending::Clean => drop(self.child.stdin.take()),
        }
        let status = self.child.wait()?;
        if ending == Ending::Clean && !status.success() {
            return Err(format!("it ended with {status}").into());
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is there no more, unless something else went wrong before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says a word to whoever started this process.
pub(super) fn say(word: &str, number: u64) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word} {number}")?;
    Ok(out.flush()?)
}

/// Waits until whoever started this process wants it to end.
pub(super) async fn told_to_end() -> Result<(), Failure> {
    let read = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(read).await??;
    Ok(())
}
