//! Properties of random limits.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::stories::Bench;
use crate::aggregate::Aggregate;
use crate::event::Actor;
use crate::id::{RunId, StepIndex};
use crate::limit::{
    Holder, Limit, LimitCommand, LimitEvent, Rate, RequestWithdrawn, Size, SlotGranted,
    SlotRequested, Ticket, Wish,
};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
struct Ask {
    what: u8,
    which: u8,
    key: u8,
    priority: i32,
    ms: u64,
}

fn ask() -> impl Strategy<Value = Ask> {
    (0u8..10, 0u8..24, 0u8..4, -1i32..2, 0u64..400)
        .prop_map(|(what, which, key, priority, ms)| Ask { what, which, key, priority, ms })
}

fn size() -> impl Strategy<Value = Size> {
    let rate = prop::option::of((1u32..4, 100u64..2_000));
    (prop::option::of(0u32..6), rate).prop_map(|(slots, rate)| {
        let rate = rate.map(|(count, per_ms)| Rate { count, per_ms });
        Size { slots, rate }
    })
}

fn holder(which: u8) -> Holder {
    Holder { run: RunId([which; 16]), ticket: Ticket(1), step: Some(StepIndex(1)), item: None }
}

fn command(ask: &Ask, size: Size, other: Size) -> LimitCommand {
    let holder = holder(ask.which);
    let by = Actor::default();
    match ask.what {
        0..6 => {
            let fairness_key = ask.key.to_string();
            let limit = "l".to_owned();
            let wish = Wish { limit, size, fairness_key, priority: ask.priority };
            LimitCommand::Request { holder, wish }
        }
        6..8 => LimitCommand::Release { holder },
        8 => LimitCommand::Wake,
        _ => {
            let size = (ask.key > 1).then_some(other);
            LimitCommand::Set { size, by }
        }
    }
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_is_asked(
        asks in prop::collection::vec(ask(), 1..120),
        size in size(),
        other in size(),
    ) {
        let mut bench = Bench::default();
        // Who stands in which line, by the order they came: the rules told again in the plainest way.
        let mut lines: BTreeMap<(i32, String), VecDeque<Holder>> = BTreeMap::new();
        let mut granted: Vec<Timestamp> = Vec::new();
        let mut was_set = false;
        for ask in asks {
            bench.now = bench.now.plus_ms(ask.ms);
            for event in bench.ask(command(&ask, size, other)).unwrap_or_default() {
                match event {
                    LimitEvent::SlotRequested(SlotRequested { holder, wish }) => {
                        lines.entry((wish.priority, wish.fairness_key)).or_default().push_back(holder);
                    }
                    LimitEvent::SlotGranted(SlotGranted { holder }) => {
                        let highest = lines.iter().filter(|(_, line)| !line.is_empty()).map(|((priority, _), _)| *priority).max();
                        let line = lines.iter_mut().find(|(_, line)| line.contains(&holder)).expect("it waited");
                        prop_assert_eq!(Some(line.0.0), highest, "a higher priority waits");
                        prop_assert_eq!(line.1.pop_front(), Some(holder), "somebody came before it");
                        granted.push(bench.now);
                    }
                    LimitEvent::RequestWithdrawn(RequestWithdrawn { holder }) => {
                        for line in lines.values_mut() {
                            line.retain(|other| *other != holder);
                        }
                    }
                    LimitEvent::SlotReleased(_) | LimitEvent::LimitSet(_) | LimitEvent::LimitWoken(_) => {}
                }
            }
            let waiting: usize = lines.values().map(VecDeque::len).sum();
            prop_assert_eq!(bench.limit.queue.len(), waiting);
            prop_assert_eq!(bench.limit.queue.iter().count(), waiting);
            prop_assert_eq!(bench.limit.pending().len(), bench.limit.holders.len());
            // Nobody waits without a reason: no slot is free, or the rate says when.
            let stuck = waiting > 0 && bench.limit.free() != Some(0);
            prop_assert_eq!(stuck, bench.limit.wakes_at.is_some());
            was_set |= bench.limit.set.is_some();
            if let Some(rate) = size.rate.filter(|_| !was_set) {
                let recent = granted.iter().filter(|at| bench.now.ms_since(**at) < rate.per_ms);
                prop_assert!(recent.count() <= rate.count as usize);
            }
        }
        // Told one by one how many come first, all who wait are told different numbers.
        let mut ahead: Vec<_> = bench.limit.queue.iter().filter_map(|waiting| bench.limit.queue.ahead_of(waiting.holder)).collect();
        ahead.sort_unstable();
        prop_assert_eq!(ahead, (0..bench.limit.queue.len()).collect::<Vec<_>>());
    }

    #[test]
    fn who_is_told_a_place_gets_its_slot_then(asks in prop::collection::vec(ask(), 1..60)) {
        let mut bench = Bench::default();
        for ask in asks.iter().filter(|ask| ask.what < 6) {
            let _ = bench.ask(command(ask, Size::default(), Size::default()));
        }
        let mut told: Vec<_> = bench.limit.queue.iter().map(|waiting| waiting.holder).collect();
        told.sort_by_key(|holder| bench.limit.queue.ahead_of(*holder));
        for expected in told {
            let holder = *bench.limit.holders.keys().next().expect("one holds the slot");
            bench.ask(LimitCommand::Release { holder }).expect("it holds it");
            prop_assert!(bench.limit.holders.contains_key(&expected));
        }
    }
}

/// 10,000 requests under 10 fairness keys, one key's all before the next's; 100 slots.
#[test]
fn ten_backlogged_keys_get_equal_shares() {
    const SLOTS: u32 = 100;
    let size = Size { slots: Some(SLOTS), ..Size::default() };
    let id = |at: u32| {
        let mut run = [0; 16];
        run[..4].copy_from_slice(&at.to_be_bytes());
        Holder { run: RunId(run), ticket: Ticket(1), step: None, item: None }
    };
    let key_of = |holder: Holder| {
        let [a, b, c, d, ..] = holder.run.0;
        u32::from_be_bytes([a, b, c, d]) / 1_000
    };
    let mut limit = Limit::new("l");
    let mut granted: Vec<Holder> = Vec::new();
    let mut note = |events: Vec<LimitEvent>| {
        for event in events {
            if let LimitEvent::SlotGranted(SlotGranted { holder }) = event {
                granted.push(holder);
            }
        }
        granted.len()
    };
    let now = Timestamp::default();
    for at in 0..10_000 {
        let fairness_key = (at / 1_000).to_string();
        let wish = Wish { limit: "l".to_owned(), size, fairness_key, priority: 0 };
        let request = LimitCommand::Request { holder: id(at), wish };
        note(limit.decide(request, now).expect("it is new"));
    }
    while let Some(holder) = limit.holders.keys().next().copied() {
        let release = LimitCommand::Release { holder };
        note(limit.decide(release, now).expect("it holds a slot"));
        assert!(limit.holders.len() <= SLOTS as usize);
    }
    assert_eq!(note(Vec::new()), 10_000);
    // The first 100 went to the key that was alone then; from there on all ten are backlogged until the last rounds.
    for key in 0..10 {
        // How many of the first n grants went to the key.
        let mut sums = vec![0];
        for holder in &granted[100..9_000] {
            sums.push(sums[sums.len() - 1] + u32::from(key_of(*holder) == key));
        }
        for window in sums.windows(1_001) {
            let share = window[1_000] - window[0];
            assert!((90..=110).contains(&share), "key {key} has {share} of 1,000");
        }
    }
    for key in 0..10 {
        let of_key: Vec<_> = granted.iter().filter(|holder| key_of(**holder) == key).collect();
        assert!(of_key.is_sorted(), "who came first under key {key} comes first");
    }
}
