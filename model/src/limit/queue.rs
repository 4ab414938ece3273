//! Who waits for a slot, and who comes next.
//!
//! Each priority has a ring of lines, one line for each fairness key with somebody in it. The line whose turn it is gives its
//! first, and goes to the end of the ring: so each of n lines gets one slot in n, however many stand in it.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::Holder;
use crate::time::Timestamp;

/// Those who wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The rings, by priority.
    pub(super) rings: BTreeMap<i32, Ring>,
    /// Where everybody stands.
    pub(super) places: BTreeMap<Holder, Place>,
    /// The number of the next who comes, and of the next turn.
    pub(super) next: u64,
}

/// The lines of one priority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ring {
    /// Fairness keys by turn.
    pub(super) turns: BTreeMap<u64, String>,
    /// Lines by fairness key.
    pub(super) lines: BTreeMap<String, Line>,
}

/// Those who wait under one fairness key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// When its turn is.
    pub(super) turn: u64,
    /// Who stands in it, by number.
    pub(super) waiting: BTreeMap<u64, Holder>,
}

/// Where somebody stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) priority: i32,
    pub(super) fairness_key: String,
    pub(super) since: Timestamp,
}

/// Somebody who waits, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// Who.
    pub holder: Holder,
    /// Higher comes first.
    pub priority: i32,
    /// Whose line it stands in.
    pub fairness_key: &'a str,
    /// Since when.
    pub since: Timestamp,
}

impl Queue {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether this one waits.
    pub fn contains(&self, holder: Holder) -> bool {
        self.places.contains_key(&holder)
    }

    /// Who comes next.
    pub fn first(&self) -> Option<Holder> {
        let (_, ring) = self.rings.last_key_value()?;
        let (_, key) = ring.turns.first_key_value()?;
        let (_, holder) = ring.lines.get(key)?.waiting.first_key_value()?;
        Some(*holder)
    }

    /// How many come before this one, as things stand; `None` if it does not wait.
    pub fn ahead_of(&self, holder: Holder) -> Option<usize> {
        let place = self.places.get(&holder)?;
        let above = self.rings.range((Bound::Excluded(place.priority), Bound::Unbounded));
        let mut ahead: usize = above.map(|(_, ring)| ring.len()).sum();
        let ring = self.rings.get(&place.priority)?;
        let own = ring.lines.get(&place.fairness_key)?;
        let rounds = own.waiting.range(..place.number).count();
        for line in ring.lines.values() {
            // A line whose turn comes first gives one more before this one's turn in the same round.
            let given = if line.turn < own.turn { rounds + 1 } else { rounds };
            ahead += line.waiting.len().min(given);
        }
        Some(ahead)
    }

    /// Those who wait, by the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Waiting<'_>> {
        let mut all: Vec<_> = self.places.iter().collect();
        all.sort_by_key(|(_, place)| place.number);
        all.into_iter().map(|(holder, place)| Waiting {
            holder: *holder,
            priority: place.priority,
            fairness_key: &place.fairness_key,
            since: place.since,
        })
    }

    /// Adds one at the end of its line; a new line goes to the end of the ring.
    pub(super) fn push(&mut self, holder: Holder, priority: i32, key: &str, at: Timestamp) {
        let number = self.number();
        let ring = self.rings.entry(priority).or_default();
        let turns = &mut ring.turns;
        let line = ring.lines.entry(key.to_owned()).or_insert_with(|| {
            turns.insert(number, key.to_owned());
            Line { turn: number, ..Line::default() }
        });
        line.waiting.insert(number, holder);
        let place = Place { number, priority, fairness_key: key.to_owned(), since: at };
        self.places.insert(holder, place);
    }

    /// Takes one out because it has got a slot: its line has had its turn.
    pub(super) fn take(&mut self, holder: Holder) {
        let Some(place) = self.places.get(&holder) else { return };
        let (priority, key) = (place.priority, place.fairness_key.clone());
        self.remove(holder);
        let turn = self.number();
        let Some(ring) = self.rings.get_mut(&priority) else { return };
        let Some(line) = ring.lines.get_mut(&key) else { return };
        ring.turns.remove(&line.turn);
        line.turn = turn;
        ring.turns.insert(turn, key);
    }

    /// Takes one out. A line without anybody goes.
    pub(super) fn remove(&mut self, holder: Holder) {
        let Some(place) = self.places.remove(&holder) else { return };
        let Some(ring) = self.rings.get_mut(&place.priority) else { return };
        let Some(line) = ring.lines.get_mut(&place.fairness_key) else { return };
        line.waiting.remove(&place.number);
        if line.waiting.is_empty() {
            ring.turns.remove(&line.turn);
            ring.lines.remove(&place.fairness_key);
        }
        if ring.lines.is_empty() {
            self.rings.remove(&place.priority);
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }
}

impl Ring {
    fn len(&self) -> usize {
        self.lines.values().map(|line| line.waiting.len()).sum()
    }
}
