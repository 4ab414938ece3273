//! One play of a case: the run is started, what is done from outside is done in time, and time passes until nothing more
//! happens.

use std::time::Duration;

use nexus_definitions::cases::{Act, Case, Deed, Point};
use nexus_model::command::{ApprovalAnswer, Command};
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::payload::Payload;
use nexus_model::time::Timestamp;

use super::super::engine::TestEngine;
use super::migration::{self, Versions};
use super::starting::Starts;
use super::update::Sent;
use crate::handle::{StartError, StartRequest};
use crate::shard::Refusal;

/// What came of a play.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) run: Option<RunId>,
    pub(super) began: Timestamp,
    pub(super) refused: Option<StartError>,
    /// What was done from outside and refused.
    pub(super) wrong: Vec<String>,
}

/// Plays a case on a fresh engine.
pub(super) fn play(
    engine: &mut TestEngine,
    case: &Case,
    request: StartRequest,
    versions: &Versions,
) -> Played {
    let mut played = Played { run: None, began: engine.now(), refused: None, wrong: Vec::new() };
    let workflow = request.plan.definition().name.clone();
    let mut starts = Starts::of(case, request.clone(), played.began);
    if case.starts.is_empty() {
        match engine.start_as(request) {
            Ok(started) => played.run = Some(started.run),
            Err(error) => played.refused = Some(error),
        }
    }
    let mut acts: Vec<&Act> = case.acts.iter().collect();
    while played.refused.is_none() {
        if let Err(error) = starts.carry_out(engine) {
            played.refused = Some(error);
            return played;
        }
        engine.settle();
        // The case is about the first run that comes of its starts.
        played.run = played.run.or_else(|| engine.runs_of(&workflow).first().copied());
        let due = played.run.and_then(|run| {
            Some((run, acts.iter().position(|act| is_due(engine, run, act, played.began))?))
        });
        if let Some((run, at)) = due {
            let act = acts.remove(at);
            if let Err(refusal) = carry_out(engine, run, act, versions) {
                played.wrong.push(format!("{} {refusal}", words(act)));
            }
            continue;
        }
        let timed = acts.iter().filter_map(|act| time_of(act, played.began));
        let timed = timed.filter(|at| *at > engine.now()).chain(starts.next_at()).min();
        let is_over = case.starts.is_empty()
            && timed.is_none()
            && played.run.is_some_and(|run| engine.load(run).1.status.is_terminal());
        let next = if is_over { None } else { engine.next_time() };
        match timed.into_iter().chain(next).min() {
            Some(at) => engine.advance_to(at),
            None => break,
        }
    }
    played.wrong.extend(acts.iter().map(|act| format!("{} does not come to pass", words(act))));
    played
}

fn time_of(act: &Act, began: Timestamp) -> Option<Timestamp> {
    match act.when {
        Point::Time(ms) => Some(began.plus_ms(ms)),
        Point::After(_) => None,
    }
}

fn is_due(engine: &TestEngine, run: RunId, act: &Act, began: Timestamp) -> bool {
    match &act.when {
        Point::Time(ms) => began.plus_ms(*ms) <= engine.now(),
        Point::After(step) => {
            let (plan, state) = engine.load(run);
            plan.find(step).is_some_and(|step| state.step(step).is_settled())
        }
    }
}

fn carry_out(
    engine: &mut TestEngine,
    run: RunId,
    act: &Act,
    versions: &Versions,
) -> Result<(), String> {
    if let Deed::Migrate { file, refused } = &act.what {
        return migration::carry_out(engine, run, (file, refused.as_deref()), versions);
    }
    if let Deed::Update { name, data, id, reply, refused } = &act.what {
        let update = Sent {
            name,
            data,
            id: id.as_deref(),
            reply: reply.as_ref(),
            refused: refused.as_deref(),
        };
        return update.carry_out(engine, run, act);
    }
    carried_out(engine, run, act).map_err(|refusal| format!("is refused: {refusal}"))
}

fn carried_out(engine: &mut TestEngine, run: RunId, act: &Act) -> Result<(), Refusal> {
    let name = if act.by.is_empty() { "test" } else { &act.by };
    let by = Actor { name: name.to_owned(), via: "testkit".to_owned() };
    let reason = String::new();
    let command = match &act.what {
        Deed::Signal { name, payload, id: None } => {
            return engine.signal(run, name, payload).map(|_| ());
        }
        Deed::Signal { name, payload, id: Some(id) } => {
            let (payload, stored) = Payload::json(payload);
            let (name, id) = (name.clone(), id.clone());
            let command = Command::DeliverSignal { name, id, payload, by };
            return engine.ask_with(run, &command, stored.as_slice()).map(|_| ());
        }
        Deed::Emit { event, data, id } => {
            return engine.emit_with(event, data, id.as_deref()).map(|_| ());
        }
        Deed::Crash(ms) => {
            engine.down_for(Duration::from_millis(*ms));
            return Ok(());
        }
        // Answered before this is asked.
        Deed::Update { .. } | Deed::Migrate { .. } => return Ok(()),
        Deed::Retry => return engine.retry(run).map(|_| ()),
        Deed::Pause => Command::PauseRun { by, reason },
        Deed::Resume => Command::ResumeRun { by },
        Deed::Cancel => Command::CancelRun { by, reason, undo: true },
        Deed::Answer { step, approved, note, form, groups } => {
            let Some(step) = engine.load(run).0.find(step) else { return Err(Refusal::NotFound) };
            let (form, stored) = Payload::json(form);
            let (note, groups) = (note.clone(), groups.clone());
            let answer =
                ApprovalAnswer { of: String::new(), approved: *approved, by, groups, note, form };
            let command = Command::AnswerApproval { step, answer: Box::new(answer) };
            return engine.ask_with(run, &command, stored.as_slice()).map(|_| ());
        }
    };
    engine.ask(run, &command).map(|_| ())
}

fn words(act: &Act) -> String {
    let what = match &act.what {
        Deed::Signal { name, .. } => format!("the signal `{name}`"),
        Deed::Update { name, .. } => format!("the update `{name}`"),
        Deed::Emit { event, .. } => format!("the event `{event}`"),
        Deed::Answer { step, approved: true, .. } => format!("approving `{step}`"),
        Deed::Answer { step, approved: false, .. } => format!("rejecting `{step}`"),
        Deed::Pause => "`pause`".to_owned(),
        Deed::Resume => "`resume`".to_owned(),
        Deed::Cancel => "`cancel`".to_owned(),
        Deed::Retry => "`retry`".to_owned(),
        Deed::Migrate { file, .. } => format!("the migration to {file}"),
        Deed::Crash(_) => "the crash".to_owned(),
    };
    match &act.when {
        Point::Time(ms) => format!("{what} {ms} ms after the start"),
        Point::After(step) => format!("{what} after `{step}`"),
    }
}
