//! What a function says, as it is recorded.

use std::collections::HashMap;
use std::sync::Arc;

use nexus_model::code::{CallMade, CallsMade, FunctionReturned, LeftSignal};
use nexus_model::command::Command;
use nexus_model::event::Failure;
use nexus_model::id::StepIndex;
use nexus_model::payload::{NewPayload, Payload};
use nexus_model::plan::Plan;

use super::Returned;
use super::said::{Fresh, Said};
use super::trouble::Trouble;
use crate::handler::Data;

/// What a function says, to be recorded.
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) payloads: Vec<NewPayload>,
    /// Definitions that are called.
    pub(crate) callees: Vec<Arc<Plan>>,
}

/// What is said, as it is recorded.
pub(super) fn request(
    (round, turn): (u32, u32),
    counts: &HashMap<String, u32>,
    said: &mut Said,
    left: Vec<(u32, String, Data)>,
) -> Result<Request, Trouble> {
    let mut payloads = Vec::new();
    if said.calls.is_empty()
        && let Some(returned) = &said.returned
    {
        let patches = said.patches.clone();
        let returned = match returned {
            Ok(Returned { data, again }) => {
                let (output, again) = (payload(data, &mut payloads), *again);
                let left = left.into_iter().map(|(number, name, data)| {
                    let payload = payload(&data, &mut payloads);
                    LeftSignal { number, name, payload }
                });
                let left = left.collect();
                let (failure, step) = (None, None);
                FunctionReturned { round, turn, output, again, failure, step, patches, left }
            }
            Err(failure) => {
                let (failure, step) = (Some(failure.clone()), said.blamed);
                let nothing = FunctionReturned::default();
                FunctionReturned { round, turn, failure, step, patches, ..nothing }
            }
        };
        let command = Command::ReturnFunction(Box::new(returned));
        return Ok(Request { command, payloads, callees: Vec::new() });
    }
    let patches = said.patches.clone();
    let mut made = CallsMade { round, turn, patches, ..CallsMade::default() };
    let mut callees = Vec::new();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for call in &mut said.calls {
        let known = counts.get(&call.name).copied().unwrap_or(0);
        let next = numbers.entry(call.name.clone()).or_insert(known);
        let count = *next;
        *next += 1;
        callees.append(&mut call.callees.clone());
        made.calls.push(record(call, count, &mut payloads)?);
    }
    Ok(Request { command: Command::MakeCalls(Box::new(made)), payloads, callees })
}

fn record(
    call: &mut Fresh,
    count: u32,
    payloads: &mut Vec<NewPayload>,
) -> Result<CallMade, Trouble> {
    let does = serde_json::to_string(&call.does);
    let does = does.map_err(|error| Trouble::Refused(error.to_string()))?;
    let input = payload(&call.input, payloads);
    let output = match call.known_output() {
        None => None,
        Some(Ok(data)) => Some(payload(&data, payloads)),
        Some(Err(Failure { message, .. })) => return Err(Trouble::Refused(message)),
    };
    Ok(CallMade {
        step: StepIndex::default(),
        round: 0,
        name: call.name.clone(),
        count,
        does,
        input,
        output,
        needs: Vec::new(),
    })
}

fn payload(data: &Data, payloads: &mut Vec<NewPayload>) -> Payload {
    let (payload, new) = Payload::new(data.content_type, Arc::clone(&data.bytes));
    payloads.extend(new);
    payload
}
