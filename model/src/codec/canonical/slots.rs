//! Slots in the canonical form.

use super::Writer;
use crate::limit::{Rate, Size, Wish};
use crate::run::{Hold, Slot, Slots};

impl Writer {
    pub(super) fn slots(&mut self, slots: &Slots) {
        self.number(slots.asked.0);
        self.count(slots.iter().count());
        for (slot, Hold { ticket, attempt, wish, granted, since }) in slots.iter() {
            match slot {
                Slot::Run(rank) => {
                    self.byte(0);
                    self.byte(rank);
                }
                Slot::Step(step) => {
                    self.byte(1);
                    self.index(step);
                }
                Slot::Call(step) => {
                    self.byte(2);
                    self.index(step);
                }
                Slot::Item(step, item) => {
                    self.byte(3);
                    self.index(step);
                    self.number(item.0);
                }
                Slot::ItemCall(step, item) => {
                    self.byte(4);
                    self.index(step);
                    self.number(item.0);
                }
            }
            self.number(ticket.0);
            self.number(attempt.0);
            self.wish(wish);
            self.flag(*granted);
            self.time(*since);
        }
    }

    pub(super) fn wish(&mut self, wish: &Wish) {
        let Wish { limit, size: Size { slots, rate }, fairness_key, priority } = wish;
        self.text(limit);
        self.option(*slots, Self::number);
        self.option(*rate, |writer, Rate { count, per_ms }| {
            writer.number(count);
            writer.number(per_ms);
        });
        self.text(fairness_key);
        self.out.extend_from_slice(&priority.to_le_bytes());
    }
}
