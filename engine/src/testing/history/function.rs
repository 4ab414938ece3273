//! Workflows that are functions, checked against a recorded history.

use super::{HistoryCheck, HistoryDifference, words};
use crate::code::{Functions, Player, Trouble};
use crate::workflow::{History, HistoryError, Workflow};

/// Runs a function through a history, up to the first place where it does something else.
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
        let mut player = Player::new(&loader, &functions, (run, workflow.name()), 0)?;
        let heard = player.hear(&loader);
        at = player.next();
        heard.and_then(|()| player.takes_outcomes())
    };
    let mut differences = Vec::new();
    if let Err(trouble) = played() {
        let event = recorded.get(at as usize).map(|one| words(plan, &one.event));
        differences.push(difference(at, event, &trouble));
    }
    let events = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
    Ok(HistoryCheck { events, differences })
}

fn difference(revision: u32, event: Option<String>, trouble: &Trouble) -> HistoryDifference {
    let told = trouble.told();
    if let Trouble::Differs(differs) = trouble {
        let (recorded, now) = differs.sides();
        return HistoryDifference { revision, recorded, now };
    }
    let now = vec![format!("{}: {}", told.code, told.message)];
    HistoryDifference { revision, recorded: event.into_iter().collect(), now }
}
