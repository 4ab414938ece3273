//! Replay of aggregates: everything that was derived is derived again and compared.

use nexus_log::Revision;
use nexus_model::aggregate::{self, AggregateId, Entity, Event};
use nexus_model::id::StateHash;

use crate::loader::{LoadError, Loader, events_of_aggregate};
use crate::tables::raw;

/// What the replay of an aggregate found.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateReplay {
    /// The state at the end.
    pub entity: Entity,
    /// Hash of it.
    pub state: StateHash,
    /// Where deriving again gave something else than what is recorded: the revision, what is recorded from there to the end of
    /// the transition, and what was derived.
    pub differences: Vec<(u32, Vec<Event>, Vec<Event>)>,
}

/// Replays an aggregate; `None`: nothing is recorded of it.
///
/// # Errors
/// [`LoadError`]
pub fn replay_aggregate(
    loader: &Loader,
    id: AggregateId,
) -> Result<Option<AggregateReplay>, LoadError> {
    let mut found: Option<Entity> = None;
    let mut differences = Vec::new();
    loader.each_frame(raw(id), Revision(0), |frame| {
        let recorded = events_of_aggregate(frame)?;
        let Some(first) = recorded.first() else { return Ok(()) };
        let entity = found.get_or_insert_with(|| {
            Entity::new(id.kind(), first.name.as_deref().unwrap_or_default())
        });
        let mut again = entity.clone();
        let command = first.event.command().filter(|_| first.is_outside);
        let derived = command.and_then(|command| again.decide(command, first.time).ok());
        let events: Vec<Event> = recorded.iter().map(|recorded| recorded.event.clone()).collect();
        let derived = derived.unwrap_or_default();
        if derived != events {
            let same = derived.iter().zip(&events).take_while(|(a, b)| a == b).count();
            let at = first.revision + u32::try_from(same).unwrap_or(u32::MAX);
            let rest = |of: &[Event]| of.iter().skip(same).cloned().collect::<Vec<_>>();
            differences.push((at, rest(&events), rest(&derived)));
        }
        for recorded in &recorded {
            if !entity.evolve(&recorded.event, recorded.time) {
                return Err(LoadError::Misfit { revision: recorded.revision });
            }
        }
        Ok(())
    })?;
    Ok(found.map(|entity| AggregateReplay {
        state: aggregate::entity_hash(&entity),
        entity,
        differences,
    }))
}
