//! What is on its way to the log: waiting for permits, or for the answer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use nexus_log::{Closed, EventLog, Outcome, Permit, Submission, Ticket, Transition};
use nexus_model::id::RunId;

use super::PARTITION;

/// Submissions in order.
pub(super) struct Outbox {
    log: Arc<dyn EventLog>,
    waiting: VecDeque<Waiting>,
    admission: Option<Pin<Box<dyn Future<Output = Permit> + Send>>>,
    flying: VecDeque<(Ticket, Vec<RunId>)>,
}

struct Waiting {
    runs: Vec<RunId>,
    transitions: Vec<Transition>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, waiting: VecDeque::new(), admission: None, flying: VecDeque::new() }
    }

    /// Adds transitions, split so that each submission can be served, and hands over what has permits.
    pub(super) fn put(&mut self, batch: Vec<(RunId, Transition)>) {
        let bytes_max = self.log.permits().submission_bytes_max();
        for (run, transition) in batch {
            let bytes = transition.bytes();
            match self.waiting.back_mut() {
                Some(last) if last.bytes + bytes <= bytes_max && !(self.admission.is_some() && self.waiting.len() == 1) => {
                    last.add(run, transition, bytes);
                }
                _ => {
                    let mut waiting = Waiting { runs: Vec::new(), transitions: Vec::new(), bytes: 0 };
                    waiting.add(run, transition, bytes);
                    self.waiting.push_back(waiting);
                }
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
            let ticket = self.log.append(Submission { partition: PARTITION, transitions, permit });
            self.flying.push_back((ticket, runs));
        }
    }

    /// Waits for permits for the oldest submission that has none, and hands it over.
    pub(super) async fn admitted(&mut self) {
        let Some(admission) = &mut self.admission else { return std::future::pending().await };
        let permit = admission.await;
        self.admission = None;
        self.submit(permit);
        self.hand_over();
    }

    /// Waits for the answer to the oldest submission.
    pub(super) async fn answered(&mut self) -> Result<Vec<(RunId, Outcome)>, Closed> {
        let flying = &mut self.flying;
        let outcomes = std::future::poll_fn(|cx| match flying.front_mut() {
            None => Poll::Pending,
            Some((ticket, _)) => Pin::new(ticket).poll(cx),
        })
        .await?;
        let runs = self.flying.pop_front().map(|(_, runs)| runs).unwrap_or_default();
        Ok(runs.into_iter().zip(outcomes).collect())
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty()
    }
}

impl Waiting {
    fn add(&mut self, run: RunId, transition: Transition, bytes: usize) {
        self.runs.push(run);
        self.transitions.push(transition);
        self.bytes += bytes;
    }
}
