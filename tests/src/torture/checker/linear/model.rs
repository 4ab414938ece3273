//! A run as its clients may see it, and which answers and refusals that allows.

use serde_json::Value;

use super::super::{number, text};

/// A run as its clients may see it. The line of the log is the request as well as the answer.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Model {
    work: String,
    goal: u64,
    /// Whether it was started with the other input.
    started: Option<bool>,
    is_paused: bool,
    is_cancelled: bool,
    asks: Asks,
    letters: Vec<String>,
    /// Updates that were taken: id, number, sum.
    adds: Vec<(String, u64, u64)>,
    end: End,
}

/// How the decision of a person stands, as far as its clients know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Asks {
    /// Perhaps nobody is asked yet.
    #[default]
    Unknown,
    /// Somebody has seen that it asks.
    Asking,
    Decided,
}

/// The end of a run, as far as its clients know.
#[derive(Clone, Debug, Default, Hash)]
enum End {
    /// Nobody has seen one.
    #[default]
    Unknown,
    /// Somebody was told that it has ended.
    Told,
    /// Somebody has seen it: how, and with which outputs.
    Seen(String, Value),
}

impl Model {
    pub(super) fn new(work: String, goal: u64) -> Self {
        Self { work, goal, ..Self::default() }
    }

    /// Lets a request take effect; whether it may have been answered as it was.
    pub(super) fn takes_effect(&mut self, call: &Value) -> bool {
        if text(&call["outcome"]) == "unknown" {
            self.does_unseen(call);
            return true;
        }
        let (op, code) = (text(&call["op"]), text(&call["code"]));
        // No room, and views that cannot be written: in which lives that may be is asked elsewhere.
        if matches!(code, "NX6007" | "NX6011") || (code == "NX7006" && op == "start") {
            return true;
        }
        if op == "start" {
            return self.start(call);
        }
        if code == "NX7011" || self.started.is_none() {
            return code == "NX7011" && self.started.is_none();
        }
        if text(&call["outcome"]) == "refused" { self.refuses(call) } else { self.does(call) }
    }

    /// What a request does whose answer nobody got.
    fn does_unseen(&mut self, call: &Value) {
        let key = text(&call["key"]).to_owned();
        match text(&call["op"]) {
            "start" if self.started.is_none() => self.started = Some(call["data"]["other"] == true),
            _ if self.started.is_none() => {}
            "letter" if !self.letters.contains(&key) => self.letters.push(key),
            "add" if self.takes() && self.add(&key).is_none() => {
                self.take(key, number(&call["data"]));
            }
            "cancel" => self.cancel(),
            "pause" => self.is_paused = true,
            "resume" => self.is_paused = false,
            "approve" | "reject" => self.asks = Asks::Decided,
            _ => {}
        }
    }

    fn start(&mut self, call: &Value) -> bool {
        let other = call["data"]["other"] == true;
        let existing = call["answer"]["existing"].as_bool();
        match self.started {
            None => {
                self.started = Some(other);
                existing == Some(false)
            }
            Some(is) if is == other => existing == Some(true),
            Some(_) => text(&call["code"]) == "NX7003",
        }
    }

    /// Its own pause ends with that.
    fn cancel(&mut self) {
        self.is_cancelled = true;
        self.is_paused = false;
    }

    fn add(&self, id: &str) -> Option<&(String, u64, u64)> {
        self.adds.iter().find(|(other, _, _)| other == id)
    }

    fn sum(&self) -> u64 {
        self.adds.last().map(|(_, _, sum)| *sum).unwrap_or_default()
    }

    fn take(&mut self, id: String, n: u64) {
        let sum = self.sum() + n;
        self.adds.push((id, n, sum));
    }

    fn takes(&self) -> bool {
        (self.adds.len() as u64) < self.goal && !self.is_cancelled && !self.is_over()
    }

    /// Whether somebody knows that it has ended.
    fn is_over(&self) -> bool {
        !matches!(self.end, End::Unknown)
    }

    /// Whether it may have come to its end.
    fn may_end(&self) -> bool {
        let done = match self.work.as_str() {
            "refund" => self.asks == Asks::Decided,
            "mailbox" => self.letters.len() as u64 >= self.goal,
            "tally" => self.adds.len() as u64 >= self.goal,
            _ => true,
        };
        done || self.is_cancelled
    }

    fn does(&mut self, call: &Value) -> bool {
        let (answer, key) = (&call["answer"], text(&call["key"]));
        let is_known = answer["existing"] == true;
        match text(&call["op"]) {
            "get" => self.looks(text(&answer["status"]), &answer["outputs"]),
            "total" => answer.as_u64() == Some(self.sum()),
            "letter" if is_known => self.letters.iter().any(|letter| letter == key),
            "letter" => {
                let is_new = !self.is_over() && !self.letters.iter().any(|letter| letter == key);
                self.letters.push(key.to_owned());
                is_new
            }
            "add" => {
                let n = number(&call["data"]);
                let known = self.add(key).cloned();
                if known.is_none() && self.takes() && !is_known {
                    self.take(key.to_owned(), n);
                    return answer["total"].as_u64() == Some(self.sum());
                }
                known.is_some_and(|(_, number, sum)| {
                    is_known && number == n && answer["total"].as_u64() == Some(sum)
                })
            }
            "cancel" => {
                let may = !self.is_cancelled && !self.is_over();
                self.cancel();
                may
            }
            "approve" | "reject" => {
                let before = std::mem::replace(&mut self.asks, Asks::Decided);
                before != Asks::Decided && !self.is_cancelled && !self.is_over()
            }
            "pause" => !std::mem::replace(&mut self.is_paused, true) && !self.is_over(),
            "resume" => std::mem::replace(&mut self.is_paused, false) && !self.is_over(),
            "history" => true,
            _ => false,
        }
    }

    /// How it looks: open until somebody has seen its end, and then the same for ever.
    fn looks(&mut self, status: &str, outputs: &Value) -> bool {
        if !matches!(status, "completed" | "failed" | "cancelled") {
            if status == "waiting" && self.work == "refund" && self.asks == Asks::Unknown {
                self.asks = Asks::Asking;
            }
            return !self.is_over() && (status != "paused" || self.is_paused);
        }
        if let End::Seen(end, ended) = &self.end {
            return end == status && ended == outputs;
        }
        self.end = End::Seen(status.to_owned(), outputs.clone());
        let fits = match (status, self.work.as_str()) {
            ("cancelled", _) => self.is_cancelled,
            ("failed", work) => work == "order",
            (_, "tally") => outputs.as_u64() == Some(self.sum()),
            (_, "mailbox") => {
                let taken =
                    self.letters.iter().take(usize::try_from(self.goal).unwrap_or(usize::MAX));
                let names =
                    taken.map(|letter| format!("{} ", letter.trim_start_matches("letter-")));
                outputs.as_str() == Some(&names.collect::<String>())
            }
            _ => true,
        };
        fits && self.may_end()
    }

    /// Whether it may refuse what it refused, for the reason that it said.
    fn refuses(&mut self, call: &Value) -> bool {
        let (key, said) = (text(&call["key"]), text(&call["answer"]));
        match (text(&call["op"]), text(&call["code"])) {
            ("letter", "NX4002") => self.is_said_to_be_over(),
            ("cancel" | "pause" | "resume", "NX7007") if said.contains("the run has ended") => {
                self.is_said_to_be_over()
            }
            ("cancel", "NX7007") if said.contains("is being cancelled already") => {
                self.is_cancelled && !self.is_over()
            }
            ("pause", "NX7007") if said.contains("is paused already") => {
                self.is_paused && !self.is_over()
            }
            ("resume", "NX7007") if said.contains("is not paused") => {
                !self.is_paused && !self.is_over()
            }
            ("add", "NX4127") => self.add(key).is_none() && !self.takes(),
            ("add", "NX4130") => self.add(key).is_some_and(|(_, n, _)| *n != number(&call["data"])),
            ("approve" | "reject", "NX4104") if said.contains("over before anybody decided") => {
                self.is_cancelled
            }
            ("approve" | "reject", "NX4104") => self.asks == Asks::Decided,
            // It was not asked yet, or it is asked no more; what a function asks is no step of it before.
            ("approve" | "reject", "NX4105" | "NX7014") => {
                self.asks == Asks::Unknown || (self.asks == Asks::Asking && self.is_cancelled)
            }
            _ => false,
        }
    }

    /// Whoever hears that it has ended has seen its end.
    fn is_said_to_be_over(&mut self) -> bool {
        if !self.is_over() {
            self.end = End::Told;
        }
        self.may_end()
    }
}
