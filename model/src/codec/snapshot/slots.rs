//! Slots of a snapshot.

use super::Reader;
use crate::id::{Attempt, ItemIndex};
use crate::limit::{Rate, Size, Ticket, Wish};
use crate::run::{Hold, Run, Slot};

impl Reader<'_> {
    pub(super) fn slots(&mut self, run: &mut Run) -> Option<()> {
        let limits = self.list(Self::wish)?;
        run.slots.asked = Ticket(self.number32()?);
        if limits.is_empty() && run.slots.is_empty() {
            return None;
        }
        match &mut run.started {
            Some(started) => started.limits = limits,
            None if limits.is_empty() => {}
            None => return None,
        }
        let holds = self.list(Self::hold)?;
        let in_order = holds.is_sorted_by(|(a, _), (b, _)| a < b);
        for (slot, hold) in holds {
            run.set_hold(slot, Some(hold));
        }
        in_order.then_some(())
    }

    fn hold(&mut self) -> Option<(Slot, Hold)> {
        let slot = match self.byte()? {
            0 => Slot::Run(self.byte()?),
            1 => Slot::Step(self.index()?),
            2 => Slot::Call(self.index()?),
            3 => Slot::Item(self.index()?, ItemIndex(self.number32()?)),
            4 => Slot::ItemCall(self.index()?, ItemIndex(self.number32()?)),
            _ => return None,
        };
        let (ticket, attempt) = (Ticket(self.number32()?), Attempt(self.number32()?));
        let (wish, granted, since) = (self.wish()?, self.flag()?, self.time()?);
        Some((slot, Hold { ticket, attempt, wish, granted, since }))
    }

    pub(super) fn wish(&mut self) -> Option<Wish> {
        Some(Wish {
            limit: self.text()?,
            size: Size {
                slots: self.option(Self::number32)?,
                rate: self.option(|reader| {
                    Some(Rate { count: reader.number32()?, per_ms: reader.number()? })
                })?,
            },
            fairness_key: self.text()?,
            priority: i32::from_le_bytes(self.array()?),
        })
    }
}
