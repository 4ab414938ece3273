//! Records: a run as the view knows it, and as bytes.

use std::collections::BTreeMap;

use nexus_model::event::Actor;

use super::step_set::StepSet;
use super::waiting_items::WaitingItems;
use crate::bytes::{Reader, put_bytes, put_i64, put_text, put_u64};

/// A run as the view knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own life")]
pub(crate) struct RunRecord {
    pub(crate) name: String,
    pub(crate) workflow: String,
    pub(super) definition: [u8; 32],
    pub(super) labels: Vec<(String, String)>,
    pub(super) by: Actor,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) updated_at: i64,
    pub(super) ending: Option<Ending>,
    pub(super) is_paused: bool,
    /// Whether the run that called it is paused.
    pub(super) is_held: bool,
    /// The pauses of the store that hold it, in words.
    pub(super) held_by: Vec<String>,
    /// Whether it waits for a slot before its first step.
    pub(super) is_queued: bool,
    /// Whether the key of its values is deleted.
    pub(super) is_forgotten: bool,
    pub(super) outlook: Outlook,
    pub(super) is_parked: bool,
    /// The timer that ends the run.
    pub(super) timeout: Option<u32>,
    /// Why it was paused or cancelled.
    pub(super) reason: String,
    /// Code, message and step of the failure.
    pub(super) failure: Option<(String, String, Option<u32>)>,
    pub(super) retries: u32,
    pub(super) completed: StepSet,
    pub(super) skipped: StepSet,
    pub(super) failed: StepSet,
    /// Calls of a function that completed, and that failed, whose numbers later calls have.
    pub(super) earlier: (u32, u32),
    pub(super) current: BTreeMap<u32, Current>,
    /// Items that wait for what they asked for.
    pub(super) items: WaitingItems,
    /// Undos that were asked for and are not settled.
    pub(super) undos_open: u32,
    /// How many records were folded.
    pub(crate) revision: u32,
}

/// How a run that has not ended will end, as far as that is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Outlook {
    #[default]
    Open,
    Failing,
    Cancelling,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    Failed,
    Cancelled,
}

/// Where a run stands, as far as other rows depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) ending: Option<Ending>,
    /// Whether its last record was parked.
    pub(crate) is_parked: bool,
}

/// A step that was begun and has not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) attempt: u32,
    pub(super) state: Doing,
    /// Since when it runs, until when it sleeps or waits, when it is tried again.
    pub(super) time: i64,
}

/// What such a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Running,
    Sleeping,
    Retrying,
    AwaitingSignal,
    Calling,
    Queued,
    AwaitingBreaker,
    AwaitingApproval,
    AwaitingUpdate,
    UndoFailed,
}

/// The time of a step that waits for ever.
pub(super) const FOR_EVER: i64 = i64::MAX;

const PAUSED: u8 = 1;
const CANCELLING: u8 = 2;
const PARKED: u8 = 4;
const FAILING: u8 = 8;
const HELD: u8 = 16;
const QUEUED: u8 = 32;
const FORGOTTEN: u8 = 64;

impl RunRecord {
    pub(crate) fn standing(&self) -> Standing {
        Standing { ending: self.ending, is_parked: self.is_parked }
    }

    /// Whether some step does this.
    pub(super) fn does(&self, doing: Doing) -> bool {
        self.current.values().any(|current| current.state == doing)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ending.is_some()
    }

    /// About how many bytes of memory it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        const RECORD: usize = 512;
        let labels: usize =
            self.labels.iter().map(|(key, value)| key.len() + value.len() + 48).sum();
        let sets = [&self.completed, &self.skipped, &self.failed];
        let sets: usize = sets.iter().map(|set| set.as_bytes().len()).sum();
        RECORD + labels + sets + self.current.len() * 48
    }

    /// The record as a row.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        put_text(&mut out, &self.name);
        put_text(&mut out, &self.workflow);
        out.extend_from_slice(&self.definition);
        put_text(&mut out, &self.by.name);
        put_text(&mut out, &self.by.via);
        put_i64(&mut out, self.started_at);
        put_i64(&mut out, self.updated_at.wrapping_sub(self.started_at));
        out.push(
            flag(PAUSED, self.is_paused)
                | flag(HELD, self.is_held)
                | flag(CANCELLING, self.outlook == Outlook::Cancelling)
                | flag(PARKED, self.is_parked)
                | flag(FAILING, self.outlook == Outlook::Failing)
                | flag(QUEUED, self.is_queued)
                | flag(FORGOTTEN, self.is_forgotten),
        );
        put_optional(&mut out, self.timeout);
        out.push(ending_number(self.ending));
        if let Some(ended_at) = self.ended_at {
            put_i64(&mut out, ended_at.wrapping_sub(self.started_at));
        }
        put_text(&mut out, &self.reason);
        put_failure(&mut out, self.failure.as_ref());
        put_u64(&mut out, u64::from(self.retries));
        put_u64(&mut out, u64::from(self.revision));
        for set in [&self.completed, &self.skipped, &self.failed] {
            put_bytes(&mut out, set.as_bytes());
        }
        put_u64(&mut out, u64::from(self.earlier.0));
        put_u64(&mut out, u64::from(self.earlier.1));
        put_u64(&mut out, self.labels.len() as u64);
        for (key, value) in &self.labels {
            put_text(&mut out, key);
            put_text(&mut out, value);
        }
        put_u64(&mut out, self.held_by.len() as u64);
        self.held_by.iter().for_each(|pause| put_text(&mut out, pause));
        put_u64(&mut out, self.current.len() as u64);
        for (step, current) in &self.current {
            put_current(&mut out, *step, current, self.started_at);
        }
        put_u64(&mut out, u64::from(self.undos_open));
        self.items.put(&mut out);
        out
    }

    /// Reads a row back.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let record = read(&mut reader)?;
        reader.is_empty().then_some(record)
    }
}

fn read(reader: &mut Reader<'_>) -> Option<RunRecord> {
    let name = reader.text()?;
    let workflow = reader.text()?;
    let definition = reader.array()?;
    let by = Actor { name: reader.text()?, via: reader.text()? };
    let started_at = reader.i64()?;
    let updated_at = started_at.wrapping_add(reader.i64()?);
    let flags = reader.byte()?;
    let timeout = optional(reader)?;
    let ending = ending(reader.byte()?)?;
    let ended_at = match ending {
        Some(_) => Some(started_at.wrapping_add(reader.i64()?)),
        None => None,
    };
    Some(RunRecord {
        name,
        workflow,
        definition,
        by,
        started_at,
        ended_at,
        updated_at,
        ending,
        is_paused: flags & PAUSED != 0,
        is_held: flags & HELD != 0,
        is_queued: flags & QUEUED != 0,
        is_forgotten: flags & FORGOTTEN != 0,
        is_parked: flags & PARKED != 0,
        outlook: outlook(flags),
        timeout,
        reason: reader.text()?,
        failure: failure(reader)?,
        retries: reader.u32()?,
        revision: reader.u32()?,
        completed: StepSet::from_bytes(reader.bytes()?),
        skipped: StepSet::from_bytes(reader.bytes()?),
        failed: StepSet::from_bytes(reader.bytes()?),
        earlier: (reader.u32()?, reader.u32()?),
        labels: (0..reader.u64()?)
            .map(|_| Some((reader.text()?, reader.text()?)))
            .collect::<Option<_>>()?,
        held_by: (0..reader.u64()?).map(|_| reader.text()).collect::<Option<_>>()?,
        current: (0..reader.u64()?).map(|_| current(reader, started_at)).collect::<Option<_>>()?,
        undos_open: reader.u32()?,
        items: WaitingItems::read(reader)?,
    })
}

fn outlook(flags: u8) -> Outlook {
    if flags & CANCELLING != 0 {
        Outlook::Cancelling
    } else if flags & FAILING != 0 {
        Outlook::Failing
    } else {
        Outlook::Open
    }
}

fn flag(flag: u8, is_set: bool) -> u8 {
    if is_set { flag } else { 0 }
}

fn ending_number(ending: Option<Ending>) -> u8 {
    match ending {
        None => 0,
        Some(Ending::Completed) => 1,
        Some(Ending::Failed) => 2,
        Some(Ending::Cancelled) => 3,
    }
}

#[expect(clippy::option_option, reason = "not readable, and not ended")]
fn ending(number: u8) -> Option<Option<Ending>> {
    match number {
        0 => Some(None),
        1 => Some(Some(Ending::Completed)),
        2 => Some(Some(Ending::Failed)),
        3 => Some(Some(Ending::Cancelled)),
        _ => None,
    }
}

fn put_failure(out: &mut Vec<u8>, failure: Option<&(String, String, Option<u32>)>) {
    let Some((code, message, step)) = failure else { return out.push(0) };
    out.push(1);
    put_text(out, code);
    put_text(out, message);
    put_optional(out, *step);
}

/// A number, one higher; 0 if there is none.
fn put_optional(out: &mut Vec<u8>, number: Option<u32>) {
    put_u64(out, number.map_or(0, |number| u64::from(number) + 1));
}

#[expect(clippy::option_option, reason = "not readable, and not there")]
fn optional(reader: &mut Reader<'_>) -> Option<Option<u32>> {
    match reader.u64()?.checked_sub(1) {
        Some(number) => Some(Some(u32::try_from(number).ok()?)),
        None => Some(None),
    }
}

#[expect(clippy::option_option, reason = "not readable, and not failed")]
fn failure(reader: &mut Reader<'_>) -> Option<Option<(String, String, Option<u32>)>> {
    match reader.byte()? {
        0 => Some(None),
        1 => {
            let (code, message) = (reader.text()?, reader.text()?);
            Some(Some((code, message, optional(reader)?)))
        }
        _ => None,
    }
}

fn put_current(out: &mut Vec<u8>, step: u32, current: &Current, started_at: i64) {
    put_u64(out, u64::from(step));
    put_u64(out, u64::from(current.attempt));
    out.push(match current.state {
        Doing::Running => 0,
        Doing::Sleeping => 1,
        Doing::Retrying => 2,
        Doing::AwaitingSignal => 3,
        Doing::Calling => 40,
        Doing::Queued => 52,
        Doing::AwaitingBreaker => 76,
        Doing::AwaitingApproval => 33,
        Doing::AwaitingUpdate => 83,
        Doing::UndoFailed => 4,
    });
    put_i64(out, current.time.wrapping_sub(started_at));
}

fn current(reader: &mut Reader<'_>, started_at: i64) -> Option<(u32, Current)> {
    let (step, attempt) = (reader.u32()?, reader.u32()?);
    let state = match reader.byte()? {
        0 => Doing::Running,
        1 => Doing::Sleeping,
        2 => Doing::Retrying,
        3 => Doing::AwaitingSignal,
        40 => Doing::Calling,
        52 => Doing::Queued,
        76 => Doing::AwaitingBreaker,
        33 => Doing::AwaitingApproval,
        83 => Doing::AwaitingUpdate,
        4 => Doing::UndoFailed,
        _ => return None,
    };
    let time = started_at.wrapping_add(reader.i64()?);
    Some((step, Current { attempt, state, time }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_is_read_as_it_was_written_and_nothing_else_with_it() {
        let plain = RunRecord::default();
        let records = [
            RunRecord { is_paused: true, ..plain.clone() },
            RunRecord { is_held: true, ..plain.clone() },
            RunRecord { is_queued: true, ..plain.clone() },
            RunRecord { is_parked: true, ..plain.clone() },
            RunRecord { is_forgotten: true, ..plain.clone() },
            RunRecord { earlier: (7, 300), ..plain.clone() },
            RunRecord { outlook: Outlook::Failing, ..plain.clone() },
            RunRecord { outlook: Outlook::Cancelling, ..plain.clone() },
            plain,
        ];
        for record in records {
            assert_eq!(RunRecord::decode(&record.encode()), Some(record));
        }
    }
}
