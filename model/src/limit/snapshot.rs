//! Snapshots of limits: the state as bytes, and back. A cache, never the truth: what does not fit exactly is refused, and the
//! events are folded instead.

use serde::{Deserialize, Serialize};

use super::codec::{HolderV1, SizeV1};
use super::queue::{Line, Place, Ring};
use super::{Limit, Queue};
use crate::codec::{DecodeError, decode, encode};
use crate::time::Timestamp;

/// Version of the form.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct SnapshotV1 {
    version: u8,
    name: String,
    declared: SizeV1,
    set: Option<SizeV1>,
    holders: Vec<(HolderV1, i64)>,
    waiting: Vec<PlaceV1>,
    /// Turns of the lines, by priority and fairness key.
    turns: Vec<(i32, String, u64)>,
    next: u64,
    recent: Vec<i64>,
    granted: u64,
    revision: u32,
}

#[derive(Serialize, Deserialize)]
struct PlaceV1 {
    holder: HolderV1,
    number: u64,
    priority: i32,
    fairness_key: String,
    since: i64,
}

/// The state as bytes, from which [`decode_limit`] makes it again.
pub fn encode_limit(limit: &Limit) -> Vec<u8> {
    let Limit { name, declared, set, holders, queue, recent, granted, revision } = limit;
    let turns = queue.rings.iter().flat_map(|(priority, ring)| {
        ring.lines.iter().map(|(key, line)| (*priority, key.clone(), line.turn))
    });
    let place = |(holder, place): (&super::Holder, &Place)| PlaceV1 {
        holder: (*holder).into(),
        number: place.number,
        priority: place.priority,
        fairness_key: place.fairness_key.clone(),
        since: place.since.0,
    };
    let snapshot = SnapshotV1 {
        version: VERSION,
        name: name.clone(),
        declared: (*declared).into(),
        set: set.map(SizeV1::from),
        holders: holders.iter().map(|(holder, at)| ((*holder).into(), at.0)).collect(),
        waiting: queue.places.iter().map(place).collect(),
        turns: turns.collect(),
        next: queue.next,
        recent: recent.iter().map(|at| at.0).collect(),
        granted: *granted,
        revision: *revision,
    };
    let mut bytes = Vec::new();
    encode::put(&mut bytes, &snapshot);
    let sum = *blake3::hash(&bytes).as_bytes();
    bytes.extend_from_slice(&sum);
    bytes
}

/// Reads a snapshot back.
///
/// # Errors
/// [`DecodeError::Snapshot`] if it is of another version, or damaged.
pub fn decode_limit(bytes: &[u8]) -> Result<Limit, DecodeError> {
    let (state, sum) = bytes.split_last_chunk::<32>().ok_or(DecodeError::Snapshot)?;
    if blake3::hash(state).as_bytes() != sum {
        return Err(DecodeError::Snapshot);
    }
    let (snapshot, rest) = decode::take::<SnapshotV1>(state).ok_or(DecodeError::Snapshot)?;
    if snapshot.version != VERSION || !rest.is_empty() {
        return Err(DecodeError::Snapshot);
    }
    snapshot.limit().ok_or(DecodeError::Snapshot)
}

impl SnapshotV1 {
    /// The state; `None` if somebody stands in a line that has no turn.
    fn limit(self) -> Option<Limit> {
        let mut queue = Queue { next: self.next, ..Queue::default() };
        for (priority, key, turn) in self.turns {
            let ring: &mut Ring = queue.rings.entry(priority).or_default();
            ring.turns.insert(turn, key.clone());
            ring.lines.insert(key, Line { turn, ..Line::default() });
        }
        for place in self.waiting {
            let PlaceV1 { holder, number, priority, fairness_key, since } = place;
            let line = queue.rings.get_mut(&priority)?.lines.get_mut(&fairness_key)?;
            let holder = holder.into();
            line.waiting.insert(number, holder);
            let place = Place { number, priority, fairness_key, since: Timestamp(since) };
            queue.places.insert(holder, place);
        }
        Some(Limit {
            name: self.name,
            declared: self.declared.into(),
            set: self.set.map(Into::into),
            holders: self
                .holders
                .into_iter()
                .map(|(holder, at)| (holder.into(), Timestamp(at)))
                .collect(),
            queue,
            recent: self.recent.into_iter().map(Timestamp).collect(),
            granted: self.granted,
            revision: self.revision,
        })
    }
}
