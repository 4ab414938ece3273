//! Functions of workflows in a simulated world: asked whenever something of their runs is durable, and at once.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use nexus_model::command::Command;
use nexus_model::effect::RunAttempt;
use nexus_model::event::Interruption;
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;

use super::call::Call;
use super::reports;
use super::world::{Wanted, World};
use crate::code::{Functions, Player, Request, Trouble};
use crate::handler::{Handler, StepError};
use crate::shard::{Answer, Asked, FunctionNews, Input, Refusal, ReplyId};
use crate::tables::definition_row;
use crate::workflow::Work;

/// What stands in for the functions of steps, by which function it is. Steps of a function have no names before they are called.
#[derive(Clone, Default)]
pub(crate) struct StandIns {
    pub(crate) mocks: HashMap<TypeId, Arc<dyn Handler>>,
    /// The first so many calls fail.
    pub(crate) failing: HashMap<TypeId, (usize, StepError)>,
}

impl fmt::Debug for StandIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIns").field("failing", &self.failing).finish_non_exhaustive()
    }
}

/// The functions at work.
pub(super) struct Acting {
    pub(super) functions: Functions,
    players: HashMap<RunId, Player>,
    /// What was said and is not answered, with the definitions that are called.
    asked: BTreeMap<ReplyId, (FunctionNews, Vec<Arc<Plan>>)>,
}

impl Acting {
    pub(super) fn new(functions: &Functions) -> Self {
        let functions = functions.anew();
        Self { functions, players: HashMap::new(), asked: BTreeMap::new() }
    }

    pub(super) fn ended(&mut self, run: RunId) {
        self.players.remove(&run);
        self.functions.forget_run(run);
    }

    /// Forgets the functions at work: they are run again from their beginning.
    pub(super) fn forget(&mut self) {
        self.players.clear();
        self.functions = self.functions.anew();
    }
}

impl World {
    /// Something of a run is durable: its function hears it, and says what it does next.
    pub(super) fn ask_function(&mut self, news: &FunctionNews) {
        let run = news.run;
        let said = self
            .hear_function(run, &news.workflow, news.began)
            .and_then(|()| self.acting.players.get_mut(&run).map_or(Ok(None), Player::says));
        match said {
            Ok(None) => {}
            Ok(Some(request)) => self.say(news, request),
            Err(trouble) => self.stops(run, trouble),
        }
    }

    /// Has a function hear all that is recorded.
    fn hear_function(&mut self, run: RunId, workflow: &str, began: u32) -> Result<(), Trouble> {
        if let Some(trouble) = self.acting.functions.trouble(run) {
            return Err(trouble);
        }
        let Acting { functions, players, .. } = &mut self.acting;
        let player = match players.entry(run) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Player::new(&self.loader, functions, (run, workflow), began)?)
            }
        };
        player.hear(&self.loader)
    }

    fn stops(&mut self, run: RunId, trouble: Trouble) {
        self.acting.players.remove(&run);
        if self.watch.is_some() {
            self.broken.push(format!("the function of {run} gets no further: {trouble}"));
        }
        if self.acting.functions.trouble(run).is_none() {
            self.acting.functions.is_in_trouble(run, trouble);
        }
    }

    fn say(&mut self, news: &FunctionNews, request: Request) {
        let Request { command, payloads, callees } = request;
        self.requests += 1;
        let reply = ReplyId(self.requests);
        let row =
            |plan: &Arc<Plan>| definition_row(plan.hash(), plan.definition().to_canonical_json());
        let rows = callees.iter().map(row).collect();
        let run = news.run;
        self.acting.asked.insert(reply, (news.clone(), callees));
        let asked = Asked { payloads, rows, reply: Some(reply), ..Asked::silent(command) };
        self.tell(Input::Ask { run, asked }, None);
    }

    /// Takes the answer to what a function has said, if it is one.
    pub(super) fn function_answered(
        &mut self,
        reply: ReplyId,
        answer: &Result<Answer, Refusal>,
    ) -> bool {
        let Some((news, callees)) = self.acting.asked.remove(&reply) else { return false };
        match answer {
            Ok(_) => callees.iter().for_each(|plan| self.loader.keep(plan)),
            // What is recorded says why: it is heard next.
            Err(Refusal::Rejected(Rejection::Ended { .. } | Rejection::OtherTurn { .. })) => {}
            Err(refusal) if refusal.is_passing() => {
                self.wanted.push_back(Wanted::Function(Box::new(news)));
            }
            Err(refusal) => self.stops(news.run, Trouble::Refused(refusal.to_string())),
        }
        true
    }

    /// Lets an attempt rest whose code is not there, because the function of its run gets no further. Returns whether that is so.
    pub(super) fn rests_without_code(
        &mut self,
        plan: &Plan,
        run: RunId,
        attempt: &RunAttempt,
    ) -> bool {
        let RunAttempt { step, attempt, undo, .. } = *attempt;
        if !plan.is_code() || self.code_of_call(plan, run, step, undo).is_some() {
            return false;
        }
        self.slots.0 += 1;
        let how = Interruption::NotCalled;
        let command = Command::InterruptAttempts { attempts: vec![(step, attempt)], how };
        self.tell(Input::Ask { run, asked: Asked::silent(command) }, None);
        true
    }

    /// An attempt that was cut off is to be carried on, which is recorded first. One whose code is not there rests on.
    pub(super) fn carry_on(
        &mut self,
        plan: &Plan,
        (run, step, item, attempt): (RunId, StepIndex, Option<ItemIndex>, Attempt),
        undo: bool,
    ) {
        if plan.is_code() && self.code_of_call(plan, run, step, undo).is_none() {
            self.slots.0 += 1;
            return;
        }
        self.resuming.insert((run, step, item, attempt));
        self.ask_silently(run, reports::resumed(step, item, attempt));
    }

    /// How a call fails, if it is one of the first of a function, which do.
    pub(super) fn fails_first(&mut self, work: &Work, call: &Call) -> Option<StepError> {
        let (count, error) = self.setup.stand_ins.failing.get(&work.function)?;
        self.setup.mocks.fails(*count, call).then(|| error.clone())
    }

    /// The code of a step that is the call of a function, or of what undoes it. After a crash the function has to make the call
    /// first.
    pub(super) fn code_of_call(
        &mut self,
        plan: &Plan,
        run: RunId,
        step: StepIndex,
        undo: bool,
    ) -> Option<Work> {
        if !plan.is_code() {
            return None;
        }
        let id = plan.id(step);
        if let Some(work) = self.acting.functions.code(run, id, undo) {
            return Some(work);
        }
        let (_, state) = self.fold(run).ok().flatten()?;
        let began = state.code.as_ref().map_or(0, |code| code.began);
        if let Err(trouble) = self.hear_function(run, &plan.definition().name, began) {
            self.stops(run, trouble);
        }
        self.acting.functions.code(run, id, undo)
    }
}
