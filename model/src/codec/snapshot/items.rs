//! Items of a step.

use super::Reader;
use crate::id::{Attempt, ItemIndex};
use crate::payload::PayloadHash;
use crate::plan::Plan;
use crate::run::{ItemOutcome, ItemRun, ItemState, ItemsChange, ItemsRun, Run, StoredOutputs};

impl Reader<'_> {
    pub(super) fn all_items(&mut self, plan: &Plan, run: &mut Run) -> Option<()> {
        let count = self.number()?;
        let mut last = None;
        for _ in 0..count {
            let step = self.index().filter(|step| last < Some(*step))?;
            last = Some(step);
            let concurrency = plan.each(step)?.concurrency;
            let items = self.items(concurrency)?;
            run.put_items(step, Some(items));
        }
        (count > 0).then_some(())
    }

    fn items(&mut self, concurrency: u32) -> Option<ItemsRun> {
        let count = self.number32()?;
        let chunks = self.list(|reader| reader.array().map(PayloadHash))?;
        let mut items = ItemsRun::new(count, chunks.into(), concurrency);
        let (next, failed) = (ItemIndex(self.number32()?), self.number32()?);
        items.change(ItemsChange::Counts { next, failed });
        items.stopping = self.option(Self::failure)?;
        let open = self.list(|reader| Some((reader.item_index()?, reader.item()?)))?;
        let settled = self.list(|reader| Some((reader.item_index()?, reader.outcome()?)))?;
        let stored = self.list(Self::stored)?;
        let in_order = open.is_sorted_by(|(a, _), (b, _)| a < b)
            && settled.is_sorted_by(|(a, _), (b, _)| a < b)
            && stored.is_sorted_by(|(a, _), (b, _)| a < b);
        let open = open.into_iter().map(|(item, run)| ItemsChange::Open(item, Some(run)));
        let settled = settled.into_iter().map(|(item, run)| ItemsChange::Settled(item, Some(run)));
        let stored = stored.into_iter().map(|(at, stored)| ItemsChange::Stored(at, Some(stored)));
        for change in open.chain(settled).chain(stored) {
            items.change(change);
        }
        in_order.then_some(items)
    }

    pub(super) fn item_index(&mut self) -> Option<ItemIndex> {
        self.number32().map(ItemIndex)
    }

    fn item(&mut self) -> Option<ItemRun> {
        let (attempt, attempts_forgiven) = (Attempt(self.number32()?), self.number32()?);
        let state = match self.byte()? {
            0 => ItemState::Waiting,
            1 => {
                let (input, interruptions) = (self.option(Self::payload)?, self.number32()?);
                let flags = self.byte().filter(|flags| *flags <= 3)?;
                ItemState::Running {
                    input,
                    interruptions,
                    may_repeat: flags & 1 != 0,
                    rests: flags & 2 != 0,
                    since: self.time()?,
                }
            }
            2 => ItemState::Retrying {
                timer: self.option(Self::timer_id)?,
                at: self.time()?,
                failure: self.failure()?,
            },
            _ => return None,
        };
        Some(ItemRun { attempt, attempts_forgiven, state })
    }

    pub(in crate::codec) fn outcome(&mut self) -> Option<ItemOutcome> {
        match self.byte()? {
            0 => self.payload().map(ItemOutcome::Completed),
            1 => self.failure().map(ItemOutcome::Failed),
            _ => None,
        }
    }

    fn stored(&mut self) -> Option<(u32, StoredOutputs)> {
        let (chunk, hash) = (self.number32()?, PayloadHash(self.array()?));
        let (bytes, completed) = (self.number()?, self.number32()?);
        Some((chunk, StoredOutputs { hash, bytes, completed }))
    }
}
