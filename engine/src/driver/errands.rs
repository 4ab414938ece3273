//! Errands: what is carried out for aggregates, each as a task, and what comes of it told to the aggregate.
//!
//! Invariants:
//! * An errand may be carried out more than once, by this process or the next; what it does, it does once all the same,
//!   because it names what it does.
//! * An errand that cannot be carried out now is tried again until the aggregate wants it no longer.

mod limits;
mod readers;
mod schedules;
mod start_keys;
mod topics;

use std::collections::BTreeMap;

use nexus_model::aggregate::{AggregateId, Command, Effect};
use nexus_model::decide::SlotChange;
use nexus_model::effect::Reading;
use nexus_model::id::RunId;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use self::readers::Readers;
use super::message::Message;
use crate::handle::Handle;
use crate::shard::AskedAggregate;
use crate::telling::told_by_run;

/// What is asked for before there is somebody to ask: a timer may be due as soon as a driver runs.
enum Early {
    Tell(SlotChange),
    Read(RunId, Reading),
    Begin(AggregateId, Effect),
}

/// Errands under way.
pub(super) struct Errands {
    handle: Option<Handle>,
    /// Nothing once they are equipped, or closed.
    early: Option<Vec<Early>>,
    inbox: mpsc::UnboundedSender<Message>,
    /// Dropped with the driver, and the tasks with it.
    tasks: JoinSet<()>,
    under_way: BTreeMap<(AggregateId, Effect), AbortHandle>,
    readers: Readers,
    topics: topics::Topics,
}

impl Errands {
    pub(super) fn new(inbox: mpsc::UnboundedSender<Message>) -> Self {
        Self {
            handle: None,
            early: Some(Vec::new()),
            inbox,
            tasks: JoinSet::new(),
            under_way: BTreeMap::new(),
            readers: Readers::default(),
            topics: topics::Topics::default(),
        }
    }

    /// Takes what errands ask things of, and begins those that came before it.
    pub(super) fn equip(&mut self, handle: Handle) {
        let Some(early) = self.early.take() else { return };
        self.handle = Some(handle);
        for early in early {
            match early {
                Early::Tell(change) => self.tell_limit(change),
                Early::Read(run, reading) => self.read_events(run, reading),
                Early::Begin(id, effect) => self.begin(id, effect),
            }
        }
    }

    /// Tells a limit that somebody asks for a slot, or no longer needs one; or a breaker of a call.
    pub(super) fn tell_limit(&mut self, change: SlotChange) {
        let Some(handle) = &self.handle else { return self.keep(Early::Tell(change)) };
        let (kind, name, command) = told_by_run(change);
        handle.tell_aggregate(kind, &name, command);
    }

    /// Offers a step that waits for an event those that were emitted before. Begun anew when the run is read again, if nobody
    /// is at it.
    pub(super) fn read_events(&mut self, run: RunId, reading: Reading) {
        let Some(handle) = self.handle.clone() else {
            return self.keep(Early::Read(run, reading));
        };
        let (step, waiting) = (reading.step, reading.waiting);
        if self.readers.is_at_work(run, step, waiting) {
            return;
        }
        let task = self.tasks.spawn(async move { topics::read_for(&handle, run, &reading).await });
        self.readers.begun(run, step, waiting, task);
        while self.tasks.try_join_next().is_some() {}
    }

    pub(super) fn begin(&mut self, id: AggregateId, effect: Effect) {
        let Some(handle) = self.handle.clone() else {
            return self.keep(Early::Begin(id, effect));
        };
        let (inbox, topics) = (self.inbox.clone(), self.topics.clone());
        let key = (id, effect.clone());
        let task = self.tasks.spawn(async move {
            if let Some(command) = carry_out(&handle, &topics, effect).await {
                let asked = AskedAggregate::silent(command);
                let _ = inbox.send(Message::AskAggregate { id, asked, reply: None });
            }
        });
        self.under_way.insert(key, task);
        while self.tasks.try_join_next().is_some() {}
    }

    fn keep(&mut self, early: Early) {
        if let Some(kept) = &mut self.early {
            kept.push(early);
        }
    }

    pub(super) fn over(&mut self, id: AggregateId, effect: Effect) {
        if let Some(kept) = &mut self.early {
            kept.retain(
                |early| !matches!(early, Early::Begin(of, it) if *of == id && *it == effect),
            );
        }
        if let Some(task) = self.under_way.remove(&(id, effect)) {
            task.abort();
        }
    }

    /// Gives all of them up; the next process takes them up again.
    pub(super) fn close(&mut self) {
        self.handle = None;
        self.early = None;
        self.under_way.clear();
        self.tasks.abort_all();
    }
}

/// Carries out an errand. What comes of it is told to the aggregate, unless there is nothing to tell.
async fn carry_out(handle: &Handle, topics: &topics::Topics, effect: Effect) -> Option<Command> {
    match effect {
        Effect::Pauses(effect) => match effect {},
        Effect::Versions(effect) => match effect {},
        Effect::Limit(_) | Effect::Breaker(_) => limits::carry_out(handle, effect).await,
        Effect::Topic(deliver) => {
            Some(Command::Topic(topics::carry_out(handle, topics, deliver).await))
        }
        Effect::StartKey(begin) => {
            Some(Command::StartKey(start_keys::carry_out(handle, begin).await))
        }
        Effect::Schedule(effect) => {
            schedules::carry_out(handle, effect).await.map(Command::Schedule)
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_model::aggregate::Kind;
    use nexus_model::topic::Deliver;

    use super::*;

    #[test]
    fn what_is_asked_for_before_there_is_somebody_to_ask_is_kept() {
        let (inbox, _messages) = mpsc::unbounded_channel();
        let mut errands = Errands::new(inbox);
        let id = Kind::Topic.id("paid");
        let deliver =
            |number| Effect::Topic(Deliver { topic: "paid".into(), number, record: number });
        errands.begin(id, deliver(1));
        errands.begin(id, deliver(2));
        errands.over(id, deliver(1));
        let kept = errands.early.as_deref();
        assert!(matches!(kept, Some([Early::Begin(_, it)]) if *it == deliver(2)));
        errands.close();
        errands.begin(id, deliver(3));
        assert!(errands.early.is_none(), "the next process takes it up");
    }
}
