//! A play: definitions, runs, faults, and what happens next, all from one tape.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nexus_engine::Config;
use nexus_engine::model::event::Actor;
use nexus_engine::model::pauses::{PauseCommand, Scope};
use nexus_engine::model::run::Run;
use nexus_engine::model::time::Timestamp;
use nexus_engine::testing;
use nexus_engine::testkit::{Answer, Mock, Request, Simulation, TestEngine};
use nexus_engine::{StepError, testkit::Call};
use serde_json::{Value, json};

use super::beside::{Beside, beside};
use super::compare::differences_of;
use super::definitions::{Made, made};
use super::functions::{self, NAMES, UNDOS};
use super::handlers::{Moods, Said, UNDO, WORK};
use super::people::{Planned, Wish, wishes};
use super::plainly::of_code;
use super::swarm::Swarm;
use super::tape::Tape;
use super::wild;

/// Things that may happen in the calm before there is no end in sight.
const CALM_MAX: u32 = 20_000;
/// How often time passes in the calm before schedules are deleted that always have something to do.
const PASSED_MAX: u32 = 60;

/// What came of a play.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What was wrong; empty: nothing.
    pub wrong: Vec<String>,
    /// What happened, a line for each, if that was asked for.
    pub story: Vec<String>,
    /// How many things happened.
    pub happened: u64,
    /// How often the process ended.
    pub crashes: u64,
    /// How many runs there were.
    pub runs: u64,
    /// The hash of everything that is in the log.
    pub log: u64,
}

/// Plays what is on a tape. `tells`: with its story.
pub fn play(tape: &mut Tape, tells: bool) -> Played {
    let mut played = Played::default();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut playing = Playing::new(tape, &mut played, tells);
        playing.storm();
        playing.calm();
        playing.compare();
        playing.tell_histories();
    }));
    if let Err(panic) = result {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        played.wrong.push(format!("it panicked: {}", words.unwrap_or("without words")));
    }
    played
}

struct Playing<'a> {
    tape: &'a mut Tape,
    played: &'a mut Played,
    tells: bool,
    swarm: Swarm,
    made: Vec<Made>,
    planned: Vec<Planned>,
    wishes: Vec<Wish>,
    simulation: Simulation,
    moods: Moods,
    /// Whether there is every construct, and nobody knows what comes of it.
    is_wild: bool,
    /// What people have asked who do not wait for an answer.
    asked: Vec<Request>,
    helped: u64,
    beside: Beside,
    /// How often time has passed since nothing goes wrong any more.
    passed: u32,
}

impl<'a> Playing<'a> {
    fn new(tape: &'a mut Tape, played: &'a mut Played, tells: bool) -> Self {
        let is_wild = tape.below(2) == 1;
        let swarm = Swarm::draw(tape, !is_wild);
        let failing = if tape.below(2) == 0 { 0 } else { tape.below(40) };
        let moods = Moods { salt: tape.below(1 << 32), failing };
        let count = 1 + tape.index(3);
        let make = if is_wild { wild::made } else { made };
        let made: Vec<Made> = (0..count)
            .map(|at| {
                let name = format!("made-{at}");
                if tape.below(3) == 2 {
                    return functions::made(tape, &name, is_wild);
                }
                make(tape, &name)
            })
            .collect();
        let planned: Vec<Planned> =
            (0..=tape.index(4)).map(|at| planned(tape, at, made.len())).collect();
        let beside = beside(tape, swarm.leap > 0);
        let config = Config {
            concurrency: [256, 1, 2, 4][tape.index(4)],
            resident_bytes_max: if tape.below(2) == 1 { 0 } else { 64 * 1024 * 1024 },
            interruptions_max: if is_wild && tape.below(2) == 1 { 2 } else { u32::MAX },
            ..Config::default()
        };
        let simulation = engine(&made, moods).config(config).simulate();
        played.runs = planned.len() as u64;
        let wishes = wishes(&planned, &made, &beside);
        if tells {
            let json = |made: &Made| made.plan.definition().to_canonical_json();
            let texts = made.iter().map(|made| String::from_utf8_lossy(&json(made)).into_owned());
            played.story.extend(texts);
            let codes = made.iter().filter_map(|made| made.coded.as_ref());
            played.story.extend(codes.map(|code| format!("{code:?}")));
            played.story.push(format!("{config:?}"));
            played.story.extend(planned.iter().map(|planned| format!("{planned:?}")));
            played.story.push(format!("{beside:?}"));
        }
        Self {
            tape,
            played,
            tells,
            swarm,
            made,
            planned,
            wishes,
            simulation,
            moods,
            is_wild,
            asked: Vec::new(),
            helped: 0,
            beside,
            passed: 0,
        }
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        self.played.happened += 1;
        if self.tells {
            self.played.story.push(what());
        }
    }

    /// What is recorded of every run.
    fn tell_histories(&mut self) {
        if !self.tells {
            return;
        }
        for (name, run) in self.simulation.engine().runs() {
            for recorded in self.simulation.engine().history(run) {
                let line = format!("{name} {}: {:?}", recorded.revision, recorded.event);
                self.played.story.push(line);
            }
        }
    }

    /// Everything may go wrong.
    fn storm(&mut self) {
        for _ in 0..self.swarm.choices {
            if !self.people() && !self.fault() {
                self.go_on();
            }
            self.check();
            if !self.played.wrong.is_empty() {
                return;
            }
        }
    }

    /// Nothing goes wrong any more: every run comes to its end.
    fn calm(&mut self) {
        self.swarm = Swarm::calm();
        for _ in 0..CALM_MAX {
            if !self.played.wrong.is_empty() {
                return;
            }
            let wish = self.wishes.iter().position(|wish| !wish.is_done && !wish.is_asked());
            if let Some(chosen) = self.simulation.moves().first().copied() {
                let words =
                    if self.tells { self.simulation.words_of(chosen) } else { String::new() };
                self.tell(|| format!("calm: {words}"));
                self.simulation.make(chosen, usize::MAX);
            } else if let Some(at) = wish {
                self.ask(at);
                if !self.wishes[at].is_asked() && self.simulation.next_time().is_none() {
                    break;
                }
            } else if self.end_pause() || self.end_schedule() {
            } else if let Some(time) = self.simulation.next_time() {
                self.passed += 1;
                self.simulation.set_now(time.max(self.simulation.now()));
            } else if !self.help() {
                break;
            }
            self.check();
        }
        self.check_ends();
    }

    /// Ends a pause of the store, if there is one.
    fn end_pause(&mut self) -> bool {
        let Some(scope) = self.simulation.pauses().pop() else { return false };
        self.tell(|| format!("the pause of {scope} ends"));
        let command = PauseCommand::Resume { scope, by: somebody() };
        let request = self.simulation.change_pauses(command);
        self.asked.push(request);
        true
    }

    /// Deletes a schedule that has nothing to do; one that always has something, after a while.
    fn end_schedule(&mut self) -> bool {
        let at_once = self.passed > PASSED_MAX;
        let Some(request) = self.beside.delete_one(&mut self.simulation, at_once) else {
            return false;
        };
        self.tell(|| "a schedule is deleted".to_owned());
        self.asked.push(request);
        true
    }

    /// Gives runs what they wait for; `false`: none waits for anything.
    fn help(&mut self) -> bool {
        self.helped += 1;
        let before = self.asked.len();
        for run in self.simulation.runs() {
            self.asked.extend(wild::help(&mut self.simulation, run, self.helped));
        }
        self.tell(|| "somebody helps".to_owned());
        self.asked.len() > before
    }

    fn ask(&mut self, at: usize) {
        self.tell(|| format!("somebody asks for {at}"));
        let planned = (self.planned.as_slice(), self.made.as_slice());
        self.wishes[at].ask(&mut self.simulation, planned, &self.beside);
    }

    /// Somebody asks for something.
    fn people(&mut self) -> bool {
        let open: Vec<usize> = (0..self.wishes.len())
            .filter(|at| !self.wishes[*at].is_done && !self.wishes[*at].is_asked())
            .collect();
        if !open.is_empty() && self.tape.below(4) == 3 {
            let at = open[self.tape.index(open.len())];
            self.ask(at);
            return true;
        }
        if self.tape.happens(self.swarm.meddle)
            && let Some((what, request)) = self.meddle()
        {
            self.tell(|| what);
            self.asked.push(request);
            return true;
        }
        if self.tape.happens(self.swarm.ask_again) {
            let at = self.tape.index(self.wishes.len());
            self.ask(at);
            return true;
        }
        false
    }

    /// Somebody does something to a run, a schedule, or all of them.
    fn meddle(&mut self) -> Option<(String, Request)> {
        match self.tape.below(if self.is_wild { 6 } else { 2 }) {
            0 => self.beside.meddle(self.tape, &mut self.simulation),
            1 => {
                let workflow = self.made[self.tape.index(self.made.len())].plan.definition();
                let scope = match self.tape.below(3) {
                    0 => Scope::Engine,
                    1 => Scope::Workflow(workflow.name.clone()),
                    _ => Scope::Label("team".to_owned(), "a".to_owned()),
                };
                let by = somebody();
                let command = match self.tape.below(2) {
                    0 => PauseCommand::Resume { scope, by },
                    _ => PauseCommand::Pause { scope, by, reason: String::new() },
                };
                Some((format!("{command:?}"), self.simulation.change_pauses(command)))
            }
            _ => wild::meddle(self.tape, &mut self.simulation, &self.made),
        }
    }

    /// Something goes wrong.
    fn fault(&mut self) -> bool {
        if self.tape.happens(self.swarm.crash) {
            self.crash();
        } else if self.simulation.written() > 0 && self.tape.happens(self.swarm.failed_sync) {
            self.tell(|| "a sync fails".to_owned());
            self.crash();
        } else if self.simulation.written() > 0 && self.tape.happens(self.swarm.full) {
            self.tell(|| "the disk is full".to_owned());
            self.simulation.refuse();
        } else if self.simulation.reads() && self.tape.happens(self.swarm.unreadable) {
            self.tell(|| "the disk cannot be read".to_owned());
            self.simulation.fail_next_read();
        } else if self.simulation.delivered() > 0 && self.tape.happens(self.swarm.report_again) {
            let at = self.tape.index(self.simulation.delivered());
            self.tell(|| format!("report {at} once more"));
            self.simulation.deliver_again(at);
        } else if self.simulation.late() > 0 && self.tape.happens(200) {
            let at = self.tape.index(self.simulation.late());
            self.tell(|| format!("the late worker {at} reports"));
            self.simulation.deliver_late(at);
        } else if self.simulation.at_work() > 0 && self.tape.happens(self.swarm.lease) {
            let at = self.tape.index(self.simulation.at_work());
            self.tell(|| format!("handler {at} loses its lease"));
            self.simulation.lose_lease(at);
        } else if self.tape.happens(self.swarm.forget) {
            self.simulation.forget_folded();
        } else if self.tape.happens(self.swarm.forget_functions) {
            self.tell(|| "the functions are run again".to_owned());
            self.simulation.forget_functions();
        } else if self.tape.happens(self.swarm.snapshot) {
            self.snapshot();
        } else if self.tape.happens(self.swarm.views) {
            let (bytes, commits) = (1 + self.tape.index(4_000), self.tape.below(3) != 2);
            self.tell(|| format!("the views read {bytes} bytes, and commit them: {commits}"));
            self.simulation.fold_views(bytes, commits);
        } else if self.tape.happens(self.swarm.drop_views) {
            self.tell(|| "the views are lost".to_owned());
            self.simulation.drop_views();
        } else if self.tape.happens(self.swarm.compare_views) {
            self.simulation.compare_views();
        } else if self.tape.happens(self.swarm.lose_snapshots) {
            self.simulation.lose_snapshots();
        } else if self.tape.happens(self.swarm.leap) {
            let days = 1 + self.tape.below(400);
            self.pass(days * 86_400_000);
        } else if self.tape.happens(self.swarm.time) {
            let ms = self.tape.below(5_000);
            self.pass(ms);
        } else {
            return false;
        }
        true
    }

    fn pass(&mut self, ms: u64) {
        self.tell(|| format!("{ms} ms pass"));
        let now = self.simulation.now().plus_ms(ms);
        self.simulation.set_now(now);
    }

    fn snapshot(&mut self) {
        let runs = self.simulation.runs();
        if runs.is_empty() {
            return;
        }
        let run = runs[self.tape.index(runs.len())];
        self.tell(|| format!("a snapshot of {run}"));
        if let Err(error) = self.simulation.snapshot(run) {
            self.played.wrong.push(format!("no snapshot of {run}: {error}"));
        }
    }

    fn crash(&mut self) {
        let written = self.simulation.written();
        let kept = written - self.tape.index(written + 1);
        self.tell(|| format!("the process ends; {kept} of {written} groups are found"));
        self.played.crashes += 1;
        self.simulation.crash(kept);
        if self.tape.happens(self.swarm.back) {
            let ms = i64::try_from(self.tape.below(100_000)).unwrap_or(0);
            let now = self.simulation.now();
            self.simulation.set_now(Timestamp(now.0 - ms * 1_000));
            self.tell(|| format!("the clock stands {ms} ms behind"));
        }
    }

    /// One of the things that can happen happens; if there is none, time passes.
    fn go_on(&mut self) {
        let moves = self.simulation.moves();
        if moves.is_empty() {
            if let Some(time) = self.simulation.next_time() {
                self.tell(|| "time passes".to_owned());
                self.simulation.set_now(time.max(self.simulation.now()));
            }
            return;
        }
        let at =
            if self.tape.happens(self.swarm.disorder) { self.tape.index(moves.len()) } else { 0 };
        let count = 1 + self.tape.index(4);
        let words = if self.tells { self.simulation.words_of(moves[at]) } else { String::new() };
        self.tell(|| words);
        self.simulation.make(moves[at], count);
    }

    fn check(&mut self) {
        for wish in &mut self.wishes {
            wish.hear(&mut self.simulation, &mut self.planned, &mut self.played.wrong);
        }
        for request in std::mem::take(&mut self.asked) {
            let is_open = self.simulation.answer(request).is_none();
            self.asked.extend((is_open && !self.simulation.is_lost(request)).then_some(request));
        }
        self.played.wrong.extend(self.simulation.broken());
    }

    /// Every run has ended, and nothing is left.
    fn check_ends(&mut self) {
        self.simulation.compare_views();
        self.played.wrong.extend(self.simulation.broken_at_rest());
        for (name, run) in self.simulation.engine().runs() {
            let (_, state) = self.simulation.engine().load(run);
            if !state.status.is_terminal() && !self.is_left_paused(&state) {
                let steps = state.steps().map(|(_, step)| step.word()).collect::<Vec<_>>();
                let words = state.status.word();
                self.played
                    .wrong
                    .push(format!("{name} is {words} and does not go on; its steps: {steps:?}"));
            }
        }
        if self.played.wrong.is_empty() {
            self.played.wrong = self.beside.broken(self.simulation.engine());
        }
        for frame in self.simulation.engine().frames() {
            let head = frame.chain.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            self.played.log = self.played.log.rotate_left(5) ^ head;
        }
    }

    /// Whether a run is paused with one that called it, and that does not wait for it any more: known, see `docs/testing.md`.
    fn is_left_paused(&self, run: &Run) -> bool {
        let parent = run.started.as_ref().and_then(|started| started.parent.as_ref());
        let has_ended = |id| self.simulation.engine().load(id).1.status.is_terminal();
        run.parent_paused && parent.is_some_and(|parent| has_ended(parent.run))
    }

    /// What came of the runs is what the oracle says.
    fn compare(&mut self) {
        if !self.played.wrong.is_empty() || self.is_wild {
            return;
        }
        let wrong = differences_of(self.simulation.engine(), &self.planned, &self.made, self.moods);
        self.played.wrong.extend(wrong);
    }
}

fn somebody() -> Actor {
    Actor { name: "somebody".to_owned(), via: "simulation".to_owned() }
}

/// An engine with the functions, and with what stands in for all handlers.
fn engine(made: &[Made], moods: Moods) -> TestEngine {
    let mut engine = TestEngine::new();
    let coded: Vec<_> = made.iter().filter_map(|made| made.coded.as_ref()).collect();
    if !coded.is_empty() {
        let mut typed = testing::TestEngine::new();
        for coded in coded {
            typed = typed.workflow(&coded.workflow).workflow(&coded.child);
        }
        engine = typed.with_kit(std::mem::take);
        for (name, undo) in NAMES.into_iter().zip(UNDOS) {
            engine = engine
                .mock(name, Mock::function(move |call: &Call| answer(moods, call)))
                .mock(undo, Mock::function(|_: &Call| Value::Null));
        }
    }
    engine
        .mock(WORK, Mock::function(move |call: &Call| answer(moods, call)))
        .mock(UNDO, Mock::function(|_: &Call| Value::Null))
}

fn planned(tape: &mut Tape, at: usize, definitions: usize) -> Planned {
    let list: Vec<u64> = (0..tape.below(5)).map(|_| tape.below(10)).collect();
    Planned {
        name: format!("run-{at}"),
        of: tape.index(definitions),
        input: json!({"n": tape.below(100), "list": list}),
        labels: [("team", ["a", "b"][tape.index(2)])]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        run: None,
    }
}

fn answer(moods: Moods, call: &Call) -> Answer {
    let input = call.input();
    let is_code = NAMES.contains(&call.uses.as_str());
    let of = if is_code { of_code(&call.uses, &input) } else { call.step.clone() };
    let said = moods.says(&of, call.item, call.attempt, &input);
    let answer: Answer = match said {
        Said::Done(output) => output.into(),
        Said::Failed => StepError::retry("a bad mood").into(),
        Said::Fatal => StepError::fatal("a very bad mood").into(),
    };
    answer.takes(moods.takes(&of, call.item, call.attempt))
}
