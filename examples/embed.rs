//! Embeds the engine in a program: three steps, one of them failing twice, on a store that survives the program.
//!
//! Run it with `cargo run --example embed`. Kill it while it runs and start it again: it goes on where it was.

use std::error::Error;
use std::sync::Arc;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::{Engine, StartRequest, StepCx, StepError, StepResult, handler_fn};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize)]
struct Order {
    cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Payment {
    id: String,
    cents: u64,
}

async fn validate(_: StepCx, order: Order) -> StepResult<u64> {
    if order.cents == 0 {
        return Err(StepError::fatal("an empty order"));
    }
    Ok(order.cents)
}

async fn charge(cx: StepCx, cents: u64) -> StepResult<Payment> {
    if cx.attempt() < 3 {
        return Err(StepError::retry("the bank does not answer"));
    }
    // The key is the same at every attempt and after every crash, so nobody pays twice.
    Ok(Payment { id: cx.idempotency_key(), cents })
}

async fn ship(_: StepCx, payment: Payment) -> StepResult<String> {
    Ok(format!("parcel for {} ({} cents)", payment.id, payment.cents))
}

fn definition() -> Result<Definition, serde_json::Error> {
    serde_json::from_value(json!({
        "name": "order",
        "input_is_value": true,
        "steps": [
            { "id": "validate", "kind": { "action": { "uses": "validate", "with": "${{ inputs }}" } } },
            { "id": "charge", "kind": { "action": { "uses": "charge", "with": "${{ steps.validate.output }}" } },
              "retry": { "max_attempts": 5, "backoff": "constant", "initial_ms": 50, "factor": 1.0, "max_ms": 50, "jitter": false } },
            { "id": "ship", "kind": { "action": { "uses": "ship", "with": "${{ steps.charge.output }}" } } },
        ],
        "outputs": "${{ steps.ship.output }}",
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::compile(definition()?).map_err(|errors| format!("{errors:?}"))?;
    let engine = Engine::builder()
        .handler("validate", handler_fn(validate))
        .handler("charge", handler_fn(charge))
        .handler("ship", handler_fn(ship))
        .open(std::env::temp_dir().join("nexus-embed-example"))?;
    let request =
        StartRequest::new(Arc::new(plan)).name("order-A-1").input(json!({ "cents": 2500 }));
    let started = engine.handle().start(request).await?;
    let end = engine.handle().wait(started.run).await?;
    if let RunStatus::Completed { output } = &end {
        print(&format!("{} completed: {output:?}", started.name));
    } else {
        print(&format!("{} is {}", started.name, end.word()));
    }
    let replay = engine.handle().replay(started.run, None).await?;
    print(&format!("replayed {} events, same state: {}", replay.events, replay.agrees()));
    engine.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
