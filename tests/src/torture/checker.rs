//! The checker: says from outside whether anything was lost, done twice, left lying or put into another order.
//!
//! It reads what clients wrote down of their requests, what scripts left outside the store, and the history of every run as JSON, as the
//! engine exports it. It shares no code with the engine, and knows of the workflows only what stands in `told.json`.

mod answers;
mod effects;
mod ends;
mod functions;
mod histories;
mod linear;
mod looked;
mod shared;
mod workers;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

/// What there is to look at.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Requests of clients, as they wrote them down.
    pub calls: Vec<Value>,
    /// The events of each run, by its name.
    pub histories: BTreeMap<String, Vec<Value>>,
    /// Lines that scripts left.
    pub lines: Vec<Line>,
    /// What remote workers were handed, and what their reports were answered.
    pub works: Vec<Value>,
    /// The lives of servers, which follow each other: number, and begin in milliseconds since the Unix epoch.
    pub lives: Vec<(u64, i64)>,
    /// How servers ended: in which life, what befell it, which signal was sent, exit code or signal, and the last that was said.
    pub ends: Vec<Value>,
    /// What the engine says of its store at the end: `verify` and `doctor`, with their exit codes.
    pub looks: Vec<Value>,
    /// What came of replaying each run.
    pub replays: Vec<Value>,
    /// What is known of the workflows.
    pub told: Value,
    /// What the harness itself found, such as a server that ended by itself.
    pub seen: Vec<String>,
}

/// What a script left when it ran.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The run.
    pub run: String,
    /// The idempotency key.
    pub key: String,
    /// The attempt.
    pub attempt: u64,
    /// The life of the server that began it.
    pub life: u64,
}

/// How something can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Acknowledged, seen or done, and not in the history.
    Lost,
    /// Done again after it was recorded as done, or recorded twice.
    Duplicated,
    /// A run that does not come to its end.
    Stranded,
    /// Numbers with holes, an effect before its cause, a step before what it needs.
    Reordered,
    /// Answers that no order of the requests can explain.
    Inconsistent,
    /// Anything else that must not be: an end that does not follow, a bug that the engine reports, a server that ended by itself.
    Broken,
}

/// All of them.
const ALL: [Wrong; 6] = [
    Wrong::Lost,
    Wrong::Duplicated,
    Wrong::Stranded,
    Wrong::Reordered,
    Wrong::Inconsistent,
    Wrong::Broken,
];

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Stranded => "stranded",
            Self::Reordered => "reordered",
            Self::Inconsistent => "not linearizable",
            Self::Broken => "otherwise wrong",
        })
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How.
    pub wrong: Wrong,
    /// With which run.
    pub run: String,
    /// What.
    pub what: String,
}

/// Of so many runs one may be undecided.
const UNDECIDED_ONE_OF: u64 = 1_000;

/// What the checker found, and how much it looked at.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Runs.
    pub runs: u64,
    /// Events of their histories.
    pub events: u64,
    /// Executions of scripts, by the lines they left, and of remote workers.
    pub executions: u64,
    /// Requests of clients.
    pub calls: u64,
    /// Requests whose answer was lost.
    pub unknown: u64,
    /// Runs for which looking for an order of the requests took too long.
    pub undecided: u64,
}

impl Verdict {
    fn find(&mut self, wrong: Wrong, run: &str, what: impl Into<String>) {
        self.findings.push(Finding { wrong, run: run.to_owned(), what: what.into() });
    }

    /// How many findings there are of a kind.
    pub fn count(&self, wrong: Wrong) -> usize {
        self.findings.iter().filter(|finding| finding.wrong == wrong).count()
    }

    /// Whether there are few enough runs about which nothing can be said: one, or one of each `UNDECIDED_ONE_OF`.
    pub fn is_decided(&self) -> bool {
        self.undecided <= (self.runs / UNDECIDED_ONE_OF).max(1)
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.runs += other.runs;
        self.events += other.events;
        self.executions += other.executions;
        self.calls += other.calls;
        self.unknown += other.unknown;
        self.undecided += other.undecided;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, events, executions, calls, unknown, undecided, .. } = self;
        write!(
            formatter,
            "{runs} runs, {events} events, {executions} executions, {calls} requests ({unknown} without an answer)"
        )?;
        if *undecided > 0 {
            write!(formatter, ", {undecided} runs undecided")?;
        }
        for (at, wrong) in ALL.into_iter().enumerate() {
            let joint = if at == 0 { ":" } else { "," };
            write!(formatter, "{joint} {wrong} {}", self.count(wrong))?;
        }
        Ok(())
    }
}

impl Evidence {
    /// Reads a folder.
    ///
    /// # Errors
    /// Of the file system, or if something is no JSON.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut evidence = Self {
            calls: json_lines(&folder.join("calls.jsonl"))?,
            ends: json_lines(&folder.join("ends.jsonl"))?,
            looks: json_lines(&folder.join("looks.jsonl"))?,
            replays: json_lines(&folder.join("replays.jsonl"))?,
            works: json_lines(&folder.join("works.jsonl"))?,
            told: serde_json::from_str(&std::fs::read_to_string(folder.join("told.json"))?)?,
            seen: std::fs::read_to_string(folder.join("seen"))?
                .lines()
                .map(str::to_owned)
                .collect(),
            ..Self::default()
        };
        for history in json_lines(&folder.join("histories.jsonl"))? {
            let events = history["events"].as_array().cloned().unwrap_or_default();
            evidence.histories.insert(text(&history["run"]).to_owned(), events);
        }
        for life in json_lines(&folder.join("lives.jsonl"))? {
            evidence
                .lives
                .push((number(&life["life"]), life["began"].as_i64().unwrap_or_default()));
        }
        for file in std::fs::read_dir(folder.join("effects"))? {
            let lines = std::fs::read_to_string(file?.path())?;
            evidence.lines.extend(lines.lines().filter_map(line));
        }
        evidence.lines.sort();
        Ok(evidence)
    }
}

impl Evidence {
    /// Writes a folder that can be [read](Self::read).
    ///
    /// # Errors
    /// Of the file system.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let lines = |values: Vec<Value>| -> String {
            let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
            lines.join("\n")
        };
        let events = |(run, events): (&String, &Vec<Value>)| json!({"run": run, "events": events});
        let life = |(life, began): &(u64, i64)| json!({"life": life, "began": began});
        let line = |line: &Line| {
            let Line { run, key, attempt, life } = line;
            format!("{run} {key} {attempt} {life}")
        };
        let files: [(&str, String); 10] = [
            ("calls.jsonl", lines(self.calls.clone())),
            ("histories.jsonl", lines(self.histories.iter().map(events).collect())),
            ("lives.jsonl", lines(self.lives.iter().map(life).collect())),
            ("ends.jsonl", lines(self.ends.clone())),
            ("looks.jsonl", lines(self.looks.clone())),
            ("replays.jsonl", lines(self.replays.clone())),
            ("works.jsonl", lines(self.works.clone())),
            ("told.json", self.told.to_string()),
            ("seen", self.seen.join("\n")),
            ("effects/all", self.lines.iter().map(line).collect::<Vec<_>>().join("\n")),
        ];
        std::fs::create_dir_all(folder.join("effects"))?;
        files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
    }

    /// The same without a run, as if nobody had started it.
    #[must_use]
    pub fn without(&self, run: &str) -> Self {
        let mut less = self.clone();
        less.histories.remove(run);
        less.calls.retain(|call| call["run"] != run);
        less.replays.retain(|replay| replay["run"] != run);
        less.lines.retain(|line| line.run != run);
        less.works.retain(|work| work["run"] != run);
        for look in &mut less.looks {
            let findings = look["said"].get_mut("findings").and_then(Value::as_array_mut);
            for finding in
                findings.into_iter().flatten().filter(|finding| finding["name"] == "runs")
            {
                finding["data"]["runs"] = json!(less.histories.len());
            }
        }
        less
    }
}

fn line(line: &str) -> Option<Line> {
    let mut words = line.split(' ');
    let (run, key) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some(Line { run, key, attempt: words.next()?.parse().ok()?, life: words.next()?.parse().ok()? })
}

fn json_lines(file: &Path) -> io::Result<Vec<Value>> {
    let text = std::fs::read_to_string(file)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

/// Looks at everything.
pub fn check(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict {
        runs: evidence.histories.len() as u64,
        events: evidence.histories.values().map(|events| events.len() as u64).sum(),
        executions: (evidence.lines.len() + handed_out(evidence)) as u64,
        calls: evidence.calls.len() as u64,
        unknown: evidence.calls.iter().filter(|call| call["outcome"] == "unknown").count() as u64,
        ..Verdict::default()
    };
    for seen in &evidence.seen {
        verdict.find(Wrong::Broken, "", seen.clone());
    }
    let mut attempts = histories::Attempts::default();
    for (run, events) in &evidence.histories {
        histories::check(run, events, &evidence.told, &mut attempts, &mut verdict);
    }
    effects::check(evidence, &attempts, &mut verdict);
    workers::check(evidence, &attempts, &mut verdict);
    functions::check(evidence, &mut verdict);
    shared::check(evidence, &mut verdict);
    answers::check(evidence, &mut verdict);
    linear::check(evidence, &mut verdict);
    ends::check(evidence, &mut verdict);
    looked::check(evidence, &mut verdict);
    if !verdict.is_decided() {
        let what = format!("for {} runs it is not known whether an order", verdict.undecided);
        verdict.find(Wrong::Inconsistent, "", what + " of the requests explains the answers");
    }
    verdict
}

/// How many tasks remote workers were handed.
fn handed_out(evidence: &Evidence) -> usize {
    evidence.works.iter().filter(|work| work["what"] == "begun").count()
}

/// A number that stands for events: the same for the same ones (FNV-1a over their JSON).
pub fn digest(events: &[Value]) -> u64 {
    let bytes = events.iter().flat_map(|event| event.to_string().into_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// The name of what a function called, without how often it had called that before and in which round.
fn base(step: &str) -> &str {
    step.split(['#', '@']).next().unwrap_or(step)
}

/// How an event ends a run, if it does.
fn end(event: &Value) -> Option<&'static str> {
    match text(&event["event"]) {
        "run.completed" => Some("completed"),
        "run.failed" => Some("failed"),
        "run.cancelled" => Some("cancelled"),
        _ => None,
    }
}
