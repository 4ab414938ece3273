//! Faults that are put into what the checker reads: each with what the checker has to call it.

mod functions;

use std::collections::BTreeSet;

use nexus_tests::torture::checker::{Evidence, Line, Wrong};
use serde_json::{Value, json};

/// A fault: its name, what the checker has to call it, and the change. The change says whether it found its place.
pub(crate) type Fault = (&'static str, Wrong, fn(&mut Evidence) -> bool);

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Fault> {
    FAULTS.iter().chain(&functions::FAULTS)
}

const FAULTS: [Fault; 48] = [
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
    ("a server dies of a signal that nobody sent", Wrong::Broken, |evidence| {
        ends(evidence, "killed", |end| (end["sent"], end["signal"]) = (Value::Null, json!(11)))
    }),
    ("a server that is killed ends by itself before", Wrong::Broken, |evidence| {
        ends(evidence, "killed", |end| (end["signal"], end["code"]) = (Value::Null, json!(1)))
    }),
    ("a server that answers does not listen when it is told to end", Wrong::Broken, |evidence| {
        ends(evidence, "told", |end| (end["signal"], end["code"]) = (json!(15), Value::Null))
    }),
    ("a server without room dies of a signal that nobody sent", Wrong::Broken, |evidence| {
        ends(evidence, "killed", |end| starved(end, &json!(11), &Value::Null))
    }),
    ("a server without room aborts and does not say why", Wrong::Broken, |evidence| {
        ends(evidence, "killed", |end| starved(end, &json!(6), &Value::Null))
    }),
    ("a server without room ends with a code that is not documented", Wrong::Broken, |evidence| {
        ends(evidence, "killed", |end| starved(end, &Value::Null, &json!(1)))
    }),
    ("of two servers nobody gets the store", Wrong::Broken, |evidence| {
        let is_there = ends(evidence, "killed", |end| {
            (end["fate"], end["sent"], end["signal"]) = (json!("rival"), Value::Null, Value::Null);
            (end["code"], end["said"]) = (json!(6), json!("error[NX6001]: held"));
        });
        let lost = evidence.ends.iter().find(|end| end["fate"] == "rival").cloned();
        evidence.ends.extend(lost);
        is_there
    }),
    (
        "a server does not get the store, and the one that it asked was not killed",
        Wrong::Broken,
        |evidence| {
            ends(evidence, "killed", |end| {
                (end["fate"], end["sent"], end["signal"]) =
                    (json!("rival"), Value::Null, Value::Null);
                let said = "error[NX7015]: the engine ended before it answered";
                (end["code"], end["said"]) = (json!(6), json!(said));
            })
        },
    ),
    ("nobody knows how a server ended", Wrong::Broken, |evidence| evidence.ends.pop().is_some()),
    ("the log does not verify", Wrong::Broken, |evidence| {
        look(evidence, "verify", |look| look["code"] = json!(10))
    }),
    ("doctor warns and does not say of what", Wrong::Broken, |evidence| {
        look(evidence, "doctor", |look| look["code"] = json!(1))
    }),
    ("doctor warns of what no episode explains", Wrong::Broken, |evidence| {
        warns(evidence, "pending", 100)
    }),
    ("doctor warns of a disk that has room", Wrong::Broken, |evidence| {
        warns(evidence, "disk", 5_000)
    }),
    ("the views have a run less", Wrong::Broken, |evidence| {
        let Some(run) = evidence.histories.last_entry() else { return false };
        let (more, events) = (format!("{}-more", run.key()), run.get().clone());
        evidence.histories.insert(more, events).is_none()
    }),
    ("a replay differs after another that does", Wrong::Broken, |evidence| {
        let [one, .., other] = &mut evidence.replays[..] else { return false };
        (one["agrees"], other["agrees"]) = (json!(true), json!(false));
        true
    }),
    ("a run is not replayed", Wrong::Broken, |evidence| evidence.replays.pop().is_some()),
    ("a request finds no room in a life that has some", Wrong::Broken, |evidence| {
        evidence.ends.iter_mut().for_each(|end| end["fate"] = json!("killed"));
        refused(evidence, |_| true, "NX6007", "no room")
    }),
    ("a refusal has nothing to do with the request", Wrong::Inconsistent, |evidence| {
        refused(evidence, |call| call["op"] == "resume", "NX4105", "does not wait")
    }),
    ("a decision comes too late that is the first", Wrong::Inconsistent, |evidence| {
        early(evidence, "refund", "approve", ("NX4104", "was decided already"))
    }),
    ("no order of the requests is looked for", Wrong::Inconsistent, |evidence| {
        evidence.told["steps_max"] = json!(1);
        true
    }),
    ("a due time has no run", Wrong::Lost, |evidence| {
        let due: Vec<String> =
            evidence.histories.keys().filter(|run| run.starts_with("tick@")).cloned().collect();
        let [_, middle, .., _] = &due[..] else { return false };
        *evidence = evidence.without(middle);
        true
    }),
    ("a schedule starts nothing", Wrong::Lost, |evidence| {
        let due: Vec<String> =
            evidence.histories.keys().filter(|run| run.starts_with("tick@")).cloned().collect();
        for run in &due {
            *evidence = evidence.without(run);
        }
        !due.is_empty()
    }),
    ("a task is handed out twice", Wrong::Duplicated, |evidence| {
        let task = handed_out(evidence).cloned();
        task.map(|task| evidence.works.push(task)).is_some()
    }),
    ("a task is handed out after it was recorded as done", Wrong::Duplicated, |evidence| {
        let Some(mut task) = handed_out(evidence).cloned() else { return false };
        task["token"] = json!(1_000);
        evidence.works.push(task);
        true
    }),
    ("a task is handed out that no event has begun", Wrong::Reordered, |evidence| {
        let Some(mut task) = handed_out(evidence).cloned() else { return false };
        task["token"] = json!(1);
        evidence.works.push(task);
        true
    }),
    ("what a worker was told is done is recorded as another's", Wrong::Lost, |evidence| {
        let done = evidence.works.iter_mut().find(|work| is_done_of_step(work));
        done.map(|done| done["token"] = json!(1)).is_some()
    }),
    ("a failure that was acknowledged is gone", Wrong::Lost, |evidence| {
        let Some(mut failed) = handed_out(evidence).cloned() else { return false };
        (failed["what"], failed["attempt"]) = (json!("failed"), json!(77));
        evidence.works.push(failed);
        true
    }),
    ("a task is recorded as done, and nobody was handed it", Wrong::Lost, |evidence| {
        let all = evidence.works.len();
        evidence.works.retain(|work| work["what"] != "begun");
        evidence.works.len() < all
    }),
    ("more attempts are under way than a limit allows", Wrong::Broken, |evidence| {
        evidence.told["limits"]["job"] = json!(0);
        find(evidence, |event| event["event"] == "step.started" && event["step"] == "two").is_some()
    }),
];

/// A report that was acknowledged, about what is no undo.
fn is_done_of_step(work: &Value) -> bool {
    work["what"] == "completed" && !work["key"].as_str().is_some_and(|key| key.contains("/undo"))
}

/// What a worker was handed that was recorded as done.
fn handed_out(evidence: &Evidence) -> Option<&Value> {
    let done = evidence.works.iter().find(|work| is_done_of_step(work))?;
    let is_it = |work: &&Value| {
        work["what"] == "begun" && work["key"] == done["key"] && work["token"] == done["token"]
    };
    evidence.works.iter().find(is_it)
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

/// Changes how a server ended to which this befell.
fn ends(evidence: &mut Evidence, fate: &str, change: impl FnOnce(&mut Value)) -> bool {
    let is_it = |end: &&mut Value| end["fate"] == fate && end["answered"] == true;
    evidence.ends.iter_mut().find(is_it).map(change).is_some()
}

/// As if it had had no room, and ended so.
fn starved(end: &mut Value, signal: &Value, code: &Value) {
    let said = "error[NX7777]: who knows";
    (end["fate"], end["sent"], end["said"]) = (json!("stunted"), Value::Null, json!(said));
    (end["signal"], end["code"]) = (signal.clone(), code.clone());
}

fn look(evidence: &mut Evidence, verb: &str, change: impl FnOnce(&mut Value)) -> bool {
    evidence.looks.iter_mut().find(|look| look["verb"] == verb).map(change).is_some()
}

/// `doctor` warns, on a disk with this much room.
fn warns(evidence: &mut Evidence, of: &str, free_mib: u64) -> bool {
    look(evidence, "doctor", |look| {
        (look["code"], look["free_mib"]) = (json!(1), json!(free_mib));
        let warning = json!({"level": "warning", "name": of, "text": "beware"});
        look["said"]["findings"].as_array_mut().expect("findings").push(warning);
    })
}

/// A request that was answered was refused.
fn refused(evidence: &mut Evidence, is_it: fn(&Value) -> bool, code: &str, why: &str) -> bool {
    let mut calls = evidence.calls.iter_mut();
    let found = calls.find(|call| call["outcome"] != "unknown" && is_it(call));
    found.map(|call| refuse(call, code, why)).is_some()
}

fn refuse(call: &mut Value, code: &str, why: &str) {
    (call["outcome"], call["code"], call["answer"]) = (json!("refused"), json!(code), json!(why));
}

/// A request that is refused while the run is being started, before anybody else asks for anything.
fn early(evidence: &mut Evidence, work: &str, op: &str, (code, why): (&str, &str)) -> bool {
    let is_it =
        |call: &&Value| call["work"] == work && call["op"] == "start" && call["outcome"] == "done";
    let Some(start) = evidence.calls.iter().find(is_it) else { return false };
    let mut call = start.clone();
    call["returned"] = json!(call["invoked"].as_u64().unwrap_or_default() + 1);
    (call["op"], call["token"]) = (json!(op), json!("c99-1"));
    refuse(&mut call, code, why);
    evidence.calls.push(call);
    true
}
