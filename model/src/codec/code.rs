//! What functions say as bytes, and the calls of a snapshot.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::canonical::{self, Payloads};
use super::decode::Wire;
use super::encode::put;
use super::snapshot::Reader;
use super::wire::{FailureV1, PayloadV1};
use crate::code::{CallMade, CallsMade, CodeRun, FunctionReturned, LeftSignal};
use crate::event::Event;
use crate::id::StepIndex;
use crate::plan::Plan;
use crate::run::Run;

/// Number of the section of the function whose calls are the steps.
pub(super) const SECTION_CODE: u8 = 87;

/// Bytes of the length that stands behind the calls of a snapshot.
const LEN_BYTES: usize = 4;

#[derive(Serialize, Deserialize)]
pub(super) struct CallsMadeV1<'a> {
    round: u32,
    turn: u32,
    #[serde(borrow)]
    calls: Vec<CallMadeV1<'a>>,
    patches: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct CallMadeV1<'a> {
    step: u32,
    round: u32,
    name: &'a str,
    count: u32,
    does: &'a str,
    #[serde(borrow)]
    input: PayloadV1<'a>,
    #[serde(borrow)]
    output: Option<PayloadV1<'a>>,
    needs: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FunctionReturnedV1<'a> {
    round: u32,
    turn: u32,
    #[serde(borrow)]
    output: PayloadV1<'a>,
    again: bool,
    #[serde(borrow)]
    failure: Option<FailureV1<'a>>,
    patches: Vec<String>,
    #[serde(borrow)]
    left: Vec<LeftSignalV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct LeftSignalV1<'a> {
    number: u32,
    name: &'a str,
    #[serde(borrow)]
    payload: PayloadV1<'a>,
}

pub(super) fn put_calls_made(out: &mut Vec<u8>, made: &CallsMade) {
    let CallsMade { round, turn, calls, patches } = made;
    let calls = calls.iter().map(CallMadeV1::of).collect();
    let (round, turn) = (*round, *turn);
    put(out, &CallsMadeV1 { round, turn, calls, patches: patches.clone() });
}

pub(super) fn put_function_returned(out: &mut Vec<u8>, returned: &FunctionReturned) {
    let FunctionReturned { round, turn, output, again, failure, step, patches, left } = returned;
    let patches = patches.clone();
    let failure = failure.as_ref().map(FailureV1::from);
    let (round, turn, output, again) = (*round, *turn, output.into(), *again);
    let left = left.iter().map(|LeftSignal { number, name, payload }| LeftSignalV1 {
        number: *number,
        name,
        payload: payload.into(),
    });
    let left = left.collect();
    put(out, &FunctionReturnedV1 { round, turn, output, again, failure, patches, left });
    if let Some(step) = step {
        put(out, &step.0);
    }
}

impl<'a> CallMadeV1<'a> {
    fn of(call: &'a CallMade) -> Self {
        let CallMade { step, round, name, count, does, input, output, needs } = call;
        Self {
            step: step.0,
            round: *round,
            name,
            count: *count,
            does,
            input: input.into(),
            output: output.as_ref().map(PayloadV1::from),
            needs: needs.iter().map(|need| need.0).collect(),
        }
    }

    fn call(self) -> Option<CallMade> {
        Some(CallMade {
            step: StepIndex(self.step),
            round: self.round,
            name: self.name.to_owned(),
            count: self.count,
            does: self.does.to_owned(),
            input: self.input.payload()?,
            output: match self.output {
                Some(output) => Some(output.payload()?),
                None => None,
            },
            needs: self.needs.into_iter().map(StepIndex).collect(),
        })
    }
}

impl<'a> Wire<'a> for CallsMadeV1<'a> {
    fn event(self) -> Option<Event> {
        let calls = self.calls.into_iter().map(CallMadeV1::call).collect::<Option<_>>()?;
        let Self { round, turn, patches, .. } = self;
        Some(Event::CallsMade(Box::new(CallsMade { round, turn, calls, patches })))
    }
}

impl<'a> Wire<'a> for FunctionReturnedV1<'a> {
    fn event(self) -> Option<Event> {
        let left = self.left.into_iter().map(|LeftSignalV1 { number, name, payload }| {
            Some(LeftSignal { number, name: name.to_owned(), payload: payload.payload()? })
        });
        Some(Event::FunctionReturned(Box::new(FunctionReturned {
            round: self.round,
            turn: self.turn,
            output: self.output.payload()?,
            again: self.again,
            failure: self.failure.map(|failure| failure.failure()),
            step: None,
            patches: self.patches,
            left: left.collect::<Option<_>>()?,
        })))
    }
}

/// The body of version 2: that of version 1, and the call whose failure it is.
#[derive(Deserialize)]
pub(super) struct FunctionReturnedV2<'a> {
    #[serde(borrow)]
    v1: FunctionReturnedV1<'a>,
    step: u32,
}

impl<'a> Wire<'a> for FunctionReturnedV2<'a> {
    fn event(self) -> Option<Event> {
        let mut event = self.v1.event()?;
        if let Event::FunctionReturned(returned) = &mut event {
            returned.step = Some(StepIndex(self.step));
        }
        Some(event)
    }
}

/// Whether an event is a function that handed on the failure of a call: then its body is one of version 2.
pub(super) fn names_a_call(event: &Event) -> bool {
    matches!(event, Event::FunctionReturned(returned) if returned.step.is_some())
}

/// Appends the calls that are the steps of a plan, and their length.
pub(super) fn put_calls_of(out: &mut Vec<u8>, plan: &Plan) {
    if !plan.is_code() {
        return;
    }
    let before = out.len();
    let calls = plan.calls_made().map(|call| CallMadeV1::of(call)).collect();
    put(out, &CallsMadeV1 { round: 0, turn: 0, calls, patches: Vec::new() });
    let len = u32::try_from(out.len() - before).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
}

/// A snapshot without the calls of its plan, and those; `None` if they cannot be read.
pub(super) fn take_calls<'a>(plan: &Plan, state: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    if !plan.is_code() {
        return Some((state, &[]));
    }
    let (rest, len) = state.split_last_chunk::<LEN_BYTES>()?;
    let at = rest.len().checked_sub(u32::from_le_bytes(*len) as usize)?;
    rest.split_at_checked(at)
}

/// The plan whose steps are these calls; `base` is the one of the definition.
pub(super) fn grown(base: &Plan, calls: &[u8]) -> Option<Plan> {
    let (wire, rest) = super::decode::take::<CallsMadeV1<'_>>(calls)?;
    let calls = wire.calls.into_iter().map(CallMadeV1::call).collect::<Option<Vec<_>>>()?;
    let in_order = (0..).map(StepIndex).zip(&calls).all(|(at, call)| call.step == at);
    if !rest.is_empty() || !in_order {
        return None;
    }
    let calls: Vec<Arc<CallMade>> = calls.into_iter().map(Arc::new).collect();
    base.of_calls(&calls).ok()
}

impl canonical::Writer {
    /// What a run knows of its function. The calls themselves count for the hash by what they are.
    pub(super) fn code(&mut self, plan: &Plan, run: &Run, payloads: Payloads) {
        let Some(code) = run.code.as_deref() else { return };
        let CodeRun { round, began, turn, spoke, open, settled, free, output, failed } = code;
        self.byte(SECTION_CODE);
        self.number(*round);
        self.number(*began);
        self.number(*turn);
        self.flag(*spoke);
        self.count(open.len());
        for step in open.iter() {
            self.index(step);
        }
        self.count(settled.len());
        for step in settled.iter() {
            self.index(step);
        }
        self.count(free.len());
        for step in free.iter() {
            self.index(step);
        }
        self.option(output.as_ref(), Self::payload);
        self.option(failed.as_ref(), |writer, turn| writer.number(*turn));
        if payloads == Payloads::References {
            for call in plan.calls_made() {
                let CallMade { step: _, round, name, count, does, input, output, needs } = &**call;
                self.number(*round);
                self.text(name);
                self.number(*count);
                self.text(does);
                self.payload(input);
                self.option(output.as_ref(), Self::payload);
                self.count(needs.len());
                for need in needs {
                    self.index(*need);
                }
            }
        }
    }
}

impl Reader<'_> {
    pub(super) fn code(&mut self) -> Option<CodeRun> {
        let (round, began) = (self.number32()?, self.number32()?);
        let (turn, spoke) = (self.number32()?, self.flag()?);
        let open = self.list(Self::index)?;
        let settled = self.list(Self::index)?.into_iter().collect();
        let free = self.list(Self::index)?;
        let sorted = |steps: &[StepIndex]| steps.is_sorted_by(|a, b| a < b);
        let in_order = sorted(&free) && sorted(&open);
        let output = self.option(Self::payload)?;
        let failed = self.option(Self::number32)?;
        let (open, free) = (open.into_iter().collect(), free.into_iter().collect());
        let code = CodeRun { round, began, turn, spoke, open, settled, free, output, failed };
        in_order.then_some(code)
    }
}
