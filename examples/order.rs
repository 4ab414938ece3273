//! An order of six steps: what was done is undone when a later step fails, and a large order waits for somebody to say yes.
//!
//! Run it with `cargo run --example order`, or `cargo run --example order -- function` for the same order as an async function. Kill it
//! while it runs and start it again: it goes on where it was.

use std::time::Duration;

use nexus_engine::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) cents: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) tracking: String,
}

/// What the steps work with: stock, bank, carrier and mail.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) has_no_trucks: bool,
}

async fn validate(_: StepCx, order: Order) -> StepResult<Order> {
    if order.cents == 0 { Err(StepError::fatal("an empty order")) } else { Ok(order) }
}

async fn reserve(_: StepCx, order: Order) -> StepResult<Hold> {
    Ok(Hold { id: format!("hold of {}", order.id) })
}

async fn release(cx: StepCx, hold: Hold) -> StepResult<()> {
    cx.log(format!("{} is released", hold.id));
    Ok(())
}

async fn charge(cx: StepCx, (order, hold): (Order, Hold)) -> StepResult<Payment> {
    if cx.attempt() == 1 {
        return Err(StepError::retry("the bank does not answer"));
    }
    cx.log(format!("{} cents for {} under {}", order.cents, hold.id, cx.idempotency_key()));
    Ok(Payment { id: format!("payment of {}", order.id) })
}

async fn refund(cx: StepCx, payment: Payment) -> StepResult<()> {
    cx.log(format!("{} is paid back", payment.id));
    Ok(())
}

async fn ship(cx: StepCx, (order, hold): (Order, Hold)) -> StepResult<Parcel> {
    if cx.state::<Shop>()?.has_no_trucks {
        return Err(StepError::fatal("there are no trucks"));
    }
    Ok(Parcel { tracking: format!("{}, {}", order.id, hold.id) })
}

async fn notify(_: StepCx, (order, _): (Order, Parcel)) -> StepResult<()> {
    Err(StepError::fatal(format!("nobody reads mail about {}", order.id)))
}

/// The order as a graph: known before it runs, and what does not fit does not compile.
pub(crate) fn order() -> Result<Workflow<Order, Parcel>> {
    let workflow = Workflow::dag("order-processing", |d, order| {
        let valid = d.step("validate", validate, order);
        let hold = d.step("reserve", reserve.undo(release), valid);
        let patient = Retry::exponential(5).first(Duration::from_millis(50));
        let charge = charge.retry(patient).timeout(secs(30)).undo(refund);
        let paid = d.step("charge", charge, (valid, hold));
        let ok = d
            .approve("approve", Approval::by("group:ops").ask("Ship it?").within(hours(24)))
            .after(paid)
            .when(valid, |order: &Order| order.cents > 100_000);
        let sent = d.step("ship", ship, (valid, hold)).after(ok);
        d.step("notify", notify.best_effort(), (valid, sent));
        sent
    })?;
    Ok(workflow.version(1).on_failure(OnFailure::Compensate))
}

/// The same order as a function: whatever Rust can say, and nothing of it is known before it runs.
pub(crate) fn order_as_function() -> Result<Workflow<Order, Parcel>> {
    Workflow::code("order-processing", process)
}

async fn process(cx: Cx, order: Order) -> Result<Parcel> {
    let order = cx.step("validate", validate, order).await?;
    let hold = cx.step("reserve", reserve.undo(release), order.clone()).await?;
    let patient = Retry::exponential(5).first(Duration::from_millis(50));
    let charge = charge.retry(patient).timeout(secs(30)).undo(refund);
    cx.step("charge", charge, (order.clone(), hold.clone())).await?;
    if order.cents > 100_000 {
        let asks = Approval::by("group:ops").ask("Ship it?").within(hours(24));
        let asked = cx.approve("approve", asks).await?;
        if !asked.approved {
            // What was done is undone.
            return Err(cx.fail("rejected", format!("{} said no", asked.by)));
        }
    }
    let parcel = cx.step("ship", ship, (order.clone(), hold)).await?;
    cx.step("notify", notify.best_effort(), (order, parcel.clone())).await?;
    Ok(parcel)
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<()> {
    let as_function = std::env::args().any(|word| word == "function");
    let order = if as_function { order_as_function()? } else { order()? };
    let name = if as_function { "order-A-1-as-function" } else { "order-A-1" };
    let store = std::env::temp_dir().join("nexus-order-example");
    let engine = Engine::builder().state(Shop::default()).workflow(&order).open(store)?;
    let input = Order { id: "A-1".to_owned(), cents: 250_000 };
    let run = engine.start(&order, input).id(name).await?;
    let mut events = run.events();
    while let Some(event) = events.next().await? {
        println!("{:>4} {}", event.revision, event.kind());
        if event.kind() == "approval.requested" {
            // The first answer counts; when the program is started again, it was given already.
            let _ = run.approve("approve", "dana").group("ops").await;
        }
    }
    println!("{}", run.result().await?.tracking);
    engine.shutdown().await;
    Ok(())
}
