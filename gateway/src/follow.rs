//! Following a run: its events as they are recorded.

use tokio::sync::mpsc;

use crate::api::{EventView, Problem};

/// How many events wait for a reader that is slow.
const EVENTS_WAITING_MAX: usize = 256;

/// The events of a run, as they are recorded. It ends after the event that ends the run.
#[derive(Debug)]
pub struct Follow(mpsc::Receiver<Result<EventView, Problem>>);

/// The other end: dropped, it ends the [`Follow`].
pub(crate) type FollowSender = mpsc::Sender<Result<EventView, Problem>>;

impl Follow {
    pub(crate) fn open() -> (FollowSender, Self) {
        let (sender, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        (sender, Self(receiver))
    }

    /// The next event; `None` when the run has ended, or the engine did: then the event before it ends no run.
    ///
    /// # Errors
    /// A [`Problem`] if the run cannot be read any further; it is the last item.
    pub async fn next(&mut self) -> Option<Result<EventView, Problem>> {
        self.0.recv().await
    }
}
