//! Where a function and the engine meet: calls are put here, and their outcomes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};

use nexus_model::definition::{Step, StepKind};
use nexus_model::event::Failure;
use nexus_model::id::RunId;
use nexus_model::plan::Plan;
use nexus_model::time::Timestamp;
use tokio::sync::Notify;

use super::said::{Effect, Fresh, SideEffect};
use crate::handler::Data;
use crate::workflow::Work;

/// What came of a call.
pub(super) type Outcome = Result<Data, Failure>;

/// Where a function and the engine meet.
pub(super) struct Board {
    run: RunId,
    seed: u64,
    round: u32,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    now: Timestamp,
    /// Whether nothing is recorded of this turn.
    is_live: bool,
    fresh: Vec<Fresh>,
    open: HashMap<u64, Open>,
    /// Waits that go on with one that was given up, by the ticket of that one.
    heirs: HashMap<u64, u64>,
    next: u64,
    /// How often each name was asked for chance.
    rolls: HashMap<String, u64>,
    patches: HashMap<String, bool>,
    recorded_patches: Vec<String>,
    new_patches: Vec<String>,
    /// What a call brought that is not of the type the function expects.
    misfit: Option<String>,
    /// Where the failures are that the function was handed, and the calls that they are of: an error is known by its place, which
    /// it keeps when it is handed on.
    failures: HashMap<usize, u64>,
    /// The call whose failure the function returned.
    blamed: Option<u64>,
}

/// A call without an outcome that was taken.
#[derive(Default)]
struct Open {
    waker: Option<Waker>,
    outcome: Option<Outcome>,
    /// Nobody waits for it any more.
    is_dropped: bool,
    /// The signal that it waits for without end.
    signal: Option<String>,
    /// The number of the signal that its outcome is.
    number: Option<u32>,
}

impl Open {
    /// Whether another wait for this signal can go on with it.
    fn is_left_for(&self, signal: &str) -> bool {
        self.is_dropped && self.signal.as_deref() == Some(signal)
    }
}

/// A call about to be made.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) kind: StepKind,
    pub(super) input: Data,
}

impl Board {
    pub(super) fn new(run: RunId, seed: u64, round: u32, now: Timestamp) -> Arc<Self> {
        Arc::new(Self { run, seed, round, inner: Mutex::new(Inner { now, ..Inner::default() }) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the function's side -------------------------------------------------------------------

    /// Makes a call. What it does is on the record once this turn is.
    pub(super) fn call(&self, draft: Draft) -> u64 {
        let mut inner = self.inner();
        let ticket = inner.next;
        inner.next += 1;
        let Draft { name, kind, input } = draft;
        inner.fresh.push(Fresh {
            ticket,
            does: Step::new("", kind),
            name,
            input,
            work: None,
            undo: None,
            effect: None,
            callees: Vec::new(),
        });
        inner.open.insert(ticket, Open::default());
        ticket
    }

    /// Says more about a call of this turn.
    fn amend(&self, ticket: u64, amend: impl FnOnce(&mut Fresh)) {
        let mut inner = self.inner();
        let at = inner.place(ticket);
        if let Some(fresh) = at.and_then(|at| inner.fresh.get_mut(at)) {
            amend(fresh);
        }
    }

    pub(super) fn set_step(&self, ticket: u64, change: impl FnOnce(&mut Step)) {
        self.amend(ticket, |fresh| change(&mut fresh.does));
    }

    pub(super) fn set_input(&self, ticket: u64, input: Data) {
        self.amend(ticket, |fresh| fresh.input = input);
    }

    pub(super) fn set_code(&self, ticket: u64, work: Work, undo: Option<Work>) {
        self.amend(ticket, |fresh| (fresh.work, fresh.undo) = (Some(work), undo));
    }

    pub(super) fn set_effect(&self, ticket: u64, effect: Effect) {
        self.amend(ticket, |fresh| fresh.effect = Some(SideEffect::Ahead(effect)));
    }

    pub(super) fn set_callees(&self, ticket: u64, callees: Vec<Arc<Plan>>) {
        self.amend(ticket, |fresh| fresh.callees = callees);
    }

    /// Takes the outcome of a call, or waits for it.
    pub(super) fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Outcome> {
        let mut inner = self.inner();
        inner.inherit(ticket);
        let Some(open) = inner.open.get_mut(&ticket) else { return Poll::Pending };
        if let Some(outcome) = open.outcome.take() {
            inner.open.remove(&ticket);
            return Poll::Ready(outcome);
        }
        open.waker = Some(waker.clone());
        Poll::Pending
    }

    /// What a call brought is of another type than the function expects: it gets no further.
    pub(super) fn misfits(&self, what: String) {
        self.inner().misfit.get_or_insert(what);
    }

    /// What a call brought that is of another type, if one did.
    pub(super) fn misfit(&self) -> Option<String> {
        self.inner().misfit.clone()
    }

    /// The function is handed the failure of a call.
    pub(super) fn hands(&self, failure: &Failure, ticket: u64) {
        self.inner().failures.insert(place_of(failure), ticket);
    }

    /// The function has made a failure of its own, maybe where one was that it has dropped.
    pub(super) fn is_new(&self, failure: &Failure) {
        self.inner().failures.remove(&place_of(failure));
    }

    /// The function returns this failure.
    pub(super) fn returns(&self, failure: &Failure) {
        let mut inner = self.inner();
        inner.blamed = inner.failures.get(&place_of(failure)).copied();
    }

    /// The function has said something: what failed before is behind it.
    pub(super) fn speaks(&self) {
        self.inner().failures.clear();
    }

    /// The call whose failure the function returned, if it handed one on.
    pub(super) fn blamed(&self) -> Option<u64> {
        self.inner().blamed
    }

    /// Nobody waits for the outcome of a call any more.
    pub(super) fn give_up(&self, ticket: u64) {
        let mut inner = self.inner();
        let Some(open) = inner.open.get_mut(&ticket) else { return };
        if open.outcome.is_some() && open.signal.is_none() {
            inner.open.remove(&ticket);
        } else {
            open.is_dropped = true;
            open.waker = None;
        }
    }

    /// The time of the event that began the turn.
    pub(super) fn now(&self) -> Timestamp {
        self.inner().now
    }

    /// Bytes that look like chance, and are the same each time the function is run again.
    pub(super) fn roll(&self, kind: &str, name: &str) -> [u8; 32] {
        let mut inner = self.inner();
        let count = inner.rolls.entry(format!("{kind}/{name}")).or_default();
        let mut hash = blake3::Hasher::new();
        hash.update(&self.run.0);
        hash.update(&self.seed.to_le_bytes());
        hash.update(&self.round.to_le_bytes());
        hash.update(&count.to_le_bytes());
        hash.update(kind.as_bytes());
        hash.update(&[0]);
        hash.update(name.as_bytes());
        *count += 1;
        *hash.finalize().as_bytes()
    }

    /// Whether the run is to take the way after a change of the code.
    pub(super) fn patched(&self, name: &str) -> bool {
        let mut inner = self.inner();
        if let Some(is_patched) = inner.patches.get(name) {
            return *is_patched;
        }
        let is_recorded = inner.recorded_patches.iter().any(|recorded| recorded == name);
        let is_patched = inner.is_live || is_recorded;
        inner.patches.insert(name.to_owned(), is_patched);
        if inner.is_live {
            inner.new_patches.push(name.to_owned());
        }
        is_patched
    }

    // ---- the engine's side ---------------------------------------------------------------------

    /// A turn begins. `recorded`: the changes of the code that are recorded of it; `None` if nothing is recorded.
    pub(super) fn begin_turn(&self, recorded: Option<&[String]>, is_live: bool) {
        let mut inner = self.inner();
        inner.is_live = is_live;
        inner.recorded_patches = recorded.map(<[String]>::to_vec).unwrap_or_default();
    }

    /// What was said in a turn. Calls that were made and given up in it are none: whether they are made at all may depend on
    /// the order in which branches are polled.
    pub(super) fn end_turn(&self) -> (Vec<Fresh>, Vec<String>) {
        let mut inner = self.inner();
        let fresh = std::mem::take(&mut inner.fresh);
        let patches = std::mem::take(&mut inner.new_patches);
        let (dropped, kept): (Vec<Fresh>, Vec<Fresh>) = fresh
            .into_iter()
            .partition(|fresh| inner.open.get(&fresh.ticket).is_none_or(|open| open.is_dropped));
        for fresh in dropped {
            inner.open.remove(&fresh.ticket);
        }
        for fresh in &kept {
            if let Some(open) = inner.open.get_mut(&fresh.ticket) {
                open.signal = endless_wait(fresh).map(str::to_owned);
            }
        }
        (kept, patches)
    }

    /// Gives the function the outcome of a call, at this time; `number` is that of the signal that it is.
    pub(super) fn deliver(
        &self,
        ticket: u64,
        outcome: Outcome,
        at: Timestamp,
        number: Option<u32>,
    ) {
        let mut inner = self.inner();
        inner.now = at;
        let ticket = inner.heirs.remove(&ticket).unwrap_or(ticket);
        let Some(open) = inner.open.get_mut(&ticket) else { return };
        // A signal is kept for the next who waits for it.
        if open.is_dropped && open.signal.is_none() {
            inner.open.remove(&ticket);
            return;
        }
        (open.outcome, open.number) = (Some(outcome), number);
        let waker = open.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Board {
    /// The signals that waits without end got and that the function has not heard of, in order: number, name, what it carries.
    pub(super) fn unheard(&self) -> Vec<(u32, String, Data)> {
        let inner = self.inner();
        let unheard = inner.open.values().filter_map(|open| {
            let Some(Ok(data)) = &open.outcome else { return None };
            Some((open.number?, open.signal.clone()?, data.clone()))
        });
        let mut unheard: Vec<_> = unheard.collect();
        unheard.sort_by_key(|(number, ..)| *number);
        unheard
    }
}

fn place_of(failure: &Failure) -> usize {
    std::ptr::from_ref(failure).addr()
}

impl Inner {
    /// Where a call of this turn stands: tickets grow.
    fn place(&self, ticket: u64) -> Option<usize> {
        self.fresh.binary_search_by_key(&ticket, |fresh| fresh.ticket).ok()
    }

    /// Has a wait that is made in this turn go on with one for the same signal that was given up, if there is one: a signal
    /// that came meanwhile is its, and one that comes does not go to nobody.
    fn inherit(&mut self, ticket: u64) {
        let Some(at) = self.place(ticket) else { return };
        let Some(signal) = self.fresh.get(at).and_then(endless_wait) else { return };
        let left = self.open.iter().filter(|(_, open)| open.is_left_for(signal));
        let Some(left) = left.map(|(ticket, _)| *ticket).min() else { return };
        self.fresh.remove(at);
        let Some(open) = self.open.remove(&left) else { return };
        self.open.insert(ticket, Open { is_dropped: false, waker: None, ..open });
        // It may have been an heir itself.
        let first = self.heirs.iter().find(|(_, heir)| **heir == left).map(|(first, _)| *first);
        self.heirs.insert(first.unwrap_or(left), ticket);
    }
}

/// The signal that a call waits for without end.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other call waits for a signal")]
fn endless_wait(fresh: &Fresh) -> Option<&str> {
    match &fresh.does.kind {
        StepKind::WaitFor { signal, timeout_ms: None, .. } => Some(signal),
        _ => None,
    }
}

/// What futures of a function wake.
#[derive(Default)]
pub(super) struct Bell {
    /// Whether the engine is asking the function right now, so that it may wake itself.
    is_inside: AtomicBool,
    is_rung: AtomicBool,
    is_foreign: AtomicBool,
    foreign: Notify,
}

impl Bell {
    /// From here on whoever wakes the function is part of it.
    pub(super) fn enter(&self) {
        self.is_inside.store(true, Ordering::SeqCst);
    }

    pub(super) fn leave(&self) {
        self.is_inside.store(false, Ordering::SeqCst);
    }

    /// Whether the function has woken itself since the last time.
    pub(super) fn take(&self) -> bool {
        self.is_rung.swap(false, Ordering::SeqCst)
    }

    /// Whether something that the engine does not know has woken the function.
    pub(super) fn is_foreign(&self) -> bool {
        self.is_foreign.load(Ordering::SeqCst)
    }

    /// Waits until something that the engine does not know wakes the function.
    pub(super) async fn foreign(&self) {
        loop {
            let told = self.foreign.notified();
            if self.is_foreign() {
                return;
            }
            told.await;
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_inside.load(Ordering::SeqCst) {
            self.is_rung.store(true, Ordering::SeqCst);
        } else {
            self.is_foreign.store(true, Ordering::SeqCst);
            self.foreign.notify_waiters();
        }
    }
}
