//! Updates as bytes.

use serde::{Deserialize, Serialize};

use super::decode::Wire;
use super::encode::put;
use super::wire::{ActorV1, PayloadV1, TimerV1};
use crate::event::{Event, UpdateAccepted, UpdateAwaited};
use crate::id::StepIndex;

#[derive(Serialize, Deserialize)]
pub(super) struct UpdateAcceptedV1<'a> {
    step: u32,
    name: &'a str,
    id: &'a str,
    #[serde(borrow)]
    data: PayloadV1<'a>,
    #[serde(borrow)]
    reply: PayloadV1<'a>,
    #[serde(borrow)]
    by: ActorV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UpdateAwaitedV1<'a> {
    step: u32,
    name: &'a str,
    timer: Option<TimerV1>,
}

pub(super) fn put_update(out: &mut Vec<u8>, event: &Event) {
    if let Event::UpdateAccepted(accepted) = event {
        let UpdateAccepted { step, name, id, data, reply, by } = &**accepted;
        let (data, reply, by) = (data.into(), reply.into(), by.into());
        put(out, &UpdateAcceptedV1 { step: step.0, name, id, data, reply, by });
    }
    if let Event::UpdateAwaited(awaited) = event {
        let UpdateAwaited { step, name, timer } = &**awaited;
        put(out, &UpdateAwaitedV1 { step: step.0, name, timer: timer.map(TimerV1::from) });
    }
}

impl<'a> Wire<'a> for UpdateAcceptedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::UpdateAccepted(Box::new(UpdateAccepted {
            step: StepIndex(self.step),
            name: self.name.to_owned(),
            id: self.id.to_owned(),
            data: self.data.payload()?,
            reply: self.reply.payload()?,
            by: self.by.actor(),
        })))
    }
}

impl<'a> Wire<'a> for UpdateAwaitedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::UpdateAwaited(Box::new(UpdateAwaited {
            step: StepIndex(self.step),
            name: self.name.to_owned(),
            timer: self.timer.map(TimerV1::due),
        })))
    }
}
