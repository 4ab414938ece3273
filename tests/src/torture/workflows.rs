//! What runs in a torture: eight workflows that leave a line outside the store for whatever they do, and what they come to.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::functions;

/// Appends a line to the file of effects: run, key, attempt, and the life of the engine that began it.
///
/// `HOME` is one of the few variables that a script has from its engine; each life of a server has its own number there, and a file of its
/// own.
const LINE: &str = "printf '%s %s %s %s\\n' \"$NEXUS_RUN\" \"$NEXUS_KEY\" \"$NEXUS_ATTEMPT\" \"${HOME##*/}\" >> \"$FILE/${HOME##*/}\"";

/// The workflow that a schedule starts, and how often it does, in seconds.
pub(super) const TICK: &str = "tick";
pub(super) const EVERY_S: u64 = 1;
/// How many attempts of jobs may be under way at one time.
const JOBS: u64 = 2;

/// How many letters a mailbox takes, and how many updates a tally.
pub(super) const GOAL: u64 = 4;

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Scripts, a retry, items, a sleep and a call; undone when it fails or is cancelled.
    Order,
    /// Waits for the decision of a person.
    Refund,
    /// Takes signals, one in each round of a loop, and says in which order.
    Mailbox,
    /// Adds up updates; answers with the sum, and says it when asked.
    Tally,
    /// Two steps, of which few may be under way at one time over all runs.
    Job,
    /// Steps and items that remote workers carry out; undone when it is cancelled.
    Remote,
    /// A function with steps in many ways; undone when it fails or is cancelled.
    Bill,
    /// A function that waits for the decision of a person.
    Consent,
    /// A function in rounds that takes signals, and says in which order.
    Letters,
}

impl Work {
    /// Those that every server has.
    pub(super) const ALL: [Self; 6] =
        [Self::Order, Self::Refund, Self::Mailbox, Self::Tally, Self::Job, Self::Remote];
    /// Those that a program has.
    pub(super) const FUNCTIONS: [Self; 3] = [Self::Bill, Self::Consent, Self::Letters];

    /// The name of its workflow.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Refund => "refund",
            Self::Mailbox => "mailbox",
            Self::Tally => "tally",
            Self::Job => "job",
            Self::Remote => "remote",
            Self::Bill => "bill",
            Self::Consent => "consent",
            Self::Letters => "letters",
        }
    }
}

/// Writes the files into a folder; the names of those that are published.
///
/// # Errors
/// Of the file system.
pub(super) fn write(folder: &Path) -> std::io::Result<Vec<String>> {
    let texts = [
        ("leaf", leaf()),
        ("order", order()),
        ("refund", refund()),
        ("mailbox", mailbox()),
        ("tally", tally()),
        ("job", job()),
        ("remote", remote()),
        (TICK, tick()),
    ];
    let mut names = Vec::new();
    for (name, text) in texts {
        let file = format!("{name}.workflow.yaml");
        std::fs::write(folder.join(&file), text)?;
        names.extend((name != "leaf").then_some(file));
    }
    Ok(names)
}

/// What the checker knows of the workflows: their scripts, and what must have settled before a step begins.
pub(super) fn told() -> Value {
    let adds = (2..=GOAL).map(|at| (format!("add{at}"), json!([format!("add{}", at - 1)])));
    let mut tally: serde_json::Map<String, Value> = adds.collect();
    tally.insert("last".into(), json!([format!("add{GOAL}")]));
    let needs = json!({
        "leaf": {"b": ["a"]},
        "order": {
            "price": ["reserve"], "pack": ["reserve"], "lines": ["price", "pack"],
            "pause": ["lines"], "child": ["pause"], "charge": ["child"],
        },
        "refund": {"ok": ["ask"], "pay": ["ok"]},
        "mailbox": {"letter": ["open"], "file": ["letter"], "seen": ["file"], "again": ["seen"]},
        "tally": tally,
        "job": {"two": ["one"]}, "remote": {"b": ["a"], "c": ["b"]},
    });
    let scripts = json!({
        "leaf": ["a", "b"], "order": ["reserve", "price", "pack", "lines", "charge"], "refund": ["ask", "pay"], "mailbox": ["open", "file"],
        "tally": ["last"], "job": ["one", "two"], TICK: ["a"],
    });
    let mut told = json!({
        "needs": needs, "scripts": scripts, "remote": {"remote": ["a", "b", "c"]},
        "undone": {"order": ["reserve", "lines"], "remote": ["a"]}, "goal": GOAL,
        "limits": {"job": JOBS}, "scheduled": {TICK: EVERY_S},
    });
    merge(&mut told, functions::told());
    told
}

/// Adds what is told of other workflows.
fn merge(told: &mut Value, more: Value) {
    match (told, more) {
        (Value::Object(told), Value::Object(more)) => {
            for (name, more) in more {
                merge(told.entry(name).or_insert(Value::Null), more);
            }
        }
        (told, more) => *told = more,
    }
}

/// A script that cannot be started for want of room is tried again; one that fails is not.
fn head(name: &str, inputs: &str) -> String {
    format!(
        "\
nexus: v1
name: {name}
inputs:
  file: string
  note: {{ type: string, default: \"\" }}
{inputs}env: {{ FILE: \"${{{{ inputs.file }}}}\" }}
defaults:
  retry: {{ max_attempts: 1000, initial: 20ms, max: 200ms, give_up_on: [NX3007] }}
"
    )
}

fn tick() -> String {
    head(TICK, "") + &format!("steps:\n  a:\n    run: {LINE}\n")
}

fn job() -> String {
    let limit = format!("concurrency: {{ key: pool, scope: global, limit: {JOBS} }}");
    head("job", "")
        + &format!(
            "\
steps:
  one:
    run: {LINE}; sleep 0.05
    {limit}
  two:
    needs: one
    run: {LINE}
    {limit}
"
        )
}

fn remote() -> String {
    head("remote", "")
        + "\
on_cancel: compensate
steps:
  a:
    uses: worker/line
    compensate:
      uses: worker/line
      retry: { max_attempts: 1000, initial: 10ms, max: 10ms }
  b:
    needs: a
    for_each: [1, 2]
    uses: worker/line
  c:
    needs: b
    uses: worker/line
outputs: done
"
}

fn leaf() -> String {
    head("leaf", "")
        + &format!("steps:\n  a:\n    run: {LINE}\n  b:\n    needs: a\n    run: {LINE}\n")
}

fn order() -> String {
    let undo = format!(
        "    compensate:\n      run: {LINE}\n      retry: {{ max_attempts: 1000, initial: 10ms, max: 10ms }}\n"
    );
    head("order", "  fails: boolean\n")
        + &format!(
            "\
on_failure: compensate
on_cancel: compensate
steps:
  reserve:
    run: {LINE}
{undo}  price:
    needs: reserve
    run: {LINE}; sleep 0.05
  pack:
    needs: reserve
    run: {LINE}; test \"$NEXUS_ATTEMPT\" -gt 1
    retry: {{ max_attempts: 1000, initial: 20ms, max: 200ms }}
  lines:
    needs: [price, pack]
    for_each: [1, 2, 3]
    run: {LINE}
{undo}  pause:
    needs: lines
    sleep: 60ms
  child:
    needs: pause
    call: ./leaf.workflow.yaml
    with: {{ file: \"${{{{ inputs.file }}}}\" }}
  charge:
    needs: child
    run: {LINE}; test \"$FAILS\" = false
    env: {{ FAILS: \"${{{{ inputs.fails }}}}\", FILE: \"${{{{ inputs.file }}}}\" }}
outputs: done
"
        )
}

fn refund() -> String {
    head("refund", "")
        + &format!(
            "\
steps:
  ask:
    run: {LINE}
  ok:
    needs: ask
    approve: {{ by: [\"group:ops\"] }}
    on_error: continue
  pay:
    needs: ok
    if: ${{{{ steps.ok.output.approved }}}}
    run: {LINE}
outputs: ${{{{ steps.ok.output.approved }}}}
"
        )
}

fn mailbox() -> String {
    head("mailbox", "")
        + &format!(
            "\
steps:
  open:
    run: {LINE}
  letter:
    needs: open
    wait_for: {{ signal: letter }}
  file:
    needs: letter
    run: {LINE}
  seen:
    needs: file
    set: {{ all: \"${{{{ (round.carry or '') ~ steps.letter.output.id ~ ' ' }}}}\" }}
  again:
    needs: seen
    repeat:
      from: letter
      until: ${{{{ round.number >= {GOAL} }}}}
      limit: 100
      carry: ${{{{ steps.seen.output.all }}}}
outputs: ${{{{ steps.seen.output.all }}}}
"
        )
}

/// A chain of steps, so that all that was added stays readable for the query.
fn tally() -> String {
    let sum = |upto: u64| {
        (1..=upto).fold("0".to_owned(), |mut sum, at| {
            let _ = write!(sum, " + get(steps.add{at}.output, 'n', 0)");
            sum
        })
    };
    let mut text = head("tally", "") + "steps:\n";
    for at in 1..=GOAL {
        let needs = if at == 1 { String::new() } else { format!("    needs: add{}\n", at - 1) };
        let before = sum(at - 1);
        let _ = write!(
            text,
            "  add{at}:\n{needs}    wait_for:\n      update: add\n      form: {{ n: integer }}\n      accepts: ${{{{ update.n > 0 }}}}\n      \
             reply: {{ total: \"${{{{ {before} + update.n }}}}\" }}\n"
        );
    }
    let total = sum(GOAL);
    let _ = write!(
        text,
        "  last:\n    needs: add{GOAL}\n    run: {LINE}\nqueries:\n  total: ${{{{ {total} }}}}\noutputs: ${{{{ {total} }}}}\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workflow_is_a_good_definition() {
        for text in [leaf(), refund(), mailbox(), tally(), job(), remote(), tick()] {
            crate::definition_json(&text);
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(write(folder.path()).expect("files are written").len(), Work::ALL.len() + 1);
    }
}
