//! Tasks: attempts as workers see them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use nexus_model::id::{ItemIndex, RunId, StepIndex};
use nexus_model::time::Timestamp;

use crate::handler::{Data, StepCx};

/// Names a task: the run, the step and the item. Written `RUN:STEP` or `RUN:STEP:ITEM`, with the run's id in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepIndex,
    /// The item, if the step has `for_each`.
    pub item: Option<ItemIndex>,
}

/// A task that was handed out.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub id: TaskId,
    /// The handler, without the prefix.
    pub handler: Arc<str>,
    /// Who reports says under which token.
    pub token: u32,
    /// The attempt.
    pub cx: StepCx,
    /// The input, with its secrets.
    pub input: Data,
    /// When the attempt is out of time, if its step has a `timeout`.
    pub deadline: Option<Timestamp>,
    /// How long the worker may be silent.
    pub lease: Duration,
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Whether the work should end: its run is being cancelled, or does not need it any more.
    pub cancelled: bool,
    /// How long the worker may be silent from now on.
    pub lease: Duration,
}

/// Where a task on the board stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStanding {
    /// The handler, without the prefix.
    pub handler: Arc<str>,
    /// Its token.
    pub token: u32,
    /// Where it stands.
    pub stage: Stage,
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for a worker.
    Waiting,
    /// A worker holds it.
    Held {
        /// What the worker calls itself.
        worker: Arc<str>,
        /// Since when.
        since: Timestamp,
    },
    /// Its outcome is being recorded.
    Reported,
}

/// A handler that workers offer, or that a task waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfferedHandler {
    /// Workers that wait for a task now.
    pub polls: u32,
    /// When a worker asked last; it still asks if `polls` is not zero.
    pub asked_at: Option<Timestamp>,
    /// Tasks that wait for a worker.
    pub waiting: u32,
    /// Tasks that workers hold.
    pub held: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.run, self.step.0)?;
        self.item.map_or(Ok(()), |item| write!(f, ":{}", item.0))
    }
}

/// It is not the name of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no task has such a name")]
pub struct NoTaskId;

impl FromStr for TaskId {
    type Err = NoTaskId;

    fn from_str(text: &str) -> Result<Self, NoTaskId> {
        let mut parts = text.split(':');
        let run = parts.next().and_then(run_id).ok_or(NoTaskId)?;
        let mut number = || parts.next().map(|part| part.parse::<u32>().map_err(|_| NoTaskId));
        let (step, item) = (number().ok_or(NoTaskId)??, number().transpose()?);
        if number().is_some() {
            return Err(NoTaskId);
        }
        Ok(Self { run, step: StepIndex(step), item: item.map(ItemIndex) })
    }
}

fn run_id(text: &str) -> Option<RunId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut id = [0; 16];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(RunId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tasks_are_read_as_they_are_written() {
        let id = TaskId { run: RunId([7; 16]), step: StepIndex(3), item: None };
        let of_item = TaskId { item: Some(ItemIndex(12)), ..id };
        for id in [id, of_item] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let run = RunId([7; 16]).to_string();
        for wrong in ["", "x", &run, &format!("{run}:x"), &format!("{run}:1:2:3"), "é:1"] {
            assert_eq!(wrong.parse::<TaskId>(), Err(NoTaskId), "{wrong}");
        }
    }
}
