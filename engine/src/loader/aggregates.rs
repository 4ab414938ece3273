//! Aggregates from frames.

use nexus_log::Frame;
use nexus_model::aggregate::{self, AggregateId, Entity, Event};
use nexus_model::codec::Header;
use nexus_model::time::Timestamp;

use super::LoadError;

/// A recorded event of an aggregate with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedAggregate {
    /// Place in the stream.
    pub revision: u32,
    /// Place in the log.
    pub position: u64,
    /// Time of its transition.
    pub time: Timestamp,
    /// Whether it came from outside.
    pub is_outside: bool,
    /// Name of the aggregate; with the first event only.
    pub name: Option<String>,
    /// The event.
    pub event: Event,
}

/// The events of a frame of an aggregate.
///
/// # Errors
/// [`LoadError::Event`] if a record is not understood.
pub fn events_of_aggregate(frame: &Frame) -> Result<Vec<RecordedAggregate>, LoadError> {
    let event = |(record, at): (nexus_log::Record<'_>, u32)| {
        let revision = frame.revision.0 + at;
        let header = Header { kind: record.kind, version: record.version, flags: record.flags };
        let (event, name) = aggregate::decode(header, record.body, revision == 0)
            .map_err(|source| LoadError::Event { revision, source })?;
        Ok(RecordedAggregate {
            revision,
            position: frame.position.0 + u64::from(at),
            time: Timestamp(frame.time_us),
            is_outside: header.is_outside(),
            name,
            event,
        })
    };
    frame.records.iter().zip(0u32..).map(event).collect()
}

/// Folds a frame into an aggregate, which is made by its first event.
pub(super) fn fold_frame(
    id: AggregateId,
    entity: &mut Option<Entity>,
    frame: &Frame,
) -> Result<(), LoadError> {
    for recorded in events_of_aggregate(frame)? {
        let revision = recorded.revision;
        let entity = entity.get_or_insert_with(|| {
            Entity::new(id.kind(), recorded.name.as_deref().unwrap_or_default())
        });
        if revision < entity.revision {
            continue;
        }
        if !entity.evolve(&recorded.event, recorded.time) {
            return Err(LoadError::Misfit { revision });
        }
    }
    Ok(())
}
