//! Definitions with every construct, made of the shapes of the property tests, and people who do what they like with their runs.
//! What comes of them depends on who is faster; what is checked is the rules, and that they end.

use std::sync::Arc;

use nexus_engine::model::command::{ApprovalAnswer, Command, UpdateRequest};
use nexus_engine::model::definition::{Concurrency, Definition, OnEnd, Step, StepKind};
use nexus_engine::model::event::Actor;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::payload::{NewPayload, Payload};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;
use nexus_engine::model::shapes::{Shape, steps};
use nexus_engine::testkit::{Request, Simulation};
use serde_json::json;

use super::definitions::{Made, child};
use super::handlers::WORK;
use super::tape::Tape;

/// How often it is tried to make a definition that is one.
const TRIES: u32 = 8;

/// A definition with every construct.
pub(super) fn made(tape: &mut Tape, name: &str) -> Made {
    let child = child(tape, name);
    let plan = (0..TRIES).find_map(|_| {
        let definition = definition(tape, name, &child);
        let loops = definition.steps.iter().filter(|it| matches!(it.kind, StepKind::Repeat(_)));
        if loops.count() > 1 { None } else { Plan::compile(definition).ok() }
    });
    let plan = plan.map_or_else(|| Arc::clone(&child), Arc::new);
    let variants = variants(&plan);
    let callees = vec![child];
    Made { plan, callees, signals: Vec::new(), is_chain: false, variants, coded: None }
}

/// The same with a step more, with a step less, and with another one that is tried more often.
fn variants(plan: &Arc<Plan>) -> Vec<Arc<Plan>> {
    let of = |change: fn(&mut Vec<Step>)| {
        let mut definition = plan.definition().clone();
        change(&mut definition.steps);
        Plan::compile(definition).ok().map(Arc::new)
    };
    let more = of(|steps| {
        let mut more =
            Step::new("more", StepKind::Action { uses: WORK.to_owned(), with: json!({}) });
        more.needs = steps.last().map(|step| step.id.clone()).into_iter().collect();
        steps.push(more);
    });
    let less = of(|steps| drop(steps.pop()));
    let before = of(|steps| {
        let kind = StepKind::Action { uses: WORK.to_owned(), with: json!({}) };
        steps.insert(0, Step::new("before", kind));
        if let Some(last) = steps.last_mut() {
            last.retry.max_attempts += 1;
        }
    });
    [more, less, before].into_iter().flatten().chain([Arc::clone(plan)]).collect()
}

/// A run goes on with another definition.
fn migrate(
    tape: &mut Tape,
    simulation: &mut Simulation,
    run: RunId,
    made: &[Made],
) -> Option<(String, Request)> {
    let name = simulation.engine().load(run).0.definition().name.clone();
    let made = made.iter().find(|made| made.plan.definition().name == name)?;
    let to = made.variants.get(tape.index(made.variants.len()))?;
    let retries = tape.below(2) == 1;
    let what = format!("{run} goes on with {:?}, retries: {retries}", to.definition());
    Some((what, simulation.migrate(run, to, retries)))
}

fn definition(tape: &mut Tape, name: &str, child: &Plan) -> Definition {
    let on_end = |number| if number == 0 { OnEnd::Keep } else { OnEnd::Compensate };
    let shapes: Vec<Shape> = (0..=tape.index(10)).map(|_| shape(tape)).collect();
    let mut steps = steps(&shapes);
    for step in &mut steps {
        if let StepKind::Call { workflow, definition, with, .. } = &mut step.kind {
            child.definition().name.clone_into(workflow);
            *definition = Some(child.hash());
            *with = json!({"n": 1});
        }
    }
    Definition {
        name: name.to_owned(),
        input_is_value: true,
        on_failure: on_end(tape.below(2)),
        on_cancel: on_end(tape.below(2)),
        timeout_ms: (tape.below(4) == 3).then_some(60_000),
        concurrency: (tape.below(4) == 3)
            .then(|| Concurrency { limit: Some(1), ..Concurrency::default() }),
        steps,
        ..Definition::default()
    }
}

fn shape(tape: &mut Tape) -> Shape {
    let mut small = |end: u64| u8::try_from(tape.below(end)).unwrap_or(0);
    // The calmest is a step that calls a handler, whose failure fails the run.
    let (kind, when, skipped, undo) = ((small(15) + 3) % 15, small(8), 5 - small(6), 3 - small(4));
    let (attempts, deadline, fatal, limited) = (1 + small(3), small(2), small(2), small(2));
    let needs = (0..tape.below(4)).map(|_| tape.index(12)).collect();
    Shape {
        kind,
        needs,
        when,
        attempts: attempts.into(),
        deadline: deadline == 1,
        fatal: fatal == 0,
        skipped,
        limited: limited == 1,
        undo,
    }
}

fn somebody(name: &str) -> Actor {
    Actor { name: name.to_owned(), via: "simulation".to_owned() }
}

fn signal(number: u64, id: String) -> (Command, Vec<NewPayload>) {
    let (payload, stored) = Payload::json(&json!(number));
    let by = somebody("somebody");
    let command = Command::DeliverSignal { name: "s".to_owned(), id, payload, by };
    (command, stored.into_iter().collect())
}

fn approve(step: StepIndex, approved: bool, name: &str) -> Command {
    let answer = ApprovalAnswer { approved, by: somebody(name), ..ApprovalAnswer::default() };
    Command::AnswerApproval { step, answer: Box::new(answer) }
}

fn update(number: u64, id: String) -> Command {
    let (data, _) = Payload::json(&json!(number));
    let by = somebody("somebody");
    Command::Update(Box::new(UpdateRequest { name: "u".to_owned(), id, data, by }))
}

/// Somebody does something to some run. Returns what, and the request if it is one of which an answer comes.
pub(super) fn meddle(
    tape: &mut Tape,
    simulation: &mut Simulation,
    made: &[Made],
) -> Option<(String, Request)> {
    let runs = simulation.runs();
    if runs.is_empty() {
        return None;
    }
    let run = runs[tape.index(runs.len())];
    let by = somebody("somebody");
    let id = format!("id-{}", tape.below(6));
    let step = StepIndex(u32::try_from(tape.below(11)).unwrap_or(0));
    let (command, payloads) = match tape.below(14) {
        12 | 13 => return migrate(tape, simulation, run, made),
        0..3 => signal(tape.below(4), id),
        3 | 4 => {
            let number = tape.below(4);
            let what = format!("event {number} under {id}");
            return Some((what, simulation.emit("e", &json!(number), &id)));
        }
        5 => (approve(step, tape.below(2) == 0, "dana"), Vec::new()),
        6 => (update(tape.below(4), id), Vec::new()),
        7 => (Command::PauseRun { by, reason: String::new() }, Vec::new()),
        8 => (Command::ResumeRun { by }, Vec::new()),
        9 => (Command::RetryRun { by }, Vec::new()),
        10 if tape.below(2) == 0 => {
            (Command::PauseStep { step, by, reason: String::new() }, Vec::new())
        }
        10 => (Command::ResumeStep { step, by }, Vec::new()),
        _ => {
            (Command::CancelRun { by, reason: String::new(), undo: tape.below(2) == 0 }, Vec::new())
        }
    };
    let what = format!("{command:?} to {run}");
    Some((what, simulation.ask(run, command, payloads)))
}

/// Gives a run what it waits for. `number` tells one time from another.
pub(super) fn help(simulation: &mut Simulation, run: RunId, number: u64) -> Vec<Request> {
    let (plan, state) = simulation.engine().load(run);
    if state.status.is_terminal() {
        return Vec::new();
    }
    let by = somebody("somebody");
    let mut asked = Vec::new();
    if state.paused {
        asked.push(simulation.ask(run, Command::ResumeRun { by: by.clone() }, Vec::new()));
    }
    for step in state.holds.steps.iter().copied().collect::<Vec<_>>() {
        asked.push(simulation.ask(run, Command::ResumeStep { step, by: by.clone() }, Vec::new()));
    }
    if state.failed_undos().next().is_some() {
        asked.push(simulation.ask(run, Command::RetryRun { by }, Vec::new()));
    }
    for step in state.awaiting().collect::<Vec<_>>() {
        asked.extend(give(simulation, (run, &plan, &state), step, number));
    }
    asked
}

fn give(
    simulation: &mut Simulation,
    (run, plan, _): (RunId, &Plan, &Run),
    step: StepIndex,
    number: u64,
) -> Option<Request> {
    let wanted = |text: &Option<String>| {
        text.as_ref().and_then(|text| text.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    };
    let id = format!("help-{number}-{}", step.0);
    let kind = plan.step_definition(step).map(|step| step.kind.clone())?;
    if let StepKind::WaitFor { signal: name, matches, .. } = &kind {
        if let Some(event) = name.strip_prefix("event:") {
            return Some(simulation.emit(event, &json!(wanted(matches)), &id));
        }
        let (command, payloads) = signal(wanted(matches), id);
        return Some(simulation.ask(run, command, payloads));
    }
    let command = if let StepKind::Update(wait) = &kind {
        update(wanted(&wait.accepts), id)
    } else {
        approve(step, true, "dana")
    };
    Some(simulation.ask(run, command, Vec::new()))
}
