//! The order of six steps that the tests share, and a shop that notes what is done to it.

use std::sync::{Arc, Mutex};

use nexus_engine::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) cents: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Valid {
    pub(crate) order: Order,
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

/// What was done, in order.
#[derive(Clone, Default)]
pub(crate) struct Shop(Arc<Mutex<Vec<String>>>);

impl Shop {
    fn note(&self, what: String) {
        self.0.lock().expect("nobody panics with it").push(what);
    }

    pub(crate) fn done(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

pub(crate) async fn validate(_: StepCx, order: Order) -> StepResult<Valid> {
    if order.cents == 0 {
        return Err(StepError::fatal("an empty order"));
    }
    Ok(Valid { cents: order.cents, order })
}

pub(crate) async fn reserve(cx: StepCx, valid: Valid) -> StepResult<Hold> {
    cx.state::<Shop>()?.note(format!("reserve {}", valid.order.id));
    Ok(Hold { id: format!("hold-{}", valid.order.id) })
}

pub(crate) async fn release(cx: StepCx, hold: Hold) -> StepResult<()> {
    cx.state::<Shop>()?.note(format!("release {}", hold.id));
    Ok(())
}

pub(crate) async fn charge(cx: StepCx, (valid, hold): (Valid, Hold)) -> StepResult<Payment> {
    cx.state::<Shop>()?.note(format!("charge {} for {}", valid.cents, hold.id));
    Ok(Payment { id: format!("pay-{}", valid.order.id) })
}

pub(crate) async fn refund(cx: StepCx, payment: Payment) -> StepResult<()> {
    cx.state::<Shop>()?.note(format!("refund {}", payment.id));
    Ok(())
}

pub(crate) async fn ship(cx: StepCx, (valid, hold): (Valid, Hold)) -> StepResult<Parcel> {
    cx.state::<Shop>()?.note(format!("ship {}", hold.id));
    if valid.order.id == "lost" {
        return Err(StepError::fatal("no truck"));
    }
    Ok(Parcel { tracking: format!("T-{}", valid.order.id) })
}

pub(crate) async fn notify(cx: StepCx, (_, parcel): (Valid, Parcel)) -> StepResult<()> {
    cx.state::<Shop>()?.note(format!("notify {}", parcel.tracking));
    Err(StepError::fatal("the mail server is gone"))
}

pub(crate) fn order() -> Result<Workflow<Order, Parcel>> {
    Workflow::dag("order", |d, order| {
        let valid = d.step("validate", validate, order);
        let hold = d.step("reserve", reserve.undo(release), valid);
        let charge = charge.retry(Retry::exponential(5)).timeout(secs(30)).undo(refund);
        let paid = d.step("charge", charge, (valid, hold));
        let ok = d
            .approve("approve", Approval::by("group:ops").within(hours(24)))
            .after(paid)
            .when(valid, |valid: &Valid| valid.cents > 100_000);
        let sent = d.step("ship", ship, (valid, hold)).after(ok);
        d.step("notify", notify.best_effort(), (valid, sent));
        sent
    })
    .map(|workflow| workflow.on_failure(OnFailure::Compensate))
}

/// The same order as a function.
pub(crate) fn order_of_function() -> Result<Workflow<Order, Parcel>> {
    Workflow::code("order", |cx: Cx, order: Order| async move {
        let valid = cx.step("validate", validate, order).await?;
        let hold = cx.step("reserve", reserve.undo(release), valid.clone()).await?;
        let charge = charge.retry(Retry::exponential(5)).timeout(secs(30)).undo(refund);
        cx.step("charge", charge, (valid.clone(), hold.clone())).await?;
        if valid.cents > 100_000 {
            let asks = Approval::by("group:ops").within(hours(24));
            let asked = cx.approve("approve", asks).await?;
            if !asked.approved {
                return Err(cx.fail("NX4101", format!("rejected by {}", asked.by)));
            }
        }
        let sent = cx.step("ship", ship, (valid.clone(), hold)).await?;
        cx.step("notify", notify.best_effort(), (valid, sent.clone())).await?;
        Ok(sent)
    })
}

pub(crate) fn an_order(id: &str, cents: u64) -> Order {
    Order { id: id.to_owned(), cents }
}
