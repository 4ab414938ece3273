//! Tickets: the promise of an answer, and the end that gives it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Outcome;
use crate::sync::oneshot;

/// The promise of an answer to a submission: one [`Outcome`] for each transition, in order.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Vec<Outcome>>);

/// The log was closed, or its process is ending, before it answered: the outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log closed before it answered; the outcome is unknown")]
pub struct Closed;

/// The other end of a [`Ticket`], for those who write a log of their own. Dropping it closes the ticket.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Vec<Outcome>>);

impl Answer {
    /// Answers the ticket. A caller that no longer waits has lost nothing: the log holds the answer.
    pub fn give(self, outcomes: Vec<Outcome>) {
        let _ = self.0.send(outcomes);
    }
}

impl Ticket {
    /// Makes a ticket and the end that answers it.
    pub fn open() -> (Answer, Self) {
        let (answer, ticket) = oneshot::channel();
        (Answer(answer), Self(ticket))
    }

    /// Blocks until the answer is there. Not for runtime threads.
    ///
    /// # Errors
    /// [`Closed`] if the log closed first.
    pub fn wait(self) -> Result<Vec<Outcome>, Closed> {
        self.0.blocking_recv().map_err(|_| Closed)
    }
}

impl Future for Ticket {
    type Output = Result<Vec<Outcome>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Closed)
    }
}
