//! Names of events, of the runs they start, and of the signals they come as.

use crate::id::StepIndex;

/// Longest name of an event.
pub const NAME_CHARS_MAX: usize = 64;

/// What the name of a signal begins with that is an event to the run that waits for it.
pub const EVENT_PREFIX: &str = "event:";

/// Longest name of a run.
const RUN_NAME_CHARS_MAX: usize = 128;

/// Digits of the hash in a name that would be too long.
const HASH_DIGITS: usize = 16;

/// Whether this can be the name of an event.
pub fn is_name(name: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "_.:+-".contains(char);
    !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(allowed)
}

/// The name of the signal that brings an event to a run.
pub fn signal_name(event: &str) -> String {
    format!("{EVENT_PREFIX}{event}")
}

/// The name of the event that a signal brings; `None`: it is an ordinary signal.
pub fn event_of(signal: &str) -> Option<&str> {
    signal.strip_prefix(EVENT_PREFIX)
}

/// The id of an offer of an event to a step that waits: `event:order.created#17/2`. It says who it is for, so that the step takes
/// each event once, and no other step takes it in its place.
pub fn offer_id(event: &str, record: u32, step: StepIndex) -> String {
    format!("{EVENT_PREFIX}{event}#{record}/{}", step.0)
}

/// What an event is offered as: which record of its topic it is, and the step that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The record.
    pub record: u32,
    /// The step.
    pub step: StepIndex,
}

impl Offered {
    /// What the id of an offer says; `None`: it is that of a signal.
    pub fn parse(id: &str) -> Option<Self> {
        let (event, step) = id.strip_prefix(EVENT_PREFIX)?.rsplit_once('/')?;
        let (_, record) = event.rsplit_once('#')?;
        Some(Self { record: record.parse().ok()?, step: StepIndex(step.parse().ok()?) })
    }
}

/// The step that an offer with this id is for.
pub fn offered_to(id: &str) -> Option<StepIndex> {
    Offered::parse(id).map(|offered| offered.step)
}

/// The id of this offer, when its step has another place; `None`: the step is gone. That of a signal stays as it is.
pub(crate) fn moved_offer_id(
    id: &str,
    place: impl FnOnce(StepIndex) -> Option<StepIndex>,
) -> Option<String> {
    let Some(Offered { step, .. }) = Offered::parse(id) else { return Some(id.to_owned()) };
    let (event, _) = id.rsplit_once('/')?;
    place(step).map(|step| format!("{event}/{}", step.0))
}

/// The name of the run that a trigger starts for an event: `ship@order.created:17`.
///
/// A trigger with a name that is long, or is none of a run, is named by its first characters and a hash.
pub fn run_name(trigger: &str, event: &str, number: u32) -> String {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "_.:+-".contains(char);
    let place = format!("@{event}:{number}");
    if trigger.chars().all(allowed) && trigger.len() + place.len() <= RUN_NAME_CHARS_MAX {
        return format!("{trigger}{place}");
    }
    let hash = blake3::hash(trigger.as_bytes()).to_hex();
    let kept = RUN_NAME_CHARS_MAX.saturating_sub(place.len() + HASH_DIGITS + 1);
    let start: String = trigger.chars().filter(|char| allowed(*char)).take(kept).collect();
    format!("{start}-{}{place}", &hash[..HASH_DIGITS])
}
