//! Faults that were put into what the checker reads: it has to report each, and nothing else may be wrong before.
//!
//! They are put into what an episode left that was recorded once, `tests/torture/evidence`, in which each has its place; and, as far as
//! they have a place there, into what an episode leaves today. `NEXUS_WRITE_FIXTURES=1` records one anew.

use std::path::PathBuf;

use nexus_tests::torture::checker::{Evidence, check};
use nexus_tests::torture::{Setting, play};
use serde_json::Value;

use crate::faults::{Fault, all};

const KILLS: u64 = 6;

fn recorded() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("torture/evidence")
}

/// Whether the fault has a place in this; if it has, it has to be reported.
fn is_reported(fault: &Fault, evidence: &Evidence) -> bool {
    let (what, wrong, plant) = fault;
    let mut evidence = evidence.clone();
    let is_planted = plant(&mut evidence);
    let verdict = check(&evidence);
    let found = &verdict.findings;
    assert!(
        verdict.count(*wrong) > 0 || !is_planted,
        "{what}: is not reported as {wrong}: {found:?}"
    );
    is_planted
}

#[test]
fn the_checker_reports_every_planted_fault() {
    let evidence = Evidence::read(&recorded()).expect("what was recorded can be read");
    assert_eq!(check(&evidence).findings, Vec::new(), "nothing is wrong before");
    let left: Vec<_> = all().filter(|fault| !is_reported(fault, &evidence)).collect();
    let left: Vec<_> = left.iter().map(|(what, _, _)| what).collect();
    assert!(left.is_empty(), "there is no place for {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_reports_faults_in_what_an_episode_leaves_today() {
    let is_wanted = std::env::var_os("NEXUS_WRITE_FIXTURES").is_some();
    let setting = Setting { disk: false, program: Some(crate::program()) };
    for seed in 4.. {
        let played =
            play(seed, KILLS, None, &setting).await.expect("files can be read and written");
        assert_eq!(played.verdict.findings, Vec::new(), "nothing is wrong before");
        let places = all().filter(|fault| is_reported(fault, &played.evidence)).count();
        if !is_wanted {
            // Which requests were answered when is chance; what servers and runs leave is always there.
            return assert!(places * 2 > all().count(), "only {places} faults have a place");
        }
        if places == all().count() {
            return least(played.evidence).write(&recorded()).expect("it can be recorded");
        }
    }
}

/// Takes away all runs without which every fault still has a place.
fn least(mut evidence: Evidence) -> Evidence {
    let runs: Vec<String> = evidence.histories.keys().cloned().collect();
    for run in runs {
        let less = evidence.without(&run);
        let is_enough =
            check(&less).findings.is_empty() && all().all(|(_, _, plant)| plant(&mut less.clone()));
        if is_enough {
            evidence = less;
        }
    }
    // What is said of the machine is no evidence.
    for look in &mut evidence.looks {
        if let Some(findings) = look["said"].get_mut("findings").and_then(Value::as_array_mut) {
            findings.retain(|finding| finding["name"] == "runs" || finding["name"] == "disk");
        }
    }
    evidence
}
