//! The call that a function failed at: the one whose failure it handed on, also if others failed alike.

use nexus_engine::prelude::*;

async fn closed(_: StepCx, _: u64) -> StepResult<u64> {
    Err(StepError::fatal("closed"))
}

/// All three fail, in whichever order, and one of their failures is handed on.
async fn joins(cx: Cx, n: u64) -> Result<u64> {
    let (left, right, again) = tokio::join!(
        cx.step("left", closed, n),
        cx.step("right", closed, n),
        cx.step("right", closed, n),
    );
    match n {
        1 => left,
        2 => right,
        _ => again,
    }
}

#[tokio::test]
async fn of_calls_that_failed_alike_the_one_that_is_handed_on_is_named() {
    let workflow = Workflow::code("joins", joins).unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    for (n, at) in [(1, "left"), (2, "right"), (3, "right#2")] {
        let run = engine.start(&workflow, n).await.unwrap();
        let error = run.result().await.unwrap_err();
        let Error::Failed { step, .. } = error else { panic!("{error}") };
        assert_eq!(step.as_deref(), Some(at));
    }
    engine.shutdown().await;
}
