//! Remote workers: they ask whichever server there is for tasks, carry them out slowly, twice or never, and write down what they were
//! handed and what they were answered.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nexus_gateway::Client;
use nexus_gateway::api::{CompleteTask, FailTask, PollTask, Problem, TaskHeartbeat, TaskView};
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::sync::watch;

use crate::Chance;

/// How long a worker may be silent, for the servers; what comes later comes too late.
pub(super) const LEASE: Duration = Duration::from_millis(500);
const TOO_LATE: Duration = Duration::from_millis(700);
/// How long a worker waits for a task.
const POLL_MS: u64 = 500;
/// How long a worker waits for an answer, and goes on reporting.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits before it tries again.
const AGAIN: Duration = Duration::from_millis(10);

/// What all workers of a store write down.
#[derive(Debug)]
pub(super) struct WorkLog(Mutex<File>);

impl WorkLog {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self(Mutex::new(File::create(path)?)))
    }

    fn write(&self, worker: &str, what: &str, task: &TaskView) {
        let TaskView { token, run, step, attempt, key, .. } = task;
        let line = json!({
            "worker": worker, "what": what, "run": run, "step": step, "key": key, "attempt": attempt, "token": token,
        });
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes()).expect("the workers' log can be written");
    }
}

/// What comes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Completes,
    /// Reported twice.
    CompletesTwice,
    Fails,
    /// Reported when its lease has run out.
    CompletesLate,
    /// Its worker is gone, and says nothing.
    Dies,
}

impl Fate {
    fn draw(chance: &mut Chance) -> Self {
        match chance.between(0, 20) {
            0..2 => Self::Dies,
            2 => Self::CompletesLate,
            3 => Self::CompletesTwice,
            4 => Self::Fails,
            _ => Self::Completes,
        }
    }
}

/// A place for workers, until there is to be none: after one that dies comes another.
pub(super) async fn work(
    log: Arc<WorkLog>,
    place: usize,
    mut chance: Chance,
    server: watch::Receiver<Option<Client>>,
    stop: watch::Receiver<bool>,
) {
    for number in 0_u64.. {
        let worker = Worker { log: &log, name: format!("w{place}-{number}"), server: &server };
        while !*stop.borrow() {
            let Some(task) = worker.task().await else {
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            let fate = Fate::draw(&mut chance);
            if fate == Fate::Dies {
                break;
            }
            worker.carry_out(&task, fate, &mut chance).await;
        }
        if *stop.borrow() {
            return;
        }
    }
}

struct Worker<'a> {
    log: &'a WorkLog,
    name: String,
    server: &'a watch::Receiver<Option<Client>>,
}

impl Worker<'_> {
    /// Asks for a task; `None` if there is none, or no server.
    async fn task(&self) -> Option<TaskView> {
        let client = self.server.borrow().clone()?;
        let handlers = vec!["line".to_owned()];
        let asked = PollTask { worker: self.name.clone(), handlers, wait_ms: Some(POLL_MS) };
        let polled = tokio::time::timeout(PATIENCE, client.poll_task(asked)).await;
        let task = polled.ok()?.ok()??;
        self.log.write(&self.name, "begun", &task);
        Some(task)
    }

    async fn carry_out(&self, task: &TaskView, fate: Fate, chance: &mut Chance) {
        tokio::time::sleep(Duration::from_millis(chance.between(0, 40))).await;
        let client = self.server.borrow().clone();
        if let Some(client) = client.filter(|_| chance.between(0, 3) == 0) {
            let sign = TaskHeartbeat { token: task.token, progress: json!(task.attempt) };
            // Whatever it is answered, the report says more.
            let _ = tokio::time::timeout(PATIENCE, client.task_heartbeat(&task.task, sign)).await;
        }
        if fate == Fate::CompletesLate {
            tokio::time::sleep(TOO_LATE).await;
        }
        self.report(task, fate).await;
        if fate == Fate::CompletesTwice {
            self.report(task, fate).await;
        }
    }

    /// Reports until it is answered, and writes down what. Who is not answered for long gives up.
    async fn report(&self, task: &TaskView, fate: Fate) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let client = self.server.borrow().clone();
            if let Some(client) = client
                && let Ok(answer) = tokio::time::timeout(PATIENCE, say(&client, task, fate)).await
            {
                let what = match answer {
                    Ok(()) if fate == Fate::Fails => Some("failed"),
                    Ok(()) => Some("completed"),
                    Err(problem) => match problem.code.as_str() {
                        "NX4189" => Some("stale"),
                        "NX7025" => Some("unheard"),
                        // It goes away, or there is no server.
                        _ => None,
                    },
                };
                if let Some(what) = what {
                    return self.log.write(&self.name, what, task);
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn say(client: &Client, task: &TaskView, fate: Fate) -> Result<(), Problem> {
    let token = task.token;
    let said = if fate == Fate::Fails {
        let (message, kind) = ("not this time".to_owned(), Some("E_LATER".to_owned()));
        let failure = FailTask { token, message, kind, retryable: true, details: None };
        client.fail_task(&task.task, failure).await
    } else {
        let output = to_raw_value(&json!({ "token": token })).ok();
        client.complete_task(&task.task, CompleteTask { token, output }).await
    };
    said.map(|_| ())
}
