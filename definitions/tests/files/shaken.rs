//! Definitions as programs send them, shaken: what a client puts into canonical JSON, and what people write as times, is refused
//! or taken, and never ends in a panic or takes long. `NEXUS_FUZZ_MINUTES` makes it go on.

use std::time::{Duration, Instant};

use nexus_definitions::{calendar, read, write};
use nexus_model::aggregate::Calendar;
use nexus_model::definition::Definition;
use nexus_model::plan::Plan;
use nexus_model::time::Timestamp;
use serde_json::{Value, json};

use crate::workflows;

const PATIENCE: Duration = Duration::from_secs(20);

/// Chance from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*: Marsaglia 2003, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits") % bound.max(1)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// Calls `test` with chance from so many seeds, or as long as somebody wants it. A seed that fails or takes long is named.
fn rounds(few: u64, test: impl Fn(&mut Chance)) {
    let minutes = std::env::var("NEXUS_FUZZ_MINUTES").ok().and_then(|text| text.parse().ok());
    let end = minutes.map(|minutes: u64| Instant::now() + Duration::from_secs(60 * minutes));
    for seed in 1.. {
        let began = Instant::now();
        if end.map_or(seed > few, |end| began >= end) {
            return;
        }
        let round = std::panic::AssertUnwindSafe(|| test(&mut Chance(seed)));
        assert!(std::panic::catch_unwind(round).is_ok(), "seed {seed}");
        assert!(began.elapsed() < PATIENCE, "seed {seed} took {:?}", began.elapsed());
    }
}

/// Values that are often not thought of.
fn odd(chance: &mut Chance) -> Value {
    chance.of(&[
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1.5e300),
        json!(""),
        json!("${{"),
        json!("${{ steps.a.output }}"),
        json!("${{ inputs.x.y[0] | default(1) }}"),
        json!("a/b"),
        json!("\u{0}\u{feff}ü"),
        json!("x".repeat(5_000)),
        json!([]),
        json!([[[[]]]]),
        json!({}),
        json!({"a": {"b": [1, null]}}),
    ])
}

/// Changes one value somewhere in the tree.
fn shake(value: &mut Value, chance: &mut Chance) {
    let deeper = chance.below(5) > 0;
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = chance.of(&keys);
            match chance.below(10) {
                0 => drop(map.remove(&key)),
                1 => {
                    let (other, taken) = (chance.of(&keys), map[&key].clone());
                    map.insert(other, taken);
                }
                _ => shake(&mut map[&key], chance),
            }
        }
        Value::Array(list) if deeper && !list.is_empty() => {
            let at = chance.below(list.len());
            match chance.below(8) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => shake(&mut list[at], chance),
            }
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => *value = odd(chance),
    }
}

#[test]
fn shaken_definitions_are_refused_or_compiled() {
    let examples = workflows("definitions/tests/valid").into_iter().chain(workflows("examples"));
    let definitions: Vec<Value> = examples
        .filter_map(|(name, text)| read(&name, &text).ok())
        .map(|read| read.definition.to_canonical_json())
        .map(|bytes| serde_json::from_slice(&bytes).expect("canonical JSON"))
        .collect();
    assert!(definitions.len() > 30);
    rounds(3_000, |chance| {
        let mut json = chance.of(&definitions);
        for _ in 0..=chance.below(3) {
            shake(&mut json, chance);
        }
        let Ok(definition) = Definition::from_json(json.to_string().as_bytes()) else { return };
        let again = Definition::from_json(&definition.to_canonical_json());
        assert_eq!(again.ok().as_ref(), Some(&definition), "it reads back");
        let text = write(&definition);
        if Plan::compile(definition).is_ok() {
            let _ = read("shaken", &text);
        }
    });
}

// What cron expressions are made of, zones, and moments.
const PIECES: &[&str] = &[
    "*",
    "*/2",
    "*/0",
    "0",
    "59",
    "60",
    "1-5",
    "5-1",
    "1,2,3",
    "L",
    "W",
    "15W",
    "LW",
    "5#2",
    "5#9",
    "5L",
    "MON",
    "JAN",
    "FEB",
    "31",
    "30",
    "29",
    "2",
    "?",
    "-1",
    "99999999999",
    "1-",
    ",",
    "/",
    "@daily",
    "@yearly",
    "@",
    "H",
    "7",
    "ü",
    "0-59/7",
    "* *",
    "",
    "\t",
];
const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Nowhere/At_All",
    "",
    "../../etc",
    "EST5EDT",
];
const TIMES: &[i64] = &[
    0,
    1,
    -1,
    i64::MAX,
    i64::MIN,
    253_402_207_200_000_000,
    -377_705_023_201_000_000,
    1_700_000_000_000_000,
];

#[test]
fn times_that_nobody_would_write_are_refused_or_due() {
    rounds(400, |chance| {
        let words = [5, 5, 5, 6, 4][chance.below(5)];
        let expression: Vec<_> = (0..words).map(|_| chance.of(PIECES)).collect();
        let (expression, zone) = (expression.join(" "), chance.of(ZONES));
        let _ = calendar::check(&expression, zone);
        for &time in TIMES {
            let after = Timestamp(time);
            if let Some(next) = calendar::CronCalendar::default().next(&expression, zone, after) {
                assert!(
                    next.0 > time,
                    "`{expression}` in {zone} after {time} is due at {}",
                    next.0
                );
            }
            let _ = calendar::show(after, zone);
        }
        let text: String = (0..chance.below(25))
            .map(|_| chance.of(&['2', '0', '-', ':', 'T', 'Z', '+', '1', '9', '.', ' ']))
            .collect();
        let _ = calendar::read(&text, zone);
    });
}
