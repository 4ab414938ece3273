//! Steps that say which states they ask for: an engine that lacks one does not open.

use nexus_engine::OpenError;
use nexus_engine::prelude::*;

struct Bank(&'static str);

struct Mail;

async fn charge(cx: StepCx, cents: u64) -> StepResult<String> {
    Ok(format!("{cents} at {}", cx.state::<Bank>()?.0))
}

async fn refund(cx: StepCx, _: String) -> StepResult<()> {
    cx.state::<Mail>().map(drop)
}

fn order() -> Workflow<u64, String> {
    Workflow::dag("order", |d, cents| {
        let charge = charge.needs::<Bank>().retry(3).undo(refund.needs::<Mail>());
        d.step("charge", charge, cents)
    })
    .unwrap()
}

fn missing(builder: nexus_engine::Builder) -> (String, &'static str) {
    let store = tempfile::tempdir().unwrap();
    let folder = store.path().join("store");
    match builder.open(&folder) {
        Err(OpenError::StateMissing { handler, state }) => {
            assert!(!folder.exists(), "nothing was made");
            (handler, state)
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it opened"),
    }
}

#[tokio::test]
async fn an_engine_without_what_its_steps_need_does_not_open() {
    let order = order();
    let (handler, state) = missing(Engine::builder().workflow(&order));
    assert_eq!(handler, "order.charge");
    assert!(state.ends_with("Bank"), "{state}");
    let (handler, state) = missing(Engine::builder().workflow(&order).state(Bank("north")));
    assert_eq!(handler, "order.charge.undo");
    assert!(state.ends_with("Mail"), "{state}");
    let Err(error) = Engine::builder().workflow(&order).in_memory() else { panic!("it opened") };
    assert_eq!(Error::from(error).code(), Some("NX3005"));

    let engine = Engine::builder().workflow(&order).state(Bank("north")).state(Mail);
    let engine = engine.in_memory().unwrap();
    let run = engine.start(&order, 5).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "5 at north");
}

#[tokio::test]
async fn those_of_called_workflows_count_too() {
    let called = order();
    let outer = Workflow::dag("outer", |d, cents| d.call("sub", &called, cents)).unwrap();
    let (handler, _) = missing(Engine::builder().workflow(&outer));
    assert_eq!(handler, "order.charge");
}
