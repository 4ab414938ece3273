//! Rounds end while signals come: none is lost.

use std::time::Duration;

use nexus_model::command::Command;
use nexus_model::event::{Actor, Event};
use nexus_model::payload::Payload;
use nexus_model::run::RunStatus;

use super::super::{Cx, Next, repeated};
use super::{Bench, same};
use crate::workflow::{Result, Signal};

const GO: Signal<u64> = Signal::new("go");

/// Each round waits for a signal, though not for long; the last one does.
async fn short(cx: Cx, at: u64) -> Result<Next<u64, u64>> {
    if at == 0 {
        return Ok(Next::Done(cx.wait(&GO).await?));
    }
    tokio::select! {
        came = cx.wait(&GO) => Ok(Next::Done(came?)),
        slept = cx.sleep(Duration::from_mins(1)) => {
            slept?;
            Ok(Next::Again(0))
        }
    }
}

/// Gives up waiting, and does something else before the round ends.
async fn busy(cx: Cx, at: u64) -> Result<Next<u64, u64>> {
    if at == 0 {
        return Ok(Next::Done(cx.wait(&GO).await?));
    }
    tokio::select! {
        came = cx.wait(&GO) => return Ok(Next::Done(came?)),
        slept = cx.sleep(Duration::from_mins(1)) => slept?,
    }
    cx.step("one", same, 1).await?;
    cx.step("two", same, 2).await?;
    Ok(Next::Again(0))
}

impl Bench {
    fn signal(&mut self, carried: u64) {
        let (payload, _) = Payload::json(&carried.into());
        let (name, id) = ("go".to_owned(), String::new());
        let signal = Command::DeliverSignal { name, id, payload, by: Actor::default() };
        assert!(self.decide(signal), "it comes");
    }

    fn time_is_over(&mut self) {
        let timer = *self.run.timers.keys().next().expect("it sleeps");
        assert!(self.decide(Command::FireTimer { timer }), "the time is over");
    }

    pub(super) fn step(&mut self) {
        let step = self.run.running().next().expect("a step is at work");
        let (attempt, (output, _)) = (self.run.step_run(step).attempt, Payload::json(&1.into()));
        assert!(self.decide(Command::CompleteStep { step, attempt, output }), "it ends");
    }

    /// The run has ended with what the signal carried; a process that begins anew agrees.
    fn ends_with(&mut self, carried: u64) {
        for _ in 0..2 {
            let (expected, _) = Payload::json(&carried.into());
            let RunStatus::Completed { output } = &self.run.status else {
                panic!("{:?}", self.run.status)
            };
            assert_eq!(*output, expected);
            self.crash();
            self.ask();
        }
    }

    fn rounds(&self) -> usize {
        let is_end = |event: &Event| matches!(event, Event::FunctionReturned(_));
        self.history.iter().filter(|(event, _)| is_end(event)).count()
    }
}

#[test]
fn a_signal_that_comes_after_the_last_outcome_of_a_round_is_heard_in_the_next() {
    for crashes in [false, true] {
        let mut bench = Bench::of(repeated(short));
        bench.ask();
        bench.time_is_over();
        bench.signal(7);
        if crashes {
            bench.crash();
        }
        bench.ask();
        assert_eq!(bench.rounds(), 2);
        bench.ends_with(7);
    }
}

#[test]
fn a_signal_that_comes_while_the_end_of_a_round_is_recorded_is_heard_in_the_next() {
    let mut bench = Bench::of(repeated(short));
    bench.ask();
    bench.time_is_over();
    bench.hear();
    let said = bench.machine.go_on().unwrap_or_else(|trouble| panic!("{}", trouble.told().message));
    bench.signal(7);
    assert!(!bench.decide(said.expect("the round ends").command), "the signal would be lost");
    bench.ask();
    assert_eq!(bench.rounds(), 2);
    bench.ends_with(7);
}

#[test]
fn a_signal_whose_wait_was_given_up_earlier_in_the_round_is_heard_in_the_next() {
    for crashes in [false, true] {
        let mut bench = Bench::of(repeated(busy));
        bench.ask();
        bench.time_is_over();
        bench.ask();
        bench.signal(7);
        bench.ask();
        bench.step();
        bench.ask();
        bench.signal(8);
        if crashes {
            bench.crash();
            bench.ask();
        }
        bench.step();
        bench.ask();
        assert_eq!(bench.rounds(), 2);
        bench.ends_with(7);
        let kept: Vec<u32> = bench.run.signals.kept.keys().copied().collect();
        assert_eq!(kept, [2], "what came later is still there");
    }
}
