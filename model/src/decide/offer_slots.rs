//! `OfferSlots`.

use super::Draft;
use crate::event::Event;
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn offer_slots(&mut self) -> Result<(), Rejection> {
        if !self.run.can_start() || self.context.given.slots == 0 {
            return Err(Rejection::NothingReady);
        }
        self.emit(Event::SlotsOffered);
        Ok(())
    }
}
