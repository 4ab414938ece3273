//! Events of limits as bytes: as those of runs, with kinds from 100 to 115.
//!
//! A wire struct is never edited once a release has written it; a changed event gets a new struct and the next version.

use serde::{Deserialize, Serialize};

use super::{Holder, LimitEvent, Rate, Size, Ticket, Wish};
use crate::codec::{
    DecodeError, FLAG_OUTSIDE, FLAG_PARKED, Header, decode as read, encode as write,
};
use crate::event::Actor;
use crate::id::{RunId, StepIndex};

/// Every event is written in the first version of its shape.
const VERSION: u8 = 1;

macro_rules! kinds {
    ($($number:literal $constant:ident $event:ident $name:literal,)*) => {
        $(const $constant: u16 = $number;)*

        /// The kind and version of an event, without flags.
        pub fn header(event: &LimitEvent) -> Header {
            let kind = match event {
                $(LimitEvent::$event { .. } => $constant,)*
            };
            Header { kind, version: VERSION, flags: 0 }
        }

        /// The name of an event for people, such as `slot.granted`. Described in docs/events.md.
        pub fn event_name(event: &LimitEvent) -> &'static str {
            match event {
                $(LimitEvent::$event { .. } => $name,)*
            }
        }

        /// All kinds with their names, in order of their numbers.
        pub fn kinds() -> impl Iterator<Item = (u16, &'static str)> {
            [$(($constant, $name)),*].into_iter()
        }
    };
}

kinds! {
    // from outside
    100 SLOT_REQUESTED SlotRequested "slot.requested",
    101 SLOT_RELEASED SlotReleased "slot.released",
    102 REQUEST_WITHDRAWN RequestWithdrawn "slot.withdrawn",
    103 LIMIT_SET LimitSet "limit.set",
    104 LIMIT_WOKEN LimitWoken "limit.woken",
    // derived
    110 SLOT_GRANTED SlotGranted "slot.granted",
}

/// Whether records of this kind are those of a limit.
pub fn is_kind(kind: u16) -> bool {
    (100..116).contains(&kind)
}

#[derive(Serialize, Deserialize)]
pub(super) struct HolderV1 {
    run: [u8; 16],
    ticket: u32,
    step: Option<u32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SizeV1 {
    slots: Option<u32>,
    rate: Option<(u32, u64)>,
    queue: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct SlotRequestedV1<'a> {
    holder: HolderV1,
    limit: &'a str,
    size: SizeV1,
    fairness_key: &'a str,
    priority: i32,
}

#[derive(Serialize, Deserialize)]
struct OfHolderV1 {
    holder: HolderV1,
}

#[derive(Serialize, Deserialize)]
struct LimitSetV1<'a> {
    limit: &'a str,
    size: Option<SizeV1>,
    by: &'a str,
    via: &'a str,
}

#[derive(Serialize, Deserialize)]
struct LimitWokenV1 {}

/// Appends the body of an event.
pub fn encode(event: &LimitEvent, out: &mut Vec<u8>) {
    match event {
        LimitEvent::SlotRequested { holder, wish } => {
            let Wish { limit, size, fairness_key, priority } = wish;
            let (holder, size, priority) = ((*holder).into(), (*size).into(), *priority);
            write::put(out, &SlotRequestedV1 { holder, limit, size, fairness_key, priority });
        }
        LimitEvent::SlotReleased { holder }
        | LimitEvent::RequestWithdrawn { holder }
        | LimitEvent::SlotGranted { holder } => {
            write::put(out, &OfHolderV1 { holder: (*holder).into() });
        }
        LimitEvent::LimitSet { limit, size, by: Actor { name, via } } => {
            write::put(out, &LimitSetV1 { limit, size: size.map(SizeV1::from), by: name, via });
        }
        LimitEvent::LimitWoken => write::put(out, &LimitWokenV1 {}),
    }
}

/// Reads an event back.
///
/// # Errors
/// [`DecodeError`] if the kind, version or a flag is not known or the bytes do not fit it exactly.
pub fn decode(header: Header, body: &[u8]) -> Result<LimitEvent, DecodeError> {
    let Header { kind, version, flags } = header;
    if flags & !(FLAG_OUTSIDE | FLAG_PARKED) != 0 {
        return Err(DecodeError::Unknown { kind, version });
    }
    let event = match (kind, version) {
        (SLOT_REQUESTED, 1) => whole(body).map(SlotRequestedV1::event),
        (SLOT_RELEASED, 1) => of_holder(body, |holder| LimitEvent::SlotReleased { holder }),
        (REQUEST_WITHDRAWN, 1) => of_holder(body, |holder| LimitEvent::RequestWithdrawn { holder }),
        (LIMIT_SET, 1) => whole(body).map(LimitSetV1::event),
        (LIMIT_WOKEN, 1) => whole::<LimitWokenV1>(body).map(|_| LimitEvent::LimitWoken),
        (SLOT_GRANTED, 1) => of_holder(body, |holder| LimitEvent::SlotGranted { holder }),
        _ => return Err(DecodeError::Unknown { kind, version }),
    };
    event.ok_or(DecodeError::Body { kind })
}

fn whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    let (wire, rest) = read::take::<T>(body)?;
    rest.is_empty().then_some(wire)
}

fn of_holder(body: &[u8], event: impl FnOnce(Holder) -> LimitEvent) -> Option<LimitEvent> {
    whole(body).map(|OfHolderV1 { holder }| event(holder.into()))
}

impl SlotRequestedV1<'_> {
    fn event(self) -> LimitEvent {
        let wish = Wish {
            limit: self.limit.to_owned(),
            size: self.size.into(),
            fairness_key: self.fairness_key.to_owned(),
            priority: self.priority,
        };
        LimitEvent::SlotRequested { holder: self.holder.into(), wish }
    }
}

impl LimitSetV1<'_> {
    fn event(self) -> LimitEvent {
        let by = Actor { name: self.by.to_owned(), via: self.via.to_owned() };
        LimitEvent::LimitSet { limit: self.limit.to_owned(), size: self.size.map(Size::from), by }
    }
}

impl From<Holder> for HolderV1 {
    fn from(Holder { run, ticket, step }: Holder) -> Self {
        Self { run: run.0, ticket: ticket.0, step: step.map(|step| step.0) }
    }
}

impl From<HolderV1> for Holder {
    fn from(HolderV1 { run, ticket, step }: HolderV1) -> Self {
        Self { run: RunId(run), ticket: Ticket(ticket), step: step.map(StepIndex) }
    }
}

impl From<Size> for SizeV1 {
    fn from(Size { slots, rate, queue }: Size) -> Self {
        Self { slots, rate: rate.map(|rate| (rate.count, rate.per_ms)), queue }
    }
}

impl From<SizeV1> for Size {
    fn from(SizeV1 { slots, rate, queue }: SizeV1) -> Self {
        Self { slots, rate: rate.map(|(count, per_ms)| Rate { count, per_ms }), queue }
    }
}
