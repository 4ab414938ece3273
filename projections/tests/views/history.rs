//! Histories: real decisions about random commands, appended to a log.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_log::{EventLog, MemoryLog, Position, StreamId, TableSpec, Transition};
use nexus_model::codec::{self, Header};
use nexus_model::command::Command;
use nexus_model::decide::{Context, Decision, decide};
use nexus_model::definition::{Definition, OnError, Retry, Step, StepKind, WhenNeeds};
use nexus_model::event::{Actor, Event, Failure, Given, Interruption, RunStarted};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::payload::Payload;
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus, StepState};
use nexus_model::time::Timestamp;

use crate::chance::Chance;
use crate::transitions::{HERE, append, transition};

/// The tables of the log: none.
pub(crate) const TABLES: &[TableSpec] = &[];

/// The end of the log.
pub(crate) fn end(log: &dyn EventLog) -> Position {
    log.durable(HERE)
}

/// An empty log in memory.
pub(crate) fn memory_log() -> Arc<dyn EventLog> {
    Arc::new(MemoryLog::new(TABLES))
}

/// A run and what it follows.
pub(crate) struct Member {
    pub(crate) id: RunId,
    pub(crate) name: String,
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: Run,
    pub(crate) was_retried: bool,
}

/// Runs and the log they are written to.
pub(crate) struct History {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) members: Vec<Member>,
    pub(crate) now: Timestamp,
    pub(crate) chance: Chance,
    plans: Vec<Arc<Plan>>,
    pending: Vec<Transition>,
}

impl History {
    pub(crate) fn new(log: Arc<dyn EventLog>, seed: u64) -> Self {
        let plans = [chain(), fan(), sleeper()].map(plan).to_vec();
        Self {
            log,
            members: Vec::new(),
            now: Timestamp(1_763_719_200_000_000),
            chance: Chance::quiet(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            plans,
            pending: Vec::new(),
        }
    }

    /// Makes `count` transitions of random runs and appends them in groups.
    pub(crate) fn go_on(&mut self, count: usize) {
        for _ in 0..count {
            self.now = self.now.plus_ms(self.chance.below(50) as u64);
            if self.members.is_empty() || self.chance.below(100) < 12 {
                let plan = self.chance.below(self.plans.len());
                self.start(plan);
            } else {
                let member = self.chance.below(self.members.len());
                self.advance(member);
            }
            if self.pending.len() > 20 {
                self.append();
            }
        }
        self.append();
    }

    /// Starts a run of a plan.
    pub(crate) fn start(&mut self, plan: usize) -> StreamId {
        let plan = Arc::clone(&self.plans[plan]);
        let number = self.members.len();
        let id = RunId(id(self.now, number));
        let name = format!("wf-{:04}", number + 1);
        let mut run = Run::new(&plan);
        let team = ["red", "blue"][self.chance.below(2)];
        let started = RunStarted {
            run: id,
            name: name.clone(),
            workflow: plan.definition().name.clone(),
            definition: plan.hash(),
            labels: vec![("team".to_owned(), team.to_owned())],
            by: self.actor(),
            seed: 1,
            ..RunStarted::default()
        };
        let command = Command::StartRun(Box::new(started));
        let slots = u32::try_from(self.chance.below(4)).unwrap();
        let transition = decided(id, &plan, &mut run, command, Given { now: self.now, slots });
        self.pending.push(transition.expect("a run can be started"));
        self.members.push(Member { id, name, plan, run, was_retried: false });
        StreamId(id.0)
    }

    /// Lets something happen to a run, if something can.
    fn advance(&mut self, member: usize) {
        let Some(command) = self.command(member) else { return };
        let slots = u32::try_from(self.chance.below(4)).unwrap();
        self.ask(member, command, slots);
    }

    /// Asks a run to do something. Returns whether it did.
    pub(crate) fn ask(&mut self, member: usize, command: Command, slots: u32) -> bool {
        let given = Given { now: self.now, slots };
        let member = &mut self.members[member];
        member.was_retried |= matches!(command, Command::RetryRun { .. });
        let transition = decided(member.id, &member.plan, &mut member.run, command, given);
        let happens = transition.is_some();
        self.pending.extend(transition);
        happens
    }

    fn command(&mut self, member: usize) -> Option<Command> {
        let by = self.actor();
        let luck = self.chance.below(100);
        let run = &self.members[member].run;
        if run.status.is_terminal() {
            let is_retryable = !matches!(run.status, RunStatus::Completed { .. });
            return (is_retryable && luck < 10).then_some(Command::RetryRun { by });
        }
        match luck {
            0..3 => return Some(Command::PauseRun { by, reason: "lunch".to_owned() }),
            3..6 => return Some(Command::CancelRun { by, reason: String::new(), undo: true }),
            _ if run.paused && luck < 40 => return Some(Command::ResumeRun { by }),
            6..10 => return Some(Command::OfferSlots),
            _ => {}
        }
        let attempts: Vec<_> =
            run.running().map(|step| (step, run.step_run(step).attempt)).collect();
        let timers: Vec<_> = run.timers.iter().map(|(id, timer)| (*id, timer.due)).collect();
        if attempts.is_empty() || luck < 20 {
            let &(timer, due) = timers.get(luck % timers.len().max(1))?;
            self.now = self.now.max(due);
            return Some(Command::FireTimer { timer });
        }
        let (step, attempt) = attempts[luck % attempts.len()];
        Some(match luck {
            20..45 => {
                let failure = Failure {
                    code: "E7".to_owned(),
                    message: "no luck".to_owned(),
                    ..Failure::default()
                };
                Command::FailStep { step, attempt, failure }
            }
            45..50 => Command::InterruptAttempts { attempts, how: Interruption::ALL[luck % 3] },
            _ => Command::CompleteStep { step, attempt, output: Payload::Null },
        })
    }

    fn actor(&mut self) -> Actor {
        let name = ["ada", "grace", "linus"][self.chance.below(3)];
        Actor { name: name.to_owned(), via: "cli".to_owned() }
    }

    /// Appends what has happened since the last call.
    pub(crate) fn append(&mut self) {
        let transitions = std::mem::take(&mut self.pending);
        append(&*self.log, transitions);
    }
}

fn id(now: Timestamp, number: usize) -> [u8; 16] {
    let mut id = [0x77; 16];
    id[..6].copy_from_slice(&now.as_ms().to_be_bytes()[2..]);
    id[8..].copy_from_slice(&(number as u64).to_be_bytes());
    id
}

fn decided(
    id: RunId,
    plan: &Plan,
    run: &mut Run,
    command: Command,
    given: Given,
) -> Option<Transition> {
    let expected = run.revision;
    let context = Context { given, payloads: &BTreeMap::new(), interruptions_max: 3, vault: None };
    match decide(plan, run, command, context) {
        Ok(Decision::Happens(decided)) => {
            let is_parked = run.is_parked();
            Some(transition(StreamId(id.0), expected, &decided.events, given, is_parked))
        }
        Ok(Decision::Needs(_)) => panic!("no payloads here"),
        Err(_refused) => None,
    }
}

/// All events of a log.
pub(crate) fn events(log: &dyn EventLog) -> Vec<(StreamId, Event)> {
    let mut events = Vec::new();
    let mut position = Position(0);
    loop {
        let frames = log.read(HERE, position, 1 << 20).unwrap();
        let Some(last) = frames.last() else { return events };
        position = last.next_position();
        for frame in &frames {
            for record in &frame.records {
                let header =
                    Header { kind: record.kind, version: record.version, flags: record.flags };
                let (event, _) = codec::decode(header, record.body, frame.time_us).unwrap();
                events.push((frame.stream, event));
            }
        }
    }
}

/// The steps of a run that are under way, as the model knows them.
pub(crate) fn under_way(run: &Run) -> Vec<(StepIndex, &StepState)> {
    let steps = run.steps().map(|(step, step_run)| (step, &step_run.state));
    steps
        .filter(|(_, state)| {
            matches!(
                state,
                StepState::Running { .. } | StepState::Sleeping { .. } | StepState::Retrying { .. }
            )
        })
        .collect()
}

fn plan(definition: Definition) -> Arc<Plan> {
    Arc::new(Plan::compile(definition).expect("a valid definition"))
}

fn step(id: &str, needs: &[&str], kind: StepKind) -> Step {
    Step {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        retry: Retry { max_attempts: 3, ..Retry::default() },
        ..Step::new(id, kind)
    }
}

fn action() -> StepKind {
    StepKind::Action { uses: "test".to_owned(), with: serde_json::Value::Null }
}

fn sleep() -> StepKind {
    StepKind::Sleep { duration: serde_json::json!(60_000) }
}

fn definition(name: &str, steps: Vec<Step>) -> Definition {
    Definition { name: name.to_owned(), steps, ..Definition::default() }
}

/// Three steps, one after the other.
fn chain() -> Definition {
    let steps =
        vec![step("a", &[], action()), step("b", &["a"], action()), step("c", &["b"], action())];
    definition("chain", steps)
}

/// Steps side by side, with one that may fail, one that is skipped and one that runs in any case.
fn fan() -> Definition {
    let mut may_fail = step("f2", &["a"], action());
    may_fail.on_error = OnError::Continue;
    may_fail.deadline_ms = Some(90_000);
    let mut skipped = step("f3", &["a"], action());
    skipped.condition = Some("false".to_owned());
    let mut last = step("z", &["f0", "f1", "f2", "f3"], action());
    last.when_needs = WhenNeeds::AllDone;
    let steps = vec![
        step("a", &[], StepKind::Set { values: serde_json::json!({"x": 1}) }),
        step("f0", &["a"], action()),
        step("f1", &["a"], action()),
        may_fail,
        skipped,
        last,
    ];
    Definition { timeout_ms: Some(600_000), ..definition("fan", steps) }
}

/// A sleep between two steps, and one beside them.
fn sleeper() -> Definition {
    let steps = vec![
        step("before", &[], action()),
        step("rest", &["before"], sleep()),
        step("nap", &[], sleep()),
        step("after", &["rest", "nap"], action()),
    ];
    definition("sleeper", steps)
}
