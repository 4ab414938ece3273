//! Workflows that are functions, checked against a recorded history.

use nexus_model::code::outcome;
use nexus_model::codec::event_name;
use nexus_model::event::Event;

use super::{HistoryCheck, HistoryDifference, number};
use crate::code::{Functions, Player, Trouble, plan_at};
use crate::workflow::{History, HistoryError, Workflow};

/// Runs a function through a history, up to the first place where it does something else, or to another end than the recorded one.
pub(super) fn check<In, Out>(
    workflow: &Workflow<In, Out>,
    history: &History,
) -> Result<HistoryCheck, HistoryError> {
    let plan = workflow.plan();
    let (loader, run) = history.as_if_under(plan)?;
    let recorded = loader.history(run, 0, usize::MAX)?;
    let functions = Functions::new(workflow.functions().clone());
    let mut at = 0;
    let mut played = || {
        let player = Player::new(&loader, &functions, (run, workflow.name()), 0)?;
        let mut player = player.comparing_ends();
        let heard = player.hear(&loader);
        at = player.next();
        let taken = heard.and_then(|()| player.takes_outcomes());
        at = player.next();
        taken
    };
    let mut differences = Vec::new();
    if let Err(trouble) = played() {
        let event = recorded.get(at as usize).map(|one| &one.event);
        let step = match event.and_then(outcome) {
            Some((step, _)) => Some(plan_at(&loader, run, plan, at)?.id(step).to_owned()),
            None => None,
        };
        let event = event.map(|event| words(event, step.as_deref()));
        differences.push(difference(at, event, &trouble));
    }
    let events = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
    Ok(HistoryCheck { events, differences })
}

/// An event as `history` names it, with the calls that it is about.
fn words(event: &Event, step: Option<&str>) -> String {
    let about = match (event, step) {
        (Event::CallsMade(made), _) => {
            made.calls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        (_, step) => step.unwrap_or_default().to_owned(),
    };
    format!("{} {about}", event_name(event)).trim_end().to_owned()
}

fn difference(revision: u32, event: Option<String>, trouble: &Trouble) -> HistoryDifference {
    let told = trouble.told();
    let (recorded, now) = match trouble {
        Trouble::Differs(differs) => differs.sides(),
        Trouble::EndsOtherwise { recorded, now } => {
            (vec![recorded.clone()], vec![format!("{}: {now}", told.code)])
        }
        Trouble::Misfit(_)
        | Trouble::Foreign
        | Trouble::Panicked(_)
        | Trouble::NoFunction(_)
        | Trouble::Spins
        | Trouble::Refused(_)
        | Trouble::History(_) => {
            (event.into_iter().collect(), vec![format!("{}: {}", told.code, told.message)])
        }
    };
    HistoryDifference { event: number(revision), recorded, now }
}
