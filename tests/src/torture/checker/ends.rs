//! How servers ended: by the signal that they were sent, or as it is documented for what befell them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Evidence, Verdict, Wrong, number, text};

/// `SIGABRT`, `SIGKILL` and `SIGTERM`.
const ABORT: i64 = 6;
const KILL: i64 = 9;
const TERMINATE: i64 = 15;
/// How `serve` ends after `SIGTERM`, when the store cannot be had, and when it is damaged.
const TERMINATED: i64 = 143;
const UNREACHABLE: i64 = 6;
const DAMAGED: i64 = 10;
/// The last words of a server whose log could not be written.
const LAST_WORDS: &str = "whether the last transitions are durable is unknown, ending the process";
/// What a server says whose views cannot be written. They are no part of the log, and made again from it.
const VIEWS: &str = "error[NX6011]";
/// What a server says whose store another one has, and whose question to that one was cut off by its end.
const HELD: &str = "error[NX6001]";
const CUT_OFF: &str = "error[NX7015]: the engine ended before it answered";

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    let mut losers: BTreeMap<u64, u64> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for end in &evidence.ends {
        let life = number(&end["life"]);
        ended.insert(life);
        let how = if is_cut_off(end, &evidence.ends) { How::Lost } else { how(end) };
        if how == How::Wrong {
            let (fate, code, signal) = (text(&end["fate"]), &end["code"], &end["signal"]);
            let what = format!(
                "life {life} ({fate}): was sent {}, and ended with code {code}, signal {signal}: {}",
                end["sent"], end["said"]
            );
            verdict.find(Wrong::Broken, "", what);
        } else if how == How::Lost {
            *losers.entry(life).or_default() += 1;
        }
    }
    for (life, _) in losers.iter().filter(|(_, losers)| **losers > 1) {
        verdict.find(
            Wrong::Broken,
            "",
            format!("life {life}: of two servers nobody got the store"),
        );
    }
    for (life, _) in evidence.lives.iter().filter(|(life, _)| !ended.contains(life)) {
        verdict.find(Wrong::Broken, "", format!("life {life}: nobody knows how it ended"));
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// As it was told to.
    Told,
    /// By itself, as it must when it has no room.
    Starved,
    /// It did not get the store that another one has.
    Lost,
    Wrong,
}

/// Whether a server did not get the store because it asked the one that has it when that was killed.
fn is_cut_off(end: &Value, ends: &[Value]) -> bool {
    let killed = |other: &Value| other["life"] == end["life"] && other["sent"] == KILL;
    let is_out = end["code"] == UNREACHABLE && end["sent"].is_null() && end["fate"] == "rival";
    is_out && text(&end["said"]).contains(CUT_OFF) && ends.iter().any(killed)
}

fn how(end: &Value) -> How {
    let (sent, code, signal) = (end["sent"].as_i64(), end["code"].as_i64(), end["signal"].as_i64());
    let is_told = match sent {
        Some(KILL) => signal == Some(KILL),
        // A signal that comes before the server listens for it ends it as any other process.
        Some(TERMINATE) => {
            code == Some(TERMINATED) || (signal == Some(TERMINATE) && end["answered"] == false)
        }
        _ => false,
    };
    if is_told {
        return How::Told;
    }
    let says = |words| text(&end["said"]).contains(words);
    match (text(&end["fate"]), code, signal) {
        ("stunted" | "disk-full", None, Some(ABORT)) if says(LAST_WORDS) => How::Starved,
        ("stunted" | "disk-full", Some(DAMAGED), None) if says(VIEWS) => How::Starved,
        ("stunted" | "disk-full", Some(UNREACHABLE), None) if says("error[NX") => How::Starved,
        ("rival", Some(UNREACHABLE), None) if says(HELD) => How::Lost,
        _ => How::Wrong,
    }
}
