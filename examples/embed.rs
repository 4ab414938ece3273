//! Embeds the engine in a program: three steps, one of them failing twice, on a store that survives the program.
//!
//! Run it with `cargo run --example embed`. Kill it while it runs and start it again: it goes on where it was.

use nexus_engine::prelude::*;

async fn validate(_: StepCx, cents: u64) -> StepResult<u64> {
    if cents == 0 { Err(StepError::fatal("an empty order")) } else { Ok(cents) }
}

async fn charge(cx: StepCx, cents: u64) -> StepResult<String> {
    if cx.attempt() < 3 {
        return Err(StepError::retry("the bank does not answer"));
    }
    // The key is the same at every attempt and after every crash, so nobody pays twice.
    Ok(format!("{cents} cents, paid under {}", cx.idempotency_key()))
}

async fn ship(_: StepCx, payment: String) -> StepResult<String> {
    Ok(format!("parcel for {payment}"))
}

pub(crate) fn order() -> Result<Workflow<u64, String>> {
    Workflow::dag("order", |d, cents| {
        let valid = d.step("validate", validate, cents);
        let paid = d.step("charge", charge.retry(5), valid);
        d.step("ship", ship, paid)
    })
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<()> {
    let order = order()?;
    let store = std::env::temp_dir().join("nexus-embed-example");
    let engine = Engine::builder().workflow(&order).open(store)?;
    let run = engine.start(&order, 2500).id("order-A-1").await?;
    println!("{}", run.result().await?);
    engine.shutdown().await;
    Ok(())
}
