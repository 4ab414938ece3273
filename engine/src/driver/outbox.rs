//! What is on its way to the log: waiting for permits, or for the answer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use nexus_log::{Closed, EventLog, Outcome, Permit, Submission, Ticket, Transition};
use nexus_model::id::RunId;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::PARTITION;

/// So many transitions in a row have to be handed over alone before the driver makes them durable itself: under load now and then
/// one is alone, and what it would do meanwhile is to decide what others ask.
const ALONE_MIN: u32 = 8;

/// Submissions in order.
pub(super) struct Outbox {
    log: Arc<dyn EventLog>,
    waiting: VecDeque<Waiting>,
    admission: Option<Pin<Box<dyn Future<Output = Permit> + Send>>>,
    flying: VecDeque<(Ticket, Vec<RunId>)>,
    /// How many transitions in a row were alone when they were handed over.
    alone: u32,
    /// Whether the driver may wait for the disk: only where other threads of the runtime go on.
    may_wait: bool,
}

#[derive(Default)]
struct Waiting {
    runs: Vec<RunId>,
    transitions: Vec<Transition>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            waiting: VecDeque::new(),
            admission: None,
            flying: VecDeque::new(),
            alone: 0,
            may_wait: others_go_on(),
        }
    }

    /// Adds transitions, split so that each submission can be served, and hands over what has permits.
    pub(super) fn put(&mut self, batch: Vec<(RunId, Transition)>) {
        let bytes_max = self.log.permits().submission_bytes_max();
        for (run, transition) in batch {
            let bytes = transition.bytes();
            let first_is_fixed = self.admission.is_some() && self.waiting.len() == 1;
            let last = self
                .waiting
                .back_mut()
                .filter(|last| !first_is_fixed && last.bytes + bytes <= bytes_max);
            if let Some(last) = last {
                last.add(run, transition, bytes);
            } else {
                let mut waiting = Waiting::default();
                waiting.add(run, transition, bytes);
                self.waiting.push_back(waiting);
            }
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        while self.admission.is_none() {
            let Some(first) = self.waiting.front() else { return };
            let bytes = first.bytes;
            if let Some(permit) = self.log.permits().try_acquire(bytes) {
                self.submit(permit);
            } else {
                let permits = self.log.permits().clone();
                self.admission = Some(Box::pin(async move { permits.acquire(bytes).await }));
            }
        }
    }

    fn submit(&mut self, permit: Permit) {
        if let Some(Waiting { runs, transitions, .. }) = self.waiting.pop_front() {
            let is_alone =
                transitions.len() == 1 && self.flying.is_empty() && self.waiting.is_empty();
            self.alone = if is_alone { self.alone.saturating_add(1) } else { 0 };
            let submission = Submission { partition: PARTITION, transitions, permit };
            let ticket = if self.may_wait && self.alone > ALONE_MIN {
                self.log.append_here(submission)
            } else {
                self.log.append(submission)
            };
            self.flying.push_back((ticket, runs));
        }
    }

    /// Waits until the log has answered the oldest submission, and hands over what gets its permits meanwhile.
    ///
    /// # Errors
    /// [`Closed`] if the log closed first.
    pub(super) async fn answered(&mut self) -> Result<Vec<(RunId, Outcome)>, Closed> {
        std::future::poll_fn(|cx| {
            self.poll_admission(cx);
            let Some((ticket, _)) = self.flying.front_mut() else { return Poll::Pending };
            let outcomes = std::task::ready!(Pin::new(ticket).poll(cx))?;
            let runs = self.flying.pop_front().map(|(_, runs)| runs).unwrap_or_default();
            Poll::Ready(Ok(runs.into_iter().zip(outcomes).collect()))
        })
        .await
    }

    fn poll_admission(&mut self, cx: &mut Context<'_>) {
        while let Some(admission) = &mut self.admission {
            let Poll::Ready(permit) = admission.as_mut().poll(cx) else { return };
            self.admission = None;
            self.submit(permit);
            self.hand_over();
        }
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty()
    }
}

/// Whether the runtime has other threads that carry on its tasks while one waits.
fn others_go_on() -> bool {
    Handle::try_current().is_ok_and(|runtime| {
        runtime.runtime_flavor() == RuntimeFlavor::MultiThread
            && runtime.metrics().num_workers() > 1
    })
}

impl Waiting {
    fn add(&mut self, run: RunId, transition: Transition, bytes: usize) {
        self.runs.push(run);
        self.transitions.push(transition);
        self.bytes += bytes;
    }
}
