//! Events of slots and calls as they are sent.

use nexus_engine::model::event::Event;
use nexus_engine::model::id::ItemIndex;
use nexus_engine::model::limit::{Size, Wish};
use serde_json::{Value, json};

use super::Showing;

/// The events of slots and calls: a pattern, so that they are listed once for their fields and for their line.
macro_rules! events_of_slots {
    () => {
        Event::StepSlotRequested { .. }
            | Event::StepCallRequested { .. }
            | Event::StepSlotGranted(_)
            | Event::StepCallAllowed(_)
            | Event::StepCallRefused(_)
            | Event::RunQueued { .. }
            | Event::RunSlotGranted { .. }
    };
}

pub(super) use events_of_slots;

impl Showing<'_> {
    /// The fields of an event of slots; of another, none. One that is not about an item does not name one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
    pub(super) fn data_of_slots(&self, event: &Event) -> Value {
        let of_item = |mut data: Value, item: &Option<ItemIndex>| {
            if let Some(item) = item {
                data["item"] = json!(item.0);
            }
            data
        };
        match event {
            Event::StepSlotRequested { step, item, attempt, ticket, wish } => {
                let data = json!({
                    "step": self.id(*step), "attempt": attempt.0, "ticket": ticket.0,
                    "wish": wish_data(wish),
                });
                of_item(data, item)
            }
            Event::StepCallRequested { step, item, attempt, ticket, target } => {
                let data = json!({
                    "step": self.id(*step), "attempt": attempt.0, "ticket": ticket.0,
                    "target": target,
                });
                of_item(data, item)
            }
            Event::StepSlotGranted(answer)
            | Event::StepCallAllowed(answer)
            | Event::StepCallRefused(answer) => {
                let data = json!({"step": self.id(answer.step), "ticket": answer.ticket.0});
                of_item(data, &answer.item)
            }
            Event::RunQueued { rank, ticket, wish } => {
                json!({"rank": rank, "ticket": ticket.0, "wish": wish_data(wish)})
            }
            Event::RunSlotGranted { ticket } => json!({"ticket": ticket.0}),
            _ => Value::Null,
        }
    }
}

/// What there is to say about an event of slots in a line.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
pub(super) fn detail(event: &Event) -> String {
    let of = |item: &Option<ItemIndex>| {
        item.map_or_else(String::new, |item| format!("item {}: ", item.0))
    };
    match event {
        Event::StepSlotRequested { item, ticket, wish, .. } => {
            format!("{}limit {}, ticket {}", of(item), wish.limit, ticket.0)
        }
        Event::RunQueued { ticket, wish, .. } => {
            format!("limit {}, ticket {}", wish.limit, ticket.0)
        }
        Event::StepCallRequested { item, ticket, target, .. } => {
            format!("{}target {target}, ticket {}", of(item), ticket.0)
        }
        Event::StepCallAllowed(answer)
        | Event::StepCallRefused(answer)
        | Event::StepSlotGranted(answer) => {
            format!("{}ticket {}", of(&answer.item), answer.ticket.0)
        }
        Event::RunSlotGranted { ticket } => format!("ticket {}", ticket.0),
        _ => String::new(),
    }
}

pub(super) fn wish_data(wish: &Wish) -> Value {
    let Wish { limit, size: Size { slots, rate }, fairness_key, priority } = wish;
    let rate = rate.map(|rate| json!({"count": rate.count, "per_ms": rate.per_ms}));
    json!({
        "limit": limit, "slots": slots, "rate": rate,
        "fairness_key": fairness_key, "priority": priority,
    })
}
