//! What a request makes of the starts of one key. Each comes to one event.

use super::evolve::evolve;
use super::{
    INPUT_BYTES_MAX, KeptCancelled, KeptDue, RunBegun, RunNotBegun, RunRequest, RunToStart,
    StartAdmitted, StartKept, StartKey, StartKeyCommand, StartKeyEvent, StartKeyRejection,
};
use crate::time::Timestamp;

pub(super) fn decide(
    key: &mut StartKey,
    command: StartKeyCommand,
    now: Timestamp,
) -> Result<Vec<StartKeyEvent>, StartKeyRejection> {
    let event = match command {
        StartKeyCommand::Admit { within_ms, name, request } => {
            StartKeyEvent::StartAdmitted(admit(key, within_ms, name, request, now)?)
        }
        StartKeyCommand::Keep { wait_ms, at_most_ms, token, request } => {
            check_token(key, &token, &request)?;
            check_size(&request)?;
            let (number, first) = match &key.kept {
                Some(kept) => (kept.number, kept.first),
                None => (key.number.saturating_add(1), now),
            };
            let due = due(first, wait_ms, at_most_ms, now);
            let kept = StartKept { wait_ms, at_most_ms, token, request, number, due };
            StartKeyEvent::StartKept(kept)
        }
        StartKeyCommand::Fire if key.kept.as_ref().is_some_and(|kept| kept.due <= now) => {
            StartKeyEvent::KeptDue(KeptDue {})
        }
        StartKeyCommand::Fire => return Err(StartKeyRejection::NotDue),
        StartKeyCommand::Begun { number, run } => {
            check_starting(key, number)?;
            StartKeyEvent::RunBegun(RunBegun { number, run })
        }
        StartKeyCommand::NotBegun { number, code, message } => {
            check_starting(key, number)?;
            StartKeyEvent::RunNotBegun(RunNotBegun { number, code, message })
        }
        StartKeyCommand::Cancel { number, by, reason }
            if key.kept.as_ref().is_some_and(|kept| kept.number == number) =>
        {
            StartKeyEvent::KeptCancelled(KeptCancelled { number, by, reason })
        }
        StartKeyCommand::Cancel { .. } => return Err(StartKeyRejection::NothingKept),
    };
    evolve(key, &event, now);
    Ok(vec![event])
}

fn admit(
    key: &StartKey,
    within_ms: u64,
    asked: String,
    request: RunRequest,
    now: Timestamp,
) -> Result<StartAdmitted, StartKeyRejection> {
    if let Some(last) = key.seen(within_ms, now) {
        return Err(StartKeyRejection::Seen { name: last.name.clone() });
    }
    check_size(&request)?;
    let number = key.number.saturating_add(1);
    let name = if asked.is_empty() { key.run_name(number) } else { asked.clone() };
    Ok(StartAdmitted { within_ms, asked, run: RunToStart { number, name, request } })
}

/// When a start that was put off now is due.
fn due(first: Timestamp, wait_ms: u64, at_most_ms: Option<u64>, now: Timestamp) -> Timestamp {
    let quiet = now.plus_ms(wait_ms);
    at_most_ms.map_or(quiet, |ms| quiet.min(first.plus_ms(ms)))
}

fn check_token(key: &StartKey, token: &str, request: &RunRequest) -> Result<(), StartKeyRejection> {
    // A start without a token counts each time.
    let Some(taken) = key.tokens.find(token).filter(|_| !token.is_empty()) else { return Ok(()) };
    let name = key.run_name(taken.number);
    Err(if taken.is(request) {
        StartKeyRejection::KeptAlready { number: taken.number, name }
    } else {
        StartKeyRejection::KeptOther { token: token.to_owned(), name }
    })
}

fn check_size(request: &RunRequest) -> Result<(), StartKeyRejection> {
    let bytes = request.input.len();
    if bytes > INPUT_BYTES_MAX {
        return Err(StartKeyRejection::TooLarge { bytes });
    }
    Ok(())
}

fn check_starting(key: &StartKey, number: u32) -> Result<(), StartKeyRejection> {
    if key.starting.contains_key(&number) { Ok(()) } else { Err(StartKeyRejection::NotStarting) }
}
