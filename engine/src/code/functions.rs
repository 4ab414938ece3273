//! The functions of a program, and what is known of those at work: the code of their calls, and why they get no further.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_model::id::RunId;
use tokio::sync::watch;

use super::Function;
use super::trouble::Trouble;
use crate::handler::Handler;

/// The functions of a program. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Functions {
    known: Arc<BTreeMap<String, Arc<dyn Function>>>,
    at_work: Arc<Mutex<AtWork>>,
}

#[derive(Default)]
struct AtWork {
    runs: HashMap<RunId, Work>,
}

/// What is known of the function of one run.
struct Work {
    /// The code of its open calls, by the ids of their steps.
    code: HashMap<String, Code>,
    trouble: Option<Trouble>,
    changed: watch::Sender<()>,
}

impl Default for Work {
    fn default() -> Self {
        Self { code: HashMap::new(), trouble: None, changed: watch::Sender::new(()) }
    }
}

/// The code of a call.
#[derive(Clone)]
struct Code {
    handler: Arc<dyn Handler>,
    undo: Option<Arc<dyn Handler>>,
}

impl Functions {
    /// Those of a program, by the names of their workflows.
    pub(crate) fn new(known: BTreeMap<String, Arc<dyn Function>>) -> Self {
        Self { known: Arc::new(known), at_work: Arc::default() }
    }

    pub(super) fn get(&self, workflow: &str) -> Option<&Arc<dyn Function>> {
        self.known.get(workflow)
    }

    /// Whether there is one for a workflow.
    pub(crate) fn offers(&self, workflow: &str) -> bool {
        self.known.contains_key(workflow)
    }

    fn at_work(&self) -> MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the code of a call, until [`forget_call`](Self::forget_call).
    pub(super) fn keep_call(
        &self,
        run: RunId,
        id: String,
        handler: Arc<dyn Handler>,
        undo: Option<Arc<dyn Handler>>,
    ) {
        let mut at_work = self.at_work();
        let work = at_work.runs.entry(run).or_default();
        work.code.insert(id, Code { handler, undo });
        work.changed.send_replace(());
    }

    /// Forgets the code of a call; `undo`: but for what undoes it, if there is something.
    pub(super) fn forget_call(&self, run: RunId, id: &str, undo: bool) {
        let mut at_work = self.at_work();
        let Some(work) = at_work.runs.get_mut(&run) else { return };
        if !undo || work.code.get(id).is_some_and(|code| code.undo.is_none()) {
            work.code.remove(id);
        }
    }

    /// The function of a run gets no further.
    pub(super) fn is_in_trouble(&self, run: RunId, trouble: Trouble) {
        let told = trouble.told();
        tracing::error!(%run, code = told.code, "{}\n{}", told.message, told.details);
        let mut at_work = self.at_work();
        let work = at_work.runs.entry(run).or_default();
        work.trouble = Some(trouble);
        work.changed.send_replace(());
    }

    /// Why the function of a run gets no further, if it does not.
    pub(crate) fn trouble(&self, run: RunId) -> Option<Trouble> {
        self.at_work().runs.get(&run)?.trouble.clone()
    }

    /// The run has ended.
    pub(crate) fn forget_run(&self, run: RunId) {
        self.at_work().runs.remove(&run);
    }

    /// Where the code of a step will be.
    pub(crate) fn seat(&self, run: RunId, id: &str, is_undo: bool) -> Seat {
        Seat { functions: self.clone(), run, id: id.to_owned(), is_undo }
    }

    fn code_of(&self, seat: &Seat) -> Result<Arc<dyn Handler>, watch::Receiver<()>> {
        let mut at_work = self.at_work();
        let work = at_work.runs.entry(seat.run).or_default();
        let code = work.code.get(&seat.id);
        let handler = code.and_then(|code| {
            if seat.is_undo { code.undo.clone() } else { Some(Arc::clone(&code.handler)) }
        });
        handler.ok_or_else(|| work.changed.subscribe())
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.keys()).finish()
    }
}

/// Where the code of a step will be, once the function of its run has made the call.
pub(crate) struct Seat {
    functions: Functions,
    run: RunId,
    id: String,
    is_undo: bool,
}

impl Seat {
    /// Waits for the code.
    pub(crate) async fn handler(self) -> Arc<dyn Handler> {
        loop {
            let mut changed = match self.functions.code_of(&self) {
                Ok(handler) => return handler,
                Err(changed) => changed,
            };
            if changed.changed().await.is_err() {
                // The run has ended, and with it this attempt: it is told to stop.
                std::future::pending::<()>().await;
            }
        }
    }
}
