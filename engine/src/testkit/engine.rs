//! The engine under test.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use nexus_log::{EventLog, Frame, Partition, Position};
use nexus_model::command::Command;
use nexus_model::event::{Actor, Event};
use nexus_model::id::RunId;
use nexus_model::payload::{NewPayload, Payload};
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus};
use nexus_model::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::acting::StandIns;
use super::call::Call;
use super::crashes::{Crashes, everywhere};
use super::ending::{Ending, RunEnding, of_calls, of_run, read};
use super::mock::{Mock, Mocks};
use super::weather::{Storm, Weather};
use super::workshop::Workshop;
use super::world::{CrashPoint, Setup, World};
use crate::code::{FunctionTrouble, Functions};
use crate::config::Config;
use crate::handle::{QueryError, answer_query};
use crate::handler::{Handler, Registry, StepError};
use crate::loader::Recorded;
use crate::names::Numbers;
use crate::replay::replay;
use crate::shard::{Answer, Asked, Input, Refusal};
use crate::tables::{NAMES, read_name_row};

/// Simulated time begins here: 2026-01-01T00:00:00Z.
const BEGAN: Timestamp = Timestamp(1_767_225_600_000_000);
/// Things that may happen in a play.
const TURNS_MAX: u64 = 5_000_000;
/// Runs that are looked at when a play is over.
const RUNS_MAX: usize = 1_000_000;

/// An engine on a simulated world. Its methods do not wait: time passes only when they say so.
#[derive(Debug)]
pub struct TestEngine {
    setup: Setup,
    weather: Option<Weather>,
    world: World,
    numbers: Numbers,
    started: u64,
}

impl Default for TestEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEngine {
    /// An engine without handlers, at the beginning of 2026.
    pub fn new() -> Self {
        Self::of(Setup {
            config: Config::default(),
            began: BEGAN,
            turns_max: TURNS_MAX,
            mocks: Mocks::default(),
            registry: Registry::new(),
            functions: Functions::default(),
            stand_ins: StandIns::default(),
            real: None,
            states: Arc::default(),
            workshop: None,
            said: Arc::default(),
        })
    }

    fn of(setup: Setup) -> Self {
        let world = World::new(setup.clone());
        Self { setup, weather: None, world, numbers: Numbers::after(0), started: 0 }
    }

    /// The same engine before anything happened, with its mocks, handlers and weather.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let fresh = Self::of(self.setup.clone());
        match self.weather {
            Some(weather) => fresh.weather(weather),
            None => fresh,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Setup)) -> Self {
        change(&mut self.setup);
        let weather = self.weather;
        let engine = Self::of(self.setup);
        match weather {
            Some(weather) => engine.weather(weather),
            None => engine,
        }
    }

    /// Begins anew, with something that stands in for the step or handler `name`.
    #[must_use]
    pub fn mock(self, name: impl Into<String>, mock: impl Into<Mock>) -> Self {
        self.change(|setup| setup.mocks.insert(name.into(), mock.into()))
    }

    /// Begins anew, and the first `count` calls of the step or handler `name` fail.
    #[must_use]
    pub fn fail_first(self, count: usize, name: impl Into<String>, error: StepError) -> Self {
        self.change(|setup| setup.mocks.fail_first(count, name.into(), error))
    }

    /// Begins anew, with a handler that is called for real where nothing stands in for it: once for each attempt, also when
    /// the engine crashes. Real time it takes is no simulated time.
    #[must_use]
    pub fn handler(self, name: impl Into<String>, handler: Arc<dyn Handler>) -> Self {
        let mut registry = self.setup.registry.clone();
        registry.insert(name, handler);
        self.registry(registry)
    }

    /// Begins anew, with these handlers; see [`handler`](Self::handler).
    #[must_use]
    pub fn registry(self, registry: Registry) -> Self {
        self.change(|setup| {
            setup.registry = registry;
            setup.workshop.get_or_insert_with(Workshop::open);
        })
    }

    /// Begins anew, with the functions of workflows, and with what stands in for those of their steps.
    #[must_use]
    pub(crate) fn functions(self, functions: Functions, stand_ins: StandIns) -> Self {
        self.change(|setup| {
            (setup.functions, setup.stand_ins) = (functions, stand_ins);
            setup.workshop.get_or_insert_with(Workshop::open);
        })
    }

    /// Why the function of a run gets no further, if it does not.
    pub fn function_trouble(&self, run: RunId) -> Option<FunctionTrouble> {
        self.world.acting.functions.trouble(run).map(|trouble| trouble.told())
    }

    /// The runs whose functions get no further, and why.
    pub(super) fn stuck(&self) -> Vec<String> {
        let stuck =
            |(name, run): (String, RunId)| Some(format!("{name}: {}", self.function_trouble(run)?));
        self.runs().into_iter().filter_map(stuck).collect()
    }

    /// Begins anew, and only these steps and handlers are called for real.
    #[must_use]
    pub fn only_real(self, names: impl IntoIterator<Item = String>) -> Self {
        self.change(|setup| setup.real = Some(names.into_iter().collect()))
    }

    /// Begins anew, with a value that handlers ask for by its type.
    #[must_use]
    pub fn state<T: Any + Send + Sync>(self, state: T) -> Self {
        self.change(|setup| {
            let states = Arc::make_mut(&mut setup.states);
            states.insert(std::any::TypeId::of::<T>(), Arc::new(state));
        })
    }

    /// Begins anew, with other limits.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        self.change(|setup| setup.config = config)
    }

    /// Begins anew, at another time.
    #[must_use]
    pub fn began(self, began: Timestamp) -> Self {
        self.change(|setup| setup.began = began)
    }

    /// Begins anew; a play in which more than this happens is taken for one without end.
    #[must_use]
    pub fn turns_max(self, turns_max: u64) -> Self {
        self.change(|setup| setup.turns_max = turns_max)
    }

    /// Lets things go wrong by chance. Attempts may be cut off any number of times.
    #[must_use]
    pub fn weather(mut self, weather: Weather) -> Self {
        self.weather = Some(weather);
        let mut setup = self.setup.clone();
        setup.config.interruptions_max = u32::MAX;
        self.world = World::new(setup);
        self.world.storm = Some(Storm::new(weather));
        self
    }

    /// Asks something of a run, as people and programs do. If the engine crashes before it answers, it is asked again; that it
    /// then says that it was done already is as good as an answer.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn ask(&mut self, run: RunId, command: &Command) -> Result<Answer, Refusal> {
        self.ask_with(run, command, &[])
    }

    pub(super) fn ask_with(
        &mut self,
        run: RunId,
        command: &Command,
        payloads: &[NewPayload],
    ) -> Result<Answer, Refusal> {
        let (answer, again) = self.ask_saying_so(run, command, payloads);
        match answer {
            Err(Refusal::Rejected(_)) if again => {
                Ok(Answer { run, revision: self.load(run).1.revision })
            }
            answer => answer,
        }
    }

    /// As [`ask`](Self::ask), but what was refused is refused, also when it was asked again.
    pub(super) fn ask_once(
        &mut self,
        run: RunId,
        command: &Command,
        payloads: &[NewPayload],
    ) -> Result<Answer, Refusal> {
        self.ask_saying_so(run, command, payloads).0
    }

    /// The answer, and whether it was asked again.
    fn ask_saying_so(
        &mut self,
        run: RunId,
        command: &Command,
        payloads: &[NewPayload],
    ) -> (Result<Answer, Refusal>, bool) {
        let input = |reply| {
            let (command, payloads) = (command.clone(), payloads.to_vec());
            Input::Ask {
                run,
                asked: Asked { payloads, reply: Some(reply), ..Asked::silent(command) },
            }
        };
        self.world.ask(input, |_| None)
    }

    pub(super) fn loader(&self) -> &crate::loader::Loader {
        &self.world.loader
    }

    /// An id that nothing else has.
    pub(super) fn own_id(&mut self, what: &str) -> String {
        format!("{what}-{}", self.next_id())
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.started += 1;
        self.started
    }

    /// The number and the name of the next run that is given none.
    pub(super) fn next_number(&mut self) -> (u64, String) {
        self.numbers.next()
    }

    /// Sends a signal. Each has an id of its own, so that it counts once.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn signal(&mut self, run: RunId, name: &str, payload: &Value) -> Result<Answer, Refusal> {
        let id = self.own_id("signal");
        let (payload, stored) = Payload::json(payload);
        let command = Command::DeliverSignal { name: name.to_owned(), id, payload, by: by() };
        self.ask_with(run, &command, stored.as_slice())
    }

    /// Pauses a run.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn pause(&mut self, run: RunId) -> Result<Answer, Refusal> {
        self.ask(run, &Command::PauseRun { by: by(), reason: String::new() })
    }

    /// Ends the pause of a run.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn resume(&mut self, run: RunId) -> Result<Answer, Refusal> {
        self.ask(run, &Command::ResumeRun { by: by() })
    }

    /// Cancels a run.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn cancel(&mut self, run: RunId) -> Result<Answer, Refusal> {
        self.ask(run, &Command::CancelRun { by: by(), reason: String::new(), undo: true })
    }

    /// Continues a failed or cancelled run.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn retry(&mut self, run: RunId) -> Result<Answer, Refusal> {
        self.world.ended.remove(&run);
        self.ask(run, &Command::RetryRun { by: by() })
    }

    /// Does everything that can be done now.
    pub fn settle(&mut self) {
        self.world.settle();
    }

    /// Lets time pass, and what happens in it happen.
    pub fn advance(&mut self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = self.world.now.plus_ms(ms);
        self.advance_to(until);
    }

    /// Lets time pass up to `until`, and what happens in it happen.
    pub fn advance_to(&mut self, until: Timestamp) {
        self.world.settle();
        while let Some(at) = self.world.next_time().filter(|at| *at <= until) {
            self.world.now = self.world.now.max(at);
            self.world.settle();
        }
        self.world.now = self.world.now.max(until);
        self.world.settle();
    }

    /// Lets time pass until the run has ended, or nothing will happen any more; says how it stands then.
    ///
    /// # Panics
    /// If there is no such run.
    pub fn finish(&mut self, run: RunId) -> RunStatus {
        self.world.settle();
        while !self.world.ended.contains_key(&run)
            && let Some(at) = self.world.next_time()
        {
            self.world.now = self.world.now.max(at);
            self.world.settle();
        }
        self.load(run).1.status
    }

    /// The next time at which something happens by itself.
    pub fn next_time(&self) -> Option<Timestamp> {
        self.world.next_time()
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.world.now
    }

    /// The engine ends without notice, and another one begins at once.
    pub fn crash_and_recover(&mut self) {
        self.world.crash();
        self.world.settle();
    }

    /// The engine ends without notice, and another one begins after `time`.
    pub fn down_for(&mut self, time: Duration) {
        self.world.end();
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.world.now = self.world.now.plus_ms(ms);
        self.world.recover();
        self.world.settle();
    }

    /// Runs a workflow to its end, then again with a crash before and after each of its transitions is durable, and compares
    /// end state, outputs and calls.
    pub fn crash_everywhere(&self, plan: &Arc<Plan>, input: &Value) -> Crashes {
        self.crash_everywhere_in(|engine| {
            if let Ok(run) = engine.start(plan, input.clone()) {
                engine.finish(run);
            }
        })
    }

    /// Plays `play`, then again with a crash before and after each transition is durable, and compares end state, outputs and
    /// calls. `play` is given a fresh engine each time.
    pub fn crash_everywhere_in(&self, play: impl Fn(&mut Self)) -> Crashes {
        everywhere(|| self.fresh(), play)
    }

    /// The plan and the state of a run, as they are recorded.
    ///
    /// # Panics
    /// If there is no such run.
    pub fn load(&self, run: RunId) -> (Arc<Plan>, Run) {
        self.world.loader.run(run).ok().flatten().expect("a run of this engine")
    }

    /// The output of a run, `null` if it has none.
    ///
    /// # Panics
    /// If there is no such run.
    pub fn output(&self, run: RunId) -> Value {
        self.ending_of(run).output
    }

    /// The events of a run.
    pub fn events(&self, run: RunId) -> Vec<Event> {
        self.history(run).into_iter().map(|recorded| recorded.event).collect()
    }

    /// The events of a run, with their places.
    pub fn history(&self, run: RunId) -> Vec<Recorded> {
        self.world.loader.history(run, 0, usize::MAX).unwrap_or_default()
    }

    /// A payload as JSON; text if it is none.
    pub fn read(&self, payload: &Payload) -> Value {
        read(&self.world.loader, payload)
    }

    /// All runs by name.
    pub fn runs(&self) -> Vec<(String, RunId)> {
        let rows = self.world.log.rows(NAMES, &[], &[], RUNS_MAX).unwrap_or_default();
        let run = |(name, row): (Vec<u8>, Vec<u8>)| {
            Some((String::from_utf8(name).ok()?, read_name_row(&row)?.0))
        };
        rows.into_iter().filter_map(run).collect()
    }

    /// Everything the log holds, also of what runs share.
    pub fn frames(&self) -> Vec<Frame> {
        self.world.log.read(Partition(0), Position(0), usize::MAX).unwrap_or_default()
    }

    /// The calls of handlers, in the order in which they were made.
    pub fn calls(&self) -> &[Call] {
        &self.world.calls
    }

    /// Steps that called a handler for which nothing stands in and which is not registered, with its name.
    pub fn unanswered(&self) -> impl Iterator<Item = (&str, &str)> {
        self.world.unanswered.iter().map(|(step, uses)| (step.as_str(), uses.as_str()))
    }

    /// How a run stands.
    ///
    /// # Panics
    /// If there is no such run.
    pub fn ending_of(&self, run: RunId) -> RunEnding {
        let (plan, state) = self.load(run);
        of_run(&self.world.loader, &plan, &state)
    }

    /// What a query says of a run.
    ///
    /// # Errors
    /// [`QueryError`] if there is no such query, or it has no answer.
    ///
    /// # Panics
    /// If there is no such run.
    pub fn query(&self, run: RunId, name: &str) -> Result<Value, QueryError> {
        let (plan, state) = self.load(run);
        answer_query(&self.world.loader, (&plan, &state), name, self.now())
    }

    /// How all runs stand, and the calls that were made.
    pub fn ending(&self) -> Ending {
        let runs = self.runs().into_iter().filter_map(|(name, run)| {
            let (plan, state) = self.world.loader.run(run).ok().flatten()?;
            Some((name, of_run(&self.world.loader, &plan, &state)))
        });
        Ending { runs: runs.collect(), calls: of_calls(&self.world.calls) }
    }

    /// How many transitions were made durable.
    pub fn transitions(&self) -> u32 {
        self.world.transitions
    }

    /// How many engines there were; each crash begins another.
    pub fn lives(&self) -> u32 {
        self.world.life + 1
    }

    /// The rules that were broken, which none ever should be: each attempt is made once in a life and has one outcome, every
    /// run reads back as it was recorded, and the play comes to rest.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = self.world.broken.clone();
        if self.world.is_endless() {
            broken.push("there is no end in sight: too much happens for one test".to_owned());
        }
        for (name, run) in self.runs() {
            match replay(&self.world.loader, run, None) {
                Ok(replay) if replay.agrees() => {}
                Ok(replay) => {
                    broken.push(format!("{name} replays differently: {:?}", replay.differences));
                }
                Err(error) => broken.push(format!("{name} cannot be replayed: {error}")),
            }
        }
        broken
    }

    pub(super) fn awaits_crash(&self) -> bool {
        self.world.crash_at.is_some()
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    pub(super) fn crash_at(&mut self, place: CrashPoint) {
        self.world.crash_at = Some(place);
    }
}

pub(super) fn by() -> Actor {
    Actor { name: "test".to_owned(), via: "testkit".to_owned() }
}

/// Ids that are the same in each play.
pub(super) fn made_id(began: Timestamp, number: u64) -> Uuid {
    let mut random = [0; 10];
    let digest = blake3::hash(&number.to_be_bytes());
    random.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    uuid::Builder::from_unix_timestamp_millis(began.as_ms(), &random).into_uuid()
}
