//! Payloads: large ones are named by hash, loaded when needed, and stored with the events.

use super::bench::Bench;
use super::notation;
use crate::payload::{ContentType, ITEM_INLINE_BYTES_MAX, Payload};

fn play(bench: &mut Bench, lines: &[&str]) -> Vec<String> {
    lines.iter().flat_map(|line| bench.play(line).unwrap()).collect()
}

#[test]
fn a_large_output_is_named_by_its_hash() {
    let mut bench = Bench::of("a; b needs a");
    let events = play(&mut bench, &["start", "complete a big"]);
    assert_eq!(events[2..], ["a#1 completed <70002 bytes>", "b#1 started"]);
    assert_eq!(bench.loads, 0, "nobody looks into it");
}

#[test]
fn a_large_output_is_loaded_for_who_refers_to_it() {
    let mut bench = Bench::of("a; b with ${{ steps.a.output }}");
    let events = play(&mut bench, &["start", "complete a big"]);
    assert_eq!(events[3..], ["b#1 started <70002 bytes>"]);
    assert_eq!(bench.loads, 1);
}

#[test]
fn several_large_inputs_are_loaded_together() {
    let mut bench = Bench::of(
        "a; b; x needs a,b; c needs x with ${{ steps.a.output }}; d needs x with ${{ steps.b.output }}",
    );
    play(&mut bench, &["start", "complete a big", "complete b bigger", "complete x"]);
    assert_eq!(bench.loads, 1);
}

#[test]
fn a_large_value_made_here_is_stored_and_seen_at_once() {
    let mut bench = Bench::of("a; b set ${{ [steps.a.output] }}; c set ${{ steps.b.output }}");
    play(&mut bench, &["start"]);
    let command = notation::command(&mut bench, "complete a big");
    let transition = bench.act(&command).unwrap();
    assert_eq!(bench.loads, 1, "only the output of a is loaded");
    assert!(!transition.payloads.is_empty());
    assert_eq!(bench.run.status.word(), "completed");
}

#[test]
fn what_an_item_takes_or_gives_stands_in_the_event_if_it_is_small() {
    let of = |bytes: usize| Payload::new(ContentType::Bytes, vec![b'x'; bytes]).0;
    for (bytes, is_small) in [
        (0, true),
        (ITEM_INLINE_BYTES_MAX, true),
        (ITEM_INLINE_BYTES_MAX + 1, false),
        (ITEM_INLINE_BYTES_MAX + 2, false),
    ] {
        let (payload, new) = of(bytes).of_item();
        assert_eq!(payload == of(bytes), is_small, "{bytes} bytes");
        assert_eq!(new.is_none(), is_small, "{bytes} bytes");
        assert_eq!((payload.len(), payload.hash()), (bytes as u64, of(bytes).hash()));
        assert_eq!(payload.is_empty(), bytes == 0);
    }
}
