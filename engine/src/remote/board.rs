//! The board: which tasks wait for a worker, and which worker holds which.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use nexus_model::time::Timestamp;
use tokio::sync::{oneshot, watch};

use super::task::{OfferedHandler, Stage, Task, TaskId, TaskStanding};
use super::{HandsOutNothing, Poll, Recorded, Workers};
use crate::driver::{LeasedTask, WorkerReport};
use crate::handler::StepCx;

/// How many names of handlers without tasks are kept an account of: they come from outside.
const NAMES_MAX: usize = 1_000;

pub(super) struct Board {
    tasks: HashMap<TaskId, Entry>,
    handlers: BTreeMap<Arc<str>, Handler>,
    /// Tasks are handed out in the order they came.
    came: u64,
    pub(super) since: Timestamp,
    /// Nothing is handed out any more.
    pub(super) refuses: bool,
    /// Workers can no longer report.
    pub(super) is_unreachable: bool,
}

/// A handler by its name.
#[derive(Default)]
struct Handler {
    polls: u32,
    asked_at: Option<Timestamp>,
    /// Tasks that wait, oldest first; some of them may be gone.
    queue: VecDeque<(u64, TaskId, u32)>,
}

struct Entry {
    token: u32,
    handler: Arc<str>,
    phase: Phase,
}

/// How far a task is.
pub(super) enum Phase {
    /// Whoever sends a claim gets it.
    Waiting(oneshot::Sender<Claim>),
    /// It is being handed out.
    Claimed,
    Leased(Lease),
    Reported(watch::Receiver<Option<Recorded>>),
}

/// A worker's wish for a task.
pub(crate) struct Claim {
    pub(crate) worker: Arc<str>,
    /// Where the task goes.
    pub(crate) task: oneshot::Sender<HandedOut>,
}

/// A task on its way to a worker. It is handed out once that is said: who has asked may be gone before it arrives.
pub(crate) struct HandedOut {
    task: Task,
    is_taken: oneshot::Sender<()>,
}

impl HandedOut {
    /// The task, if it is still to be had.
    pub(super) fn take(self) -> Option<Task> {
        self.is_taken.send(()).ok().map(|()| self.task)
    }
}

/// A worker holds a task.
pub(crate) struct Lease {
    pub(crate) worker: Arc<str>,
    pub(crate) since: Timestamp,
    pub(crate) cx: StepCx,
    /// How long the worker may be silent.
    pub(crate) silence_max: Duration,
    pub(crate) report: oneshot::Sender<WorkerReport>,
}

/// A task on the board, seen from its attempt.
pub(crate) struct Offer {
    workers: Workers,
    id: TaskId,
    token: u32,
    claimed: oneshot::Receiver<Claim>,
    is_counted: bool,
}

impl Board {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            tasks: HashMap::new(),
            handlers: BTreeMap::new(),
            came: 0,
            since,
            refuses: false,
            is_unreachable: false,
        }
    }

    pub(super) fn put(&mut self, task: &LeasedTask) -> oneshot::Receiver<Claim> {
        let (claim, claimed) = oneshot::channel();
        let (token, handler) = (task.token, Arc::clone(&task.handler));
        self.came += 1;
        let queue = &mut self.handlers.entry(Arc::clone(&handler)).or_default().queue;
        queue.push_back((self.came, task.id, token));
        self.tasks.insert(task.id, Entry { token, handler, phase: Phase::Waiting(claim) });
        claimed
    }

    /// Claims the task that has waited longest for one of the handlers.
    pub(super) fn claim(
        &mut self,
        poll: &Poll,
    ) -> Result<Option<oneshot::Receiver<HandedOut>>, HandsOutNothing> {
        if self.refuses {
            return Err(HandsOutNothing);
        }
        while let Some((id, token)) = self.oldest(&poll.handlers) {
            let Some(phase) = self.phase_of(id, token) else { continue };
            match std::mem::replace(phase, Phase::Claimed) {
                Phase::Waiting(claim) => {
                    let (task, answer) = oneshot::channel();
                    let sent = claim.send(Claim { worker: Arc::clone(&poll.worker), task });
                    if sent.is_ok() {
                        return Ok(Some(answer));
                    }
                }
                other @ (Phase::Claimed | Phase::Leased(_) | Phase::Reported(_)) => *phase = other,
            }
        }
        Ok(None)
    }

    fn oldest(&mut self, names: &[String]) -> Option<(TaskId, u32)> {
        let first = |name: &&String| {
            let came = self.handlers.get(name.as_str()).and_then(|handler| handler.queue.front());
            came.map(|(came, ..)| *came)
        };
        let name = names.iter().filter(|name| first(name).is_some()).min_by_key(first)?;
        let (_, id, token) = self.handlers.get_mut(name.as_str())?.queue.pop_front()?;
        Some((id, token))
    }

    pub(super) fn phase_of(&mut self, id: TaskId, token: u32) -> Option<&mut Phase> {
        let entry = self.tasks.get_mut(&id).filter(|entry| entry.token == token)?;
        Some(&mut entry.phase)
    }

    pub(super) fn held(&mut self, id: TaskId, token: u32) -> Option<&Lease> {
        match self.phase_of(id, token)? {
            Phase::Leased(lease) => Some(lease),
            Phase::Waiting(_) | Phase::Claimed | Phase::Reported(_) => None,
        }
    }

    /// How many tasks workers hold, or have reported about without an answer.
    pub(super) fn held_count(&self) -> usize {
        let is_held = |entry: &&Entry| matches!(entry.phase, Phase::Leased(_) | Phase::Reported(_));
        self.tasks.values().filter(is_held).count()
    }

    pub(super) fn remove(&mut self, id: TaskId, token: u32) {
        if self.phase_of(id, token).is_some()
            && let Some(Entry { handler, .. }) = self.tasks.remove(&id)
        {
            self.tidy(&handler);
        }
    }

    pub(super) fn withdraw(&mut self, id: TaskId, token: u32) {
        if !matches!(self.phase_of(id, token), None | Some(Phase::Reported(_))) {
            self.remove(id, token);
        }
    }

    /// Forgets places in the queue of tasks that are gone, when there are many.
    fn tidy(&mut self, name: &str) {
        let Some(handler) = self.handlers.get_mut(name) else { return };
        let tasks = &self.tasks;
        let waits = |(_, id, token): &(u64, TaskId, u32)| {
            tasks.get(id).is_some_and(|entry| entry.token == *token)
        };
        while handler.queue.front().is_some_and(|place| !waits(place)) {
            handler.queue.pop_front();
        }
        if handler.queue.len() > 2 * tasks.len() {
            handler.queue.retain(waits);
        }
    }

    pub(super) fn comes(&mut self, names: &[String], now: Timestamp) {
        for name in names {
            if !self.handlers.contains_key(name.as_str()) {
                self.make_room();
                self.handlers.insert(Arc::from(name.as_str()), Handler::default());
            }
            if let Some(handler) = self.handlers.get_mut(name.as_str()) {
                handler.polls += 1;
                handler.asked_at = Some(now);
            }
        }
    }

    pub(super) fn goes(&mut self, names: &[String], now: Timestamp) {
        for name in names {
            if let Some(handler) = self.handlers.get_mut(name.as_str()) {
                handler.polls = handler.polls.saturating_sub(1);
                handler.asked_at = Some(now);
            }
        }
    }

    /// Forgets the handler that nobody has asked for longest, if there are many names.
    fn make_room(&mut self) {
        if self.handlers.len() < NAMES_MAX {
            return;
        }
        let is_idle = |handler: &Handler| handler.polls == 0 && handler.queue.is_empty();
        let idle = self.handlers.iter().filter(|(_, handler)| is_idle(handler));
        let oldest = idle.min_by_key(|(_, handler)| handler.asked_at);
        if let Some(name) = oldest.map(|(name, _)| Arc::clone(name)) {
            self.handlers.remove(&name);
        }
    }

    pub(super) fn standing(&self, id: TaskId) -> Option<TaskStanding> {
        let entry = self.tasks.get(&id)?;
        let stage = match &entry.phase {
            Phase::Waiting(_) | Phase::Claimed => Stage::Waiting,
            Phase::Leased(lease) => {
                Stage::Held { worker: Arc::clone(&lease.worker), since: lease.since }
            }
            Phase::Reported(_) => Stage::Reported,
        };
        Some(TaskStanding { handler: Arc::clone(&entry.handler), token: entry.token, stage })
    }

    pub(super) fn asked(&self, handler: &str) -> (u32, Option<Timestamp>) {
        let handler = self.handlers.get(handler);
        handler.map(|handler| (handler.polls, handler.asked_at)).unwrap_or_default()
    }

    pub(super) fn handlers(&self) -> BTreeMap<Arc<str>, OfferedHandler> {
        let mut all: BTreeMap<Arc<str>, OfferedHandler> = BTreeMap::new();
        for (name, handler) in &self.handlers {
            let Handler { polls, asked_at, .. } = *handler;
            let offered = OfferedHandler { polls, asked_at, ..OfferedHandler::default() };
            all.insert(Arc::clone(name), offered);
        }
        for entry in self.tasks.values() {
            let of = all.entry(Arc::clone(&entry.handler)).or_default();
            match entry.phase {
                Phase::Waiting(_) | Phase::Claimed => of.waiting += 1,
                Phase::Leased(_) | Phase::Reported(_) => of.held += 1,
            }
        }
        all
    }
}

impl Offer {
    pub(super) fn new(
        workers: Workers,
        id: TaskId,
        token: u32,
        claimed: oneshot::Receiver<Claim>,
    ) -> Self {
        Self { workers, id, token, claimed, is_counted: true }
    }

    /// Waits until a worker wants it.
    pub(crate) async fn claimed(&mut self) -> Claim {
        match (&mut self.claimed).await {
            Ok(claim) => claim,
            // It was put on the board anew under the same token, which does not happen.
            Err(_) => std::future::pending().await,
        }
    }

    /// Hands it to the worker. Whether it has taken it: it may have gone meanwhile.
    pub(crate) async fn hand_out(&mut self, claim: Claim, task: Task, lease: Lease) -> bool {
        self.workers.lease_to(self.id, self.token, lease);
        let (is_taken, taken) = oneshot::channel();
        let is_taken = claim.task.send(HandedOut { task, is_taken }).is_ok() && taken.await.is_ok();
        if is_taken {
            self.uncount();
        }
        is_taken
    }

    fn uncount(&mut self) {
        if std::mem::replace(&mut self.is_counted, false) {
            self.workers.metrics().offered(false);
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.uncount();
        self.workers.withdraw(self.id, self.token);
    }
}

#[cfg(test)]
mod tests {
    use nexus_model::id::{RunId, StepIndex};

    use super::*;

    #[test]
    fn a_task_is_found_and_removed_under_its_token_only() {
        let id = TaskId { run: RunId([1; 16]), step: StepIndex(0), item: None };
        let mut board = Board::new(Timestamp(0));
        let [_earlier, _claimed] =
            [3, 7].map(|token| board.put(&LeasedTask { id, token, handler: "pack".into() }));
        for token in [0, 3, 6, 8] {
            assert!(board.phase_of(id, token).is_none(), "{token}");
            assert!(board.held(id, token).is_none(), "{token}");
            board.withdraw(id, token);
            board.remove(id, token);
        }
        assert_eq!(board.standing(id).map(|standing| standing.token), Some(7));
        assert!(board.phase_of(id, 7).is_some());
        board.remove(id, 7);
        assert!(board.standing(id).is_none());
    }
}
