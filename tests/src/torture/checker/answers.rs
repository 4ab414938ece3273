//! What clients were told, against the histories: what was acknowledged is there once, what was refused left nothing, and what was
//! seen is still what happened.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Evidence, Verdict, Wrong, digest, end, number, text};

/// The event that a request leaves.
fn leaves(op: &str) -> &'static str {
    match op {
        "start" => "run.started",
        "letter" => "signal.received",
        "add" => "update.accepted",
        "cancel" => "cancel.requested",
        "pause" => "run.paused",
        "resume" => "run.resumed",
        "approve" => "approval.granted",
        "reject" => "approval.rejected",
        _ => "",
    }
}

/// Codes that say that something is damaged or a bug.
fn is_alarm(code: &str) -> bool {
    code.starts_with("NX9")
        || code.starts_with("NX50")
        || matches!(code, "NX6002" | "NX6005" | "NX6006")
}

/// Codes that say that there is no room, or not enough to keep up.
fn is_of_room(code: &str) -> bool {
    matches!(code, "NX6007" | "NX6011" | "NX7006")
}

/// Whether a request was under way in a life that had no room.
fn had_no_room(call: &Value, evidence: &Evidence) -> bool {
    let (sent, answered) = (call["sent"].as_i64(), call["answered"].as_i64());
    let next = evidence.lives.iter().skip(1).map(|(_, began)| *began).chain([i64::MAX]);
    let mut lives = evidence.lives.iter().zip(next);
    lives.any(|((life, began), ended)| {
        let is_in = answered >= Some(*began) && sent <= Some(ended);
        is_in && evidence.ends.iter().any(|end| number(&end["life"]) == *life && starves(end))
    })
}

fn starves(end: &Value) -> bool {
    matches!(text(&end["fate"]), "stunted" | "disk-full")
}

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    let left = left(evidence);
    let mut asked: BTreeMap<&str, &Value> = BTreeMap::new();
    for call in &evidence.calls {
        asked.insert(text(&call["token"]), call);
        let of_call = left.get(text(&call["token"])).map(Vec::as_slice).unwrap_or_default();
        one(call, of_call, evidence, verdict);
    }
    for (token, events) in &left {
        if let Some((run, event)) = events.first().filter(|_| !asked.contains_key(token)) {
            let what = format!(
                "{} was recorded for {token}, a request that reached nobody",
                event["event"]
            );
            verdict.find(Wrong::Broken, run, what);
        }
    }
}

/// The events of all runs that bear the token of a client's request.
fn left(evidence: &Evidence) -> BTreeMap<&str, Vec<(&str, &Value)>> {
    let mut left: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for (run, events) in &evidence.histories {
        let is_called = !events.first().is_some_and(|event| event["data"]["parent"].is_null());
        for event in events {
            let by = &event["data"]["by"];
            // A called run bears the name of who started the one that called it; what is done to that is handed on.
            if text(&by["via"]) == "api" && !is_called {
                left.entry(text(&by["name"])).or_default().push((run, event));
            }
        }
    }
    left
}

fn one(call: &Value, left: &[(&str, &Value)], evidence: &Evidence, verdict: &mut Verdict) {
    let (run, op, outcome) = (text(&call["run"]), text(&call["op"]), text(&call["outcome"]));
    let token = text(&call["token"]);
    let mut find = |wrong, what: String| verdict.find(wrong, run, format!("{op} {token}: {what}"));
    if is_alarm(text(&call["code"])) {
        find(Wrong::Broken, format!("answered with {}: {}", call["code"], call["answer"]));
    }
    if is_of_room(text(&call["code"])) && !had_no_room(call, evidence) {
        find(Wrong::Broken, format!("refused with {} in a life that had room", call["code"]));
    }
    let events = evidence.histories.get(run).map(Vec::as_slice).unwrap_or_default();
    if leaves(op).is_empty() {
        return seen(call, events, &mut find);
    }
    if let Some((_, event)) =
        left.iter().find(|(of, event)| *of != run || text(&event["event"]) != leaves(op))
    {
        find(Wrong::Broken, format!("left {} in its place", event["event"]));
    }
    if left.len() > 1 {
        find(Wrong::Duplicated, format!("is recorded {} times", left.len()));
    }
    match outcome {
        "refused" if !left.is_empty() => {
            find(Wrong::Broken, format!("refused with {}, and recorded", call["code"]));
        }
        "done" if call["answer"]["existing"] == true => {
            if !left.is_empty() {
                find(Wrong::Duplicated, "known already, and recorded again".into());
            }
            if !is_known(call, events) {
                find(Wrong::Lost, "known already, and not in the history".into());
            }
        }
        "done" => match left.first() {
            None => find(Wrong::Lost, "acknowledged, and not in the history".into()),
            Some((_, event)) => agrees(call, event, events, &mut find),
        },
        _ => {}
    }
}

/// Whether what a request repeats is in the history.
fn is_known(call: &Value, events: &[Value]) -> bool {
    let kind = leaves(text(&call["op"]));
    let key = text(&call["key"]);
    events.iter().any(|event| {
        text(&event["event"]) == kind && (key.is_empty() || text(&event["data"]["id"]) == key)
    })
}

/// What was answered fits the event.
fn agrees(call: &Value, event: &Value, events: &[Value], find: &mut impl FnMut(Wrong, String)) {
    let answer = &call["answer"];
    let (key, data) = (text(&call["key"]), &event["data"]);
    if !key.is_empty() && text(&data["id"]) != key {
        find(Wrong::Broken, format!("recorded under the id {}", data["id"]));
    }
    if text(&call["op"]) == "add" {
        if answer["total"] != data["reply"]["total"] {
            find(
                Wrong::Lost,
                format!("answered {}, and {} is recorded", answer["total"], data["reply"]),
            );
        }
        if answer["event"] != event["n"] {
            find(
                Wrong::Reordered,
                format!("is event {}, and {} was answered", event["n"], answer["event"]),
            );
        }
    }
    let revision = answer["revision"].as_u64().unwrap_or_default();
    if revision > events.len() as u64 {
        find(
            Wrong::Lost,
            format!("revision {revision} was answered, and there are {} events", events.len()),
        );
    }
}

/// What a client read is still so.
fn seen(call: &Value, events: &[Value], find: &mut impl FnMut(Wrong, String)) {
    let answer = &call["answer"];
    if text(&call["outcome"]) != "done" {
        return;
    }
    if text(&call["op"]) == "history" {
        let count = usize::try_from(number(&answer["events"])).unwrap_or(usize::MAX);
        if events.get(..count).map(digest) != answer["digest"].as_u64() {
            find(
                Wrong::Lost,
                format!("the {count} events that were seen are not those that happened"),
            );
        }
    }
    let status = text(&answer["status"]);
    if matches!(status, "completed" | "failed" | "cancelled") {
        let last = events.last();
        let output = last.map(|event| &event["data"]["output"]).filter(|_| status == "completed");
        if last.and_then(end) != Some(status)
            || output.is_some_and(|output| *output != answer["outputs"])
        {
            find(
                Wrong::Lost,
                format!("{status} with {} was seen, and is not how it ended", answer["outputs"]),
            );
        }
    }
}
