//! Functions: what they called, once and in turns; what they got, and what they made of it, which follows from what is recorded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Evidence, Verdict, Wrong, base, effects, end, number, text};

/// With which the key of a line begins that says what was computed once; in the place of the attempt stands what came of it.
pub(super) const ONCE: &str = "once:";

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    for (run, events) in &evidence.histories {
        let workflow = events.first().map(|event| text(&event["data"]["workflow"]));
        let told = &evidence.told["functions"][workflow.unwrap_or_default()];
        if !told.is_object() {
            continue;
        }
        let mut fold = Fold::default();
        for event in events {
            fold.event(event);
        }
        for (wrong, what) in fold.findings {
            verdict.find(wrong, run, what);
        }
        let function = Function { run, events, told };
        function.comes_to(verdict);
        function.once(evidence, verdict);
    }
}

/// A call of a function, and how it stands.
#[derive(Debug, Default)]
struct Called {
    /// How many outcomes the function had got before it made it, over all rounds.
    heard: u64,
    /// Which outcome it has, counted from 1 over all rounds.
    outcome: Option<u64>,
    /// Whether it is being undone, or was.
    undo: Undo,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Undo {
    #[default]
    None,
    Begun,
    Done,
}

/// The fold over the events of one run: its calls, its turns, and the order in which it is undone.
#[derive(Debug, Default)]
struct Fold<'a> {
    calls: BTreeMap<&'a str, Called>,
    /// What calls have come to, over all rounds, and before this one.
    outcomes: u64,
    before: u64,
    /// The last turn of this round in which the function said something.
    turn: Option<u64>,
    has_returned: bool,
    findings: Vec<(Wrong, String)>,
}

impl<'a> Fold<'a> {
    fn find(&mut self, wrong: Wrong, event: &Value, what: &str) {
        self.findings.push((
            wrong,
            format!(
                "event {} ({} of {}): {what}",
                event["n"],
                text(&event["event"]),
                event["step"]
            ),
        ));
    }

    fn event(&mut self, event: &'a Value) {
        let data = &event["data"];
        let step = text(&data["step"]);
        match text(&event["event"]) {
            "calls.made" => self.calls_made(event),
            "function.returned" => self.returned(event),
            "step.started" | "step.called" | "step.slept" | "step.waits" | "approval.requested"
            | "signal.taken" => self.known(event, step),
            "step.completed" | "step.failed" => self.outcome(event, step),
            "undo.started" => self.undo_begins(event, step),
            "undo.completed" => {
                if let Some(call) = self.calls.get_mut(step) {
                    call.undo = Undo::Done;
                }
            }
            _ => {}
        }
    }

    fn known(&mut self, event: &Value, step: &str) {
        if !self.calls.contains_key(step) {
            self.find(Wrong::Reordered, event, "no function has called it");
        }
    }

    /// A function says something once a turn, and knows of what is recorded only.
    fn speaks(&mut self, event: &Value) {
        let turn = number(&event["data"]["turn"]);
        if self.before + turn > self.outcomes {
            self.find(Wrong::Reordered, event, "it knew of what was not recorded");
        }
        if self.turn.is_some_and(|before| before >= turn) {
            self.find(Wrong::Duplicated, event, "it says something in a turn that is over");
        }
        if self.has_returned {
            self.find(Wrong::Duplicated, event, "it says something after it has returned");
        }
        self.turn = Some(turn);
    }

    fn calls_made(&mut self, event: &'a Value) {
        self.speaks(event);
        let heard = self.before + number(&event["data"]["turn"]);
        for call in event["data"]["calls"].as_array().into_iter().flatten() {
            let called = Called { heard, ..Called::default() };
            if self.calls.insert(text(&call["step"]), called).is_some() {
                self.find(Wrong::Duplicated, event, &format!("calls {} again", call["step"]));
            }
        }
    }

    fn returned(&mut self, event: &Value) {
        self.speaks(event);
        if event["data"]["again"] == true {
            (self.turn, self.before) = (None, self.outcomes);
        } else {
            self.has_returned = true;
        }
    }

    fn outcome(&mut self, event: &Value, step: &str) {
        self.known(event, step);
        self.outcomes += 1;
        let outcome = self.outcomes;
        let before = self.calls.get_mut(step).and_then(|call| call.outcome.replace(outcome));
        if before.is_some() {
            self.find(Wrong::Duplicated, event, "a second outcome of a call");
        }
    }

    /// What a function called when it had the outcome of a step is undone before that.
    fn undo_begins(&mut self, event: &Value, step: &str) {
        let Some(outcome) = self.calls.get(step).and_then(|call| call.outcome) else { return };
        let is_late = |call: &Called| call.undo == Undo::Begun && call.heard >= outcome;
        let late = self.calls.iter().find(|(other, call)| **other != step && is_late(call));
        if let Some((late, _)) = late.map(|(late, call)| ((*late).to_owned(), call)) {
            self.find(Wrong::Reordered, event, &format!("undone before {late}, which came later"));
        }
        let begun = self.calls.iter().filter(|(_, call)| call.undo != Undo::None);
        let early =
            begun.filter(|(_, call)| call.outcome.is_some_and(|of| of <= self.calls[step].heard));
        if let Some(early) = early.map(|(early, _)| (*early).to_owned()).next() {
            self.find(
                Wrong::Reordered,
                event,
                &format!("undone after {early}, which came earlier"),
            );
        }
        if let Some(call) = self.calls.get_mut(step) {
            call.undo = Undo::Begun;
        }
    }
}

/// The history of a run of a function, and what is told of it.
struct Function<'a> {
    run: &'a str,
    events: &'a [Value],
    told: &'a Value,
}

impl Function<'_> {
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| text(&event["event"]) == kind)
    }

    /// What the run came to follows from what is recorded of its calls.
    fn comes_to(&self, verdict: &mut Verdict) {
        let Some(last) = self.events.last() else { return };
        let returned = self.of_kind("function.returned").last().map(|event| &event["data"]);
        let (how, data) = (end(last), &last["data"]);
        let mut find = |what: String| verdict.find(Wrong::Broken, self.run, what);
        let Some(returned) = returned.filter(|returned| returned["again"] != true) else {
            if matches!(how, Some("completed" | "failed")) {
                find(format!("{how:?}, and its function has not returned"));
            }
            return;
        };
        if how == Some("failed") && returned["failure"]["code"] != data["failure"]["code"] {
            find(format!("failed with {}, and its function returned {returned}", data["failure"]));
        }
        if how != Some("completed") {
            return;
        }
        let output = &data["output"];
        if *output != returned["output"] {
            find(format!("came to {output}, and its function returned {returned}"));
        }
        for (what, expected) in self.expected() {
            let is = if output.is_object() { &output[what] } else { output };
            if *is != expected {
                find(format!("came to {output}, and {what} should be {expected}"));
            }
        }
    }

    /// What must be in the output.
    fn expected(&self) -> Vec<(&str, Value)> {
        let told = self.told.as_object().into_iter().flatten();
        told.map(|(what, told)| (what.as_str(), self.expects(what, told))).collect()
    }

    fn expects(&self, what: &str, told: &Value) -> Value {
        match what {
            "sum" => {
                let is_in = |event: &&Value| {
                    let step = base(text(&event["data"]["step"]));
                    told.as_array().into_iter().flatten().any(|of_sum| text(of_sum) == step)
                };
                let outputs = self.of_kind("step.completed").filter(is_in);
                json!(outputs.map(|event| brought(&event["data"]["output"])).sum::<u64>())
            }
            "once" => {
                self.recorded_once(told).map(|(_, output)| output.clone()).unwrap_or_default()
            }
            // Whichever of two came first counts, and the other one for nothing.
            "raced" => {
                let is_in = |event: &&Value| {
                    told.as_array().is_some_and(|raced| raced.contains(&event["data"]["step"]))
                };
                let first = self.of_kind("step.completed").find(is_in);
                first.map(|event| event["data"]["output"].clone()).unwrap_or_default()
            }
            "approved" => json!(self.of_kind("approval.granted").next().is_some()),
            // Signals are taken in the order in which they came.
            "letters" => {
                let count = usize::try_from(number(told)).unwrap_or(usize::MAX);
                let letters = self.of_kind("signal.received").take(count);
                let names = letters.map(|event| format!("{} ", event["data"]["payload"]["id"]));
                json!(names.collect::<String>())
            }
            _ => Value::Null,
        }
    }

    /// The event that made a call that knows what comes of it, and that.
    fn recorded_once(&self, step: &Value) -> Option<(&Value, &Value)> {
        self.of_kind("calls.made").find_map(|event| {
            let calls = event["data"]["calls"].as_array()?;
            calls.iter().find(|call| call["step"] == *step).map(|call| (event, &call["output"]))
        })
    }

    /// What is computed once is recorded as it was computed, and computed no more after that.
    fn once(&self, evidence: &Evidence, verdict: &mut Verdict) {
        let Some(step) = self.told.get("once") else { return };
        let Some((event, recorded)) = self.recorded_once(step) else { return };
        let key = format!("{ONCE}{}", self.run);
        let lines: Vec<_> = evidence.lines.iter().filter(|line| line.key == key).collect();
        if !lines.iter().any(|line| *recorded == json!(line.attempt)) {
            let what = format!("{recorded} is recorded for {step}, and nobody has computed it");
            verdict.find(Wrong::Lost, self.run, what);
        }
        let life = effects::life_at(&evidence.lives, text(&event["at"]));
        if let Some(late) = lines.iter().find(|line| life.is_none_or(|life| line.life > life)) {
            let what = format!(
                "{step} was recorded in life {life:?}, and computed again in {}",
                late.life
            );
            verdict.find(Wrong::Duplicated, self.run, what);
        }
    }
}

/// The number that a step brought, or the sum of a run that was called.
fn brought(output: &Value) -> u64 {
    output.as_u64().unwrap_or_else(|| number(&output["sum"]))
}
