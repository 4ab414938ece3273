//! Who waits for what.

use std::collections::HashMap;

use nexus_model::id::RunId;
use nexus_model::run::RunStatus;

use super::message::{EndSender, ReplySender};
use crate::shard::{Answer, Refusal, ReplyId};

/// Those who wait for answers and for ends of runs.
#[derive(Debug, Default)]
pub(super) struct Replies {
    next: u64,
    answers: HashMap<ReplyId, ReplySender>,
    ends: HashMap<RunId, Vec<EndSender>>,
}

impl Replies {
    pub(super) fn expect(&mut self, sender: ReplySender) -> ReplyId {
        self.next += 1;
        let id = ReplyId(self.next);
        self.answers.insert(id, sender);
        id
    }

    pub(super) fn answer(&mut self, id: ReplyId, answer: Result<Answer, Refusal>) {
        if let Some(sender) = self.answers.remove(&id) {
            let _ = sender.send(answer);
        }
    }

    pub(super) fn wait(&mut self, run: RunId, end: EndSender) {
        self.ends.entry(run).or_default().push(end);
    }

    pub(super) fn ended(&mut self, run: RunId, status: &RunStatus) {
        if status.is_terminal() {
            self.tell_end(run, &Ok(status.clone()));
        }
    }

    pub(super) fn unwaitable(&mut self, run: RunId, refusal: &Refusal) {
        self.tell_end(run, &Err(refusal.clone()));
    }

    fn tell_end(&mut self, run: RunId, end: &Result<RunStatus, Refusal>) {
        for sender in self.ends.remove(&run).unwrap_or_default() {
            let _ = sender.send(end.clone());
        }
    }
}
