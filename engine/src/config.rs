//! Every limit of the engine, with its unit and default.

use std::time::Duration;

use crate::shard::Limits;

/// Which runs an engine works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drive {
    /// All of the store.
    #[default]
    All,
    /// Those it starts, those it is asked to drive, and those that are asked something.
    Named,
    /// None: requests are recorded, no handler is called.
    Nothing,
}

/// Limits and habits of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which runs it works on.
    pub drive: Drive,
    /// Attempts under way at one time.
    pub concurrency: u32,
    /// Whether the values of every run that is started are encrypted, not only of those whose definition says so.
    pub encrypt: bool,
    /// Largest input of a run or output of a step, in bytes.
    pub payload_bytes_max: usize,
    /// An attempt that was cut off more often than this by the end of a process fails with NX3013.
    pub interruptions_max: u32,
    /// Time that handlers at work have to finish, when the engine ends, before they are told to stop.
    pub drain: Duration,
    /// Time a handler has between being told to stop and being dropped.
    pub grace: Duration,
    /// How long a worker that holds a task may be silent before the attempt fails, if its step has no `heartbeat`.
    pub worker_lease: Duration,
    /// Bytes of run state kept in memory for runs that only wait for room.
    pub resident_bytes_max: usize,
    /// Time a run rests before it is read again, when the log could not take what happened in it or could not be read.
    pub rest: Duration,
    /// Most runs that are open at one time; another start is refused. Runs that others call, and those that are retried, are not.
    /// `None`: as many as are started.
    pub open_runs_max: Option<u64>,
    /// Tasks that drive shards.
    pub drivers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            drive: Drive::All,
            concurrency: 256,
            encrypt: false,
            payload_bytes_max: 4 * 1024 * 1024,
            interruptions_max: 2,
            drain: Duration::ZERO,
            grace: Duration::from_secs(10),
            worker_lease: Duration::from_secs(30),
            resident_bytes_max: 64 * 1024 * 1024,
            rest: Duration::from_secs(1),
            open_runs_max: None,
            drivers: 1,
        }
    }
}

impl Config {
    pub(crate) fn shard_limits(&self) -> Limits {
        Limits {
            drives: self.drive != Drive::Nothing,
            interruptions_max: self.interruptions_max,
            resident_bytes_max: self.resident_bytes_max / self.drivers.max(1),
        }
    }
}
