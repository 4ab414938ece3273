//! What starts runs beside people who name them: schedules, keys of starts, and events.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_engine::model::definition::{Debounce, Dedupe, Definition, EventTrigger, Step, StepKind};
use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::schedule::{CatchUp, Overlap, ScheduleCommand, Timing};
use nexus_engine::model::topic::run_name;
use nexus_engine::testkit::{Request, Simulation, TestEngine};
use serde_json::{Value, json};

use super::handlers::WORK;
use super::tape::Tape;

/// The event that starts runs.
const EVENT: &str = "t";
/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// What starts runs in a play.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    pub(super) schedules: Vec<Planned>,
    keyed: Option<Arc<Plan>>,
    triggered: Option<Arc<Plan>>,
    /// What starts are asked for with.
    begins: Vec<Value>,
    /// What events carry.
    emits: Vec<Value>,
}

/// A schedule that is to be.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    timing: Timing,
    rules: (CatchUp, Overlap),
    plan: Arc<Plan>,
    /// Whether it was asked to be deleted.
    pub(super) is_over: bool,
}

/// Something that is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Schedule(usize),
    Trigger,
    Begin(usize),
    Emit(usize),
}

/// Draws what there is; `leaps`: time passes by days.
pub(super) fn beside(tape: &mut Tape, leaps: bool) -> Beside {
    let mut beside = Beside::default();
    for at in 0..tape.below(5).saturating_sub(2) {
        let name = format!("schedule-{at}");
        let rules = (CatchUp::ALL[tape.index(3)], Overlap::ALL[tape.index(4)]);
        let timing = timing(tape, leaps);
        let plan = compiled(Definition { steps: steps(tape), ..plain(&name) });
        beside.schedules.push(Planned { name, timing, rules, plan, is_over: false });
    }
    if tape.below(4) == 3 {
        let key = "k${{ inputs.n }}".to_owned();
        let mut definition = Definition { steps: steps(tape), ..plain("keyed") };
        let ms = 1 + tape.below(20_000);
        if tape.below(2) == 0 {
            definition.dedupe = Some(Dedupe { key, within_ms: ms });
        } else {
            let at_most_ms = (tape.below(2) == 1).then_some(ms * 3);
            definition.debounce = Some(Debounce { key: Some(key), wait_ms: ms, at_most_ms });
        }
        beside.keyed = Some(compiled(definition));
        beside.begins = (0..=tape.below(6)).map(|_| json!({"n": tape.below(2)})).collect();
    }
    if tape.below(4) == 3 {
        let event = EVENT.to_owned();
        let trigger = EventTrigger { event, matches: None, input: None, name: None };
        let (event_triggers, steps) = (vec![trigger], steps(tape));
        let definition = Definition { steps, event_triggers, ..plain("triggered") };
        beside.triggered = Some(compiled(definition));
        beside.emits = (0..=tape.below(6)).map(|_| json!({"n": tape.below(9)})).collect();
    }
    beside
}

/// Due times that are not many in the time that passes.
fn timing(tape: &mut Tape, leaps: bool) -> Timing {
    let cron = |expression: &str, zone: &str| Timing::Cron {
        expression: expression.to_owned(),
        zone: zone.to_owned(),
    };
    match (leaps, tape.below(3)) {
        (false, 0) => Timing::Every { ms: [10_000, 60_000, 3_600_000][tape.index(3)] },
        (false, 1) => cron("* * * * *", "UTC"),
        (false, _) => cron("*/20 * * * *", "Europe/Berlin"),
        (true, 0) => Timing::Every { ms: (20 + tape.below(50)) * DAY_MS },
        (true, 1) => cron("0 3 1 * *", "UTC"),
        (true, _) => cron("30 2 1 3,10 *", "Europe/Berlin"),
    }
}

fn plain(name: &str) -> Definition {
    Definition { name: name.to_owned(), input_is_value: true, ..Definition::default() }
}

fn compiled(definition: Definition) -> Arc<Plan> {
    Arc::new(Plan::compile(definition).expect("a good definition"))
}

/// A call, and perhaps a rest behind it.
fn steps(tape: &mut Tape) -> Vec<Step> {
    let with = json!({"n": 1});
    let mut steps = vec![Step::new("work", StepKind::Action { uses: WORK.to_owned(), with })];
    if tape.below(2) == 1 {
        let duration = json!(tape.below(100_000));
        let mut rest = Step::new("rest", StepKind::Sleep { duration });
        rest.needs = vec!["work".to_owned()];
        steps.push(rest);
    }
    steps
}

fn by() -> Actor {
    Actor { name: "somebody".to_owned(), via: "simulation".to_owned() }
}

impl Beside {
    /// Everything that is wanted.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = (0..self.schedules.len()).map(Wanted::Schedule).collect();
        wanted.extend(self.triggered.as_ref().map(|_| Wanted::Trigger));
        wanted.extend((0..self.begins.len()).map(Wanted::Begin));
        wanted.extend((0..self.emits.len()).map(Wanted::Emit));
        wanted
    }

    /// Asks for something; `None`: there is nothing to ask for.
    pub(super) fn ask(&self, simulation: &mut Simulation, wanted: Wanted) -> Option<Request> {
        Some(match wanted {
            Wanted::Schedule(at) => {
                let Planned { name, timing, rules, plan, is_over } = &self.schedules[at];
                if *is_over {
                    return None;
                }
                if rules.1 != Overlap::Allow {
                    simulation.expect_one_run_at_a_time(name);
                }
                simulation.put_schedule(name, timing.clone(), plan, &json!({"n": 1}), *rules)
            }
            Wanted::Trigger => simulation.set_trigger(self.triggered.as_ref()?, 0),
            Wanted::Begin(at) => {
                let token = format!("begin-{at}");
                simulation.begin(self.keyed.as_ref()?, &self.begins[at], &token)
            }
            Wanted::Emit(at) => simulation.emit(EVENT, &self.emits[at], &format!("emit-{at}")),
        })
    }

    /// Somebody does something to a schedule.
    pub(super) fn meddle(
        &self,
        tape: &mut Tape,
        simulation: &mut Simulation,
    ) -> Option<(String, Request)> {
        let name = &self.schedules.get(tape.index(self.schedules.len()))?.name;
        let command = match tape.below(4) {
            0 => ScheduleCommand::Pause { by: by(), reason: String::new() },
            1 | 2 => ScheduleCommand::Resume { next: None, by: by() },
            _ => ScheduleCommand::Trigger { by: by() },
        };
        Some((format!("{command:?} to {name}"), simulation.ask_schedule(name, command)))
    }

    /// Deletes a schedule that has nothing to do, or any if `at_once`.
    pub(super) fn delete_one(
        &mut self,
        simulation: &mut Simulation,
        at_once: bool,
    ) -> Option<Request> {
        let is_busy = |name: &str| {
            simulation.schedule(name).is_some_and(|it| {
                !it.open.is_empty() || it.paused.is_none() && !it.waiting.is_empty()
            })
        };
        let mut left = self.schedules.iter_mut().filter(|it| !it.is_over);
        let schedule = left.find(|it| at_once || !is_busy(&it.name))?;
        schedule.is_over = true;
        Some(simulation.ask_schedule(&schedule.name, ScheduleCommand::Delete { by: by() }))
    }

    /// What is wrong when nothing is left to do.
    pub(super) fn broken(&self, engine: &TestEngine) -> Vec<String> {
        let mut broken = Vec::new();
        let runs: BTreeMap<String, _> = engine.runs().into_iter().collect();
        if let Some(plan) = &self.triggered {
            let topic = engine.topic(EVENT);
            if topic.emitted as usize != self.emits.len() {
                let (is, should) = (topic.emitted, self.emits.len());
                broken.push(format!("{is} events were emitted, and should be {should}"));
            }
            let name = plan.definition().event_triggers[0].trigger_name("triggered", 0);
            let after = topic.triggers.get(&name).map_or(u32::MAX, |trigger| trigger.after);
            for number in 1..=topic.emitted {
                let is = runs.contains_key(&run_name(&name, EVENT, number));
                if is != (number > after) {
                    broken.push(format!("event {number} has started a run: {is}; set at {after}"));
                }
            }
        }
        if let Some(plan) = &self.keyed {
            broken.extend(self.broken_keys(engine, plan));
        }
        broken
    }

    fn broken_keys(&self, engine: &TestEngine, plan: &Arc<Plan>) -> Vec<String> {
        let mut broken = Vec::new();
        for number in 0..2 {
            let asked = self.begins.iter().filter(|input| input["n"] == json!(number)).count();
            let key = engine.start_key("keyed", &format!("k{number}"));
            if asked > 0 && key.started == 0 {
                broken.push(format!("{asked} starts of key {number} have started nothing"));
            }
            if key.kept.is_some() {
                broken.push(format!("a start of key {number} is kept for ever"));
            }
            // A start that is asked for again has its token, and counts once.
            let is_counted = plan.definition().debounce.is_some();
            if is_counted && key.started > asked as u64 {
                let started = key.started;
                broken.push(format!("{asked} starts of key {number} have started {started} runs"));
            }
        }
        broken
    }
}
