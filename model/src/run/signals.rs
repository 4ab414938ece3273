//! Signals of a run: those that no step has taken yet, and the ids of all.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Actor;
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::time::Timestamp;
use crate::topic::{Offered, event_of, moved_offer_id, offer_id};

/// The signals of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// How many came; the next one has the number after it.
    pub received: u32,
    /// Those that no step has taken yet, by number.
    pub kept: BTreeMap<u32, KeptSignal>,
    /// The ids of all that had one.
    pub ids: BTreeSet<String>,
}

/// A signal that no step has taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSignal {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub payload: Payload,
    /// Who sent it; nobody, if a round of a function has left it to the next.
    pub by: Actor,
    /// When it came, or was left.
    pub at: Timestamp,
    /// The offer that it came as, if it brings an event: no other step takes it.
    pub offered: Option<Offered>,
}

impl Signals {
    /// Whether none ever came.
    pub fn is_empty(&self) -> bool {
        self.received == 0
    }
    /// Signals of this name that `step` may take, in the order they came.
    pub(crate) fn kept_for(&self, step: StepIndex, name: &str) -> Vec<(u32, Payload)> {
        let fitting = self.kept.iter().filter(|(_, kept)| kept.name == name && kept.is_for(step));
        fitting.map(|(number, kept)| (*number, kept.payload.clone())).collect()
    }

    /// Forgets an event that was kept for a step: it may be offered again.
    pub(crate) fn drop_offer(&mut self, number: u32) -> Option<KeptSignal> {
        let kept = self.kept.remove(&number)?;
        if let Some(id) = kept.offer_id() {
            self.ids.remove(&id);
        }
        Some(kept)
    }

    /// Undoes [`drop_offer`](Self::drop_offer).
    pub(crate) fn restore_offer(&mut self, number: u32, kept: KeptSignal) {
        self.ids.extend(kept.offer_id());
        self.kept.insert(number, kept);
    }

    /// These signals when steps have other places: what was offered to one that is gone goes with it.
    pub(crate) fn moved(&self, place: impl Fn(StepIndex) -> Option<StepIndex>) -> Self {
        let kept = self.kept.iter().filter_map(|(number, kept)| {
            let mut kept = kept.clone();
            if let Some(offered) = &mut kept.offered {
                offered.step = place(offered.step)?;
            }
            Some((*number, kept))
        });
        let ids = self.ids.iter().filter_map(|id| moved_offer_id(id, &place));
        Self { received: self.received, kept: kept.collect(), ids: ids.collect() }
    }
}

impl KeptSignal {
    /// Whether `step` may take it.
    pub(crate) fn is_for(&self, step: StepIndex) -> bool {
        self.offered.is_none_or(|offered| offered.step == step)
    }

    fn offer_id(&self) -> Option<String> {
        let Offered { record, step } = self.offered?;
        event_of(&self.name).map(|event| offer_id(event, record, step))
    }
}
