//! The workshop: a thread on which registered handlers are called for real, in real time.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nexus_model::payload::Payload;
use tokio::runtime::Builder;

use crate::driver::{guarded, timed_out};
use crate::handler::{
    AttemptInfo, Data, Handler, HandlerFuture, NoLogs, StepCx, StepError, StepResult,
};

/// Values that handlers ask for by type.
pub(super) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

type Job = (HandlerFuture, mpsc::Sender<StepResult<Data>>);

/// What a handler returned, and how far it said it was.
pub(super) type Said = (StepResult<Data>, Payload);

/// A thread with a runtime of its own, so that it works inside and outside of others.
#[derive(Clone, Debug)]
pub(super) struct Workshop(mpsc::Sender<Job>);

impl Workshop {
    /// Starts the thread; it ends with the last clone.
    pub(super) fn open() -> Self {
        let (jobs, todo) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            while let Ok((work, done)) = todo.recv() {
                let _ = done.send(runtime.block_on(work));
            }
        });
        Self(jobs)
    }

    /// Calls a handler and waits for it, no longer than `timeout`.
    pub(super) fn call(
        &self,
        handler: Arc<dyn Handler>,
        info: AttemptInfo,
        states: Arc<States>,
        input: Data,
        timeout: Option<Duration>,
        progress: Payload,
    ) -> Said {
        let (cx, stop) = StepCx::new(info, Arc::new(NoLogs), states);
        let (cx, beats) = cx.with_progress(progress);
        let work = async move {
            // Held for as long as the handler works: without it, it would be told to stop.
            let _stop = stop;
            let work = guarded(handler, cx, input);
            match timeout {
                None => work.await,
                Some(timeout) => tokio::time::timeout(timeout, work)
                    .await
                    .unwrap_or_else(|_| Err(timed_out(timeout))),
            }
        };
        let (done, result) = mpsc::channel();
        let lost =
            || StepError::retry("the handler's task ended without an outcome").code("NX3012");
        let sent = self.0.send((Box::pin(work), done)).map_err(|_| lost());
        let said = sent.and_then(|()| result.recv().unwrap_or_else(|_| Err(lost())));
        let progress = beats.borrow().progress.clone();
        (said, progress)
    }
}
