//! The load: clients that start runs and do with them whatever clients do, also twice and at the same time as others.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nexus_gateway::Client;
use nexus_gateway::api::{Act, Problem, RunsFilter};
use serde_json::Value;
use tokio::sync::watch;

use super::calls::{Call, Caller, ClientLog, Target};
use super::functions::Functions;
use super::workflows::{GOAL, TICK, Work};
use crate::Chance;

/// Runs that are open at one time, and runs of a store in all.
const OPEN: usize = 14;
const RUNS: usize = 1_000;
/// How long a client waits before it looks again for a server.
const LOOK_AGAIN: Duration = Duration::from_millis(4);
/// How long runs may take to their end once nothing goes wrong any more.
const SETTLE: Duration = Duration::from_mins(3);

/// How runs stand that have not ended.
const OPEN_STATUSES: [&str; 7] =
    ["running", "waiting", "retrying", "failing", "cancelling", "queued", "paused"];
/// A start that was refused is tried again after a second.
const QUIET: Duration = Duration::from_secs(3);

/// In which rounds of settling runs are given what they may be waiting for.
const PUSH_EVERY: u64 = 10;

/// What the clients of a store share.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) log: ClientLog,
    pub(super) effects: PathBuf,
    /// If the servers have them.
    functions: Option<Functions>,
    targets: Mutex<Vec<Known>>,
}

/// A run, and what is known of it.
#[derive(Clone, Debug)]
struct Known {
    target: Target,
    is_over: bool,
}

impl Board {
    pub(super) fn new(log: ClientLog, effects: PathBuf, functions: Option<Functions>) -> Self {
        Self { log, effects, functions, targets: Mutex::default() }
    }

    /// A client of the store.
    fn caller(&self, number: usize) -> Caller<'_> {
        Caller {
            log: &self.log,
            number,
            effects: &self.effects,
            functions: self.functions.as_ref(),
        }
    }

    /// What may be started.
    fn works(&self) -> Vec<Work> {
        let functions = if self.functions.is_some() { &Work::FUNCTIONS[..] } else { &[] };
        [&Work::ALL[..], functions].concat()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run to do something with: a new one, an open one, and now and then one that is over.
    fn choose(&self, chance: &mut Chance) -> (Target, bool) {
        let mut known = self.known();
        let open: Vec<usize> = (0..known.len()).filter(|at| !known[*at].is_over).collect();
        if known.is_empty()
            || (known.len() < RUNS && open.len() < OPEN && chance.between(0, 3) == 0)
        {
            let works = self.works();
            let work = works[pick(chance, works.len())];
            // Of one length, as the beginning of a name stands for the only run that begins so.
            let name = format!("{}-{:04}", work.name(), known.len());
            let target = Target { name, work, fails: chance.between(0, 3) == 0 };
            known.push(Known { target: target.clone(), is_over: false });
            return (target, true);
        }
        let at = if open.is_empty() || chance.between(0, 8) == 0 {
            pick(chance, known.len())
        } else {
            open[pick(chance, open.len())]
        };
        (known[at].target.clone(), false)
    }

    /// Takes note of the status of a run.
    fn note(&self, target: &Target, call: Call, answer: Option<&Value>) -> bool {
        let is_over = call == Call::Get
            && answer.is_some_and(|run| {
                matches!(run["status"].as_str(), Some("completed" | "failed" | "cancelled"))
            });
        if is_over {
            let mut known = self.known();
            known
                .iter_mut()
                .filter(|known| known.target.name == target.name)
                .for_each(|known| known.is_over = true);
        }
        is_over
    }
}

fn pick(chance: &mut Chance, count: usize) -> usize {
    usize::try_from(chance.between(0, count as u64)).unwrap_or(0)
}

/// A client, until it is told to stop. Which server there is, it is told from outside.
pub(super) async fn work(
    board: Arc<Board>,
    number: usize,
    mut chance: Chance,
    server: watch::Receiver<Option<Client>>,
    stop: watch::Receiver<bool>,
) {
    let caller = board.caller(number);
    while !*stop.borrow() {
        let client = server.borrow().clone();
        let Some(client) = client else {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        };
        let (target, is_new) = board.choose(&mut chance);
        let call =
            if is_new { Call::Start { other: false } } else { draw(target.work, &mut chance) };
        let answer = caller.call(&client, &target, call).await;
        board.note(&target, call, answer.as_ref());
        tokio::time::sleep(Duration::from_millis(chance.between(0, 12))).await;
    }
}

/// What to do with a run.
fn draw(work: Work, chance: &mut Chance) -> Call {
    match chance.between(0, 100) {
        0..12 => return Call::Start { other: false },
        12..14 => return Call::Start { other: true },
        14..20 => return Call::History,
        20..21 => return Call::Cancel,
        21..40 => return Call::Get,
        _ => {}
    }
    match work {
        Work::Order | Work::Job | Work::Remote | Work::Bill => pauses(chance),
        Work::Refund | Work::Consent if chance.between(0, 5) == 0 => Call::Reject,
        Work::Refund | Work::Consent => Call::Approve,
        Work::Mailbox | Work::Letters if chance.between(0, 6) == 0 => pauses(chance),
        Work::Mailbox | Work::Letters => Call::Letter(chance.between(0, GOAL + 2)),
        Work::Tally if chance.between(0, 3) == 0 => Call::Total,
        Work::Tally => {
            let id = chance.between(0, GOAL + 3);
            // Now and then other data under the same id.
            Call::Add { id, n: id + 1 + 90 * u64::from(chance.between(0, 20) == 0) }
        }
    }
}

fn pauses(chance: &mut Chance) -> Call {
    match chance.between(0, 8) {
        0 => Call::Pause,
        1..4 => Call::Resume,
        _ => Call::Get,
    }
}

/// Brings every run to its end, with a server that nobody disturbs; names those that do not come to one.
pub(super) async fn settle(board: &Board, client: &Client, number: usize) -> Vec<String> {
    let caller = board.caller(number);
    let began = Instant::now();
    for round in 0_u64.. {
        let open: Vec<Target> = board
            .known()
            .iter()
            .filter(|known| !known.is_over)
            .map(|known| known.target.clone())
            .collect();
        if open.is_empty() || began.elapsed() > SETTLE {
            return open.into_iter().map(|target| target.name).collect();
        }
        for target in open {
            let status = caller.call(client, &target, Call::Get).await;
            if board.note(&target, Call::Get, status.as_ref()) {
                continue;
            }
            let status = status.as_ref().and_then(|run| run["status"].as_str()).unwrap_or_default();
            if status.is_empty() {
                caller.call(client, &target, Call::Start { other: false }).await;
            }
            if round.is_multiple_of(PUSH_EVERY) {
                push(&caller, client, &target).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20 + 5 * round.min(100))).await;
    }
    Vec::new()
}

/// Gives a run what it may be waiting for.
async fn push(caller: &Caller<'_>, client: &Client, target: &Target) {
    // Whatever its status says: one that is undone may be paused as well.
    if !matches!(target.work, Work::Refund | Work::Consent | Work::Tally) {
        caller.call(client, target, Call::Resume).await;
    }
    match target.work {
        Work::Order | Work::Job | Work::Remote | Work::Bill => {}
        Work::Refund | Work::Consent => {
            caller.call(client, target, Call::Approve).await;
        }
        Work::Mailbox | Work::Letters => {
            for id in 0..GOAL {
                caller.call(client, target, Call::Letter(id)).await;
            }
        }
        Work::Tally => {
            for id in 0..2 * GOAL {
                caller.call(client, target, Call::Add { id, n: id + 1 }).await;
            }
        }
    }
}

/// Lets the schedule start nothing more, and waits for what it has started. Whether all of that has ended.
pub(super) async fn settle_schedule(client: &Client) -> Result<bool, Problem> {
    client.pause_schedule(TICK, Act::default()).await?;
    let (began, mut quiet) = (Instant::now(), Instant::now());
    while began.elapsed() < SETTLE {
        let statuses = OPEN_STATUSES.map(str::to_owned).into();
        let open = client.list(RunsFilter { statuses, limit: 1, ..RunsFilter::default() }).await?;
        if !open.runs.is_empty() {
            quiet = Instant::now();
        }
        if quiet.elapsed() > QUIET {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(false)
}
