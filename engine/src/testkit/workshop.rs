//! The workshop: a thread on which registered handlers are called for real, in real time.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nexus_model::payload::{NewPayload, Payload};
use tokio::runtime::Builder;

use crate::driver::{guarded, in_json, timed_out};
use crate::handler::{
    AttemptInfo, Blobs, Data, Handler, HandlerFuture, NoLogs, StepCx, StepError, StepResult,
};

/// Values that handlers ask for by type.
pub(super) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

type Job = (HandlerFuture, mpsc::Sender<StepResult<Data>>);

/// What a handler returned, how far it said it was, and the blobs that its output names.
pub(super) type Said = (StepResult<Data>, Payload, Vec<NewPayload>);

/// A call of a handler, and the longest time it may take.
pub(super) struct Order {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) info: AttemptInfo,
    pub(super) states: Arc<States>,
    pub(super) input: Data,
    pub(super) timeout: Option<Duration>,
    pub(super) progress: Payload,
    pub(super) blobs: Blobs,
}

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

    /// Calls a handler and waits for it.
    pub(super) fn call(&self, order: Order) -> Said {
        let Order { handler, info, states, input, timeout, progress, blobs } = order;
        let (cx, _stop) = StepCx::keeping(info, Arc::new(NoLogs), states, blobs);
        let (mut cx, beats) = cx.with_progress(progress);
        cx.begins(timeout);
        let own = cx.clone();
        let work = async move {
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
        let said = said.and_then(|output| in_json(&own, output));
        let kept = said.as_ref().map(|output| own.named_in(output)).unwrap_or_default();
        let progress = beats.progress();
        (said, progress, kept)
    }
}
