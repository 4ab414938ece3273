//! Who waits for what.

use foldhash::HashMap;
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
    /// How many wait for ends, and at how many those are forgotten who no longer do.
    waits: usize,
    waits_max: usize,
}

/// Fewer waits than this are not looked through for those that were given up.
const WAITS_MIN: usize = 64;

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
        if self.waits >= self.waits_max.max(WAITS_MIN) {
            self.forget_given_up();
        }
        self.waits += 1;
        self.ends.entry(run).or_default().push(end);
    }

    /// Forgets those who no longer wait.
    fn forget_given_up(&mut self) {
        self.ends.retain(|_, ends| {
            ends.retain(|end| !end.is_closed());
            !ends.is_empty()
        });
        self.waits = self.ends.values().map(Vec::len).sum();
        self.waits_max = self.waits * 2;
    }

    /// Tells all who wait that nothing more comes. Whether what is not answered was recorded is not known.
    pub(super) fn close(&mut self) {
        self.answers.clear();
        for (_, ends) in std::mem::take(&mut self.ends) {
            for end in ends {
                let _ = end.send(Err(Refusal::ShuttingDown));
            }
        }
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
        let ends = self.ends.remove(&run).unwrap_or_default();
        self.waits = self.waits.saturating_sub(ends.len());
        for sender in ends {
            let _ = sender.send(end.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn waits_that_were_given_up_are_forgotten() {
        let mut replies = Replies::default();
        let (kept, mut stays) = oneshot::channel();
        replies.wait(RunId([1; 16]), kept);
        for at in 0..10_000u32 {
            let (end, _) = oneshot::channel();
            replies.wait(RunId([u8::try_from(at % 7).expect("below seven"); 16]), end);
        }
        let left: usize = replies.ends.values().map(Vec::len).sum();
        assert!(left <= 2 * WAITS_MIN, "{left}");
        replies.ended(RunId([1; 16]), &RunStatus::Cancelled { reason: String::new() });
        assert!(stays.try_recv().expect("an answer").is_ok());
    }
}
