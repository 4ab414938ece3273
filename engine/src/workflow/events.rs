//! The events of a run, as they become durable.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{Stream, StreamExt, try_unfold};
use nexus_log::Position;
use nexus_model::event::Event;
use nexus_model::id::RunId;
use tokio::sync::watch;

use super::{Result, RunHandle};
use crate::driver::PARTITION;
use crate::handle::{Handle, RequestError};
use crate::loader::Recorded;

/// Events that are read at one time.
const EVENTS_MAX: usize = 256;

/// The events of a run: those that are there, then each as it becomes durable, until the run has ended.
///
/// It ends too when the engine does. A run that is retried after its end goes on; its events are there for another reader.
pub struct RunEvents(Pin<Box<dyn Stream<Item = Result<Recorded>> + Send>>);

struct Reader {
    handle: Handle,
    run: RunHandle<()>,
    durable: watch::Receiver<Position>,
    read: VecDeque<Recorded>,
    next: u32,
    has_ended: bool,
    /// The engine has ended; what is read now is all there is.
    is_closed: bool,
}

impl RunEvents {
    pub(super) fn new(handle: Handle, run: RunHandle<()>) -> Self {
        let durable = handle.log().subscribe(PARTITION);
        let read = VecDeque::new();
        let (has_ended, is_closed) = (false, false);
        let reader = Reader { handle, run, durable, read, next: 0, has_ended, is_closed };
        Self(Box::pin(try_unfold(reader, Reader::next)))
    }

    /// The next event; `None` after the last one.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`](super::Error::NoSuchRun), or [`Error::Request`](super::Error::Request) if the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Recorded>> {
        StreamExt::next(&mut self.0).await.transpose()
    }
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Recorded, Self)>> {
        let run = self.run.run_id().await?;
        while self.read.is_empty() {
            if self.has_ended {
                return Ok(None);
            }
            self.durable.mark_unchanged();
            let read = self.handle.history(run, self.next, EVENTS_MAX).await;
            self.read = read.map_err(RequestError::from)?.into();
            if !self.read.is_empty() {
                break;
            }
            if self.is_closed {
                return Ok(None);
            }
            self.is_closed = tokio::select! {
                more = self.durable.changed() => more.is_err(),
                () = self.handle.ended(run) => true,
            };
        }
        let Some(recorded) = self.read.pop_front() else { return Ok(None) };
        self.next = recorded.revision + 1;
        self.has_ended = matches!(
            recorded.event,
            Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCancelled { .. }
        ) && self.is_last(run).await?;
        Ok(Some((recorded, self)))
    }

    /// Whether nothing stands behind what was read: a run may have been retried.
    async fn is_last(&self, run: RunId) -> Result<bool> {
        if !self.read.is_empty() {
            return Ok(false);
        }
        let behind = self.handle.history(run, self.next, 1).await.map_err(RequestError::from)?;
        Ok(behind.is_empty())
    }
}

impl Stream for RunEvents {
    type Item = Result<Recorded>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for RunEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunEvents").finish_non_exhaustive()
    }
}
