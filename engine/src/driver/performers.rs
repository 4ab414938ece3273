//! The functions at work: one task for each run that has one, told of what becomes durable.

use std::collections::HashMap;
use std::time::Duration;

use nexus_model::id::RunId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::message::Message;
use crate::code::{Functions, Performance, perform};
use crate::loader::Loader;
use crate::shard::FunctionNews;

/// The functions at work.
pub(super) struct Performers {
    functions: Functions,
    loader: Loader,
    inbox: mpsc::UnboundedSender<Message>,
    rest: Duration,
    at_work: HashMap<RunId, Performer>,
    /// Those that were told to end and may still be in the middle of something.
    leaving: HashMap<RunId, JoinHandle<()>>,
}

struct Performer {
    news: watch::Sender<u32>,
    task: JoinHandle<()>,
}

impl Performers {
    pub(super) fn new(
        functions: Functions,
        loader: Loader,
        inbox: mpsc::UnboundedSender<Message>,
        rest: Duration,
    ) -> Self {
        Self { functions, loader, inbox, rest, at_work: HashMap::new(), leaving: HashMap::new() }
    }

    /// Tells the function of a run what is durable; one that is not at work begins. One that is in trouble is left alone.
    pub(super) fn tell(&mut self, news: FunctionNews) {
        let FunctionNews { run, workflow, began, revision } = news;
        if let Some(performer) = self.at_work.get(&run) {
            performer.news.send_if_modified(|known| {
                let is_more = *known < revision;
                *known = (*known).max(revision);
                is_more
            });
            if !performer.task.is_finished() || self.functions.trouble(run).is_some() {
                return;
            }
            self.at_work.remove(&run);
        }
        let (sender, receiver) = watch::channel(revision);
        let before = self.leaving.remove(&run);
        let performance = Performance {
            run,
            workflow,
            functions: self.functions.clone(),
            loader: self.loader.clone(),
            inbox: self.inbox.clone(),
            began,
            news: receiver,
            rest: self.rest,
        };
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // Both say what code the run has. It was ended: why it did is of no interest.
                let _ = before.await;
            }
            perform(performance).await;
        });
        self.at_work.insert(run, Performer { news: sender, task });
    }

    /// The run has ended: its function is of no use any more.
    pub(super) fn ended(&mut self, run: RunId) {
        if let Some(performer) = self.at_work.remove(&run) {
            performer.task.abort();
            self.functions.forget_run(run);
            self.leaving.retain(|_, task| !task.is_finished());
            self.leaving.insert(run, performer.task);
        }
    }
}

/// A driver that is gone has no functions at work.
impl Drop for Performers {
    fn drop(&mut self) {
        for performer in self.at_work.values() {
            performer.task.abort();
        }
    }
}
