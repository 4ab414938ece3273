//! Runs that other runs have called, in the simulated engine: as the driver does it, one thing at a time.

use std::collections::BTreeMap;

use nexus_log::EventLog;
use nexus_model::command::Command;
use nexus_model::effect::Wish;
use nexus_model::event::{ChildEnd, Parent};
use nexus_model::id::{RunId, StepIndex};

use super::world::{Wanted, World};
use crate::driver::calls::{Found, Todo, actor, asked_to_end, look_up, todo};
use crate::shard::{Answer, Asked, ChildReport, Input, Output, Refusal, ReplyId, RunCall};
use crate::tables::{CALL, CALL_END, META, read_call_row};
use crate::vault::RunKey;

/// Which step of which run calls.
type Caller = (RunId, StepIndex);

/// Called runs that are being started. As in the driver, one thing is done for one step at a time.
#[derive(Debug, Default)]
pub(super) struct Starts {
    asked: BTreeMap<ReplyId, (Caller, RunCall)>,
    /// What is wished last, of those that are being started.
    wanted: BTreeMap<Caller, RunCall>,
}

impl Starts {
    fn is_active(&self, caller: Caller) -> bool {
        self.asked.values().any(|(active, _)| *active == caller)
    }
}

impl World {
    /// Does what is to be done about a called run.
    pub(super) fn see_to(&mut self, call: &RunCall) {
        let caller = (call.parent.run, call.call.step);
        if self.called.is_active(caller) {
            self.called.wanted.insert(caller, call.clone());
            return;
        }
        let id = self.id_of(&call.call.child, self.setup.began);
        let key = |run| RunKey::new().map(|_| RunKey::for_test(run));
        let Ok(found) = look_up(&self.loader, call, id, &key) else { return };
        match found {
            Found::Ready(_) | Found::Hopeless(_) if call.call.wish == Wish::End => {
                let reason = "it was not started yet".to_owned();
                self.end_child(call, 0, ChildEnd::Cancelled { reason, goes_on: false });
            }
            Found::Hopeless(failure) => {
                self.end_child(call, 0, ChildEnd::Failed { failure, goes_on: false });
            }
            Found::Ready(_) if call.call.wish == Wish::Pause => {}
            Found::Ready(mut start) => {
                self.requests += 1;
                let reply = ReplyId(self.requests);
                start.reply = Some(reply);
                self.called.asked.insert(reply, (caller, call.clone()));
                self.tell(Input::Start(start), None);
            }
            Found::There(child, run) => match todo(call, &run) {
                Todo::Report(revision, ended) => {
                    let name = call.call.child.clone();
                    self.hand_over(&call.parent, name, child, (revision, ended));
                }
                Todo::Wish(wish) => {
                    self.tell(Input::Drive { run: child }, None);
                    self.ask_silently(child, wish);
                }
                Todo::Retry(wish) => {
                    self.ask_silently(child, Command::RetryRun { by: actor(call) });
                    self.ask_silently(child, wish);
                }
            },
        }
    }

    /// Takes the answer to the start of a called run; `false`: it is another answer.
    pub(super) fn child_started(
        &mut self,
        reply: ReplyId,
        answer: &Result<Answer, Refusal>,
    ) -> bool {
        let Some((caller, call)) = self.called.asked.remove(&reply) else { return false };
        let again = if answer.is_ok() { None } else { Some(call) };
        let next = self.called.wanted.remove(&caller).or(again);
        self.wanted.extend(next.map(|call| Wanted::Call(Box::new(call))));
        true
    }

    /// Has the runs that wait for others look at them.
    pub(super) fn recover_calls(&mut self) {
        let rows = self.log.rows(META, CALL, CALL_END, usize::MAX).unwrap_or_default();
        let parents = rows.iter().filter_map(|(key, value)| read_call_row(key, value));
        let parents: Vec<RunId> = parents.map(|(parent, _)| parent).collect();
        for run in parents {
            self.tell(Input::Drive { run }, None);
        }
    }

    /// Passes on what a run wants of one that it has called, and what a called one has to tell.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the world carries out everything else itself"
    )]
    pub(super) fn pass_on(&mut self, output: Output) {
        match output {
            Output::Call(call) => self.wanted.push_back(Wanted::Call(call)),
            Output::ChildEnded(report) => {
                let ChildReport { parent, run, child, revision, ended, .. } = *report;
                self.hand_over(&parent, child, run, (revision, ended));
            }
            _ => {}
        }
    }

    fn end_child(&mut self, call: &RunCall, revision: u32, ended: ChildEnd) {
        let (step, child) = (call.call.step, call.call.child.clone());
        self.ask_silently(call.parent.run, Command::EndChild { step, child, revision, ended });
    }

    /// As [`end_child`](Self::end_child), of a run that is there.
    fn hand_over(&mut self, to: &Parent, name: String, child: RunId, end: (u32, ChildEnd)) {
        let bytes_max = self.setup.config.payload_bytes_max;
        let Ok(handed) = self.loader.hand_over(child, end, bytes_max) else { return };
        let asked = asked_to_end(to, name, handed);
        self.tell(Input::Ask { run: to.run, asked }, None);
    }

    pub(super) fn ask_silently(&mut self, run: RunId, command: Command) {
        self.tell(Input::Ask { run, asked: Asked::silent(command) }, None);
    }
}
