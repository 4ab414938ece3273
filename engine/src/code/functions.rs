//! The functions of a program, and what is known of those at work: the code of their calls, and why they get no further.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_model::id::RunId;
use tokio::sync::Notify;

use super::Function;
use super::trouble::Trouble;
use crate::workflow::Work;

/// The functions of a program. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Functions {
    known: Arc<BTreeMap<String, Arc<dyn Function>>>,
    at_work: Arc<Mutex<AtWork>>,
    /// Told of each trouble.
    troubled: Arc<Notify>,
}

#[derive(Default)]
struct AtWork {
    runs: HashMap<RunId, OfRun>,
}

/// What is known of the function of one run.
#[derive(Default)]
struct OfRun {
    /// The code of its open calls, by the ids of their steps.
    code: HashMap<String, Code>,
    trouble: Option<Trouble>,
    /// Who is told when the function has made a call, by the ids of their steps.
    awaited: HashMap<String, Vec<Told>>,
}

/// Told that a function has made a call.
type Told = Box<dyn FnOnce() + Send>;

/// The code of a call.
#[derive(Clone)]
struct Code {
    work: Work,
    undo: Option<Work>,
}

impl Functions {
    /// Those of a program, by the names of their workflows.
    pub(crate) fn new(known: BTreeMap<String, Arc<dyn Function>>) -> Self {
        Self { known: Arc::new(known), ..Self::default() }
    }

    pub(crate) fn get(&self, workflow: &str) -> Option<&Arc<dyn Function>> {
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
    pub(super) fn keep_call(&self, run: RunId, id: String, work: Work, undo: Option<Work>) {
        let mut at_work = self.at_work();
        let at_work_of_run = at_work.runs.entry(run).or_default();
        let told = at_work_of_run.awaited.remove(&id);
        at_work_of_run.code.insert(id, Code { work, undo });
        drop(at_work);
        told.into_iter().flatten().for_each(|tell| tell());
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
    pub(crate) fn is_in_trouble(&self, run: RunId, trouble: Trouble) {
        let told = trouble.told();
        if matches!(trouble, Trouble::NoFunction(_)) {
            // Another program has it, and nothing is wrong.
            tracing::info!(%run, code = told.code, "{}", told.message);
        } else {
            tracing::error!(%run, code = told.code, "{}\n{}", told.message, told.details);
        }
        let mut at_work = self.at_work();
        let work = at_work.runs.entry(run).or_default();
        work.trouble = Some(trouble);
        drop(at_work);
        self.troubled.notify_waiters();
    }

    /// Waits until the function of a run gets no further, and says why.
    pub(crate) async fn until_trouble(&self, run: RunId) -> Trouble {
        loop {
            // It hears what is told from here on.
            let told = self.troubled.notified();
            if let Some(trouble) = self.trouble(run) {
                return trouble;
            }
            told.await;
        }
    }

    /// Why the function of a run gets no further, if it does not.
    pub(crate) fn trouble(&self, run: RunId) -> Option<Trouble> {
        self.at_work().runs.get(&run)?.trouble.clone()
    }

    /// The run has ended.
    pub(crate) fn forget_run(&self, run: RunId) {
        self.at_work().runs.remove(&run);
    }

    /// The code of a step, or of what undoes it, if the function of its run has made the call.
    pub(crate) fn code(&self, run: RunId, id: &str, is_undo: bool) -> Option<Work> {
        self.at_work().runs.get(&run)?.code.get(id)?.of(is_undo).cloned()
    }

    /// The same functions, none of which is at work.
    pub(crate) fn anew(&self) -> Self {
        Self { known: Arc::clone(&self.known), ..Self::default() }
    }

    /// Has somebody told once the function of a run has made this call; at once if it has.
    pub(crate) fn when_called(
        &self,
        run: RunId,
        id: &str,
        is_undo: bool,
        tell: impl FnOnce() + Send + 'static,
    ) {
        let mut at_work = self.at_work();
        let work = at_work.runs.entry(run).or_default();
        if work.code.get(id).and_then(|code| code.of(is_undo)).is_none() {
            work.awaited.entry(id.to_owned()).or_default().push(Box::new(tell));
            return;
        }
        drop(at_work);
        tell();
    }
}

impl Code {
    fn of(&self, is_undo: bool) -> Option<&Work> {
        if is_undo { self.undo.as_ref() } else { Some(&self.work) }
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.keys()).finish()
    }
}
