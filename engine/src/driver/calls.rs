//! Runs that other runs have called: started, told what to do, and asked for their end.
//!
//! Nothing here is remembered over a crash: what is to be done follows from the state of the run that called, and doing
//! it again changes nothing.
//!
//! Invariants:
//! * For one step one thing is done at a time, and the last wish is carried out last. So a run that is to be ended and is
//!   not there has not been started, and will not be.
//! * A run that waits holds no task: the called run tells its end to the driver of the one that called it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use nexus_model::command::Command;
use nexus_model::effect::{Call, Wish};
use nexus_model::event::{Actor, ChildEnd, Failure, Parent, RunStarted};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::input::check;
use nexus_model::payload::{ContentType, NewPayload, Payload};
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use nexus_model::run::Run;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::Peers;
use super::message::Message;
use crate::config::{Config, Drive};
use crate::handle::{request_hash, wanted_slots};
use crate::loader::{HandedOver, LoadError, Loader};
use crate::shard::{Asked, ChildReport, Refusal, RunCall, Start};
use crate::tables::{NAMES, name_row, read_name_row};
use crate::vault::{Kept, RunKey};

/// How many called runs are looked after at a time.
const TASKS_MAX: usize = 64;

type Key = (RunId, StepIndex);

/// What was to be done about a called run is done; `None`: the end of an encrypted one is told.
#[derive(Debug)]
pub(crate) struct CallDone(Option<Key>);

/// The called runs that something is being done about.
pub(super) struct Calls {
    worker: Arc<Worker>,
    inbox: mpsc::UnboundedSender<Message>,
    /// What is wished last, and not done yet.
    wanted: HashMap<Key, RunCall>,
    /// Whose turn it is.
    queue: VecDeque<Key>,
    active: HashSet<Key>,
    /// How many encrypted runs are telling their end.
    telling: usize,
}

impl Calls {
    pub(super) fn new(
        loader: Loader,
        peers: Peers,
        inbox: mpsc::UnboundedSender<Message>,
        config: Config,
    ) -> Self {
        let worker = Arc::new(Worker { loader, peers, config });
        let (wanted, queue, active) = (HashMap::new(), VecDeque::new(), HashSet::new());
        Self { worker, inbox, wanted, queue, active, telling: 0 }
    }

    /// Does what is wished, soon. An engine that ends leaves it to the next.
    pub(super) fn want(&mut self, call: RunCall, closing: bool) {
        if closing {
            return;
        }
        let key = (call.parent.run, call.call.step);
        if self.wanted.insert(key, call).is_none() && !self.active.contains(&key) {
            self.queue.push_back(key);
        }
        self.begin();
    }

    /// Tells the end of a run to the one that called it. What an encrypted one hands over is opened first; an engine that ends
    /// leaves that to the next.
    pub(super) fn tell(&mut self, report: ChildReport, closing: bool) {
        if !report.encrypted {
            return self.worker.ask(report.parent.run, report.command());
        }
        if closing {
            return;
        }
        self.telling += 1;
        let (worker, inbox) = (Arc::clone(&self.worker), self.inbox.clone());
        tokio::spawn(async move {
            let ChildReport { parent, run, child, revision, ended, .. } = report;
            worker.hand_over(&parent, child, run, (revision, ended)).await;
            let _ = inbox.send(Message::CallDone(CallDone(None)));
        });
    }

    pub(super) fn done(&mut self, CallDone(key): &CallDone) {
        let Some(key) = key else {
            self.telling -= 1;
            return;
        };
        self.active.remove(key);
        if self.wanted.contains_key(key) {
            self.queue.push_back(*key);
        }
        self.begin();
    }

    fn begin(&mut self) {
        while self.active.len() < TASKS_MAX
            && let Some(key) = self.queue.pop_front()
        {
            let Some(call) = self.wanted.remove(&key) else { continue };
            let (worker, inbox) = (Arc::clone(&self.worker), self.inbox.clone());
            self.active.insert(key);
            let work = tokio::spawn(async move { worker.carry_out(call).await });
            tokio::spawn(async move {
                if let Err(error) = work.await {
                    tracing::error!(%error, "a called run was not looked after");
                }
                let _ = inbox.send(Message::CallDone(CallDone(Some(key))));
            });
        }
    }

    /// Whether nothing is being done.
    pub(super) fn is_idle(&self) -> bool {
        self.active.is_empty() && self.telling == 0
    }
}

struct Worker {
    loader: Loader,
    peers: Peers,
    config: Config,
}

/// What there is of a called run.
pub(crate) enum Found {
    /// Nothing yet: this is to be started.
    Ready(Box<Start>),
    /// It cannot be started.
    Hopeless(Failure),
    /// The run.
    There(RunId, Box<Run>),
}

impl Worker {
    async fn carry_out(&self, call: RunCall) {
        loop {
            let (loader, wanted) = (self.loader.clone(), call.clone());
            let found = tokio::task::spawn_blocking(move || {
                look_up(&loader, &wanted, Uuid::now_v7(), &|_| RunKey::new())
            })
            .await;
            match found {
                Ok(Ok(found)) => {
                    if self.act(&call, found).await {
                        return;
                    }
                }
                Ok(Err(error)) if !error.is_passing() => {
                    tracing::error!(child = call.call.child, %error, "a called run cannot be read");
                    return;
                }
                Ok(Err(_)) | Err(_) => {}
            }
            tokio::time::sleep(self.config.rest).await;
        }
    }

    /// Returns whether everything is done; else it is to be tried again after a while.
    async fn act(&self, call: &RunCall, found: Found) -> bool {
        let wish = call.call.wish;
        match found {
            Found::Ready(_) | Found::Hopeless(_) if wish == Wish::End => {
                let reason = "it was not started yet".to_owned();
                self.report(call, 0, ChildEnd::Cancelled { reason, goes_on: false });
                true
            }
            Found::Hopeless(failure) => {
                self.report(call, 0, ChildEnd::Failed { failure, goes_on: false });
                true
            }
            // It is started once the run that calls it goes on, and an engine works on it.
            Found::Ready(_) if wish == Wish::Pause || self.config.drive == Drive::Nothing => true,
            Found::Ready(start) => self.start(call, start).await,
            Found::There(child, run) => self.see_to(call, child, &run).await,
        }
    }

    async fn start(&self, call: &RunCall, start: Box<Start>) -> bool {
        let child = start.started.run;
        let (reply, answer) = oneshot::channel();
        self.peers.send(child, Message::Start { start, reply });
        match answer.await {
            Ok(Ok(_) | Err(Refusal::ShuttingDown)) | Err(_) => true,
            Ok(Err(Refusal::TooLarge)) => {
                let failure = failure("NX3042", "the input is larger than the log takes at once");
                self.report(call, 0, ChildEnd::Failed { failure, goes_on: false });
                true
            }
            Ok(Err(_)) => false,
        }
    }

    /// A called run is there: its end is told, or it goes on as wished. Returns whether that is done.
    async fn see_to(&self, call: &RunCall, child: RunId, run: &Run) -> bool {
        match todo(call, run) {
            Todo::Wish(wish) => {
                self.peers.send(child, Message::Drive { run: child });
                self.ask(child, wish);
                true
            }
            Todo::Retry(wish) => self.go_on(call, child, wish).await,
            Todo::Report(revision, ended) => {
                let name = call.call.child.clone();
                self.hand_over(&call.parent, name, child, (revision, ended)).await;
                true
            }
        }
    }

    /// Tells the end of the run `child`. What an encrypted one hands over is opened, and sealed again by the run that called.
    async fn hand_over(&self, to: &Parent, name: String, child: RunId, end: (u32, ChildEnd)) {
        let bytes_max = self.config.payload_bytes_max;
        let handed = loop {
            let (loader, end) = (self.loader.clone(), end.clone());
            let open = move || loader.hand_over(child, end, bytes_max);
            match tokio::task::spawn_blocking(open).await {
                Ok(Ok(handed)) => break handed,
                Ok(Err(error)) if !error.is_passing() => {
                    tracing::error!(child = name, %error, "what a called run returned cannot be read");
                    return;
                }
                Ok(Err(_)) | Err(_) => tokio::time::sleep(self.config.rest).await,
            }
        };
        let asked = asked_to_end(to, name, handed);
        self.peers.send(to.run, Message::Ask { run: to.run, asked, reply: None });
    }

    /// Goes on with a called run that has failed or was cancelled. If that is not possible, the next attempt calls a new one.
    /// Returns whether that is done; it is asked again otherwise.
    async fn go_on(&self, call: &RunCall, child: RunId, wish: Command) -> bool {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::silent(Command::RetryRun { by: actor(call) });
        self.peers.send(child, Message::Ask { run: child, asked, reply: Some(reply) });
        match answer.await {
            // Or somebody else has continued it.
            Ok(
                Ok(_)
                | Err(Refusal::Rejected(Rejection::NotRetryable {
                    status: "running" | "failing" | "cancelling" | "compensating",
                })),
            ) => self.ask(child, wish),
            Ok(Err(Refusal::ShuttingDown)) | Err(_) => {}
            Ok(Err(refusal @ Refusal::Rejected(_))) => {
                let message = format!("`{}` cannot be continued: {refusal}", call.call.child);
                let failure = Failure { fatal: false, ..failure("NX3040", &message) };
                self.report(call, 0, ChildEnd::Failed { failure, goes_on: false });
            }
            Ok(Err(_)) => return false,
        }
        true
    }

    fn ask(&self, run: RunId, command: Command) {
        self.peers.send(run, Message::Ask { run, asked: Asked::silent(command), reply: None });
    }

    fn report(&self, call: &RunCall, revision: u32, ended: ChildEnd) {
        let (step, child) = (call.call.step, call.call.child.clone());
        self.ask(call.parent.run, Command::EndChild { step, child, revision, ended });
    }
}

/// What tells the run that called how the one it called has ended.
pub(crate) fn asked_to_end(to: &Parent, child: String, handed: HandedOver) -> Asked {
    let HandedOver { revision, ended, payloads } = handed;
    let command = Command::EndChild { step: to.step, child, revision, ended };
    Asked { payloads, ..Asked::silent(command) }
}

/// What is to be done about a called run that is there.
pub(crate) enum Todo {
    /// An engine is to work on it, and it is to be told what is wished.
    Wish(Command),
    /// It has ended, and is to be continued before it is told that.
    Retry(Command),
    /// Its end is to be told, with how many events it had.
    Report(u32, ChildEnd),
}

/// What is to be done about a called run that is there.
pub(crate) fn todo(call: &RunCall, run: &Run) -> Todo {
    let is_known = run.revision <= call.call.seen;
    match ChildReport::of(run) {
        None => Todo::Wish(wish(call)),
        Some(ChildReport {
            ended: ChildEnd::Failed { .. } | ChildEnd::Cancelled { .. }, ..
        }) if is_known && call.call.wish != Wish::End => Todo::Retry(wish(call)),
        // An end that is known already is none that the step waits for; one that is to end has ended all the same.
        Some(ChildReport { ended, .. }) if is_known => Todo::Report(0, ended),
        Some(ChildReport { ended, revision, .. }) => Todo::Report(revision, ended),
    }
}

/// What a called run that goes on is to be told. It is told also what it seems to do already: what is recorded of it says nothing
/// of an earlier wish that is still on its way.
fn wish(call: &RunCall) -> Command {
    match call.call.wish {
        Wish::GoOn => Command::FollowParent { paused: false },
        Wish::Pause => Command::FollowParent { paused: true },
        Wish::End => {
            let reason = format!("{} no longer waits for it", call.parent.name);
            Command::CancelRun { by: actor(call), reason, undo: true }
        }
    }
}

pub(crate) fn actor(call: &RunCall) -> Actor {
    Actor { name: call.parent.name.clone(), via: "call".to_owned() }
}

fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_owned(), message: message.to_owned(), fatal: true, details: None }
}

/// Makes the key of a new run, if this program can.
pub(crate) type NewKey = dyn Fn(RunId) -> Option<RunKey>;

/// What there is of a called run; `id` makes it if there is nothing, and `key` its key if the one that calls is encrypted.
pub(crate) fn look_up(
    loader: &Loader,
    call: &RunCall,
    id: Uuid,
    key: &NewKey,
) -> Result<Found, LoadError> {
    let name = call.call.child.as_bytes();
    let row = loader.log().row(NAMES, name)?.and_then(|value| read_name_row(&value));
    let Some((child, _)) = row else { return prepare(loader, call, id, key) };
    let found = loader.run(child)?.map(|(_, run)| run);
    Ok(match found.filter(|run| is_of(run, call)) {
        Some(run) => Found::There(child, Box::new(run)),
        None => Found::Hopeless(failure(
            "NX3044",
            &format!(
                "the name `{}` belongs to a run that this one has not called",
                call.call.child
            ),
        )),
    })
}

fn is_of(run: &Run, call: &RunCall) -> bool {
    run.started.as_ref().is_some_and(|started| {
        let parent = started.parent.as_ref().is_some_and(|parent| parent.run == call.parent.run);
        parent && started.definition == call.call.definition
    })
}

/// A called run that can be started, or why it cannot.
fn prepare(
    loader: &Loader,
    RunCall { parent, call, folder }: &RunCall,
    id: Uuid,
    key: &NewKey,
) -> Result<Found, LoadError> {
    let plan = match loader.plan(call.definition) {
        Ok(plan) => plan,
        Err(error) if error.is_passing() => return Err(error),
        Err(error) => return Ok(Found::Hopeless(failure("NX3043", &error.to_string()))),
    };
    let run = RunId(id.into_bytes());
    let key = match key_of(loader, parent.run, &plan, || key(run))? {
        Ok(key) => key,
        Err(failure) => return Ok(Found::Hopeless(failure)),
    };
    let (input, bytes, payloads) = match input(loader, &plan, call)? {
        Ok(input) => input,
        Err(message) => return Ok(Found::Hopeless(failure("NX3042", &message))),
    };
    let definition = plan.definition();
    let value = serde_json::from_slice(&bytes).unwrap_or_default();
    let limits = match wanted_slots(&plan, &value) {
        Ok(limits) => limits,
        Err(error) => return Ok(Found::Hopeless(failure("NX3042", &error.to_string()))),
    };
    let folder = folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    let started = RunStarted {
        run,
        name: call.child.clone(),
        workflow: definition.name.clone(),
        definition: plan.hash(),
        input,
        labels: definition.labels.clone().into_iter().collect(),
        folder: folder.unwrap_or_default(),
        by: Actor { name: parent.name.clone(), via: "call".to_owned() },
        seed: id.as_u64_pair().1,
        timeout: None,
        parent: Some(parent.clone()),
        limits,
    };
    let request = request_hash(plan.hash(), &bytes);
    let request = key.map_or(request, |key| key.hide_request(&request));
    let mut rows = vec![name_row(&started.name, run, &request)];
    rows.extend(key.map(|key| key.row(run)));
    let vault = key.and_then(|key| key.vault(run));
    let started = Box::new(started);
    Ok(Found::Ready(Box::new(Start { plan, started, rows, payloads, reply: None, vault })))
}

/// The key of a run that `parent` calls: it is encrypted if that one is. Or why it cannot be called.
fn key_of(
    loader: &Loader,
    parent: RunId,
    plan: &Plan,
    new: impl FnOnce() -> Option<RunKey>,
) -> Result<Result<Option<RunKey>, Failure>, LoadError> {
    let name = &plan.definition().name;
    let refused = |why: &str| Ok(Err(failure("NX1136", &format!("`{name}` {why}"))));
    match loader.key(parent)? {
        Kept::Nothing if plan.definition().encrypt => {
            refused("is encrypted, and the run that calls it is not")
        }
        Kept::Nothing => Ok(Ok(None)),
        Kept::Forgotten => Ok(Err(failure("NX6022", "the run that calls is forgotten"))),
        Kept::Key(_) if plan.is_code() => {
            refused("is a function, which an encrypted run cannot call")
        }
        Kept::Key(_) => {
            let cannot = "the run that calls is encrypted, and this program cannot encrypt";
            Ok(new().map(Some).ok_or_else(|| failure("NX6023", cannot)))
        }
    }
}

type Input = (Payload, Vec<u8>, Vec<NewPayload>);

/// The input of a called run, complete with defaults, or why it does not fit.
fn input(loader: &Loader, plan: &Plan, call: &Call) -> Result<Result<Input, String>, LoadError> {
    let given = loader.bytes(&call.input)?;
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(&given) else {
        return Ok(Err("the input is no JSON".to_owned()));
    };
    if value.is_null() && !plan.definition().input_is_value {
        value = serde_json::Value::Object(serde_json::Map::new());
    }
    let value = match check(plan.definition(), value) {
        Ok(value) => value,
        Err(errors) => {
            let errors: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            let name = &plan.definition().name;
            return Ok(Err(format!("the input does not fit `{name}`: {}", errors.join("; "))));
        }
    };
    let bytes = value.to_string().into_bytes();
    let (payload, stored) = Payload::new(ContentType::Json, bytes.clone());
    Ok(Ok((payload, bytes, stored.into_iter().collect())))
}
