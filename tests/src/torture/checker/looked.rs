//! What the engine itself says at the end: of its store, and of every run that it replayed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Evidence, Verdict, Wrong, number, text};

/// Below this `doctor` warns of the room on the disk, in MiB; and how much that may change while it looks.
const ROOM_LOW: u64 = 1_024;
const ROOM_CHANGES: u64 = 64;

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    for verb in ["verify", "doctor"] {
        match evidence.looks.iter().find(|look| look["verb"] == verb) {
            Some(look) => well(look, evidence.histories.len() as u64, verdict),
            None => verdict.find(Wrong::Broken, "", format!("{verb} did not look at the store")),
        }
    }
    let replays: BTreeMap<&str, &Value> =
        evidence.replays.iter().map(|replay| (text(&replay["run"]), replay)).collect();
    for run in evidence.histories.keys() {
        match replays.get(run.as_str()) {
            None => verdict.find(Wrong::Broken, run, "was not replayed"),
            Some(replay) if replay["agrees"] != true => {
                verdict.find(
                    Wrong::Broken,
                    run,
                    format!("its replay differs: {}", replay["differences"]),
                );
            }
            Some(_) => {}
        }
    }
}

/// Warnings are about the machine, and there is one that an episode can explain: a disk with little room.
fn well(look: &Value, runs: u64, verdict: &mut Verdict) {
    let (verb, said) = (text(&look["verb"]), &look["said"]);
    let mut find = |what: String| verdict.find(Wrong::Broken, "", format!("{verb} {what}"));
    let findings = said["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let bad = |finding: &&Value| !matches!(text(&finding["level"]), "fine" | "absent");
    for finding in findings.iter().filter(bad).filter(|finding| !is_explained(finding, look)) {
        find(format!("says {finding}"));
    }
    let warns = findings.iter().any(|finding| finding["level"] == "warning");
    if look["code"].as_u64() != Some(u64::from(warns)) {
        find(format!("ended with code {}: {said}", look["code"]));
    }
    let known = findings.iter().find(|finding| finding["name"] == "runs");
    if verb == "doctor" && known.map(|known| number(&known["data"]["runs"])) != Some(runs) {
        find(format!("knows other runs than the {runs} that were exported: {known:?}"));
    }
}

fn is_explained(finding: &Value, look: &Value) -> bool {
    let room = look["free_mib"].as_u64();
    finding["level"] == "warning"
        && finding["name"] == "disk"
        && room.is_some_and(|room| room < ROOM_LOW + ROOM_CHANGES)
}
