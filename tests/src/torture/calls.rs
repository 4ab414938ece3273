//! What clients ask, and their own log of it: every request with the time it was sent and, if an answer came, what it was and when.
//!
//! Each request bears a token of its own as the name of who asks, which the engine records with what it does: so the checker can say of
//! every event which request it came from. A request that never reached a process leaves no line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nexus_gateway::Client;
use nexus_gateway::api::{Act, ApprovalAnswer, By, Problem, SendSignal, SendUpdate, StartRun};
use serde_json::{Value, json};

use super::checker::digest;
use super::functions::Functions;
use super::lives::now_ms;
use super::workflows::Work;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A run that clients know.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) work: Work,
    /// Whether its last step fails.
    pub(super) fails: bool,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// `other`: under the same name with another input. Who comes first has the name.
    Start {
        other: bool,
    },
    Get,
    History,
    Letter(u64),
    Add {
        id: u64,
        n: u64,
    },
    Total,
    Cancel,
    Pause,
    Resume,
    Approve,
    Reject,
}

impl Call {
    fn reads(self) -> bool {
        matches!(self, Self::Get | Self::History | Self::Total)
    }

    /// Its name in the log, the key that makes it count once, and what it carries.
    fn told(self, target: &Target) -> (&'static str, String, Value) {
        match self {
            Self::Start { other } => {
                ("start", String::new(), json!({"fails": target.fails, "other": other}))
            }
            Self::Get => ("get", String::new(), Value::Null),
            Self::History => ("history", String::new(), Value::Null),
            Self::Letter(id) => ("letter", format!("letter-{id}"), Value::Null),
            Self::Add { id, n } => ("add", format!("add-{id}"), json!(n)),
            Self::Total => ("total", String::new(), Value::Null),
            Self::Cancel => ("cancel", String::new(), Value::Null),
            Self::Pause => ("pause", String::new(), Value::Null),
            Self::Resume => ("resume", String::new(), Value::Null),
            Self::Approve => ("approve", String::new(), Value::Null),
            Self::Reject => ("reject", String::new(), Value::Null),
        }
    }
}

/// The log that all clients of a store share.
#[derive(Debug)]
pub(super) struct ClientLog {
    file: Mutex<File>,
    began: Instant,
    calls: AtomicU64,
}

impl ClientLog {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        let file = Mutex::new(File::create(path)?);
        Ok(Self { file, began: Instant::now(), calls: AtomicU64::new(0) })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn write(&self, line: &Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes()).expect("the clients' log can be written");
    }
}

/// A client: one request at a time.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    pub(super) log: &'a ClientLog,
    pub(super) number: usize,
    pub(super) effects: &'a Path,
    pub(super) functions: Option<&'a Functions>,
}

impl Caller<'_> {
    /// Asks, and writes down what came of it. The answer, if it was not refused; `None` otherwise.
    pub(super) async fn call(&self, client: &Client, target: &Target, call: Call) -> Option<Value> {
        let token = format!("c{}-{}", self.number, self.log.calls.fetch_add(1, Ordering::Relaxed));
        let (invoked, sent) = (self.log.now(), now_ms());
        let asked = tokio::time::timeout(PATIENCE, self.ask(client, target, call, &token)).await;
        let returned = self.log.now();
        let (outcome, code, answer) = match asked {
            Ok(Ok(answer)) => ("done", Value::Null, answer),
            Ok(Err(problem)) => match fate(&problem, call) {
                Fate::Absent => return None,
                Fate::Unknown => ("unknown", json!(problem.code), Value::Null),
                Fate::Refused => ("refused", json!(problem.code), json!(problem.message)),
            },
            Err(_) => ("unknown", json!("timeout"), Value::Null),
        };
        let (op, key, data) = call.told(target);
        self.log.write(&json!({
            "token": token, "client": self.number, "run": target.name, "work": target.work.name(), "op": op, "key": key, "data": data,
            "invoked": invoked, "returned": returned, "sent": sent, "answered": now_ms(), "outcome": outcome, "code": code, "answer": answer,
        }));
        (outcome == "done").then_some(answer)
    }

    async fn ask(
        &self,
        client: &Client,
        target: &Target,
        call: Call,
        token: &str,
    ) -> Result<Value, Problem> {
        let by = By { name: token.to_owned(), via: "api".into() };
        let act = Act { by: by.clone(), ..Act::default() };
        let name = target.name.as_str();
        // What a function asked for is found by its name only, once it is over.
        let answer = ApprovalAnswer {
            step: (target.work == Work::Consent).then(|| "ok".to_owned()),
            groups: vec!["ops".into()],
            by: by.clone(),
            ..ApprovalAnswer::default()
        };
        Ok(match call {
            Call::Start { other } => {
                let started = client.start(self.start(target, other, by)).await?;
                json!({"existing": started.existing})
            }
            Call::Get => {
                let run = client.get(name).await?;
                json!({"status": run.status, "outputs": run.outputs})
            }
            Call::History => {
                let page = client.history(name, 1, 10_000).await?;
                let events: Vec<Value> = page.events.iter().map(|event| json!(event)).collect();
                json!({"events": events.len(), "digest": digest(&events)})
            }
            Call::Letter(id) => {
                let key = call.told(target).1;
                let request = SendSignal { payload: json!({"id": id}), id: Some(key), by };
                let sent = client.signal(name, "letter", request).await?;
                json!({"existing": sent.existing, "revision": sent.revision})
            }
            Call::Add { n, .. } => {
                let request =
                    SendUpdate { data: json!({"n": n}), id: Some(call.told(target).1), by };
                let sent = client.update(name, "add", request).await?;
                json!({"existing": sent.existing, "event": sent.event, "total": sent.reply["total"]})
            }
            Call::Total => client.query(name, "total").await?.value,
            Call::Cancel => json!({"revision": client.cancel(name, act).await?.revision}),
            Call::Pause => json!({"revision": client.pause(name, act).await?.revision}),
            Call::Resume => json!({"revision": client.resume(name, act).await?.revision}),
            Call::Approve => json!({"revision": client.approve(name, answer).await?.revision}),
            Call::Reject => json!({"revision": client.reject(name, answer).await?.revision}),
        })
    }

    fn start(&self, target: &Target, other: bool, by: By) -> StartRun {
        let mut input = json!({"file": self.effects, "note": if other { "other" } else { "" }});
        if matches!(target.work, Work::Order | Work::Bill) {
            input["fails"] = json!(target.fails);
        }
        // What is published are the files: a function is started by who has it.
        let definition = self.functions.and_then(|functions| functions.definition(target.work));
        let is_published = definition.is_none();
        StartRun {
            definition: definition.unwrap_or_default(),
            callees: Vec::new(),
            workflow: is_published.then(|| target.work.name().to_owned()),
            input,
            name: Some(target.name.clone()),
            labels: BTreeMap::new(),
            folder: None,
            by,
        }
    }
}

/// What a problem says of a request.
enum Fate {
    /// It reached nobody, or it only read: there is nothing to say.
    Absent,
    /// It may have been done, now or later.
    Unknown,
    /// It was not done.
    Refused,
}

fn fate(problem: &Problem, call: Call) -> Fate {
    let reached_nobody = problem.code == "NX7015" && problem.message.contains("cannot be reached");
    match problem.code.as_str() {
        _ if reached_nobody => Fate::Absent,
        "NX7015" | "NX7016" | "NX7017" if call.reads() => Fate::Absent,
        "NX7015" | "NX7016" | "NX7017" => Fate::Unknown,
        _ => Fate::Refused,
    }
}
