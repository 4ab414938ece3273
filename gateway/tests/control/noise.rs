//! Requests that are nearly right: each is answered, none with an error of the server, and the server goes on.

use std::time::Duration;

use nexus_engine::Drive;
use nexus_gateway::api::{
    Act, ApprovalAnswer, BackfillSchedule, CompareDefinitions, EmitEvent, MigrateRuns, PauseStore,
    PublishVersion, PutSchedule, RollBack, SendSignal, SendUpdate, SetLimit,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::ask;
use crate::support::{House, definition, start};

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
}

/// Addresses, and a body that is right for each.
fn requests() -> Vec<(&'static str, Value)> {
    fn of<T: Serialize>(body: &T) -> Value {
        serde_json::to_value(body).unwrap()
    }
    let act = of(&Act::default());
    let published =
        PublishVersion { definition: definition("echo", json!({})), ..PublishVersion::default() };
    let schedule =
        PutSchedule { definition: definition("echo", json!({})), ..PutSchedule::default() };
    vec![
        ("runs", of(&start(definition("echo", json!({})), None))),
        (
            "runs",
            of(&start(definition("fail", json!({"retry": {"max_attempts": 2}})), Some("noise"))),
        ),
        ("runs/noise/pause", act.clone()),
        ("runs/noise/resume", act.clone()),
        ("runs/noise/cancel", act.clone()),
        ("runs/noise/retry", act.clone()),
        ("runs/noise/steps/b/pause", act),
        ("runs/noise/signals/x", of(&SendSignal::default())),
        ("runs/noise/updates/x", of(&SendUpdate::default())),
        ("runs/noise/approve", of(&ApprovalAnswer::default())),
        ("events/x", of(&EmitEvent::default())),
        ("pauses", of(&PauseStore::default())),
        ("pauses/resume", of(&PauseStore::default())),
        ("limits/x", of(&SetLimit::default())),
        ("schedules", of(&schedule)),
        ("schedules/x/backfill", of(&BackfillSchedule::default())),
        ("workflows", of(&published)),
        ("workflows/greet/rollback", of(&RollBack::default())),
        ("workflows/greet/migrate", of(&MigrateRuns::default())),
        ("definitions/compare", of(&CompareDefinitions::default())),
    ]
}

fn odd(chance: &mut Chance) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("x/../y"),
        json!("${{ steps.b.output }}"),
        json!("* * * * *"),
        json!("greet@1"),
        json!("9999-12-31T23:59:59Z"),
        json!("\u{0}"),
        json!("y".repeat(3_000)),
        json!([]),
        json!([1, "a"]),
        json!({}),
        json!({"a": {"b": null}}),
    ];
    odd[chance.below(odd.len())].clone()
}

/// Changes one value somewhere in the tree.
fn shake(value: &mut Value, chance: &mut Chance) {
    let deeper = chance.below(5) > 0;
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let key = map.keys().nth(chance.below(map.len())).unwrap().clone();
            if chance.below(10) == 0 {
                map.remove(&key);
            } else {
                shake(&mut map[&key], chance);
            }
        }
        Value::Array(list) if deeper && !list.is_empty() => {
            let at = chance.below(list.len());
            shake(&mut list[at], chance);
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => *value = odd(chance),
    }
}

/// A body that is nearly right, and sometimes no JSON.
fn body(right: &Value, chance: &mut Chance) -> String {
    let mut value = right.clone();
    for _ in 0..=chance.below(2) {
        shake(&mut value, chance);
    }
    let mut text = value.to_string();
    match chance.below(12) {
        0 => text.truncate(text.floor_char_boundary(chance.below(text.len() + 1))),
        1 => text = "[".repeat(100_000),
        2 => text.insert_str(text.floor_char_boundary(chance.below(text.len() + 1)), "\"}{"),
        _ => {}
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_nearly_right_are_answered() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().unwrap();
    let minutes =
        std::env::var("NEXUS_FUZZ_MINUTES").ok().and_then(|text| text.parse::<u64>().ok());
    let end =
        minutes.map(|minutes| tokio::time::Instant::now() + Duration::from_secs(60 * minutes));
    let requests = requests();
    let mut taken = 0;
    for seed in 1_u64.. {
        if end.map_or(seed > 1_000, |end| tokio::time::Instant::now() >= end) {
            break;
        }
        let mut chance = Chance(seed);
        let (path, right) = &requests[chance.below(requests.len())];
        let body = body(right, &mut chance);
        let head = format!(
            "POST /control/v1/{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json"
        );
        let answered = tokio::time::timeout(PATIENCE, ask(address, &head, &body)).await;
        let (status, answer) =
            answered.unwrap_or_else(|_| panic!("seed {seed}: no answer to {path} {body}"));
        assert!(status < 500, "seed {seed}: {path} {body} is answered with {answer}");
        taken += usize::from(status < 300);
    }
    assert!(taken > 20, "only {taken} requests were right enough");
    let status = format!("GET /control/v1/status HTTP/1.1\r\nHost: {address}");
    assert_eq!(ask(address, &status, "").await.0, 200);
    house.close().await;
}
