//! Who holds a slot, as bytes.

use serde::{Deserialize, Serialize};

use super::{Holder, Ticket};
use crate::id::{ItemIndex, RunId, StepIndex};

/// How a [`Holder`] is written.
#[derive(Serialize, Deserialize)]
pub(super) struct HolderV1 {
    run: RunId,
    ticket: Ticket,
    who: WhoV1,
}

/// The first two are written as `None` and `Some` of a step would be.
#[derive(Serialize, Deserialize)]
enum WhoV1 {
    Run,
    Step(StepIndex),
    Item(StepIndex, u32),
}

impl From<Holder> for HolderV1 {
    fn from(Holder { run, ticket, step, item }: Holder) -> Self {
        let who = match (step, item) {
            (None, _) => WhoV1::Run,
            (Some(step), None) => WhoV1::Step(step),
            (Some(step), Some(item)) => WhoV1::Item(step, item.0),
        };
        Self { run, ticket, who }
    }
}

impl From<HolderV1> for Holder {
    fn from(HolderV1 { run, ticket, who }: HolderV1) -> Self {
        let (step, item) = match who {
            WhoV1::Run => (None, None),
            WhoV1::Step(step) => (Some(step), None),
            WhoV1::Item(step, item) => (Some(step), Some(ItemIndex(item))),
        };
        Self { run, ticket, step, item }
    }
}
