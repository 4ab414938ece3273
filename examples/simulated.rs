//! A workflow played in simulated time, and again with a crash before and after every transition.

use nexus_engine::prelude::*;
use nexus_engine::testing::TestEngine;

async fn pack(_: StepCx, order: u64) -> StepResult<String> {
    Ok(format!("order {order}"))
}

async fn ship(_: StepCx, parcel: String) -> StepResult<String> {
    Err(StepError::fatal(format!("no truck comes for the {parcel} of a test")))
}

async fn ship_later(cx: Cx, order: u64) -> Result<String> {
    let parcel = cx.step("pack", pack, order).await?;
    cx.sleep(days(2)).await?;
    cx.step("ship", ship.retry(3), parcel).await
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<()> {
    let order = Workflow::dag("order", |d, order| {
        let parcel = d.step("pack", pack, order);
        let rested = d.sleep("rest", days(2)).after(parcel);
        d.step("ship", ship.retry(3), parcel).after(rested)
    })?;
    let t = TestEngine::new()
        .workflow(&order)
        .mock(ship, |_: StepCx, parcel: String| async move { Ok(format!("{parcel}, shipped")) })
        .fail_first(1, ship, StepError::retry("503"));
    let run = t.start(&order, 7)?;
    t.advance(days(1));
    t.crash_and_recover();
    assert_eq!(run.result()?, "order 7, shipped");

    let crashes = t.crash_everywhere(&order, 7)?;
    assert!(crashes.all_same(), "{crashes}");
    println!("{crashes}");

    // The same as a function.
    let later = Workflow::code("later", ship_later)?;
    let t = TestEngine::new()
        .workflow(&later)
        .mock(ship, |_: StepCx, parcel: String| async move { Ok(format!("{parcel}, shipped")) })
        .fail_first(1, ship, StepError::retry("503"));
    let run = t.start(&later, 7)?;
    t.advance(days(1));
    t.crash_and_recover();
    assert_eq!(run.result()?, "order 7, shipped");
    println!("{}", t.crash_everywhere(&later, 7)?);
    Ok(())
}

#[test]
fn it_runs_to_its_end() {
    main().expect("a program that ends well");
}
