//! People outside: they start runs and send signals, again and again until they are answered.

use std::collections::BTreeMap;

use nexus_engine::StartRequest;
use nexus_engine::model::command::Command;
use nexus_engine::model::event::Actor;
use nexus_engine::model::id::RunId;
use nexus_engine::model::payload::Payload;
use nexus_engine::shard::{Answer, Refusal};
use nexus_engine::testkit::{Request, Simulation};
use serde_json::Value;

use super::beside::{Beside, Wanted};
use super::definitions::Made;

/// A run that is to be.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    /// Which definition.
    pub(super) of: usize,
    pub(super) input: Value,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) run: Option<RunId>,
}

/// Something that somebody wants.
#[derive(Debug)]
pub(super) struct Wish {
    what: What,
    asked: Vec<Request>,
    pub(super) is_done: bool,
}

#[derive(Clone, Debug)]
enum What {
    Start(usize),
    Signal { planned: usize, name: String, payload: Value },
    Beside(Wanted),
}

/// Everything that is wanted of all runs.
pub(super) fn wishes(planned: &[Planned], made: &[Made], beside: &Beside) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for (at, run) in planned.iter().enumerate() {
        wishes.push(What::Start(at));
        for (name, payload) in &made[run.of].signals {
            let (name, payload) = (name.clone(), payload.clone());
            wishes.push(What::Signal { planned: at, name, payload });
        }
    }
    wishes.extend(beside.wanted().into_iter().map(What::Beside));
    let wish = |what| Wish { what, asked: Vec::new(), is_done: false };
    wishes.into_iter().map(wish).collect()
}

impl Wish {
    /// Whether somebody waits for an answer.
    pub(super) fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Asks, if that can be asked yet.
    pub(super) fn ask(
        &mut self,
        simulation: &mut Simulation,
        (planned, made): (&[Planned], &[Made]),
        beside: &Beside,
    ) {
        match &self.what {
            What::Start(at) => {
                let Planned { name, of, input, labels, .. } = &planned[*at];
                let Made { plan, callees, .. } = &made[*of];
                let request =
                    StartRequest { labels: labels.clone(), ..StartRequest::new(plan.clone()) };
                let request = request
                    .callees(callees.iter().cloned())
                    .input(input.clone())
                    .name(name.clone());
                let (request, _) = simulation.start(request).expect("a good start");
                self.asked.push(request);
            }
            What::Signal { planned: at, name, payload } => {
                let Some(run) = planned[*at].run else { return };
                let (payload, stored) = Payload::json(payload);
                // The same request has the same id, and counts once.
                let (name, id) = (name.clone(), format!("{name}-of-{at}"));
                let by = Actor { name: "somebody".to_owned(), via: "simulation".to_owned() };
                let command = Command::DeliverSignal { name, id, payload, by };
                self.asked.push(simulation.ask(run, command, stored.into_iter().collect()));
            }
            What::Beside(wanted) => self.asked.extend(beside.ask(simulation, *wanted)),
        }
    }

    /// Hears the answers; what was lost may be asked again.
    pub(super) fn hear(
        &mut self,
        simulation: &mut Simulation,
        planned: &mut [Planned],
        wrong: &mut Vec<String>,
    ) {
        let mut open = Vec::new();
        for request in std::mem::take(&mut self.asked) {
            match simulation.answer(request) {
                Some(answer) => self.answered(answer, planned, wrong),
                None if simulation.is_lost(request) => {}
                None => open.push(request),
            }
        }
        self.asked = open;
    }

    fn answered(
        &mut self,
        answer: Result<Answer, Refusal>,
        planned: &mut [Planned],
        wrong: &mut Vec<String>,
    ) {
        match (&self.what, answer) {
            (What::Start(at), Ok(Answer { run, .. }) | Err(Refusal::Taken(run, _))) => {
                let known = planned[*at].run.replace(run);
                if known.is_some_and(|known| known != run) {
                    wrong.push(format!("{} was started twice", planned[*at].name));
                }
            }
            // It has the signal already, or has ended; or it was done already.
            (What::Signal { .. }, Ok(_) | Err(Refusal::Rejected(_)))
            | (What::Beside(_), Ok(_) | Err(Refusal::Aggregate(_))) => {}
            (_, Err(refusal)) if refusal.is_passing() => return,
            (what, Err(refusal)) => wrong.push(format!("{what:?} was refused: {refusal}")),
        }
        self.is_done = true;
    }
}
