//! The notation of stories: definitions and commands as text.

use std::collections::BTreeMap;

use serde_json::{Value, json};

mod function;
mod items;
mod updates;

use super::bench::Bench;
use crate::command::{ApprovalAnswer, Command};
use crate::definition::{
    Approval, Backoff, CircuitBreaker, Compensate, Concurrency, Definition, OnApprovalTimeout,
    OnEnd, OnError, OnSignalTimeout, Repeat, Retry, Step, StepKind, Switch, SwitchCase, WhenNeeds,
    WhileOpen,
};
use crate::event::{Actor, ChildEnd, Failure, Interruption, Parent, RunStarted};
use crate::id::{Attempt, DefinitionHash, ItemIndex, RunId, StepIndex, TimerId};
use crate::limit::Ticket;
use crate::migration::{MigrateRun, Target};
use crate::payload::Payload;
use crate::topic::offer_id;

/// A story, taken apart.
#[derive(Default)]
pub(super) struct Story {
    workflow: Vec<String>,
    /// The definition that `migrate` goes on with.
    pub(super) other: Vec<String>,
    pub(super) given: Vec<String>,
    pub(super) when: Vec<String>,
    pub(super) then: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Story {
    pub(super) fn parse(text: &str) -> Self {
        let mut story = Self::default();
        let mut section = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            let is_section =
                ["workflow", "other", "given", "when", "then", "after"].contains(&first);
            let items = if is_section { rest } else { line };
            if is_section {
                first.clone_into(&mut section);
            }
            let into = match section.as_str() {
                "workflow" => &mut story.workflow,
                "other" => &mut story.other,
                "given" => &mut story.given,
                "when" => &mut story.when,
                "then" => &mut story.then,
                _ => &mut story.after,
            };
            let items = items.split(';').map(str::trim).filter(|item| !item.is_empty());
            into.extend(items.map(str::to_owned));
        }
        story
    }

    pub(super) fn definition(&self) -> Definition {
        definition(&self.workflow)
    }
}

/// Reads a definition: one item per step, `run …` for the whole.
pub(super) fn definition(items: &[impl AsRef<str>]) -> Definition {
    let mut definition =
        Definition { name: "test".to_owned(), input_is_value: true, ..Definition::default() };
    for item in items {
        let item = item.as_ref();
        match item.split_once(' ') {
            Some(("run", settings)) => {
                for (key, argument) in settings_of(settings) {
                    match key.as_str() {
                        "timeout" => definition.timeout_ms = Some(ms(&argument)),
                        "code" => definition.code = true,
                        "undoes" => definition.on_failure = OnEnd::Compensate,
                        "undoes_cancelled" => definition.on_cancel = OnEnd::Compensate,
                        "maps" => definition.outputs = Some(value(&argument)),
                        "env" => definition.env = serde_json::from_str(&argument).unwrap(),
                        "input" => {
                            definition.input_is_value = false;
                            definition.inputs = serde_json::from_str(&argument).unwrap();
                        }
                        "limit" | "key" => {
                            limit(&mut definition.concurrency, &key, &argument);
                        }
                        _ => panic!("unknown setting {key} of the run"),
                    }
                }
            }
            _ => definition.steps.push(step(item)),
        }
    }
    definition
}

fn step(item: &str) -> Step {
    let (id, settings) = item.split_once(' ').unwrap_or((item, ""));
    let mut step = plain_step(id);
    for (key, argument) in settings_of(settings) {
        set_up(&mut step, &key, &argument);
    }
    step
}

fn limit(into: &mut Option<Concurrency>, key: &str, argument: &str) {
    let concurrency = into.get_or_insert_default();
    match key {
        "limit" => concurrency.limit = argument.parse().ok(),
        "key" => concurrency.key = Some(argument.to_owned()),
        _ => concurrency.priority = Some(argument.into()),
    }
}

pub(super) fn plain_step(id: &str) -> Step {
    Step {
        retry: Retry { jitter: false, ..Retry::default() },
        ..Step::new(id, StepKind::Action { uses: "work".to_owned(), with: Value::Null })
    }
}

/// `breaker pay` names the target of the step's breaker; with `hurried` it fails while that is open.
fn breaker(step: &mut Step, key: &str, argument: &str) {
    let breaker = step.breaker.get_or_insert_with(CircuitBreaker::default);
    match key {
        "breaker" => argument.clone_into(&mut breaker.target),
        _ => breaker.while_open = WhileOpen::Fail,
    }
}

fn set_up(step: &mut Step, key: &str, argument: &str) {
    let list = || argument.split(',').map(str::to_owned).collect::<Vec<_>>();
    match key {
        "needs" => step.needs = list(),
        "all_done" => step.when_needs = WhenNeeds::AllDone,
        "any_ok" => step.when_needs = WhenNeeds::AnyOk,
        "any_failed" => step.when_needs = WhenNeeds::AnyFailed,
        "retry" => step.retry.max_attempts = argument.parse().unwrap(),
        "linear" => step.retry.backoff = Backoff::Linear,
        "constant" => step.retry.backoff = Backoff::Constant,
        "jitter" => step.retry.jitter = true,
        "retry_on" => step.retry.retry_on = list(),
        "give_up_on" => step.retry.give_up_on = list(),
        "max" => step.retry.max_ms = ms(argument),
        "set" => step.kind = StepKind::Set { values: value(argument) },
        "sleep" => step.kind = StepKind::Sleep { duration: value(argument) },
        "for_each" | "as" | "concurrency" | "collect" => items::set_up(step, key, argument),
        "sleep_until" => step.kind = StepKind::SleepUntil { time: value(argument) },
        "with" => {
            step.kind = StepKind::Action { uses: "work".to_owned(), with: value(argument) };
        }
        "by_worker" => {
            step.kind = StepKind::Action { uses: "worker/w".to_owned(), with: Value::Null };
        }
        "undo_by_worker" => {
            let kind = StepKind::Action { uses: "worker/w".to_owned(), with: Value::Null };
            step.compensate = Some(Box::new(Compensate { kind, retry: None, timeout_ms: None }));
        }
        "maps" => step.outputs = Some(value(argument)),
        "title" => step.name = Some(argument.to_owned()),
        "script" => {
            let (run, env) = (argument.to_owned(), BTreeMap::new());
            step.kind = StepKind::Script { run, shell: None, env };
        }
        "if" => step.condition = Some(argument.to_owned()),
        "deadline" => step.deadline_ms = Some(ms(argument)),
        "start_within" => step.start_within_ms = Some(ms(argument)),
        "continue" => step.on_error = OnError::Continue,
        "wait_for" => step.kind = wait_for(argument),
        "call" => step.kind = call(argument),
        "takes" => step.kind = updates::takes(argument),
        "timeout" => step.timeout_ms = Some(ms(argument)),
        "switch" => step.kind = switch(argument),
        "race" => step.kind = StepKind::Race { of: list() },
        "repeat" => step.kind = repeat(argument),
        "limit" | "key" | "priority" => limit(&mut step.concurrency, key, argument),
        "breaker" | "hurried" => breaker(step, key, argument),
        "approve" => step.kind = approve(argument),
        "undo" => {
            let with = if argument.is_empty() { Value::Null } else { value(argument) };
            let kind = StepKind::Action { uses: "undo".to_owned(), with };
            step.compensate = Some(Box::new(Compensate { kind, retry: None, timeout_ms: None }));
        }
        "undo_retry" => {
            let undo = step.compensate.as_mut().unwrap();
            let max_attempts = argument.parse().unwrap();
            undo.retry = Some(Retry { max_attempts, jitter: false, ..Retry::default() });
        }
        _ => panic!("unknown setting {key}"),
    }
}

/// `other {"x":1}`; `nobody` is not resolved.
fn call(argument: &str) -> StepKind {
    let (workflow, with) = argument.split_once(' ').unwrap_or((argument, "null"));
    StepKind::Call {
        workflow: workflow.to_owned(),
        version: None,
        definition: (workflow != "nobody").then_some(DefinitionHash([4; 32])),
        with: value(with),
    }
}

/// `paid within=5s go_on match=signal.id==inputs.id`.
fn wait_for(argument: &str) -> StepKind {
    let mut words = argument.split_whitespace();
    let signal = words.next().unwrap().to_owned();
    let (mut matches, mut timeout_ms, mut on_timeout) = (None, None, OnSignalTimeout::Fail);
    for word in words {
        match word.split_once('=') {
            Some(("within", time)) => timeout_ms = Some(ms(time)),
            Some(("match", expression)) => matches = Some(expression.to_owned()),
            Some(_) | None => {
                assert_eq!(word, "go_on");
                on_timeout = OnSignalTimeout::Continue;
            }
        }
    }
    StepKind::WaitFor { signal, matches, timeout_ms, on_timeout }
}

/// `inputs>5:a,b inputs>3:c else:d`.
fn switch(argument: &str) -> StepKind {
    let mut switch = Switch::default();
    for word in argument.split_whitespace() {
        let (when, then) = word.rsplit_once(':').unwrap();
        let then = then.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        match when {
            "else" => switch.default = then,
            when => switch.cases.push(SwitchCase { when: when.to_owned(), then }),
        }
    }
    StepKind::Switch(Box::new(switch))
}

/// `a until=steps.b.output>3 limit=5 delay=2s carry=${{steps.b.output}}`.
fn repeat(argument: &str) -> StepKind {
    let mut words = argument.split_whitespace();
    let mut repeat = Repeat { from: words.next().unwrap().to_owned(), ..Repeat::default() };
    for word in words {
        match word.split_once('=').unwrap() {
            ("until", until) => until.clone_into(&mut repeat.until),
            ("limit", limit) => repeat.limit = limit.parse().unwrap(),
            ("delay", delay) => repeat.delay_ms = ms(delay),
            ("carry", carry) => repeat.carry = value(carry),
            (other, _) => panic!("unknown setting {other}"),
        }
    }
    StepKind::Repeat(Box::new(repeat))
}

/// `dana,ops within=5s reject ask=Score_7 form={"note":{"type":"string"}}`.
fn approve(argument: &str) -> StepKind {
    let mut words = argument.split_whitespace();
    let by = words.next().unwrap();
    let people = if by.starts_with("${{") { json!(argument) } else { by.split(',').collect() };
    let mut approval = Approval { by: people, ..Approval::default() };
    for word in words.filter(|_| !by.starts_with("${{")) {
        match word.split_once('=') {
            Some(("within", time)) => approval.timeout_ms = Some(ms(time)),
            Some(("ask", text)) => approval.message = json!(text),
            Some(("form", form)) => approval.form = serde_json::from_str(form).unwrap(),
            Some(_) => panic!("unknown setting {word}"),
            None if word == "go_on" => approval.on_timeout = OnApprovalTimeout::Continue,
            None => {
                assert_eq!(word, "reject");
                approval.on_timeout = OnApprovalTimeout::Reject;
            }
        }
    }
    StepKind::Approve(Box::new(approval))
}

const SETTINGS: &[&str] = &[
    "title",
    "script",
    "env",
    "input",
    "takes",
    "call",
    "breaker",
    "hurried",
    "limit",
    "key",
    "priority",
    "start_within",
    "for_each",
    "as",
    "concurrency",
    "collect",
    "approve",
    "race",
    "repeat",
    "switch",
    "wait_for",
    "needs",
    "all_done",
    "any_ok",
    "any_failed",
    "retry",
    "linear",
    "constant",
    "jitter",
    "retry_on",
    "give_up_on",
    "max",
    "set",
    "sleep",
    "sleep_until",
    "with",
    "by_worker",
    "undo_by_worker",
    "maps",
    "if",
    "deadline",
    "continue",
    "timeout",
    "undo",
    "undo_retry",
    "undoes",
    "code",
    "undoes_cancelled",
];

fn settings_of(text: &str) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = Vec::new();
    for word in text.split_whitespace() {
        match settings.last_mut() {
            _ if SETTINGS.contains(&word) => settings.push((word.to_owned(), String::new())),
            Some((_, argument)) => {
                if !argument.is_empty() {
                    argument.push(' ');
                }
                argument.push_str(word);
            }
            None => panic!("{word} is no setting"),
        }
    }
    settings
}

/// JSON, or else text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// `250ms` or `5s`.
pub(super) fn ms(text: &str) -> u64 {
    match text.strip_suffix("ms") {
        Some(number) => number.parse().unwrap(),
        None => text.strip_suffix('s').unwrap().parse::<u64>().unwrap() * 1000,
    }
}

/// Reads a command after taking `@time`, `slots=n` and `by=name` out of it.
#[expect(clippy::too_many_lines, reason = "one arm for each command")]
pub(super) fn command(bench: &mut Bench, line: &str) -> Command {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        if let Some(time) = word.strip_prefix('@') {
            bench.set_ms(ms(time));
        } else if let Some(slots) = word.strip_prefix("slots=") {
            bench.slots = slots.parse().unwrap();
        } else {
            words.push(word);
        }
    }
    let by = Actor { name: "ada".to_owned(), via: "test".to_owned() };
    let rest = |from: usize| words.get(from..).unwrap_or(&[]).join(" ");
    if let Some(command) = items::command(bench, &words) {
        return command;
    }
    if let Some(command) = function::command(bench, &words) {
        return command;
    }
    match words[0] {
        "called" => {
            let parent = Parent { name: "wf-000".to_owned(), ..Parent::default() };
            let start = RunStarted { parent: Some(parent), ..start(bench, &rest(1)) };
            Command::StartRun(Box::new(start))
        }
        "start" => Command::StartRun(Box::new(start(bench, &rest(1)))),
        "complete" => {
            let (step, attempt) = attempt(bench, words[1]);
            Command::CompleteStep { step, attempt, output: payload(bench, &rest(2)) }
        }
        "fail" => {
            let (step, attempt) = attempt(bench, words[1]);
            Command::FailStep { step, attempt, failure: failure(&words[2..]) }
        }
        word @ ("interrupt" | "shutdown" | "uncalled") => {
            let attempts = words[1..].iter().map(|word| attempt(bench, word)).collect();
            Command::InterruptAttempts { attempts, how: interruption(word) }
        }
        "beat" => {
            let (step, attempt) = attempt(bench, words[1]);
            Command::RecordHeartbeat { step, attempt, progress: payload(bench, &rest(2)) }
        }
        "take_up" => {
            let (step, attempt) = attempt(bench, words[1]);
            Command::ResumeAttempt { step, attempt }
        }
        "fire" => Command::FireTimer { timer: TimerId(words[1][1..].parse().unwrap()) },
        "pause" => Command::PauseRun { by, reason: rest(1) },
        "resume" => Command::ResumeRun { by },
        "pause_step" => Command::PauseStep { step: index(bench, words[1]), by, reason: rest(2) },
        "resume_step" => Command::ResumeStep { step: index(bench, words[1]), by },
        "hold" => Command::HoldRun { pauses: vec![rest(1)] },
        "release" => Command::ReleaseRun,
        "start_held" => held(Command::StartRun(Box::new(start(bench, &rest(1))))),
        "retry_held" => held(Command::RetryRun { by }),
        "cancel" => Command::CancelRun { by, reason: rest(1), undo: true },
        "waive" => Command::CancelRun { by, reason: rest(1), undo: false },
        "retry" => Command::RetryRun { by },
        "migrate" => migrate(bench, by, words.get(1) == Some(&"retry")),
        "migrate_held" => held(migrate(bench, by, words.get(1) == Some(&"retry"))),
        "forget" => Command::ForgetRun { by },
        "offer" => Command::OfferSlots,
        "grant" => {
            let (who, ticket) = words[1].split_once('#').expect("step#ticket, or #ticket");
            let (step, item) = step_or_item(bench, who);
            let ticket = Ticket(ticket.parse().unwrap());
            Command::GrantSlot { step: (!who.is_empty()).then_some(step), item, ticket }
        }
        word @ ("allow" | "refuse") => answer_of_breaker(bench, word == "allow", words[1]),
        word @ ("approve" | "reject") => answer(bench, word == "approve", &words),
        "event" => {
            let (event, offered) = words[1].split_once('#').expect("event#record/step");
            let (record, step) = offered.split_once('/').expect("event#record/step");
            let (step, event) = (index(bench, step), event.to_owned());
            let id = offer_id(&event, record.parse().expect("a number"), step);
            Command::OfferEvent { step, id, payload: payload(bench, &rest(2)), event, by }
        }
        "events_read" => {
            let waiting = words.get(2).map(|at| at.parse().expect("a revision"));
            Command::EventsRead { step: index(bench, words[1]), waiting }
        }
        "signal" => {
            let (name, id) = words[1].split_once('#').unwrap_or((words[1], ""));
            let payload = payload(bench, &rest(2));
            Command::DeliverSignal { name: name.to_owned(), id: id.to_owned(), payload, by }
        }
        "update" => updates::command(bench, words[1], &rest(2), by),
        "child" => end_child(bench, &words),
        "follow" => Command::FollowParent { paused: words[1] == "hold" },
        other => panic!("unknown command {other}"),
    }
}

/// `migrate`, or `migrate retry`: to the definition of the section `other`.
fn migrate(bench: &Bench, by: Actor, retries: bool) -> Command {
    let to = Target(bench.other.clone().expect("a section `other`"));
    let reason = "v2".to_owned();
    Command::MigrateRun(Box::new(MigrateRun { to, by, reason, retries }))
}

/// `child a#2 ended 7`, `child a failed`, `child a failed at=9 undone`, `child a cancelled`, `child a lost`: the run that
/// step `a` called, which had `at` events, or 5.
fn end_child(bench: &mut Bench, words: &[&str]) -> Command {
    let (id, number) = words[1].split_once('#').unwrap_or((words[1], "1"));
    let child = crate::event::child_name("wf-001", id, number.parse().unwrap());
    let at = words.iter().find_map(|word| word.strip_prefix("at="));
    let goes_on = !words.contains(&"undone");
    let mut revision = at.map_or(5, |at| at.parse().unwrap());
    let ended = match words[2] {
        "ended" => ChildEnd::Completed {
            output: payload(bench, words.get(3).filter(|word| !word.contains('=')).unwrap_or(&"")),
        },
        "failed" => ChildEnd::Failed { failure: failure(&["E"]), goes_on },
        "cancelled" => ChildEnd::Cancelled { reason: String::new(), goes_on },
        "lost" => {
            revision = 0;
            ChildEnd::Failed { failure: failure(&["NX3042", "fatal"]), goes_on: false }
        }
        other => panic!("unknown end {other}"),
    };
    let step = bench.plan.find(id).unwrap_or(StepIndex(999));
    Command::EndChild { step, child, revision, ended }
}

/// `a#1`: the answer of a breaker.
fn answer_of_breaker(bench: &Bench, allowed: bool, word: &str) -> Command {
    let (who, ticket) = word.split_once('#').expect("step#ticket");
    let ((step, item), ticket) = (step_or_item(bench, who), Ticket(ticket.parse().unwrap()));
    if allowed {
        Command::AllowCall { step, item, ticket }
    } else {
        Command::RefuseCall { step, item, ticket }
    }
}

/// `a`, or `a[3]`.
fn step_or_item(bench: &Bench, who: &str) -> (StepIndex, Option<ItemIndex>) {
    let (id, item) = who.split_once('[').unwrap_or((who, ""));
    let item = item.strip_suffix(']').map(|item| ItemIndex(item.parse().expect("a number")));
    (index(bench, id), item)
}

fn held(command: Command) -> Command {
    Command::InHold { pauses: vec!["engine".to_owned()], command: Box::new(command) }
}

fn index(bench: &Bench, id: &str) -> StepIndex {
    bench.plan.find(id).unwrap_or(StepIndex(999))
}

/// `approve a dana`, `reject a erin+ops {"note":"no"} -- too risky`: a person with groups, the form, a note. `approve a=b dana`
/// means step `a`, by the number that `b` has.
fn answer(bench: &mut Bench, approved: bool, words: &[&str]) -> Command {
    let (of, step) = words[1].split_once('=').unwrap_or(("", words[1]));
    let (step, _) = attempt(bench, step);
    let (name, groups) = words[2].split_once('+').unwrap_or((words[2], ""));
    let rest = words[3..].join(" ");
    let (form, note) = rest.split_once("-- ").unwrap_or((&rest, ""));
    let answer = ApprovalAnswer {
        of: of.to_owned(),
        approved,
        by: Actor { name: name.to_owned(), via: "test".to_owned() },
        groups: groups.split('+').map(str::to_owned).collect(),
        note: note.to_owned(),
        form: payload(bench, form.trim()),
    };
    Command::AnswerApproval { step, answer: Box::new(answer) }
}

fn start(bench: &mut Bench, input: &str) -> RunStarted {
    let limits = bench.plan.run_wish(&serde_json::from_str(input).unwrap_or_default());
    RunStarted {
        run: RunId([7; 16]),
        name: "wf-001".to_owned(),
        workflow: "test".to_owned(),
        definition: bench.plan.hash(),
        input: payload(bench, input),
        limits: limits.expect("a key").into_iter().collect(),
        ..RunStarted::default()
    }
}

/// `a#2`, or `a` for the last attempt.
fn attempt(bench: &Bench, word: &str) -> (StepIndex, Attempt) {
    // `a#2#1` is attempt 1 of the second call of `a`, if there is such a step.
    let (id, number) = match word.rsplit_once('#') {
        Some((id, number)) if bench.plan.find(word).is_none() => (id, number),
        Some(_) | None => (word, ""),
    };
    let Some(step) = bench.plan.find(id) else { return (StepIndex(999), Attempt(1)) };
    let last = || bench.run.step_run(step).attempt;
    (step, number.parse().map_or_else(|_| last(), Attempt))
}

pub(super) fn failure(words: &[&str]) -> Failure {
    Failure {
        code: words.first().map_or_else(|| "E".to_owned(), |code| (*code).to_owned()),
        message: "it broke".to_owned(),
        fatal: words.contains(&"fatal"),
        details: None,
    }
}

/// Nothing is `null`, `big` and `bigger` are more than fits into an event, the rest is JSON.
pub(super) fn payload(bench: &mut Bench, text: &str) -> Payload {
    let (payload, new) = match text {
        "" => return Payload::Null,
        "big" => Payload::json(&json!("x".repeat(70_000))),
        "bigger" => Payload::json(&json!("x".repeat(80_000))),
        json => Payload::json(&serde_json::from_str(json).unwrap()),
    };
    bench.store.extend(new);
    payload
}

/// How attempts came to rest, by the word for the command.
fn interruption(word: &str) -> Interruption {
    match word {
        "shutdown" => Interruption::ShutDown,
        "uncalled" => Interruption::NotCalled,
        _ => Interruption::ProcessEnded,
    }
}
