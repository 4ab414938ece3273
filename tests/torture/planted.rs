//! Faults that were put into what the checker reads: it has to report each, and nothing else may be wrong before.

use std::collections::BTreeSet;

use nexus_tests::torture::checker::{Evidence, Line, Wrong, check};
use nexus_tests::torture::play;
use serde_json::{Value, json};

/// Every fault is put into a copy of what a small episode left; one for which it has no place, into that of the next.
const SEEDS: std::ops::Range<u64> = 4..10;
const KILLS: u64 = 6;

/// A fault: its name, what the checker has to call it, and the change. The change says whether it found its place.
type Fault = (&'static str, Wrong, fn(&mut Evidence) -> bool);

const FAULTS: [Fault; 19] = [
    ("an acknowledged start is gone", Wrong::Lost, |evidence| {
        let run = done(evidence, "start", |call| call["answer"]["existing"] == false);
        run.is_some_and(|at| evidence.histories.remove(&name(&evidence.calls[at])).is_some())
    }),
    ("an acknowledged signal is gone", Wrong::Lost, |evidence| {
        drop_event(evidence, "signal.received")
    }),
    ("an acknowledged update is gone", Wrong::Lost, |evidence| {
        drop_event(evidence, "update.accepted")
    }),
    ("an acknowledged decision is gone", Wrong::Lost, |evidence| {
        drop_event(evidence, "approval.granted")
    }),
    ("what a client saw is another thing now", Wrong::Lost, |evidence| {
        let at = done(evidence, "history", |_| true);
        at.is_some_and(|at| {
            let run = name(&evidence.calls[at]);
            change(evidence, &run, 0, |event| event["at"] = json!("2020-01-01T00:00:00.000Z"))
        })
    }),
    ("a step is recorded as done and was not carried out", Wrong::Lost, |evidence| {
        evidence.lines.pop().is_some()
    }),
    (
        "a step is carried out in a later life, after it was recorded as done",
        Wrong::Duplicated,
        |evidence| {
            let later = evidence.lives.last().map(|(life, _)| *life).unwrap_or_default();
            again(evidence, |line| line.life = later)
        },
    ),
    ("a step is carried out twice in a life", Wrong::Duplicated, |evidence| {
        again(evidence, |_| {})
    }),
    ("an attempt has two outcomes", Wrong::Duplicated, |evidence| {
        repeat(evidence, "attempt.failed")
    }),
    ("an attempt begins twice", Wrong::Duplicated, |evidence| repeat(evidence, "step.started")),
    ("a signal counts twice", Wrong::Duplicated, |evidence| repeat(evidence, "signal.received")),
    ("a signal is taken twice", Wrong::Duplicated, |evidence| repeat(evidence, "signal.taken")),
    ("a run ends twice", Wrong::Duplicated, |evidence| repeat(evidence, "run.completed")),
    ("a run is left open", Wrong::Stranded, |evidence| {
        let last = place(evidence, |events| events.len() - 1);
        last.is_some_and(|(run, _)| {
            evidence.histories.get_mut(&run).is_some_and(|events| events.pop().is_some())
        })
    }),
    ("a number is missing", Wrong::Reordered, |evidence| {
        let run = place(evidence, |_| 2).map(|(run, _)| run);
        run.is_some_and(|run| change(evidence, &run, 2, |event| event["n"] = json!(77)))
    }),
    ("an effect comes before its cause", Wrong::Reordered, |evidence| {
        again(evidence, |line| line.attempt += 7)
    }),
    ("a step begins before what it needs", Wrong::Reordered, |evidence| {
        let found =
            find(evidence, |event| event["event"] == "step.started" && event["step"] == "price");
        found.is_some_and(|(run, at)| {
            let events = evidence.histories.get_mut(&run);
            events.is_some_and(|events| {
                let early = events.remove(at);
                events.insert(1, early);
                renumber(events);
                true
            })
        })
    }),
    ("a sum is answered that was not the sum", Wrong::Inconsistent, |evidence| {
        let at = done(evidence, "total", |_| true);
        at.map(|at| evidence.calls[at]["answer"] = json!(4_711)).is_some()
    }),
    ("a server ended by itself", Wrong::Broken, |evidence| {
        evidence.seen.push("life 3: the server ended by itself".into());
        true
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_reports_every_planted_fault() {
    let mut left = FAULTS.to_vec();
    for seed in SEEDS {
        let played = play(seed, KILLS, None, false).await.expect("files can be read and written");
        assert_eq!(played.verdict.findings, Vec::new(), "nothing is wrong before");
        left.retain(|(what, wrong, plant)| {
            let mut evidence = played.evidence.clone();
            let is_planted = plant(&mut evidence);
            let verdict = check(&evidence);
            let is_reported = verdict.count(*wrong) > 0;
            assert!(
                is_reported || !is_planted,
                "{what}: is not reported as {wrong}: {:?}",
                verdict.findings
            );
            !is_planted
        });
        if left.is_empty() {
            return;
        }
    }
    let left: Vec<_> = left.iter().map(|(what, _, _)| what).collect();
    panic!("there is no place for {left:?}");
}

fn name(call: &Value) -> String {
    call["run"].as_str().unwrap_or_default().to_owned()
}

/// An answered request.
fn done(evidence: &Evidence, op: &str, is_it: fn(&Value) -> bool) -> Option<usize> {
    let is_done = |call: &Value| call["op"] == op && call["outcome"] == "done" && is_it(call);
    evidence.calls.iter().position(is_done)
}

/// The first event that is meant, and its run.
fn find(evidence: &Evidence, is_it: impl Fn(&Value) -> bool) -> Option<(String, usize)> {
    evidence
        .histories
        .iter()
        .find_map(|(run, events)| Some((run.clone(), events.iter().position(&is_it)?)))
}

/// A place in the history of some run.
fn place(evidence: &Evidence, at: fn(&Vec<Value>) -> usize) -> Option<(String, usize)> {
    evidence.histories.iter().next().map(|(run, events)| (run.clone(), at(events)))
}

fn change(evidence: &mut Evidence, run: &str, at: usize, change: impl Fn(&mut Value)) -> bool {
    let event = evidence.histories.get_mut(run).and_then(|events| events.get_mut(at));
    event.map(change).is_some()
}

/// As if the events had been recorded like this.
fn renumber(events: &mut [Value]) {
    let first =
        events.iter().filter_map(|event| event["position"].as_u64()).min().unwrap_or_default();
    for (at, event) in events.iter_mut().enumerate() {
        event["n"] = json!(at + 1);
        event["position"] = json!(first + at as u64);
    }
}

/// Takes an event away that a client was told of.
fn drop_event(evidence: &mut Evidence, kind: &str) -> bool {
    let told: BTreeSet<String> = evidence
        .calls
        .iter()
        .filter(|call| call["outcome"] == "done")
        .map(|call| call["token"].to_string())
        .collect();
    let is_told = |event: &Value| {
        event["event"] == kind && told.contains(&event["data"]["by"]["name"].to_string())
    };
    let Some((run, at)) = find(evidence, is_told) else { return false };
    let Some(events) = evidence.histories.get_mut(&run) else { return false };
    events.remove(at);
    renumber(events);
    true
}

fn repeat(evidence: &mut Evidence, kind: &str) -> bool {
    let Some((run, at)) = find(evidence, |event| event["event"] == kind) else { return false };
    let Some(events) = evidence.histories.get_mut(&run) else { return false };
    let event = events[at].clone();
    events.insert(at, event);
    renumber(events);
    true
}

/// The step `ask` of a refund is done.
fn is_asked(event: &Value) -> bool {
    event["event"] == "step.completed" && event["step"] == "ask"
}

fn is_of(line: &Line, run: &str) -> bool {
    line.run == run && line.key.ends_with("/ask")
}

/// One more line like that of a step that was recorded as done.
fn again(evidence: &mut Evidence, change: impl FnOnce(&mut Line)) -> bool {
    let Some((run, _)) = find(evidence, is_asked) else { return false };
    let Some(mut line) = evidence.lines.iter().find(|line| is_of(line, &run)).cloned() else {
        return false;
    };
    change(&mut line);
    evidence.lines.push(line);
    true
}
