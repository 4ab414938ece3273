//! Topics on paper: what was asked, and what came of it.

use super::*;
use crate::aggregate::{Decoded, EventKind};

/// A topic, and the clock in seconds.
struct Paper {
    topic: Topic,
    now: i64,
}

fn by() -> Actor {
    Actor { name: "eva".into(), via: "cli".into() }
}

fn emit(id: &str, data: &str) -> TopicCommand {
    TopicCommand::Emit { id: id.into(), data: data.into(), by: by() }
}

fn set(name: &str, definition: u8) -> TopicCommand {
    let (name, definition) = (name.into(), DefinitionHash([definition; 32]));
    let follows = false;
    TopicCommand::SetTrigger { name, definition, at: 0, follows, folder: String::new(), by: by() }
}

fn remove(name: &str) -> TopicCommand {
    TopicCommand::RemoveTrigger { name: name.into(), by: by() }
}

fn delivered(through: u32) -> TopicCommand {
    TopicCommand::Delivered { through, started: 1, failures: Vec::new() }
}

impl Paper {
    fn new() -> Self {
        Self { topic: Topic::new("order.created"), now: 0 }
    }

    /// Asks, and checks that what was decided is what is folded, that what is written is what is read, and that the event leads to
    /// itself again.
    fn ask(&mut self, command: TopicCommand) -> String {
        let before = self.topic.clone();
        self.now += 1;
        let at = Timestamp(self.now * 1_000_000);
        match self.topic.decide(command, at) {
            Err(rejection) => {
                assert_eq!(self.topic, before, "a refusal changes nothing");
                format!("refused: {rejection}")
            }
            Ok(events) => {
                let [event] = events.as_slice() else { panic!("one event: {events:?}") };
                let mut body = Vec::new();
                EventKind::put(event, &mut body);
                let read = <TopicEvent as EventKind>::take(event.kind(), &body);
                assert_eq!(read, Decoded::Event(event.clone()));
                let mut folded = before.clone();
                folded.evolve(event, at);
                assert_eq!(folded, self.topic);
                let mut bytes = Vec::new();
                Aggregate::put(&folded, &mut bytes);
                assert_eq!(<Topic as Aggregate>::take(&bytes), Some(folded));
                let command = Topic::command_of(event).expect("all are from outside");
                let mut again = before;
                assert_eq!(again.decide(command, at).as_deref(), Ok(&events[..]));
                "done".to_owned()
            }
        }
    }

    fn pending(&self) -> Option<(u32, u32)> {
        self.topic.pending().first().map(|deliver| (deliver.number, deliver.record))
    }
}

#[test]
fn events_are_numbered_and_delivered_in_order() {
    let mut paper = Paper::new();
    assert_eq!(paper.pending(), None);
    assert_eq!(paper.ask(emit("a", "1")), "done");
    assert_eq!(paper.ask(emit("b", "2")), "done");
    assert_eq!(paper.ask(emit("c", "3")), "done");
    assert_eq!(paper.pending(), Some((1, 0)));
    assert_eq!(paper.ask(delivered(2)), "done");
    assert_eq!(paper.pending(), Some((3, 2)));
    assert_eq!(paper.ask(delivered(2)), "refused: the events have been delivered already");
    assert_eq!(paper.ask(delivered(3)), "done");
    assert_eq!(paper.pending(), None);
    assert_eq!(paper.ask(emit("d", "4")), "done");
    assert_eq!(
        paper.pending(),
        Some((4, 5)),
        "the number of the event and its place in the stream"
    );
    assert_eq!((paper.topic.emitted, paper.topic.started), (4, 2));
}

#[test]
fn an_id_counts_once() {
    let mut paper = Paper::new();
    assert_eq!(paper.ask(emit("a", "1")), "done");
    assert_eq!(paper.ask(emit("a", "2")), "refused: an event with this id was emitted before");
    for number in 1..RECENT_MAX {
        assert_eq!(paper.ask(emit(&format!("more-{number}"), "1")), "done");
    }
    assert!(paper.topic.emitted_lately("a"), "it is the oldest of those that are known");
    assert_eq!(paper.ask(emit("last", "1")), "done");
    assert!(paper.topic.emitted_lately("more-1"));
    assert!(!paper.topic.emitted_lately("a"), "of older ones the store knows");
}

#[test]
fn what_cannot_be_emitted_is_refused() {
    let mut paper = Paper::new();
    let long = "x".repeat(DATA_BYTES_MAX + 1);
    assert_eq!(
        paper.ask(emit("a", &long)),
        format!("refused: the event carries {} bytes, more than 65536", DATA_BYTES_MAX + 1)
    );
    let id = "refused: the id of an event has 1 to 256 characters without control characters";
    assert_eq!(paper.ask(emit("", "1")), id);
    assert_eq!(paper.ask(emit("a\nb", "1")), id);
    assert_eq!(paper.ask(emit("a", &long[1..])), "done");
    paper.topic = Topic::new("no/name");
    assert!(paper.ask(emit("a", "1")).starts_with("refused: the name of an event has 1 to 64"));
}

#[test]
fn a_trigger_is_for_the_events_that_come_after_it() {
    let mut paper = Paper::new();
    assert_eq!(paper.ask(emit("a", "1")), "done");
    assert_eq!(paper.ask(set("ship", 1)), "done");
    assert_eq!(paper.topic.triggers["ship"].after, 1);
    assert_eq!(paper.ask(set("ship", 1)), "refused: the trigger is set so already");
    assert_eq!(paper.ask(emit("b", "1")), "done");
    assert_eq!(paper.ask(set("ship", 2)), "done");
    assert_eq!(paper.topic.triggers["ship"].after, 1, "a new version takes what waits for the old");
    assert_eq!(paper.ask(remove("ship")), "done");
    assert_eq!(paper.ask(remove("ship")), "refused: there is no such trigger");
}

#[test]
fn a_run_that_was_not_started_is_remembered() {
    let mut paper = Paper::new();
    paper.ask(emit("a", "1"));
    let (trigger, code, message) = ("ship".to_owned(), "NX1205".to_owned(), "no".to_owned());
    let failure = StartFailure { number: 1, trigger, code, message };
    let failures = vec![failure.clone()];
    assert_eq!(paper.ask(TopicCommand::Delivered { through: 1, started: 0, failures }), "done");
    assert_eq!(paper.topic.failure, Some(failure.clone()));
    paper.ask(emit("b", "1"));
    paper.ask(delivered(2));
    assert_eq!(paper.topic.failure, Some(failure), "until another takes its place");
}

#[test]
fn runs_are_named_after_trigger_and_event() {
    assert_eq!(run_name("ship", "order.created", 17), "ship@order.created:17");
    let name = run_name(&"long".repeat(32), "order.created", 17);
    assert_eq!(name.len(), 128);
    assert!(name.starts_with("longlong") && name.ends_with("@order.created:17"), "{name}");
    assert_ne!(name, run_name(&format!("{}x", "long".repeat(32)), "order.created", 17));
    let name = run_name("Ship the order", "order.created", 17);
    assert!(name.starts_with("Shiptheorder-") && name.ends_with("@order.created:17"), "{name}");
}

#[test]
fn an_event_has_a_plain_name() {
    for name in ["n", "order.created_2:a+b-c", &"x".repeat(64)] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", "order created", "order/created", "größer", &"x".repeat(65)] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn a_name_of_a_run_that_is_as_long_as_it_can_be_holds_the_whole_trigger() {
    let named = |chars: usize| run_name(&"x".repeat(chars), "paid", 17);
    let longest = 128 - "@paid:17".len();
    assert_eq!(named(longest), format!("{}@paid:17", "x".repeat(longest)));
    assert_eq!(named(longest + 1).len(), 128);
    assert!(named(longest + 1).contains("x-"));
}

#[test]
fn an_offer_says_what_it_is_and_moves_with_its_step() {
    use crate::id::StepIndex;

    let id = offer_id("order.created", 17, StepIndex(2));
    assert_eq!(Offered::parse(&id), Some(Offered { record: 17, step: StepIndex(2) }));
    assert_eq!(offered_to(&id), Some(StepIndex(2)));
    let moved =
        |id: &str, place| moved_offer_id(id, |step| (step == StepIndex(2)).then_some(place)?);
    assert_eq!(moved(&id, Some(StepIndex(5))), Some(offer_id("order.created", 17, StepIndex(5))));
    assert_eq!(moved(&id, None), None);
    for signal in ["", "a-7", "event:paid", "event:paid#x/1"] {
        assert_eq!(offered_to(signal), None);
        assert_eq!(moved(signal, None).as_deref(), Some(signal), "it is the id of no offer");
    }
}
