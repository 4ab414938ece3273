//! Tests of `decide` and `evolve`: stories in a small notation, and properties over random runs.
//!
//! A story has sections, each with items separated by `;` or new lines:
//!
//! ```text
//! workflow  a retry 2; b needs a
//! given     start; complete a#1 {"x":1}
//! when      fail b#1 E_CARD @5s slots=1
//! then      b#1 attempt failed E_CARD; b failed E_CARD; run failed at b: E_CARD
//! after     b failed; run failed; timers none
//! ```
//!
//! A section `other` is the definition that `migrate` goes on with. `then` are all events of `when`, or its refusal; `after` names things that hold at the end.

mod bench;
mod notation;
mod show;

mod approvals;
mod breakers;
mod calls;
mod cases;
mod ending;
mod events;
mod expressions;
mod failures;
mod fitting;
mod folding;
mod for_each;
mod functions;
mod heartbeats;
mod interruptions;
mod loops;
mod migrating;
mod migrating_what_fits;
mod pausing;
mod payloads;
mod properties;
mod queueing;
mod races;
mod refusing;
mod retrying;
mod retrying_functions;
mod signals;
mod slots;
mod slots_of_items;
mod starting;
mod stories;
mod switches;
mod timers;
mod undoing;
mod undoing_items;
mod updates;
mod when_needs;

use std::sync::Arc;

use bench::Bench;

use crate::plan::Plan;

/// Plays a story and compares what happens with what it says.
#[track_caller]
fn check(story: &str) {
    let story = notation::Story::parse(story);
    let mut bench = Bench::new(story.definition());
    if !story.other.is_empty() {
        let other = Plan::compile(notation::definition(&story.other)).expect("a valid definition");
        bench.other = Some(Arc::new(other));
    }
    for line in &story.given {
        let events = bench.play(line).unwrap_or_else(|rejection| panic!("{line}: {rejection}"));
        assert!(!events.is_empty(), "{line} did nothing");
    }
    let mut happened = Vec::new();
    for line in &story.when {
        match bench.play(line) {
            Ok(events) => happened.extend(events),
            Err(rejection) => happened.push(format!("rejected: {rejection}")),
        }
    }
    let happened = happened.join("\n").replace("; ", "\n");
    assert_eq!(story.then.join("\n"), happened, "(left: the story, right: what happened)");
    for item in &story.after {
        bench.check_after(item);
    }
}
