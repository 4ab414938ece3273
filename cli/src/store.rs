//! The store: opened here, or asked of the process that holds it.
//!
//! Invariants:
//! * A process that holds a store for longer than a moment can be asked by others.
//! * A verb that only looks makes no store.

mod opening;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nexus_engine::Engine;
use nexus_gateway::api::Problem;
use nexus_gateway::{Client, Control, Ending, Server, open_problem};

use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::text;

pub(crate) use opening::registry;

/// How long a verb that asks one thing tries to get at a store that somebody else holds and does not answer for.
const PATIENCE: Duration = Duration::from_secs(6);
/// The same for a verb that drives runs: whoever holds the store may be stopping its steps.
const PATIENCE_OF_DRIVERS: Duration = Duration::from_secs(30);
/// Who waits for longer than this is told for whom.
const WORTH_A_WORD: Duration = Duration::from_secs(3);
/// Who waits longer than this for a store that somebody holds and does not answer for is told so.
const WORTH_A_NOTE: Duration = Duration::from_secs(1);
/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(40);

/// What a verb wants of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look; there must be a store.
    Look,
    /// To record what others carry out; there must be a store.
    Record,
    /// To record, in a new store if there is none.
    Begin,
    /// To work on the runs it names, and be there for others; a new store if there is none.
    Drive(Driving),
}

/// How runs are driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Driving {
    /// Why the store is held: `run`, `wait`, `serve`.
    pub(crate) role: &'static str,
    /// All runs of the store, not only those that are named.
    pub(crate) all: bool,
    /// Whether a store is made if there is none.
    pub(crate) creates: bool,
    /// Attempts under way at one time.
    pub(crate) concurrency: Option<u32>,
    /// Time that running steps have to finish when the engine is told to end.
    pub(crate) drain: Option<Duration>,
    /// Where to listen, beside the socket.
    pub(crate) listen: Option<String>,
    /// How long a worker that holds a task may be silent.
    pub(crate) worker_lease: Option<Duration>,
}

impl Driving {
    /// Drives the runs that are named.
    pub(crate) fn named(role: &'static str) -> Self {
        Self {
            role,
            all: false,
            creates: false,
            concurrency: None,
            drain: None,
            listen: None,
            worker_lease: None,
        }
    }
}

/// Access to a store.
pub(crate) struct Access {
    control: Control,
    held: Option<Held>,
    store: PathBuf,
}

/// A store that is open in this process.
struct Held {
    engine: Engine,
    server: Option<Server>,
}

impl Access {
    /// Gets at the store: through the process that holds it, or by opening it.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be opened, is held by a process that does not answer, or is not there.
    pub(crate) async fn get(context: &Context, purpose: &Purpose) -> Result<Self, Problem> {
        let store = context.store();
        let (must_exist, patience) = match purpose {
            Purpose::Look | Purpose::Record => (true, PATIENCE),
            Purpose::Begin => (false, PATIENCE),
            Purpose::Drive(driving) => (!driving.creates, PATIENCE_OF_DRIVERS),
        };
        if must_exist && !store.is_dir() {
            return Err(no_store(&store));
        }
        let began = Instant::now();
        let mut deadline = began + patience;
        let mut is_told = false;
        loop {
            if let Some(client) = Client::find(&store).await {
                tracing::info!(address = %client.address(), "asking the process that holds the store");
                return Ok(Self { control: Control::There(client), held: None, store });
            }
            match opening::open(context, &store, purpose) {
                Ok((engine, service)) => {
                    tracing::info!(store = %store.display(), "the store is open here");
                    return Self::hold(engine, service, purpose, store).await;
                }
                Err(error) if opening::is_locked(&error) => {
                    if let Some(ending) = nexus_gateway::ending(&store) {
                        deadline = deadline.max(until_free(&ending, &mut is_told));
                    }
                    if began.elapsed() > WORTH_A_NOTE && !std::mem::replace(&mut is_told, true) {
                        let left = deadline.saturating_duration_since(Instant::now());
                        note_waiting(&store, left);
                    }
                    let is_over = context.timeout().is_some_and(|most| began.elapsed() >= most);
                    if is_over || Instant::now() >= deadline {
                        return Err(locked(&open_problem(&error), &store));
                    }
                }
                Err(error) => return Err(open_problem(&error)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn hold(
        engine: Engine,
        service: nexus_gateway::Service,
        purpose: &Purpose,
        store: PathBuf,
    ) -> Result<Self, Problem> {
        let server = match purpose {
            Purpose::Drive(driving) => {
                match Server::start(service.clone(), driving.listen.as_deref()).await {
                    Ok(server) => Some(server),
                    Err(problem) => {
                        engine.shutdown().await;
                        return Err(problem);
                    }
                }
            }
            Purpose::Look | Purpose::Record | Purpose::Begin => None,
        };
        Ok(Self { control: Control::Here(service), held: Some(Held { engine, server }), store })
    }

    /// What to ask.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Whether the store is open in this process.
    pub(crate) fn is_here(&self) -> bool {
        self.held.is_some()
    }

    /// The server, if this process can be asked.
    pub(crate) fn server(&self) -> Option<&Server> {
        self.held.as_ref()?.server.as_ref()
    }

    /// Lets go of the store: what runs is told to stop and parked.
    pub(crate) async fn close(self) {
        let Some(Held { engine, server }) = self.held else { return };
        if let Some(server) = server {
            if let Control::Here(service) = &self.control {
                service.drain_workers().await;
            }
            let config = engine.handle().config();
            let _said = server.drain(config.drain + config.grace).await;
            engine.shutdown().await;
        } else {
            engine.shutdown().await;
        }
        tracing::info!(store = %self.store.display(), "the store is closed");
    }
}

/// Asks one thing of the store.
pub(crate) fn ask<T>(
    context: &Context,
    purpose: &Purpose,
    question: impl AsyncFnOnce(&Control) -> Result<T, Problem>,
) -> Result<T, Problem> {
    context.block_on(async {
        let access = Access::get(context, purpose).await?;
        let answer = question(access.control()).await;
        access.close().await;
        answer
    })
}

/// How long a process that ends may keep the store. Who waits for long is told why.
fn until_free(ending: &Ending, is_told: &mut bool) -> Instant {
    let left = ending.by.duration_since(SystemTime::now()).unwrap_or_default();
    if left > WORTH_A_WORD && !std::mem::replace(is_told, true) {
        let left = text::took(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let Ending { pid, role, .. } = ending;
        output::note(format!(
            "note: pid {pid} ({role}) is ending, and lets go of the store in at most {left}"
        ));
    }
    Instant::now() + left + PATIENCE
}

/// There is no store in this folder.
pub(crate) fn no_store(store: &Path) -> Problem {
    Problem::new(
        "NX6013",
        Code::NotFound as u8,
        format!("there is no store at {}", store.display()),
    )
    .hint("nexus-engine run FILE makes one; name another with --store")
}

/// The store is held by a process that does not answer.
fn locked(problem: &Problem, store: &Path) -> Problem {
    let mut problem = problem.clone();
    if let Some(holder) = holder(store) {
        problem.message = format!("{} ({holder})", problem.message);
    }
    problem
}

/// Who holds the store, as far as the file with its address says it.
fn holder(store: &Path) -> Option<String> {
    let text = std::fs::read(store.join("control.json")).unwrap_or_default();
    let place: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let pid = place["pid"].as_u64()?;
    let role = place["role"].as_str().unwrap_or("nexus-engine");
    Some(format!("pid {pid}, {role}"))
}

/// Somebody holds the store and does not answer.
fn note_waiting(store: &Path, left: Duration) {
    let holder = holder(store).map(|holder| format!(" ({holder})")).unwrap_or_default();
    let left = text::took(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    output::note(format!(
        "note: another process{holder} has the store open and does not answer; waiting for it for at most {left}"
    ));
}

/// Whether a run is not carried on because another program has its code, or code that fits what is recorded: that alone is a
/// conflict when a run is to be driven.
pub(crate) fn is_in_a_program(problem: &Problem) -> bool {
    problem.exit_code == Code::Conflict as u8
}

/// Says on standard error which program carries a run on, if no command can. Returns whether it does.
pub(crate) async fn note_program(control: &Control, name: &str) -> bool {
    let view = control.get(name).await.ok();
    let Some(code) = view.and_then(|view| view.elsewhere) else { return false };
    output::note(format!(
        "note: {name} goes on once {} opens the store; no command can carry it on",
        code.program
    ));
    true
}

/// Says on standard error who works on what was recorded, if nobody does now: an engine, or the program that has
/// its code.
pub(crate) async fn note_parked<N: AsRef<str>>(context: &Context, access: &Access, names: &[N]) {
    let mut any = Vec::new();
    for name in names.iter().map(AsRef::as_ref) {
        if !note_program(access.control(), name).await {
            any.push(name);
        }
    }
    if access.is_here() && !any.is_empty() {
        let (name, flag) = (any.join(" "), context.store_flag());
        output::note(format!(
            "note: no engine has the store open; {name} runs when one does: nexus-engine serve{flag}, or nexus-engine resume {name}{flag}"
        ));
    }
}
