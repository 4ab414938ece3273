//! The function of one run, fed with what is recorded of it. Synchronous: it never waits.

use std::collections::{HashMap, VecDeque};
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use nexus_model::code::{CallsMade, FunctionReturned, outcome};
use nexus_model::event::{Event, Failure, RunStarted};
use nexus_model::id::{RunId, StepIndex, TimerId};
use nexus_model::time::Timestamp;
use tokio::task::unconstrained;

use super::board::{Bell, Board, Outcome};
use super::cx::Cx;
use super::differs::{Differs, Line};
use super::ends;
use super::functions::Functions;
use super::outside;
use super::request::{Request, request};
use super::said::{Fresh, Paired, Said, pair};
use super::trouble::Trouble;
use super::{Function, FunctionFuture, Returned};
use crate::handler::Data;

/// A function that wakes itself more often in one turn waits for nothing.
const POLLS_MAX: usize = 10_000;

/// The function of one run.
pub(super) struct Machine {
    run: RunId,
    function: Arc<dyn Function>,
    functions: Functions,
    bell: Arc<Bell>,
    life: Option<Life>,
    /// How the run began.
    started: Option<Box<RunStarted>>,
    round: u32,
    /// The rounds up to the next that begins are not read.
    skips: bool,
    turn: u32,
    stage: Stage,
    /// Recorded outcomes that it has not got.
    settled: VecDeque<Settled>,
    /// Recorded calls whose outcomes it has not got.
    seats: HashMap<StepIndex, Called>,
    /// The steps, by their tickets, whose failures it got since it last said something.
    failures: HashMap<u64, StepIndex>,
    counts: HashMap<String, u32>,
    /// The call whose outcome began the turn.
    after: String,
    /// The turn that it was in when it last said something that is recorded.
    spoken: u32,
    /// It is recorded to have failed, with the event that says so. It has not been run up to there, because a retry of the run
    /// takes that back.
    failed: Option<(u32, Box<FunctionReturned>)>,
    standing: Standing,
    /// It is recorded to have returned well.
    has_returned: bool,
    /// It got outcomes that a retry of the run has taken back: only another one can go on.
    is_stale: bool,
    expected: Expected,
}

/// With which end it is content, where one is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    AnyEnd,
    RecordedEnd,
}

/// Whether it is asked what it does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    GoesOn,
    /// It is asked nothing more: it has returned, or the run ends.
    Over,
    /// The run has ended.
    Ended,
}

/// How a function ends.
type End = Result<Returned, Failure>;

/// A function that has begun.
struct Life {
    board: Arc<Board>,
    /// `None` once it has returned.
    future: Option<FunctionFuture>,
}

/// How far the turn is.
enum Stage {
    /// The function was not asked yet.
    Fresh,
    /// It has said this, which is not recorded, or nothing.
    Said(Said),
    /// What it has said is recorded.
    Recorded,
}

struct Settled {
    step: StepIndex,
    outcome: Outcome,
    at: Timestamp,
}

struct Called {
    ticket: u64,
    id: String,
    has_undo: bool,
    /// The number of the signal that it took.
    signal: Option<u32>,
}

/// What is recorded, with the bytes of the payload that the function is given because of it.
pub(super) struct Heard<'a> {
    pub(super) event: &'a Event,
    /// Which event of the run it is.
    pub(super) revision: u32,
    pub(super) at: Timestamp,
    pub(super) data: Option<Data>,
}

impl Machine {
    pub(super) fn new(run: RunId, function: Arc<dyn Function>, functions: Functions) -> Self {
        Self {
            run,
            function,
            functions,
            bell: Arc::default(),
            life: None,
            started: None,
            round: 0,
            skips: false,
            turn: 0,
            stage: Stage::Fresh,
            settled: VecDeque::new(),
            seats: HashMap::new(),
            failures: HashMap::new(),
            counts: HashMap::new(),
            after: String::new(),
            spoken: 0,
            failed: None,
            standing: Standing::GoesOn,
            has_returned: false,
            is_stale: false,
            expected: Expected::AnyEnd,
        }
    }

    /// Its end has to be the one that is recorded. Of a run that goes on it need not: what is recorded counts.
    pub(super) fn compare_ends(&mut self) {
        self.expected = Expected::RecordedEnd;
    }

    /// What wakes the function.
    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// What is heard next is the end of the round before the one that the function is in.
    pub(super) fn skip(&mut self) {
        self.skips = true;
    }

    /// How many things are kept.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.settled.len() + self.seats.len() + self.failures.len() + self.counts.len()
    }

    /// Whether the run has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.standing == Standing::Ended
    }

    /// Whether it cannot go on, because it got outcomes that a retry of the run has taken back: another one has to begin.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// The event that says that it has failed, if it was not run up to there yet.
    pub(super) fn to_fail(&self) -> Option<u32> {
        self.failed.as_ref().map(|(revision, _)| *revision)
    }

    /// Takes what is recorded next.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else concerns the function")]
    pub(super) fn hear(&mut self, heard: Heard<'_>) -> Result<(), Trouble> {
        if self.is_stale {
            return Ok(());
        }
        match heard.event {
            Event::RunStarted(started) => self.begin(started, heard.at, heard.data),
            Event::CallsMade(made) => return self.calls_made(made),
            Event::FunctionReturned(returned) => {
                if returned.failure.is_some() && !self.has_said(returned.turn) {
                    self.failed = Some((heard.revision, returned.clone()));
                    self.ends();
                    return Ok(());
                }
                return self.returned(returned, heard.at, heard.data);
            }
            Event::RunRetried { timeout, .. } => self.retried(*timeout),
            Event::CancelRequested { .. } => self.ends(),
            Event::TimerFired { timer } => {
                let timeout = self.started.as_ref().and_then(|started| started.timeout);
                if timeout.is_some_and(|(timeout, _)| timeout == *timer) {
                    self.ends();
                }
            }
            Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCancelled { .. } => {
                self.standing = Standing::Ended;
            }
            Event::SignalTaken { step, signal } => {
                if let Some(called) = self.seats.get_mut(step) {
                    called.signal = Some(*signal);
                }
            }
            event => {
                let wanted = |step: &StepIndex| !self.has_returned && self.seats.contains_key(step);
                let Some((step, _)) = outcome(event).filter(|(step, _)| wanted(step)) else {
                    return Ok(());
                };
                let outcome = match event {
                    Event::StepFailed { failure, .. } => Err(failure.clone()),
                    _ => Ok(heard.data.unwrap_or_else(Data::null)),
                };
                self.settled.push_back(Settled { step, outcome, at: heard.at });
            }
        }
        Ok(())
    }

    /// All that is recorded was heard: what the function says next, if it says something. The same again until it is recorded.
    pub(super) fn go_on(&mut self) -> Result<Option<Request>, Trouble> {
        self.fail()?;
        loop {
            if self.is_over() || self.life.is_none() {
                return Ok(None);
            }
            if matches!(self.stage, Stage::Fresh) {
                self.ask(None, true)?;
                self.number_calls();
            }
            if let Stage::Said(said) = &mut self.stage
                && !said.is_nothing()
            {
                let goes_again = matches!(&said.returned, Some(Ok(said)) if said.again);
                let left = if goes_again { self.unheard() } else { Vec::new() };
                let Stage::Said(said) = &mut self.stage else { return Ok(None) };
                let place = (self.round, self.turn);
                return request(place, &self.counts, said, left).map(Some);
            }
            if !self.deliver() {
                return Ok(None);
            }
        }
    }

    /// Lets the function take the outcomes that are recorded and that it has not got, up to where it says something new. Nothing
    /// of that is asked for.
    pub(super) fn take_outcomes(&mut self) -> Result<(), Trouble> {
        self.fail()?;
        loop {
            if self.is_over() || self.life.is_none() {
                return Ok(());
            }
            if matches!(self.stage, Stage::Fresh) {
                self.ask(None, true)?;
            }
            if matches!(&self.stage, Stage::Said(said) if !said.is_nothing()) || !self.deliver() {
                return Ok(());
            }
        }
    }

    /// It is asked nothing more from now on.
    fn ends(&mut self) {
        self.standing = self.standing.max(Standing::Over);
    }

    fn is_over(&self) -> bool {
        self.standing != Standing::GoesOn
    }

    /// Runs it up to where it is recorded to have failed, if it is.
    fn fail(&mut self) -> Result<(), Trouble> {
        let Some((_, returned)) = self.failed.take() else { return Ok(()) };
        self.returned(&returned, Timestamp::default(), None)
    }

    /// Whether it has said something in this turn, of this life.
    fn has_said(&self, turn: u32) -> bool {
        self.turn == turn && matches!(self.stage, Stage::Said(_))
    }

    /// The run is retried: the function has not failed, and what failed since it last said something is called again.
    fn retried(&mut self, timeout: Option<(TimerId, Timestamp)>) {
        self.failed = None;
        self.settled.retain(|settled| settled.outcome.is_ok());
        self.standing = if self.has_returned { Standing::Over } else { Standing::GoesOn };
        self.is_stale |= !self.has_returned && self.turn > self.spoken;
        if let Some(started) = &mut self.started {
            started.timeout = timeout;
        }
    }

    fn begin(&mut self, started: &RunStarted, at: Timestamp, input: Option<Data>) {
        self.started = Some(Box::new(started.clone()));
        self.begin_round(0, at, input);
    }

    /// Begins a round with its state; the first is that of the run, with its input.
    fn begin_round(&mut self, round: u32, at: Timestamp, input: Option<Data>) {
        let Some(started) = &self.started else { return };
        let board = Board::new(self.run, started.seed, round, at);
        let cx = Cx::new(Arc::clone(&board), Arc::from(started.name.as_str()));
        let (function, input) = (Arc::clone(&self.function), input.unwrap_or_else(Data::null));
        for (_, Called { id, .. }) in self.seats.drain() {
            self.functions.forget_call(self.run, &id, false);
        }
        self.settled.clear();
        self.failures.clear();
        self.counts.clear();
        self.after.clear();
        (self.round, self.turn, self.stage) = (round, 0, Stage::Fresh);
        self.spoken = 0;
        // Begun in the first turn, so that a panic before the first `await` is one of the function.
        let future: FunctionFuture = Box::pin(async move { function.begin(cx, input).await });
        self.life = Some(Life { board, future: Some(future) });
    }

    /// Calls are recorded: the function makes them too.
    fn calls_made(&mut self, made: &CallsMade) -> Result<(), Trouble> {
        self.reach(made.turn)?;
        if matches!(self.stage, Stage::Fresh) {
            self.ask(Some(&made.patches), false)?;
        }
        let Stage::Said(said) = std::mem::replace(&mut self.stage, Stage::Recorded) else {
            return Err(Trouble::History("a turn has two records".to_owned()));
        };
        let (paired, added, removed) = pair(said.calls, &made.calls);
        if !added.is_empty() || !removed.is_empty() || said.returned.is_some() {
            let differs = Differs {
                turn: self.turn,
                after: self.after.clone(),
                same: paired
                    .iter()
                    .map(|pair| Line::named(&pair.fresh, self.round, pair.count))
                    .collect(),
                removed: removed.iter().map(Line::recorded).collect(),
                added: self.lines(&added, said.returned.is_some()),
            };
            return Err(Trouble::Differs(Box::new(differs)));
        }
        for pair in paired {
            self.seat(pair);
        }
        self.spoken = self.turn;
        self.failures.clear();
        if let Some(Life { board, .. }) = &self.life {
            board.speaks();
        }
        Ok(())
    }

    /// The call is a step from here on.
    fn seat(&mut self, pair: Paired) {
        let Paired { fresh, step, count } = pair;
        let id = nexus_model::code::step_id(&fresh.name, self.round, count);
        let next = self.counts.entry(fresh.name).or_default();
        *next = (*next).max(count.saturating_add(1));
        let has_undo = fresh.undo.is_some();
        if let Some(work) = fresh.work {
            self.functions.keep_call(self.run, id.clone(), work, fresh.undo);
        }
        self.seats.insert(step, Called { ticket: fresh.ticket, id, has_undo, signal: None });
    }

    /// The end of the function is recorded: it ends too.
    fn returned(
        &mut self,
        returned: &FunctionReturned,
        at: Timestamp,
        state: Option<Data>,
    ) -> Result<(), Trouble> {
        if std::mem::take(&mut self.skips) {
            self.goes_on_from(returned, at, state);
            return Ok(());
        }
        self.reach(returned.turn)?;
        if matches!(self.stage, Stage::Fresh) {
            self.ask(Some(&returned.patches), false)?;
        }
        let Stage::Said(said) = std::mem::replace(&mut self.stage, Stage::Recorded) else {
            return Err(Trouble::History("a turn has two records".to_owned()));
        };
        if self.expected == Expected::RecordedEnd
            && let Some(said) = &said.returned
        {
            ends::compare(said, returned, state.as_ref())?;
        }
        if let Some(said) = said.returned
            && said.is_ok_and(|said| said.again) == returned.again
        {
            self.goes_on_from(returned, at, state);
            return Ok(());
        }
        self.ends();
        let differs = Differs {
            turn: self.turn,
            after: self.after.clone(),
            removed: vec![Line::end()],
            added: self.lines(&said.calls, false),
            ..Differs::default()
        };
        Err(Trouble::Differs(Box::new(differs)))
    }

    /// A round is over.
    fn goes_on_from(&mut self, returned: &FunctionReturned, at: Timestamp, state: Option<Data>) {
        if returned.again {
            self.begin_round(returned.round.saturating_add(1), at, state);
        } else {
            self.ends();
            self.has_returned = returned.failure.is_none();
        }
    }

    /// Runs the function up to the beginning of this turn. Nothing is recorded of the turns before it.
    fn reach(&mut self, turn: u32) -> Result<(), Trouble> {
        while self.turn < turn {
            if matches!(self.stage, Stage::Fresh) {
                self.ask(None, false)?;
            }
            if let Stage::Said(said) = &self.stage
                && !said.is_nothing()
            {
                let differs = Differs {
                    turn: self.turn,
                    after: self.after.clone(),
                    added: self.lines(&said.calls, said.returned.is_some()),
                    ..Differs::default()
                };
                return Err(Trouble::Differs(Box::new(differs)));
            }
            if !self.deliver() {
                return Err(Trouble::History(format!("turn {turn} has no outcome")));
            }
        }
        Ok(())
    }

    fn lines(&self, calls: &[Fresh], returns: bool) -> Vec<Line> {
        let mut calls: Vec<&Fresh> = calls.iter().collect();
        calls.sort_by_key(|call| call.likeness());
        let mut counts: HashMap<&str, u32> = HashMap::new();
        let mut lines = Vec::new();
        for call in calls {
            let known = self.counts.get(&call.name).copied().unwrap_or(0);
            let count = counts.entry(&call.name).or_insert(known);
            lines.push(Line::named(call, self.round, *count));
            *count += 1;
        }
        lines.extend(returns.then(Line::end));
        lines
    }

    /// Gives the function the next outcome: a turn begins. Returns whether there is one.
    fn deliver(&mut self) -> bool {
        let Some(Settled { step, outcome, at }) = self.settled.pop_front() else { return false };
        self.turn = self.turn.saturating_add(1);
        self.stage = Stage::Fresh;
        let Some(Life { board, .. }) = &self.life else { return false };
        let Some(called) = self.seats.remove(&step) else { return true };
        let Called { ticket, id, has_undo, signal } = called;
        self.functions.forget_call(self.run, &id, has_undo && outcome.is_ok());
        self.after = id;
        if outcome.is_err() {
            self.failures.insert(ticket, step);
        }
        self.bell.enter();
        board.deliver(ticket, outcome, at, signal);
        self.bell.leave();
        true
    }

    /// The function has said that there is another round, which is not recorded: the signals that it has not heard of. It has
    /// no further turn, so it gets the outcomes that came since.
    fn unheard(&mut self) -> Vec<(u32, String, Data)> {
        let Some(Life { board, .. }) = &self.life else { return Vec::new() };
        self.bell.enter();
        for Settled { step, outcome, at } in self.settled.drain(..) {
            if let Some(Called { ticket, signal, .. }) = self.seats.get(&step) {
                board.deliver(*ticket, outcome, at, *signal);
            }
        }
        self.bell.leave();
        board.unheard()
    }

    /// Lets the function run until it waits. `patches`: those that are recorded of the turn, if it is.
    fn ask(&mut self, patches: Option<&[String]>, is_live: bool) -> Result<(), Trouble> {
        let Some(Life { board, future }) = &mut self.life else {
            return Err(Trouble::History("the run has no beginning".to_owned()));
        };
        if self.bell.is_foreign() {
            return Err(Trouble::Foreign);
        }
        board.begin_turn(patches, is_live);
        let mut returned = None;
        if let Some(running) = future {
            self.bell.enter();
            let result = run(running, &self.bell);
            self.bell.leave();
            returned = result?;
        }
        if let Some(what) = board.misfit() {
            return Err(Trouble::Misfit(what));
        }
        if returned.is_some() {
            *future = None;
        }
        let (calls, patches) = board.end_turn();
        let blamed = board.blamed().filter(|_| matches!(returned, Some(Err(_))));
        let blamed = blamed.and_then(|ticket| self.failures.get(&ticket).copied());
        let said = Said { calls, returned, blamed, patches };
        if let Some(call) = said.calls.iter().find(|call| call.undo.is_some())
            && self.function.repeats()
        {
            let why = format!(
                "`{}` has an undo, and a function that is repeated has forgotten it when it is needed",
                call.name
            );
            return Err(Trouble::Refused(why));
        }
        let waits = !self.seats.is_empty();
        if said.calls.is_empty() && said.returned.is_none() && !waits {
            return Err(Trouble::Foreign);
        }
        self.stage = Stage::Said(said);
        Ok(())
    }

    /// Numbers the calls of a turn that is not recorded, does what is to be done once, and keeps their code.
    fn number_calls(&mut self) {
        let Stage::Said(said) = &mut self.stage else { return };
        // As they are recorded: by what they are, whatever the order in which they were polled.
        said.calls.sort_by_cached_key(|call| (call.likeness(), call.ticket));
        let mut counts: HashMap<String, u32> = HashMap::new();
        for call in &said.calls {
            let known = self.counts.get(&call.name).copied().unwrap_or(0);
            let count = counts.entry(call.name.clone()).or_insert(known);
            if let Some(work) = &call.work {
                let id = nexus_model::code::step_id(&call.name, self.round, *count);
                self.functions.keep_call(self.run, id, work.clone(), call.undo.clone());
            }
            *count += 1;
        }
    }
}

/// Polls a function until it waits or returns.
fn run(future: &mut FunctionFuture, bell: &Arc<Bell>) -> Result<Option<End>, Trouble> {
    let _inside = outside::of_no_runtime();
    let waker = Waker::from(Arc::clone(bell));
    let mut context = Context::from_waker(&waker);
    for _ in 0..POLLS_MAX {
        bell.take();
        // `select!` and channels of tokio would wait if the task around had polled enough, and the function for nothing known.
        let mut function = unconstrained(future.as_mut());
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut function).poll(&mut context)));
        match polled {
            Err(panic) => return Err(Trouble::Panicked(text_of(&*panic))),
            Ok(Poll::Ready(returned)) => return Ok(Some(returned)),
            Ok(Poll::Pending) if bell.take() => {}
            Ok(Poll::Pending) => return Ok(None),
        }
    }
    Err(Trouble::Spins)
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
