//! Every order of things in the hand-off between those who append, the writer, and the keeper of the high-water file.
//!
//! The files of the hand-off are compiled once more, with the primitives in `sync.rs`: shuttle decides who goes on. What is behind
//! the hand-off is a disk that is only a list. `NEXUS_SCHEDULES` is how many orders each test tries, `NEXUS_SEED` where it begins.

mod channel;
mod life;
mod oneshot;
mod sync;

#[path = "../../src/handoff.rs"]
mod handoff;
#[path = "../../src/permits.rs"]
#[expect(unreachable_pub, reason = "it is public in the library")]
mod permits;
#[path = "../../src/ticket.rs"]
#[expect(unreachable_pub, reason = "it is public in the library")]
mod ticket;
#[path = "../../src/tip.rs"]
mod tip;
#[path = "../../src/waking.rs"]
mod waking;

// What these files find in the library.
use nexus_log::{Outcome, Position, PurgeError, Table};
use permits::{Permit, Permits};
use ticket::{Answer, Ticket};

use life::{Life, Plan, Submission, Transition};
use shuttle::scheduler::{PctScheduler, RandomScheduler};

/// How many orders a test tries, by each of two ways to choose.
const SCHEDULES: usize = 300;
/// How many changes of priority one order has: enough for what takes so many ill-timed steps.
const DEPTH: usize = 3;
const STACK_BYTES: usize = 256 * 1024;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |number| number.parse().expect("a number"))
}

/// Lets threads live by the plan, in many orders.
#[expect(clippy::print_stdout, reason = "the seed is for people")]
fn check(plan: Plan) {
    let schedules = usize::try_from(number("NEXUS_SCHEDULES", SCHEDULES as u64)).expect("fewer");
    let seed = number("NEXUS_SEED", 1);
    let mut config = shuttle::Config::new();
    config.stack_size = STACK_BYTES;
    println!("seed {seed}");
    let random = RandomScheduler::new_from_seed(seed, schedules);
    shuttle::Runner::new(random, config.clone()).run(move || Life::new(plan).live());
    let by_priority = PctScheduler::new_from_seed(seed, DEPTH, schedules);
    shuttle::Runner::new(by_priority, config).run(move || Life::new(plan).live());
}

#[test]
fn who_is_answered_finds_it_durable_and_permits_come_back() {
    check(Plan { submitters: 3, ..Plan::NOTHING });
}

#[test]
fn closing_waits_for_what_was_handed_over_before() {
    check(Plan { submitters: 2, closers: 2, ..Plan::NOTHING });
}

#[test]
fn nobody_who_is_late_waits_for_ever() {
    check(Plan { submitters: 2, purgers: 1, closers: 1, ..Plan::NOTHING });
}

#[test]
fn purges_are_carried_out() {
    check(Plan { submitters: 1, purgers: 2, ..Plan::NOTHING });
}

#[test]
fn who_gives_up_keeps_no_permit() {
    check(Plan { submitters: 1, impatient: 2, closers: 1, ..Plan::NOTHING });
}

#[test]
fn who_appends_alone_goes_before_nothing_that_was_handed_over() {
    check(Plan { submitters: 1, helpers: 2, ..Plan::NOTHING });
    check(Plan { helpers: 3, ..Plan::NOTHING });
}

#[test]
fn closing_waits_for_who_appends_alone() {
    check(Plan { helpers: 2, closers: 2, ..Plan::NOTHING });
    check(Plan { helpers: 2, purgers: 1, closers: 1, ..Plan::NOTHING });
}

#[test]
fn nobody_goes_on_after_a_failure() {
    check(Plan { submitters: 1, helpers: 2, fails_at: Some(2), ..Plan::NOTHING });
}

#[test]
fn nobody_is_answered_from_a_group_that_failed() {
    check(Plan { submitters: 3, fails_at: Some(2), ..Plan::NOTHING });
}
