//! Items that wait for slots of their limit, or for the breaker of their step.
//!
//! Only how many of each step, so that a row stays small however many items there are.

use std::collections::BTreeMap;

use nexus_model::id::StepIndex;

use crate::bytes::{Reader, put_u64};

/// The items that wait, by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WaitingItems(BTreeMap<u32, WaitingOf>);

/// How many items of a step wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WaitingOf {
    /// For slots of their limit.
    pub(super) slots: u32,
    /// For the breaker.
    pub(super) calls: u32,
}

/// What an item waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    Slot,
    Breaker,
}

impl WaitingItems {
    /// An item of `step` has asked for it.
    pub(super) fn asked(&mut self, step: StepIndex, what: WaitsFor) {
        let of = self.0.entry(step.0).or_default();
        let count = of.count(what);
        *count = count.saturating_add(1);
    }

    /// An item of `step` has its answer.
    pub(super) fn answered(&mut self, step: StepIndex, what: WaitsFor) {
        let Some(of) = self.0.get_mut(&step.0) else { return };
        let count = of.count(what);
        *count = count.saturating_sub(1);
        if *of == WaitingOf::default() {
            self.0.remove(&step.0);
        }
    }

    /// Items of `step` wait for nothing any more.
    pub(super) fn give_up(&mut self, step: StepIndex) {
        self.0.remove(&step.0);
    }

    /// No item waits for anything any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Steps have other places.
    pub(super) fn moved(&mut self, place: impl Fn(u32) -> Option<StepIndex>) {
        let before = std::mem::take(&mut self.0);
        self.0 = before.into_iter().filter_map(|(step, of)| Some((place(step)?.0, of))).collect();
    }

    /// Whether some item waits for it.
    pub(super) fn wait_for(&self, what: WaitsFor) -> bool {
        self.0.values().any(|of| match what {
            WaitsFor::Slot => of.slots > 0,
            WaitsFor::Breaker => of.calls > 0,
        })
    }

    /// The first step of which items wait.
    pub(super) fn first(&self) -> Option<(StepIndex, WaitingOf)> {
        self.0.iter().next().map(|(step, of)| (StepIndex(*step), *of))
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_u64(out, self.0.len() as u64);
        for (step, of) in &self.0 {
            for number in [*step, of.slots, of.calls] {
                put_u64(out, u64::from(number));
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let steps = reader.u64()?;
        let of = (0..steps).map(|_| {
            let (step, slots, calls) = (reader.u32()?, reader.u32()?, reader.u32()?);
            Some((step, WaitingOf { slots, calls }))
        });
        of.collect::<Option<_>>().map(Self)
    }
}

impl WaitingOf {
    fn count(&mut self, what: WaitsFor) -> &mut u32 {
        match what {
            WaitsFor::Slot => &mut self.slots,
            WaitsFor::Breaker => &mut self.calls,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(items: &[(u32, WaitsFor)]) -> WaitingItems {
        let mut waiting = WaitingItems::default();
        for (step, what) in items {
            waiting.asked(StepIndex(*step), *what);
        }
        waiting
    }

    #[test]
    fn an_item_waits_until_it_has_its_answer_or_nobody_wants_it() {
        let mut waiting =
            asked(&[(3, WaitsFor::Slot), (3, WaitsFor::Breaker), (1, WaitsFor::Slot)]);
        assert_eq!(waiting.first(), Some((StepIndex(1), WaitingOf { slots: 1, calls: 0 })));
        waiting.answered(StepIndex(1), WaitsFor::Slot);
        assert_eq!(waiting.first(), Some((StepIndex(3), WaitingOf { slots: 1, calls: 1 })));
        waiting.answered(StepIndex(3), WaitsFor::Slot);
        assert!(!waiting.wait_for(WaitsFor::Slot) && waiting.wait_for(WaitsFor::Breaker));
        waiting.answered(StepIndex(3), WaitsFor::Slot);
        waiting.give_up(StepIndex(3));
        assert_eq!(waiting, WaitingItems::default());
    }

    #[test]
    fn it_is_read_as_it_was_written_and_follows_its_steps() {
        let mut waiting = asked(&[(300, WaitsFor::Breaker), (7, WaitsFor::Slot)]);
        let mut bytes = Vec::new();
        waiting.put(&mut bytes);
        assert_eq!(WaitingItems::read(&mut Reader::new(&bytes)), Some(waiting.clone()));
        waiting.moved(|step| (step == 7).then_some(StepIndex(2)));
        assert_eq!(waiting, asked(&[(2, WaitsFor::Slot)]));
    }
}
