//! A log without a disk, everybody around it, and what has to hold.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker as TaskWaker};
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;

use crate::handoff::{self, Durability, Request, Submitter, Threads};
use crate::sync::{JoinHandle, anything_may_happen};
use crate::tip::Tip;
use crate::waking::{self, Bell, Keeping, Waker};
use crate::{Outcome, Permit, Permits, Position, PurgeError, Table, Ticket};

/// So few that two submissions fill it up, and others wait.
const BUDGET: u32 = 400;
const SUBMISSIONS: u32 = 2;

/// What the hand-off hands over.
pub(crate) struct Transition(Name);

impl Transition {
    #[expect(clippy::unused_self, reason = "those of the library have different sizes")]
    pub(crate) fn bytes(&self) -> usize {
        180
    }
}

/// As that of the library.
pub(crate) struct Submission {
    pub(crate) transitions: Vec<Transition>,
    pub(crate) permit: Permit,
}

/// Who is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Those who append, and wait for each answer.
    pub(crate) submitters: u32,
    /// Those who make durable themselves what they append, if nobody else is at it.
    pub(crate) helpers: u32,
    /// Those who give up, waiting for a permit or for an answer.
    pub(crate) impatient: u32,
    pub(crate) purgers: u32,
    /// Those who close while others append. At the end it is closed in any case.
    pub(crate) closers: u32,
    /// The group whose sync fails.
    pub(crate) fails_at: Option<u32>,
}

impl Plan {
    pub(crate) const NOTHING: Self =
        Self { submitters: 0, helpers: 0, impatient: 0, purgers: 0, closers: 0, fails_at: None };
}

/// Who wrote a transition, and which it is.
type Name = (u32, u32);

/// What the disk has.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    durable: Vec<Name>,
    /// The rows that were taken away by purges: who asked for each.
    purged: Vec<Vec<u8>>,
    /// What the high-water file says.
    kept: u64,
}

impl Disk {
    /// Nothing else happens meanwhile.
    fn with<T>(&self, see: impl FnOnce(&mut Content) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Writer {
    disk: Disk,
    tip: Arc<Tip<u64>>,
    waker: Waker,
    /// Somebody makes something durable.
    at_work: AtomicBool,
    groups: Arc<AtomicU32>,
    fails_at: Option<u32>,
}

impl Durability for Writer {
    type Error = &'static str;

    fn commit(
        &mut self,
        group: &mut [Request],
        answers: &mut Vec<Vec<Outcome>>,
    ) -> Result<(), Self::Error> {
        let mut end = self.disk.with(|content| content.durable.len() as u64);
        let mut written = Vec::new();
        for request in group {
            let mut outcomes = Vec::new();
            for transition in std::mem::take(&mut request.transitions) {
                written.push(transition.0);
                outcomes.push(Outcome::Appended(Position(end)));
                end += 1;
            }
            answers.push(outcomes);
        }
        if written.is_empty() {
            return Ok(());
        }
        assert!(!self.at_work.swap(true, Ordering::Relaxed), "one at a time");
        let groups = self.groups.fetch_add(1, Ordering::Relaxed) + 1;
        anything_may_happen();
        self.at_work.store(false, Ordering::Relaxed);
        assert!(self.fails_at.is_none_or(|at| groups <= at), "nothing comes after a failure");
        if self.fails_at == Some(groups) {
            return Err("the disk has failed");
        }
        self.disk.with(|content| content.durable.append(&mut written));
        self.tip.publish(Position(end), end);
        self.waker.wake();
        Ok(())
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn answering(&mut self, _: Duration) {
        anything_may_happen();
    }

    fn purge(
        &mut self,
        _: Table,
        done: &[(Table, Vec<u8>)],
    ) -> Result<Result<(), PurgeError>, Self::Error> {
        anything_may_happen();
        self.disk.with(|content| content.purged.extend(done.iter().map(|(_, row)| row.clone())));
        Ok(Ok(()))
    }
}

struct HighWater {
    disk: Disk,
    tip: Arc<Tip<u64>>,
}

impl Keeping for HighWater {
    fn keep(&mut self) {
        let mark = self.tip.mark();
        anything_may_happen();
        self.disk.with(|content| {
            assert!(mark >= content.kept, "the high-water mark only grows");
            assert!(mark <= content.durable.len() as u64, "it is never ahead of what is durable");
            content.kept = mark;
        });
    }

    fn look(&self) {}
}

/// The keeper's thread, as the log knows it.
struct Keeper {
    bell: Bell,
    thread: JoinHandle<()>,
}

impl Keeper {
    fn finish(self) {
        self.bell.last();
        self.thread.join().expect("no panic");
    }
}

/// The log, and what is known of it.
pub(crate) struct Life {
    plan: Plan,
    permits: Permits,
    submitter: Submitter<Writer>,
    tip: Arc<Tip<u64>>,
    threads: Threads<Keeper>,
    disk: Disk,
    /// Somebody has begun to close it.
    closing: AtomicBool,
    /// What was acknowledged, and where it stands.
    acknowledged: Mutex<BTreeMap<Name, u64>>,
}

impl Life {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        let disk = Disk::default();
        let tip = Arc::new(Tip::new(Position(0), 0));
        let (bell, sleeper) = waking::open();
        let mut keeping = HighWater { disk: disk.clone(), tip: Arc::clone(&tip) };
        let waker = bell.waker();
        let thread = thread::spawn(move || sleeper.work(&mut keeping));
        let groups = Arc::default();
        let writer = Writer {
            disk: disk.clone(),
            tip: Arc::clone(&tip),
            waker,
            at_work: AtomicBool::new(false),
            groups: Arc::clone(&groups),
            fails_at: plan.fails_at,
        };
        let (submitter, mut handoff) = handoff::open(writer);
        let writer = thread::spawn(move || {
            let served = handoff.serve();
            let failed = plan.fails_at.is_some_and(|at| groups.load(Ordering::Relaxed) >= at);
            // The one for whom it failed may be another who had the seat.
            assert!(failed || served.is_ok());
            assert!(plan.helpers > 0 || served.is_err() == failed);
        });
        Arc::new(Self {
            plan,
            permits: Permits::new(BUDGET),
            submitter,
            tip,
            threads: Threads::new(writer, Keeper { bell, thread }),
            disk,
            closing: AtomicBool::new(false),
            acknowledged: Mutex::default(),
        })
    }

    /// Lets everybody do their part, closes, and looks at what is left.
    pub(crate) fn live(self: &Arc<Self>) {
        let mut everybody = Vec::new();
        let mut part = |part: fn(&Self, u32), number: u32| {
            let life = Arc::clone(self);
            everybody.push(thread::spawn(move || part(&life, number)));
        };
        let Plan { submitters, helpers, impatient, purgers, closers, .. } = self.plan;
        let appending = submitters + helpers;
        (0..submitters).for_each(|number| part(Self::append_all, number));
        for number in submitters..appending {
            let helps = if number % 2 == 0 { Self::append_in_turn } else { Self::append_here_all };
            part(helps, number);
        }
        (0..impatient).for_each(|number| part(Self::give_up, appending + number));
        (0..purgers).for_each(|number| part(Self::purge, appending + impatient + number));
        (0..closers).for_each(|number| part(|life, _| life.close(), number));
        for somebody in everybody {
            somebody.join().expect("no panic");
        }
        self.close();
        assert_eq!(self.permits.used_percent(), 0, "all permits are back");
        let acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let durable = self.disk.with(|content| content.durable.clone());
        for number in 0..appending {
            let of_one = durable.iter().filter(|name| name.0 == number);
            assert!(of_one.map(|name| name.1).is_sorted(), "in the order of handing over");
        }
        let all = usize::try_from(appending * SUBMISSIONS).expect("few");
        if closers == 0 && self.plan.fails_at.is_none() {
            assert_eq!(acknowledged.len(), all, "everybody was answered");
        }
    }

    fn append_all(&self, number: u32) {
        for revision in 0..SUBMISSIONS {
            let permit = block_on(self.permits.acquire(self.bytes()));
            let durable = self.tip.durable();
            assert!(self.tip.mark() >= durable.0, "the mark is at least as far");
            let ticket = self.hand_over(number, revision, permit);
            let in_time = !self.closing.load(Ordering::Relaxed);
            self.see((number, revision), ticket, in_time);
        }
    }

    /// Hands a submission over and makes the next durable where it is, if it can, before it waits for the first answer.
    fn append_in_turn(&self, number: u32) {
        let tickets: Vec<_> = (0..SUBMISSIONS)
            .map(|revision| {
                let permit = block_on(self.permits.acquire(self.bytes()));
                let ticket = if revision % 2 == 0 {
                    self.hand_over(number, revision, permit)
                } else {
                    self.append_here(number, revision, permit)
                };
                (revision, ticket, !self.closing.load(Ordering::Relaxed))
            })
            .collect();
        for (revision, ticket, in_time) in tickets {
            self.see((number, revision), ticket, in_time);
        }
    }

    /// Makes each submission durable where it is, if it can, and finds the answer there if the disk did not fail.
    fn append_here_all(&self, number: u32) {
        for revision in 0..SUBMISSIONS {
            let permit = block_on(self.permits.acquire(self.bytes()));
            let ticket = self.append_here(number, revision, permit);
            let in_time = !self.closing.load(Ordering::Relaxed);
            self.see((number, revision), ticket, in_time);
        }
    }

    /// What was answered is durable, and everybody can know; what was not came too late, or failed.
    fn see(&self, name: Name, ticket: Ticket, in_time: bool) {
        let Ok(outcomes) = ticket.wait() else {
            let failed = self.plan.fails_at.is_some();
            return assert!(failed || !in_time, "{name:?} was handed over before closing");
        };
        let [Outcome::Appended(Position(at))] = outcomes[..] else {
            panic!("{name:?}: {outcomes:?}")
        };
        let found = self.disk.with(|content| content.durable.get(at_of(at)).copied());
        assert_eq!(found, Some(name), "what was answered is durable");
        assert!(self.tip.durable().0 > at, "and before the durable end");
        assert!(self.tip.mark() > at, "and before the mark");
        assert!(self.tip.subscribe().borrow().0 > at, "and who follows is told");
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(name, at);
    }

    /// Stops waiting for a permit, then for an answer.
    fn give_up(&self, number: u32) {
        {
            let mut waiting = std::pin::pin!(self.permits.acquire(self.bytes()));
            let _ = waiting.as_mut().poll(&mut Context::from_waker(TaskWaker::noop()));
            anything_may_happen();
        }
        if let Some(permit) = self.permits.try_acquire(self.bytes()) {
            drop(self.hand_over(number, 0, permit));
        }
    }

    fn purge(&self, number: u32) {
        let permit = block_on(self.permits.acquire(self.bytes()));
        drop(self.hand_over(number, 0, permit));
        let row = number.to_be_bytes().to_vec();
        let purging = self.submitter.purge(Table(0), vec![(Table(0), row.clone())]);
        let in_time = !self.closing.load(Ordering::Relaxed);
        match purging.wait() {
            Ok(()) => self.disk.with(|content| {
                let times = content.purged.iter().filter(|purged| **purged == row).count();
                assert_eq!(times, 1, "it was purged, once");
                assert!(content.durable.contains(&(number, 0)), "after what came before");
            }),
            Err(error) => {
                assert!(matches!(error, PurgeError::Closed), "{error:?}");
                assert!(!in_time, "the purge of {number} was handed over before closing");
            }
        }
    }

    fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.threads.end(&self.submitter, Keeper::finish);
        self.disk.with(|content| {
            let end = content.durable.len() as u64;
            assert_eq!(content.kept, end, "the high-water file says everything");
        });
        assert_eq!(self.tip.durable().0, self.tip.mark(), "and nothing comes after");
    }

    fn hand_over(&self, number: u32, revision: u32, permit: Permit) -> Ticket {
        let transitions = vec![Transition((number, revision))];
        self.submitter.append(Submission { transitions, permit })
    }

    fn append_here(&self, number: u32, revision: u32, permit: Permit) -> Ticket {
        let transitions = vec![Transition((number, revision))];
        let made = self.submitter.append_here(Submission { transitions, permit });
        assert!(made.is_ok() || self.plan.fails_at.is_some());
        // What has failed answers nobody.
        made.unwrap_or_else(|_| Ticket::open().1)
    }

    /// What a submission takes of the budget: all that one may.
    fn bytes(&self) -> usize {
        self.permits.submission_bytes_max()
    }
}

fn at_of(position: u64) -> usize {
    usize::try_from(position).expect("small")
}
