//! Snapshots: the state of a run as bytes, and back. A cache, never the truth: what does not fit exactly is refused, and the
//! events are folded instead.
//!
//! A snapshot is the canonical form with payloads as the state holds them, and 16 bytes of its BLAKE3.

mod items;
mod slots;
mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::DecodeError;
use super::canonical::{self, Payloads};
use crate::event::{Actor, Awaited, Failure, Parent, RunStarted};
use crate::id::{Attempt, DefinitionHash, ItemIndex, RunId, StateHash, StepIndex, TimerId};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::Holds;
use crate::run::{
    ItemsUndo, KeptSignal, LastCall, Loop, Run, RunStatus, Signals, StepRun, StepState, StepUndo,
    Timer, TimerPurpose, UndoState,
};
use crate::time::Timestamp;
use crate::topic::Offered;

const CHECKSUM_BYTES: usize = 16;

/// Hash of a run's state: BLAKE3 over its canonical, versioned encoding, with payloads as references. Shown as `v1:…`.
///
/// A payload counts by its bytes: whether they stand in the event or beside it does not show in the hash.
pub fn state_hash(plan: &Plan, run: &Run) -> StateHash {
    StateHash(*blake3::hash(&canonical::write(plan, run, Payloads::References)).as_bytes())
}

/// A state hash as people see it: `v1:` and 64 hexadecimal digits.
pub fn show_state_hash(hash: &StateHash) -> String {
    format!("v{}:{hash}", canonical::VERSION)
}

/// The state as bytes, from which [`decode_run`] makes it again. A cache, never the truth.
pub fn encode_run(plan: &Plan, run: &Run) -> Vec<u8> {
    let mut bytes = canonical::write(plan, run, Payloads::Whole);
    super::code::put_calls_of(&mut bytes, plan);
    seal(&mut bytes);
    bytes
}

/// Appends the checksum.
pub(super) fn seal(bytes: &mut Vec<u8>) {
    let checksum = checksum(bytes);
    bytes.extend_from_slice(&checksum);
}

/// The definition of the run of a snapshot, which tells the plan to read it with; `None` if it is of another version.
pub fn definition_of(bytes: &[u8]) -> Option<DefinitionHash> {
    let (version, rest) = bytes.split_first()?;
    let hash = rest.first_chunk().filter(|_| *version == canonical::VERSION)?;
    Some(DefinitionHash(*hash))
}

/// The plan that a snapshot is read with, made of that of its definition: the steps of code are its calls.
///
/// # Errors
/// [`DecodeError::Snapshot`] if it is damaged.
pub fn plan_of_snapshot(base: &Arc<Plan>, bytes: &[u8]) -> Result<Arc<Plan>, DecodeError> {
    if !base.is_code() {
        return Ok(Arc::clone(base));
    }
    let (state, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DecodeError::Snapshot)?;
    let whole = checksum(state) == *sum;
    let calls = super::code::take_calls(base, state).filter(|_| whole);
    let plan = calls.and_then(|(_, calls)| super::code::grown(base, calls));
    plan.map(Arc::new).ok_or(DecodeError::Snapshot)
}

/// Reads a snapshot back.
///
/// # Errors
/// [`DecodeError::Snapshot`] if it is of another version, of another plan, or damaged.
pub fn decode_run(plan: &Plan, bytes: &[u8]) -> Result<Run, DecodeError> {
    let (state, sum) = bytes.split_last_chunk().ok_or(DecodeError::Snapshot)?;
    if checksum(state) != *sum {
        return Err(DecodeError::Snapshot);
    }
    let (state, _) = super::code::take_calls(plan, state).ok_or(DecodeError::Snapshot)?;
    let mut reader = Reader { rest: state, step_count: plan.step_count() };
    let run = reader.run(plan).filter(|_| reader.rest.is_empty());
    run.ok_or(DecodeError::Snapshot)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES]);
    sum
}

/// Reads what `canonical` writes; `None` as soon as something does not fit.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    step_count: u32,
}

impl<'a> Reader<'a> {
    /// Reads what belongs to no plan.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, step_count: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number after the version byte, if it is that version.
    pub(super) fn version(&mut self, version: u8) -> Option<u64> {
        if self.byte()? == version { self.number() } else { None }
    }

    fn run(&mut self, plan: &Plan) -> Option<Run> {
        if self.byte()? != canonical::VERSION || self.array()? != plan.hash().0 {
            return None;
        }
        let mut run = Run::new(plan);
        run.started = self.option(Self::started)?.map(Box::new);
        run.started_at = self.time()?;
        run.ended_at = self.option(Self::time)?;
        run.plan_undo(self.takes_undo());
        run.status = self.status()?;
        run.paused = self.flag()?;
        run.timers = self.timers()?;
        run.next_timer = self.timer_id()?;
        run.revision = self.number32()?;
        if self.number()? != u64::from(self.step_count) {
            return None;
        }
        for step in plan.steps() {
            let state = self.step()?;
            if state != *run.step_run(step) {
                run.set_step(plan, step, state);
            }
        }
        if self.section(canonical::SECTION_SIGNALS) {
            run.signals = self.signals()?;
        }
        if self.section(canonical::SECTION_ITEMS) {
            self.all_items(plan, &mut run)?;
        }
        if self.section(canonical::SECTION_CALLS) {
            run.calls = self.calls()?;
        }
        if self.section(canonical::SECTION_PARENT) {
            let parent = self.option(Self::parent)?;
            run.parent_paused = self.flag()?;
            if parent.is_none() && !run.parent_paused {
                return None;
            }
            match &mut run.started {
                Some(started) => started.parent = parent,
                None if parent.is_some() => return None,
                None => {}
            }
        }
        if self.section(canonical::SECTION_LOOPS) {
            run.loops = self.loops()?;
        }
        if self.section(canonical::SECTION_SLOTS) {
            self.slots(&mut run)?;
        }
        if self.section(canonical::SECTION_PROGRESS) {
            run.progress = self.progress()?;
        }
        if self.section(canonical::SECTION_QUEUED) {
            run.queued = self.queued()?;
        }
        if self.section(canonical::SECTION_HOLDS) {
            run.holds = self.holds()?;
        }
        if self.section(canonical::SECTION_PASSED) {
            run.passed = self.passed()?;
        }
        run.forgotten = self.section(canonical::SECTION_FORGOTTEN);
        run.updates = self.updates()?;
        if plan.is_code() {
            if !self.section(super::code::SECTION_CODE) {
                return None;
            }
            run.code = Some(Box::new(self.code()?));
        }
        Some(run)
    }

    /// Whether the section with this number comes next.
    fn section(&mut self, number: u8) -> bool {
        let follows = self.rest.first() == Some(&number);
        if follows {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        follows
    }

    fn holds(&mut self) -> Option<Holds> {
        let by_store = self.list(Self::text)?;
        let steps = self.list(Self::index)?;
        let in_order = steps.is_sorted_by(|a, b| a < b);
        let holds = Holds { by_store, steps: steps.into_iter().collect() };
        (in_order && !holds.is_empty()).then_some(holds)
    }

    fn passed(&mut self) -> Option<BTreeMap<StepIndex, u32>> {
        let passed =
            self.list(|reader| Some((StepIndex(reader.number32()?), reader.number32()?)))?;
        let in_order = passed.is_sorted_by(|(a, _), (b, _)| a < b) && !passed.is_empty();
        in_order.then(|| passed.into_iter().collect())
    }

    fn queued(&mut self) -> Option<BTreeMap<StepIndex, TimerId>> {
        let queued = self.list(|reader| Some((reader.index()?, reader.timer_id()?)))?;
        let in_order = queued.is_sorted_by(|(a, _), (b, _)| a < b) && !queued.is_empty();
        in_order.then(|| queued.into_iter().collect())
    }

    fn progress(&mut self) -> Option<BTreeMap<StepIndex, Payload>> {
        let progress = self.list(|reader| Some((reader.index()?, reader.payload()?)))?;
        let in_order = progress.is_sorted_by(|(a, _), (b, _)| a < b) && !progress.is_empty();
        in_order.then(|| progress.into_iter().collect())
    }

    fn loops(&mut self) -> Option<BTreeMap<StepIndex, Loop>> {
        let loops = self.list(|reader| {
            let step = reader.index()?;
            let (round, forgiven) = (reader.number32()?, reader.number32()?);
            Some((step, Loop { round, forgiven, carry: reader.payload()? }))
        })?;
        let in_order = loops.is_sorted_by(|(a, _), (b, _)| a < b);
        (in_order && !loops.is_empty()).then(|| loops.into_iter().collect())
    }

    fn signals(&mut self) -> Option<Signals> {
        let received = self.number32()?;
        let kept = self.list(Self::kept_signal)?;
        let ids = self.list(Self::text)?;
        let in_order = kept.is_sorted_by(|(a, _), (b, _)| a < b) && ids.is_sorted_by(|a, b| a < b);
        let kept: BTreeMap<u32, KeptSignal> = kept.into_iter().collect();
        let ids = ids.into_iter().collect();
        (in_order && received > 0).then_some(Signals { received, kept, ids })
    }

    fn kept_signal(&mut self) -> Option<(u32, KeptSignal)> {
        let number = self.number32()?;
        let (name, payload) = (self.text()?, self.payload()?);
        let by = Actor { name: self.text()?, via: self.text()? };
        let at = self.time()?;
        let offered = self.option(|reader| {
            let record = reader.number32()?;
            Some(Offered { record, step: StepIndex(reader.number32()?) })
        })?;
        Some((number, KeptSignal { name, payload, by, at, offered }))
    }

    fn calls(&mut self) -> Option<BTreeMap<StepIndex, LastCall>> {
        let calls = self.list(|reader| Some((reader.index()?, reader.last_call()?)))?;
        let in_order = calls.is_sorted_by(|(a, _), (b, _)| a < b);
        (in_order && !calls.is_empty()).then(|| calls.into_iter().collect())
    }

    fn last_call(&mut self) -> Option<LastCall> {
        Some(LastCall {
            number: self.number32()?,
            definition: DefinitionHash(self.array()?),
            input: PayloadHash(self.array()?),
            seen: self.number32()?,
            goes_on: self.flag()?,
        })
    }

    /// The step is one of another run.
    fn parent(&mut self) -> Option<Parent> {
        let (run, name) = (RunId(self.array()?), self.text()?);
        Some(Parent { run, name, step: StepIndex(self.number32()?) })
    }

    fn started(&mut self) -> Option<RunStarted> {
        Some(RunStarted {
            run: RunId(self.array()?),
            name: self.text()?,
            workflow: self.text()?,
            definition: DefinitionHash(self.array()?),
            input: self.payload()?,
            labels: self.list(|reader| Some((reader.text()?, reader.text()?)))?,
            folder: self.text()?,
            by: Actor { name: self.text()?, via: self.text()? },
            seed: self.number()?,
            timeout: self.option(|reader| Some((reader.timer_id()?, reader.time()?)))?,
            parent: None,
            limits: Vec::new(),
        })
    }

    fn status(&mut self) -> Option<RunStatus> {
        Some(match self.byte()? {
            0 => RunStatus::Running,
            1 => RunStatus::Failing { failure: self.failure()?, step: self.option(Self::index)? },
            2 => RunStatus::Cancelling { reason: self.text()? },
            3 => RunStatus::Completed { output: self.payload()? },
            4 => RunStatus::Failed { failure: self.failure()?, step: self.option(Self::index)? },
            5 => RunStatus::Cancelled { reason: self.text()? },
            _ => return None,
        })
    }

    fn timers(&mut self) -> Option<BTreeMap<TimerId, Timer>> {
        let timers = self.list(Self::timer)?;
        timers.is_sorted_by(|(a, _), (b, _)| a < b).then(|| timers.into_iter().collect())
    }

    fn timer(&mut self) -> Option<(TimerId, Timer)> {
        let id = self.timer_id()?;
        let due = self.time()?;
        let purpose = match self.byte()? {
            0 => TimerPurpose::RunTimeout,
            1 => TimerPurpose::Sleep(self.index()?),
            2 => TimerPurpose::Retry(self.index()?),
            3 => TimerPurpose::Deadline(self.index()?),
            4 => TimerPurpose::Wait(self.index()?),
            37 => TimerPurpose::ItemRetry(self.index()?, self.item_index()?),
            50 => TimerPurpose::Start(self.index()?),
            canonical::UNDO => TimerPurpose::Undo(self.index()?),
            _ => return None,
        };
        Some((id, Timer { due, purpose }))
    }

    fn step(&mut self) -> Option<StepRun> {
        let undo = if self.takes_undo() { Some(Box::new(self.undo()?)) } else { None };
        Some(StepRun {
            undo,
            state: self.state()?,
            attempt: Attempt(self.number32()?),
            attempts_forgiven: self.number32()?,
            deadline: self.option(Self::timer_id)?,
            started_at: self.option(Self::time)?,
            settled_at: self.option(Self::time)?,
        })
    }

    /// Whether what concerns undoing comes next; the choice that says so is read.
    fn takes_undo(&mut self) -> bool {
        match self.rest.split_first() {
            Some((&canonical::UNDO, rest)) => {
                self.rest = rest;
                true
            }
            Some(_) | None => false,
        }
    }

    fn undo(&mut self) -> Option<StepUndo> {
        let mut items = None;
        if self.rest.first() == Some(&canonical::items::UNDO_OF_ITEMS) {
            self.byte()?;
            let below = ItemIndex(self.number32()?);
            items = Some(ItemsUndo { below, undone: self.number32()? });
        }
        let state = match self.byte()? {
            0 => UndoState::Pending,
            1 => self.undo_running()?,
            2 => UndoState::Retrying {
                attempt: Attempt(self.number32()?),
                timer: self.option(Self::timer_id)?,
                at: self.time()?,
                failure: self.failure()?,
            },
            3 => UndoState::Failed { failure: self.failure()? },
            4 => UndoState::Undone,
            5 => UndoState::GivenUp,
            _ => return None,
        };
        Some(StepUndo {
            state,
            attempts_forgiven: self.number32()?,
            started_at: self.option(Self::time)?,
            settled_at: self.option(Self::time)?,
            items,
        })
    }

    fn state(&mut self) -> Option<StepState> {
        Some(match self.byte()? {
            0 => StepState::Waiting,
            1 => self.running()?,
            2 => StepState::Sleeping { timer: self.timer_id()?, until: self.time()? },
            3 => StepState::Retrying {
                attempt: Attempt(self.number32()?),
                timer: self.option(Self::timer_id)?,
                at: self.time()?,
                failure: self.failure()?,
            },
            4 => StepState::Completed { output: self.payload()? },
            5 => StepState::Failed { failure: self.failure()?, continued: self.flag()? },
            6 => StepState::Skipped { reason: self.text()?, router: None },
            canonical::STATE_BYPASSED => {
                StepState::Skipped { reason: self.text()?, router: Some(self.index()?) }
            }
            7 => StepState::NotReached,
            8 => StepState::Cancelled,
            40 => StepState::Calling {
                number: self.number32()?,
                input: self.option(Self::payload)?,
                timer: self.option(|reader| Some((reader.timer_id()?, reader.time()?)))?,
                stopping: self.option(Self::failure)?,
            },
            36 => StepState::Iterating,
            9 => StepState::Awaiting {
                what: self.awaited()?,
                timer: self.option(|reader| Some((reader.timer_id()?, reader.time()?)))?,
            },
            _ => return None,
        })
    }

    fn awaited(&mut self) -> Option<Awaited> {
        match self.byte()? {
            0 => Some(Awaited::Signal { name: self.text()? }),
            canonical::AWAITED_EVENT => {
                Some(Awaited::Event { name: self.text()?, reads: self.option(Self::number32)? })
            }
            canonical::updates::AWAITED_UPDATE => Some(Awaited::Update { name: self.text()? }),
            canonical::AWAITED_APPROVAL => {
                Some(Awaited::Approval { by: self.list(Self::text)?, message: self.text()? })
            }
            _ => None,
        }
    }

    fn failure(&mut self) -> Option<Failure> {
        Some(Failure {
            code: self.text()?,
            message: self.text()?,
            fatal: self.flag()?,
            details: self.option(Self::text)?,
        })
    }

    pub(super) fn payload(&mut self) -> Option<Payload> {
        Some(match self.byte()? {
            0 => Payload::Null,
            1 => Payload::Inline(self.content_type()?, Arc::from(self.bytes()?)),
            2 => {
                let (content_type, len) = (self.content_type()?, self.number()?);
                Payload::Stored(content_type, PayloadHash(self.array()?), len)
            }
            _ => return None,
        })
    }

    fn content_type(&mut self) -> Option<ContentType> {
        match self.byte()? {
            0 => Some(ContentType::Json),
            1 => Some(ContentType::Bytes),
            2 => Some(ContentType::Chunks),
            _ => None,
        }
    }

    #[expect(clippy::option_option, reason = "outside: whether it fits; inside: what it says")]
    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }

    pub(super) fn index(&mut self) -> Option<StepIndex> {
        let step = self.number32()?;
        (step < self.step_count).then_some(StepIndex(step))
    }

    fn timer_id(&mut self) -> Option<TimerId> {
        self.number32().map(TimerId)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.array().map(|bytes| Timestamp(i64::from_le_bytes(bytes)))
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.bytes()?).ok().map(str::to_owned)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(super) fn number32(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let overlong = byte == 0 && shift > 0;
            if overlong || bits > u64::MAX >> shift {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn undo_running(&mut self) -> Option<UndoState> {
        let attempt = Attempt(self.number32()?);
        let input = self.option(Self::payload)?;
        let interruptions = self.number32()?;
        let flags = self.byte().filter(|flags| *flags <= 3)?;
        Some(UndoState::Running {
            attempt,
            input,
            interruptions,
            may_repeat: flags & 1 != 0,
            rests: flags & 2 != 0,
            since: self.time()?,
            stopping: self.flag()?,
        })
    }

    fn running(&mut self) -> Option<StepState> {
        let attempt = Attempt(self.number32()?);
        let input = self.option(Self::payload)?;
        let interruptions = self.number32()?;
        let flags = self.byte().filter(|flags| *flags <= 3)?;
        Some(StepState::Running {
            attempt,
            input,
            interruptions,
            may_repeat: flags & 1 != 0,
            rests: flags & 2 != 0,
            since: self.time()?,
            stopping: self.option(Self::failure)?,
        })
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }
}
