//! Stories of limits: what is given, what is asked, what happens.
//!
//! `request A` asks for a slot, with `key=` its fairness key, `priority=`, `slots=` (`-`: as many as are asked for), `rate=3/10s`
//! and `queue=`; `release A`, `set 5`, `unset`, `wake`; `at 10s` sets the clock.

use crate::aggregate::{Aggregate, Decoded, EventKind};
use crate::event::Actor;
use crate::id::{RunId, StepIndex, TimerId};
use crate::limit::{
    Holder, Limit, LimitCommand, LimitEvent, LimitSet, Rate, RequestWithdrawn, Size, SlotGranted,
    SlotReleased, SlotRequested, Ticket, Wish,
};
use crate::time::Timestamp;

pub(super) fn holder(name: u8) -> Holder {
    Holder { run: RunId([name; 16]), ticket: Ticket(1), step: Some(StepIndex(0)), item: None }
}

/// A limit, and the same folded from its events alone.
pub(super) struct Bench {
    pub(super) limit: Limit,
    folded: Limit,
    pub(super) now: Timestamp,
}

impl Default for Bench {
    fn default() -> Self {
        Self { limit: Limit::new("l"), folded: Limit::new("l"), now: Timestamp::default() }
    }
}

impl Bench {
    /// Asks, and checks what holds after every command: the state is the fold of the events as they are read back, a snapshot
    /// is the state, and no more slots are held than there are.
    pub(super) fn ask(&mut self, command: LimitCommand) -> Result<Vec<LimitEvent>, String> {
        let mut before = self.limit.clone();
        let held_before = before.holders.len();
        let Ok(events) = self.limit.decide(command.clone(), self.now).map_err(|error| {
            assert_eq!(self.limit, before, "a refusal changes nothing");
            error.to_string()
        }) else {
            return Err(self.limit.decide(command, self.now).unwrap_err().to_string());
        };
        let again = Limit::command_of(&events[0]).expect("the first is from outside");
        assert_eq!(before.decide(again, self.now).as_ref(), Ok(&events));
        for event in &events {
            let mut body = Vec::new();
            event.put(&mut body);
            let Decoded::Event(read) = LimitEvent::take(event.kind(), &body) else {
                panic!("an event reads back")
            };
            assert_eq!(&read, event);
            self.folded.evolve(&read, self.now);
        }
        assert_eq!(self.limit, self.folded);
        let mut bytes = Vec::new();
        Aggregate::put(&self.limit, &mut bytes);
        assert_eq!(<Limit as Aggregate>::take(&bytes).as_ref(), Some(&self.limit));
        let slots = self.limit.size().slots.map_or(usize::MAX, |slots| slots as usize);
        assert!(self.limit.holders.len() <= slots.max(held_before), "{:?}", self.limit);
        Ok(events)
    }
}

fn settings(words: &[&str]) -> Wish {
    let mut wish = Wish { limit: "l".to_owned(), ..Wish::default() };
    for word in words {
        let (key, value) = word.split_once('=').expect("key=value");
        match key {
            "key" => value.clone_into(&mut wish.fairness_key),
            "priority" => wish.priority = value.parse().expect("a number"),
            "slots" => wish.size.slots = value.parse().ok(),
            "rate" => {
                let (count, per) = value.split_once('/').expect("count/time");
                let (count, per_ms) = (count.parse().expect("a number"), 1000 * seconds(per));
                wish.size.rate = Some(Rate { count, per_ms });
            }
            _ => panic!("unknown setting {key}"),
        }
    }
    wish
}

fn seconds(text: &str) -> u64 {
    text.trim_end_matches('s').parse().expect("seconds")
}

fn name(holder: Holder) -> char {
    char::from(holder.run.0[0])
}

fn show(event: &LimitEvent) -> String {
    match event {
        LimitEvent::SlotRequested(SlotRequested { holder, .. }) => {
            format!("SlotRequested {}", name(*holder))
        }
        LimitEvent::SlotReleased(SlotReleased { holder }) => {
            format!("SlotReleased {}", name(*holder))
        }
        LimitEvent::RequestWithdrawn(RequestWithdrawn { holder }) => {
            format!("RequestWithdrawn {}", name(*holder))
        }
        LimitEvent::LimitSet(LimitSet { size: Some(size), .. }) => {
            format!(
                "LimitSet {}",
                size.slots.map_or_else(|| "-".to_owned(), |slots| slots.to_string())
            )
        }
        LimitEvent::LimitSet(LimitSet { size: None, .. }) => "LimitUnset".to_owned(),
        LimitEvent::LimitWoken(_) => "LimitWoken".to_owned(),
        LimitEvent::SlotGranted(SlotGranted { holder }) => format!("SlotGranted {}", name(*holder)),
    }
}

fn command(text: &str) -> LimitCommand {
    let words: Vec<&str> = text.split_whitespace().collect();
    let of = |at: usize| holder(words[at].as_bytes()[0]);
    let by = Actor { name: "ann".to_owned(), via: "cli".to_owned() };
    let size = |slots: &str| Size { slots: slots.parse().ok(), ..Size::default() };
    match words[0] {
        "request" => LimitCommand::Request { holder: of(1), wish: settings(&words[2..]) },
        "release" => LimitCommand::Release { holder: of(1) },
        "set" => LimitCommand::Set { size: Some(size(words[1])), by },
        "unset" => LimitCommand::Set { size: None, by },
        "wake" => LimitCommand::Wake,
        _ => panic!("unknown command {text}"),
    }
}

/// Plays a story: `given` and `when` are commands, `then` what the last of them came to.
fn check(text: &str) {
    let mut bench = Bench::default();
    let mut last = Vec::new();
    let mut expected = Vec::new();
    let mut section = "";
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let is_section = ["given", "when", "then"].contains(&first);
        section = if is_section { first } else { section };
        let items = if is_section { rest } else { line };
        for item in items.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            if section == "then" {
                expected.push(item.to_owned());
            } else if let Some(at) = item.strip_prefix("at ") {
                bench.now = Timestamp::default().plus_ms(1000 * seconds(at));
            } else {
                last = match bench.ask(command(item)) {
                    Ok(events) => events.iter().map(show).collect(),
                    Err(why) if section == "given" => panic!("{item}: {why}"),
                    Err(why) => vec![format!("rejected: {why}")],
                };
            }
        }
    }
    assert_eq!(last, expected, "in{text}");
}

#[test]
fn a_free_slot_is_granted_at_once() {
    check(
        "
        when   request a slots=2
        then   SlotRequested a; SlotGranted a
    ",
    );
}

#[test]
fn who_comes_when_all_are_held_waits() {
    check(
        "
        given  request a
        when   request b
        then   SlotRequested b
    ",
    );
}

#[test]
fn a_slot_that_is_given_back_goes_to_the_next() {
    check(
        "
        given  request a; request b; request c
        when   release a
        then   SlotReleased a; SlotGranted b
    ",
    );
}

#[test]
fn who_asks_twice_has_asked_once() {
    check(
        "
        given  request a
        when   request a
        then   rejected: it holds a slot already
    ",
    );
    check(
        "
        given  request a; request b
        when   request b
        then   rejected: it waits already
    ",
    );
}

#[test]
fn a_slot_is_given_back_once() {
    check(
        "
        given  request a; request b; release a
        when   release a
        then   rejected: it neither holds a slot nor waits
    ",
    );
}

#[test]
fn who_no_longer_waits_is_passed_over() {
    check(
        "
        given  request a; request b; request c; release b
        when   release a
        then   SlotReleased a; SlotGranted c
    ",
    );
}

#[test]
fn a_higher_priority_comes_first() {
    check(
        "
        given  request a; request b; request c priority=5; request d priority=5
        when   release a
        then   SlotReleased a; SlotGranted c
    ",
    );
}

#[test]
fn fairness_keys_take_turns() {
    let queue = "request a; request b key=x; request c key=x; request d key=y; request e key=z";
    check(&format!("given {queue}\n when release a\n then SlotReleased a; SlotGranted b"));
    check(&format!(
        "given {queue}; release a\n when release b\n then SlotReleased b; SlotGranted d"
    ));
    check(&format!(
        "given {queue}; release a; release b; release d\n when release e\n then SlotReleased e; SlotGranted c"
    ));
}

#[test]
fn a_limit_that_is_raised_lets_more_in() {
    check(
        "
        given  request a; request b; request c; request d
        when   set 3
        then   LimitSet 3; SlotGranted b; SlotGranted c
    ",
    );
}

#[test]
fn a_limit_that_is_lowered_takes_nothing_away() {
    check(
        "
        given  request a slots=2; request b slots=2; request c slots=2; set 1
        when   release a
        then   SlotReleased a
    ",
    );
}

#[test]
fn what_was_set_counts_until_it_is_unset() {
    check(
        "
        given  request a slots=1; set 2; request b slots=1
        when   request c slots=1
        then   SlotRequested c
    ",
    );
    check(
        "
        given  request a slots=4; set 1; request b slots=4
        when   unset
        then   LimitUnset; SlotGranted b
    ",
    );
    check(
        "
        given  set 2
        when   set 2
        then   rejected: limit `l` is set so already
    ",
    );
}

#[test]
fn nothing_is_granted_by_a_limit_of_none() {
    check(
        "
        given  set 0
        when   request a slots=5
        then   SlotRequested a
    ",
    );
}

#[test]
fn a_rate_makes_the_next_wait() {
    let two = "at 0s; request a slots=- rate=2/10s; at 4s; request b slots=- rate=2/10s; at 5s; request c slots=- rate=2/10s";
    check(&format!("given {two}\n when at 9s; wake\n then rejected: there is nothing to grant"));
    check(&format!("given {two}\n when at 10s; wake\n then LimitWoken; SlotGranted c"));
    check(&format!(
        "given {two}; at 10s; wake; request d slots=- rate=2/10s\n when at 13s; wake\n then rejected: there is nothing to grant"
    ));
    check(&format!(
        "given {two}; at 10s; wake; request d slots=- rate=2/10s\n when at 14s; wake\n then LimitWoken; SlotGranted d"
    ));
}

#[test]
fn a_slot_given_back_does_not_help_against_a_rate() {
    check(
        "
        given  at 0s; request a rate=1/10s; request b rate=1/10s
        when   at 5s; release a
        then   SlotReleased a
    ",
    );
}

#[test]
fn a_clock_that_was_far_ahead_stops_nothing() {
    check(
        "
        given  at 1000000s; request a slots=- rate=1/10s
        when   at 5s; request b slots=- rate=1/10s
        then   SlotRequested b; SlotGranted b
    ",
    );
}

#[test]
fn people_are_told_how_many_come_first() {
    let mut bench = Bench::default();
    for item in [
        "request a",
        "request b key=x",
        "request c key=x",
        "request d key=x",
        "request e key=y",
        "request f key=y",
        "request g priority=1",
    ] {
        bench.ask(command(item)).expect("it is new");
    }
    let ahead = |name: u8| bench.limit.queue.ahead_of(holder(name));
    assert_eq!(b"abcdefg".map(ahead), [None, Some(1), Some(3), Some(5), Some(2), Some(4), Some(0)]);
}

#[test]
fn a_rate_sets_the_timer_of_the_next() {
    let mut bench = Bench::default();
    let mut timers = |item: &str| {
        bench.ask(command(item)).expect("it fits");
        bench.limit.timers()
    };
    assert_eq!(timers("request a slots=- rate=1/10s"), []);
    assert_eq!(timers("request b slots=- rate=1/10s"), [(TimerId(1), Timestamp(10_000_000))]);
    assert_eq!(timers("release b"), []);
    assert_eq!(Limit::fire(TimerId(1)), LimitCommand::Wake);
}

#[test]
fn a_limit_that_nobody_holds_and_nobody_waits_for_is_idle() {
    let mut bench = Bench::default();
    assert!(bench.limit.is_idle());
    for (item, idle) in [
        ("request a", false),
        ("request b", false),
        ("release b", false),
        ("release a", true),
        ("set 0", true),
        ("request c", false),
        ("release c", true),
    ] {
        bench.ask(command(item)).expect("it fits");
        assert_eq!(bench.limit.is_idle(), idle, "after {item}");
    }
}
