//! Stories of breakers: what is asked at which second, and what happens.
//!
//! `A` asks and waits, `A!` asks and does not; `A ok`, `A failed` and `A gone` tell what came of its call; `wake`, `reset`;
//! `10s` sets the clock. Rules are those by default: 5 failures, 2 successes, 60 s.

use crate::aggregate::{Aggregate, Decoded, EventKind};
use crate::breaker::{
    Breaker, BreakerClosed, BreakerCommand, BreakerEffect, BreakerEvent, BreakerHalfOpened,
    BreakerOpened, BreakerReset, BreakerWoken, CallAllowed, CallOutcome, CallOver, CallRefused,
    CallRequested, Circuit, Rule,
};
use crate::event::Actor;
use crate::id::{RunId, StepIndex};
use crate::limit::{Holder, Ticket};
use crate::time::Timestamp;

pub(super) fn holder(name: u8) -> Holder {
    Holder { run: RunId([name; 16]), ticket: Ticket(1), step: Some(StepIndex(0)), item: None }
}

/// A breaker, and the same folded from its events alone.
pub(super) struct Bench {
    pub(super) breaker: Breaker,
    folded: Breaker,
    pub(super) now: Timestamp,
}

impl Default for Bench {
    fn default() -> Self {
        let breaker = Breaker::new("pay");
        Self { folded: breaker.clone(), breaker, now: Timestamp::default() }
    }
}

impl Bench {
    /// Asks, and checks what holds after every command: the state is the fold of the events as they are read back, a snapshot
    /// is the state, a command that is asked again by a replay gives the same, and a half open breaker lets one through.
    pub(super) fn ask(&mut self, command: BreakerCommand) -> Result<Vec<BreakerEvent>, String> {
        let mut before = self.breaker.clone();
        let events = match self.breaker.decide(command, self.now) {
            Ok(events) => events,
            Err(rejection) => {
                assert_eq!(self.breaker, before, "a refusal changes nothing");
                return Err(rejection.to_string());
            }
        };
        let again = Breaker::command_of(&events[0]).expect("the first is from outside");
        assert_eq!(before.decide(again, self.now).as_ref(), Ok(&events));
        for event in &events {
            let mut body = Vec::new();
            event.put(&mut body);
            let Decoded::Event(read) = BreakerEvent::take(event.kind(), &body) else {
                panic!("an event reads back")
            };
            assert_eq!(&read, event);
            self.folded.evolve(&read, self.now);
        }
        assert_eq!(self.breaker, self.folded);
        let mut bytes = Vec::new();
        Aggregate::put(&self.breaker, &mut bytes);
        assert_eq!(<Breaker as Aggregate>::take(&bytes).as_ref(), Some(&self.breaker));
        let tries = self.breaker.calls.values().filter(|call| call.tries).count();
        let half_open = matches!(self.breaker.circuit, Circuit::HalfOpen { .. });
        assert!(tries <= usize::from(half_open), "{:?}", self.breaker);
        Ok(events)
    }

    fn play(&mut self, line: &str) -> String {
        let shown = line.split(';').filter_map(|ask| self.play_one(ask.trim()));
        shown.collect::<Vec<_>>().join("; ")
    }

    fn play_one(&mut self, ask: &str) -> Option<String> {
        if let Some(seconds) = ask.strip_suffix('s').and_then(|text| text.parse::<i64>().ok()) {
            self.now = Timestamp(seconds * 1_000_000);
            return None;
        }
        let settle = |who: &str, outcome| BreakerCommand::Settle { holder: named(who), outcome };
        let command = match ask.split_once(' ') {
            Some((who, "ok")) => settle(who, CallOutcome::Succeeded),
            Some((who, "failed")) => settle(who, CallOutcome::Failed),
            Some((who, _)) => settle(who, CallOutcome::Unknown),
            None if ask == "wake" => BreakerCommand::Wake,
            None if ask == "reset" => BreakerCommand::Reset { by: Actor::default() },
            None => {
                let patient = !ask.ends_with('!');
                BreakerCommand::Request { holder: named(ask), rule: Rule::default(), patient }
            }
        };
        Some(match self.ask(command) {
            Ok(events) => events.iter().filter_map(show).collect::<Vec<_>>().join(" "),
            Err(rejection) => format!("[{rejection}]"),
        })
        .filter(|shown| !shown.is_empty())
    }
}

fn named(who: &str) -> Holder {
    holder(who.as_bytes()[0])
}

/// What was asked is left out.
fn show(event: &BreakerEvent) -> Option<String> {
    let name = |holder: &Holder| char::from(holder.run.0[0]);
    Some(match event {
        BreakerEvent::CallRequested(CallRequested { .. })
        | BreakerEvent::CallOver(CallOver { .. })
        | BreakerEvent::BreakerReset(BreakerReset { .. })
        | BreakerEvent::BreakerWoken(BreakerWoken {}) => return None,
        BreakerEvent::CallAllowed(CallAllowed { holder }) => name(holder).to_string(),
        BreakerEvent::CallRefused(CallRefused { holder }) => format!("-{}", name(holder)),
        BreakerEvent::BreakerOpened(BreakerOpened { until }) => {
            format!("open until {}", until.0 / 1_000_000)
        }
        BreakerEvent::BreakerHalfOpened(BreakerHalfOpened {}) => "half open".to_owned(),
        BreakerEvent::BreakerClosed(BreakerClosed {}) => "closed".to_owned(),
    })
}

fn check(asked: &str, expected: &str) -> Breaker {
    let mut bench = Bench::default();
    assert_eq!(bench.play(asked), expected);
    bench.breaker
}

/// Five calls that fail at second 0.
const FIVE: &str = "a; a failed; b; b failed; c; c failed; d; d failed; e; e failed";
const OPENS: &str = "a; b; c; d; e; open until 60";

#[test]
fn five_failures_in_a_row_open_it() {
    let breaker = check(FIVE, OPENS);
    assert_eq!(breaker.circuit, Circuit::Open { until: Timestamp(60_000_000) });
    assert_eq!(breaker.timers().len(), 1);
    assert_eq!(breaker.opened, 1);
}

#[test]
fn a_success_in_between_starts_the_count_anew() {
    let breaker = check(
        "a; a failed; b; b failed; c; c failed; d; d failed; e; e ok; f; f failed",
        "a; b; c; d; e; f",
    );
    assert_eq!(breaker.circuit, Circuit::Closed { failures: 1 });
    assert_eq!(breaker.timers(), []);
}

#[test]
fn who_is_patient_waits_and_who_is_not_is_refused() {
    let breaker = check(&format!("{FIVE}; f; g!"), &format!("{OPENS}; -g"));
    assert_eq!(breaker.ahead_of(holder(b'f')), Some(0));
    assert_eq!(breaker.ahead_of(holder(b'g')), None);
    assert_eq!(breaker.pending(), [BreakerEffect::Refuse(holder(b'g'))]);
}

#[test]
fn who_waits_knows_how_many_come_first() {
    let breaker = check(&format!("{FIVE}; f; g; h; g gone"), OPENS);
    let ahead = |name: u8| breaker.ahead_of(holder(name));
    assert_eq!(b"fgh".map(ahead), [Some(0), None, Some(1)]);
}

#[test]
fn a_refusal_is_told_until_it_is_known() {
    let breaker = check(
        &format!("{FIVE}; g!; g gone; g gone"),
        &format!("{OPENS}; -g; [it neither calls nor waits]"),
    );
    assert_eq!(breaker.pending(), []);
}

#[test]
fn after_its_time_one_tries_and_two_successes_close_it() {
    check(
        &format!("{FIVE}; f; g; h; 60s; wake; f ok; g ok"),
        &format!("{OPENS}; half open f; g; closed h"),
    );
}

#[test]
fn a_failure_of_who_tries_opens_it_again() {
    let breaker = check(
        &format!("{FIVE}; f; g; 60s; wake; f ok; g failed; 70s; h!"),
        &format!("{OPENS}; half open f; g; open until 120; -h"),
    );
    assert_eq!(breaker.opened, 2);
}

#[test]
fn while_one_tries_others_wait_or_are_refused() {
    check(&format!("{FIVE}; 61s; f; g; h!"), &format!("{OPENS}; half open f; -h"));
}

#[test]
fn a_try_of_which_nothing_is_known_makes_room_for_the_next() {
    check(&format!("{FIVE}; f; g; 60s; wake; f gone"), &format!("{OPENS}; half open f; g"));
}

#[test]
fn calls_from_before_it_opened_tell_it_nothing() {
    let breaker = check(
        &format!("x; y; z; {FIVE}; x failed; 60s; wake; y failed; z ok"),
        &format!("x; y; z; {OPENS}; half open"),
    );
    assert_eq!(breaker.circuit, Circuit::HalfOpen { successes: 0, failed: false });
}

#[test]
fn a_reset_lets_all_through() {
    check(
        &format!("{FIVE}; f; g; reset; reset"),
        &format!("{OPENS}; f g; [the breaker of `pay` is closed, and nothing has failed]"),
    );
}

#[test]
fn the_same_request_again_is_none() {
    check("a; a; a ok; a ok", "a; [it has asked already]; [it neither calls nor waits]");
}

#[test]
fn it_does_not_wake_before_its_time() {
    check(&format!("{FIVE}; 59s; wake"), &format!("{OPENS}; [it is not time yet]"));
}

#[test]
fn who_gives_up_waits_no_more() {
    let breaker = check(&format!("{FIVE}; f; f gone"), OPENS);
    assert_eq!(breaker.waiting.len(), 0);
}

#[test]
fn many_who_wait_are_let_through_in_several_transitions() {
    let mut bench = Bench::default();
    bench.play(FIVE);
    for number in 0..2_500u32 {
        let holder = Holder { ticket: Ticket(number), ..holder(9) };
        let rule = Rule::default();
        let request = BreakerCommand::Request { holder, rule, patient: true };
        let events = bench.breaker.decide(request, bench.now).unwrap();
        for event in &events {
            bench.folded.evolve(event, bench.now);
        }
    }
    let reset = bench.ask(BreakerCommand::Reset { by: Actor::default() }).unwrap();
    let mut events = vec![reset.len()];
    while let [(_, at)] = bench.breaker.timers()[..] {
        bench.now = at;
        events.push(bench.ask(BreakerCommand::Wake).unwrap().len());
    }
    assert_eq!((events, bench.breaker.calls.len()), (vec![1_000, 1_000, 503], 2_500));
}
