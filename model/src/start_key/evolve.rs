//! The fold of the starts of one key.

use super::{
    Kept, KeptCancelled, KeptDue, LastRun, RunBegun, RunNotBegun, RunToStart, StartAdmitted,
    StartFailure, StartKept, StartKey, StartKeyEvent,
};
use crate::time::Timestamp;

/// Folds one recorded event into the state. A recorded event always applies. `at` is the time of its transition.
pub(super) fn evolve(key: &mut StartKey, event: &StartKeyEvent, at: Timestamp) {
    match event {
        StartKeyEvent::StartAdmitted(StartAdmitted { run, .. }) => {
            key.number = key.number.max(run.number);
            begin(key, run.clone(), at);
        }
        StartKeyEvent::StartKept(event) => keep(key, event, at),
        StartKeyEvent::KeptDue(KeptDue {}) => {
            if let Some(Kept { number, request, .. }) = key.kept.take() {
                begin(key, RunToStart { number, name: key.run_name(number), request }, at);
            }
        }
        StartKeyEvent::RunBegun(RunBegun { number, run }) => {
            key.starting.remove(number);
            key.started = key.started.saturating_add(1);
            if let Some(last) = key.last.as_mut().filter(|last| last.number == *number) {
                last.run = Some(*run);
            }
        }
        StartKeyEvent::RunNotBegun(RunNotBegun { number, code, message }) => {
            if let Some(RunToStart { name, .. }) = key.starting.remove(number) {
                let (code, message) = (code.clone(), message.clone());
                key.failure = Some(StartFailure { name, code, message });
            }
            // What could not be started is not there to be answered with.
            key.last.take_if(|last| last.number == *number);
        }
        StartKeyEvent::KeptCancelled(KeptCancelled { number, .. }) => {
            key.kept.take_if(|kept| kept.number == *number);
        }
    }
}

fn begin(key: &mut StartKey, run: RunToStart, at: Timestamp) {
    key.last = Some(LastRun { number: run.number, name: run.name.clone(), at, run: None });
    key.starting.insert(run.number, run);
}

fn keep(key: &mut StartKey, event: &StartKept, at: Timestamp) {
    let StartKept { at_most_ms, token, request, number, due, .. } = event;
    key.number = key.number.max(*number);
    if !token.is_empty() {
        key.tokens.remember(token, *number, request);
    }
    let before = key.kept.take();
    let first = before.as_ref().map_or(at, |kept| kept.first);
    key.kept = Some(Kept {
        number: *number,
        request: request.clone(),
        starts: before.map_or(0, |kept| kept.starts).saturating_add(1),
        first,
        latest: at,
        due: *due,
        at_most: at_most_ms.map(|ms| first.plus_ms(ms)),
    });
}
