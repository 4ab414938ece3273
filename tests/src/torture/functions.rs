//! Workflows that are functions, which are run again from their beginning after every kill and given what is recorded: what they do,
//! and what the checker is told of them.
//!
//! What their steps bring is drawn while they are carried out. So what a run comes to can be told from what is recorded, and from
//! nothing else.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nexus_engine::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::workflows::{GOAL, Work};

/// Where steps leave their lines; of a server that has functions.
pub(super) const EFFECTS: &str = "NEXUS_TORTURE_EFFECTS";
/// What steps bring is less than this.
const DRAWN_MAX: u64 = 1_000_000;
/// What takes letters.
const LETTER: Signal<Letter> = Signal::new("letter");
/// How often a round waits for a letter, each time for so long.
const WAITS: u64 = 3;
const WAIT: Duration = Duration::from_millis(150);

/// What a bill is asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Asked {
    /// Whether its last step fails.
    #[serde(default)]
    fails: bool,
}

/// A signal.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Letter {
    id: u64,
}

/// What rounds hand on to each other.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Mail {
    #[serde(default)]
    all: String,
    #[serde(default)]
    count: u64,
}

/// All functions.
#[derive(Clone, Debug)]
pub(super) struct Functions {
    pub(super) bill: Workflow<Value, Value>,
    pub(super) part: Workflow<Value, Value>,
    pub(super) consent: Workflow<Value, Value>,
    pub(super) letters: Workflow<Mail, String>,
}

impl Functions {
    /// Makes them.
    pub(super) fn new() -> Result<Self> {
        let part = Workflow::code("part", part)?;
        let called = part.clone();
        let bill =
            Workflow::code("bill", move |cx: Cx, asked: Value| bill(cx, asked, called.clone()))?;
        Ok(Self {
            bill,
            part,
            consent: Workflow::code("consent", consent)?,
            letters: Workflow::repeat("letters", letters)?,
        })
    }

    /// The definition that starts a run of one.
    pub(super) fn definition(&self, work: Work) -> Option<Value> {
        let plan = match work {
            Work::Bill => self.bill.plan(),
            Work::Consent => self.consent.plan(),
            Work::Letters => self.letters.plan(),
            Work::Order | Work::Refund | Work::Mailbox | Work::Tally | Work::Job | Work::Remote => {
                return None;
            }
        };
        serde_json::from_slice(&plan.definition().to_canonical_json()).ok()
    }
}

/// What the checker knows of functions: which steps have settled before one begins, which leave lines and which are undone; and what the
/// output follows from: of which steps it has the sum, what was computed once, the first of which is the one that counts, what a person decided,
/// and how many letters were taken. For those who ask each is like another workflow.
pub(super) fn told() -> Value {
    let lines = ["line", "line#2", "line#3"];
    json!({
        "needs": {
            "part": {"second": ["first"]},
            "bill": {
                "hold": ["token"], "price": ["hold"], "pack": ["hold"], "doubt": ["price", "pack", "sleep"], "line": ["doubt"],
                "slow": lines, "charge": ["part"],
            },
            "consent": {"ok": ["ask"], "pay": ["ok"]},
        },
        "scripts": {
            "part": ["first", "second"], "bill": ["hold", "price", "pack", "line", "slow", "charge"], "consent": ["ask", "pay"],
            "letters": ["file"],
        },
        "undone": {"bill": ["hold", "line", "line#2", "line#3"]},
        "functions": {
            "part": {"sum": ["first", "second"]},
            "bill": {
                "sum": ["hold", "price", "pack", "line", "part", "charge"], "once": "token", "raced": ["slow", "sleep#2"],
            },
            "consent": {"approved": "ok"}, "letters": {"letters": GOAL},
        },
        "like": {"bill": "order", "consent": "refund", "letters": "mailbox"},
    })
}

/// Steps one after the other, side by side, for each of several, against a timer; one that fails once, one that fails for good, a call,
/// and something computed once. Undone when it fails or is cancelled.
async fn bill(cx: Cx, asked: Value, called: Workflow<Value, Value>) -> Result<Value> {
    let asked: Asked =
        serde_json::from_value(asked).map_err(|error| cx.fail("E_ASKED", error.to_string()))?;
    let run = cx.run_id().to_owned();
    let token = cx.side_effect("token", move || computed(&run)).await?;
    let held = cx
        .step("hold", line.retry(often()).undo(unline.retry(often())), json!(cx.random("salt")))
        .await?;
    let (price, pack, slept) = tokio::join!(
        cx.step("price", slow_line.retry(often()), json!(cx.uuid("price").to_string())),
        cx.step("pack", second_time.retry(often()), json!(token)),
        cx.sleep(Duration::from_millis(40)),
    );
    let (price, pack, ()) = (price?, pack?, slept?);
    // It fails for good, and the function goes on.
    if cx.step("doubt", refused, json!(cx.now())).await.is_ok() {
        return Err(cx.fail("E_DOUBT", "what fails for good has come to something"));
    }
    let lines = cx.each(
        "line",
        line.retry(often()).undo(unline.retry(often())),
        vec![json!(1), json!(2), json!(3)],
    );
    let lines: Vec<u64> = lines.limit(2).await?;
    let raced = tokio::select! {
        slow = cx.step("slow", slow_line.retry(often()), json!(cx.uuid("slow").to_string())) => Some(slow?),
        slept = cx.sleep(Duration::from_millis(30)) => { slept?; None }
    };
    let part = cx.call("part", &called, json!({})).await?;
    let charged = cx.step("charge", charge.retry(often()), json!(asked.fails)).await?;
    let sum = held + price + pack + lines.iter().sum::<u64>() + charged;
    Ok(
        json!({"sum": sum + part["sum"].as_u64().unwrap_or_default(), "once": token, "raced": raced}),
    )
}

/// What is called.
async fn part(cx: Cx, _: Value) -> Result<Value> {
    let first = cx.step("first", line.retry(often()), json!(1)).await?;
    let second = cx.step("second", line.retry(often()), json!(2)).await?;
    Ok(json!({"sum": first + second}))
}

/// Waits for the decision of a person.
async fn consent(cx: Cx, _: Value) -> Result<Value> {
    cx.step("ask", line.retry(often()), json!(1)).await?;
    let decided = cx.approve("ok", Approval::by("group:ops")).await?;
    if decided.approved {
        cx.step("pay", line.retry(often()), json!(2)).await?;
    }
    Ok(json!(decided.approved))
}

/// Takes signals, and says in which order. Waits for them are given up again and again, in the round and with it.
async fn letters(cx: Cx, mut mail: Mail) -> Result<Next<Mail, String>> {
    for _ in 0..WAITS {
        let letter = tokio::select! {
            letter = cx.wait(&LETTER) => letter?,
            slept = cx.sleep(WAIT) => { slept?; continue }
        };
        cx.step("file", line.retry(often()), json!(letter.id)).await?;
        mail = Mail { all: format!("{}{} ", mail.all, letter.id), count: mail.count + 1 };
        if mail.count >= GOAL {
            return Ok(Next::Done(mail.all));
        }
    }
    Ok(Next::Again(mail))
}

/// A line cannot be left where there is no room.
fn often() -> Retry {
    Retry::constant(1_000, Duration::from_millis(20))
}

/// Leaves a line, and brings a number that nobody else brings.
async fn line(cx: StepCx, _: Value) -> StepResult<u64> {
    leaves(&cx)
}

/// The same, after a while that differs.
async fn slow_line(cx: StepCx, _: Value) -> StepResult<u64> {
    let brings = leaves(&cx)?;
    tokio::time::sleep(Duration::from_millis(brings % 60)).await;
    Ok(brings)
}

/// Fails the first time.
async fn second_time(cx: StepCx, _: Value) -> StepResult<u64> {
    let brings = leaves(&cx)?;
    if cx.attempt() < 2 {
        return Err(StepError::retry("not the first time"));
    }
    Ok(brings)
}

/// Fails for good.
async fn refused(cx: StepCx, _: Value) -> StepResult<u64> {
    leaves(&cx)?;
    Err(StepError::fatal("never"))
}

/// Fails for good where that is wanted.
async fn charge(cx: StepCx, fails: Value) -> StepResult<u64> {
    let brings = leaves(&cx)?;
    if fails == true {
        return Err(StepError::fatal("the card is refused"));
    }
    Ok(brings)
}

/// Leaves a line as well.
async fn unline(cx: StepCx, _: u64) -> StepResult<()> {
    leaves(&cx).map(|_| ())
}

fn leaves(cx: &StepCx) -> StepResult<u64> {
    let run = &cx.info().run_name;
    leave(run, &cx.idempotency_key(), cx.attempt().into())
        .map_err(|error| StepError::retry(format!("no line can be left: {error}")))?;
    Ok(drawn())
}

/// Computes what must not be computed again once it is recorded: the line has it in the place of an attempt.
fn computed(run: &str) -> u64 {
    let brings = drawn();
    // Where there is no room for the line there is none for the record either, so that nobody misses it.
    let _ = leave(run, &format!("once:{run}"), brings);
    brings
}

fn drawn() -> u64 {
    1 + RandomState::new().hash_one(()) % DRAWN_MAX
}

/// Appends a line to the file of this life, as scripts do.
fn leave(run: &str, key: &str, attempt: u64) -> io::Result<()> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let home = named("HOME");
    let life = home.file_name().unwrap_or_default().to_string_lossy();
    let file = named(EFFECTS).join(&*life);
    let line = format!("{run} {key} {attempt} {life}\n");
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}
