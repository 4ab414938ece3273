//! Code that does not do what is recorded: it gets no further, and the place is named.

use nexus_engine::code::FunctionTrouble;
use nexus_engine::prelude::*;

use crate::life::{Life, within};
use crate::log::memory;

const GO: Signal<u64> = Signal::new("go");

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

async fn old(cx: Cx, n: u64) -> Result<u64> {
    let a = cx.step("a", double, n).await?;
    let (b, c) = tokio::join!(cx.step("b", double, a), cx.step("c", double, a + 1));
    let d = cx.step("d", double, b? + c?).await?;
    let go = cx.wait(&GO).await?;
    cx.step("e", double, d + go).await
}

/// Runs the old code until it waits, then the new code.
async fn change<F, Fut>(new: F) -> std::result::Result<u64, FunctionTrouble>
where
    F: Fn(Cx, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<u64>> + Send + 'static,
{
    let memory = memory();
    let before = Workflow::code("work", old).unwrap();
    let first = Life::begin(&memory, &before);
    let run = first.engine.start(&before, 1).id("run").await.unwrap();
    until_it_waits(&run).await;
    drop(run);
    first.crash();

    let after = Workflow::code("work", new).unwrap();
    let second = Life::begin(&memory, &after);
    let run = second.engine.run::<u64>("run");
    let events = second.events("run").await.len();
    run.signal(&GO, &4).await.unwrap();
    let outcome = match within(run.result()).await {
        Err(Error::Stuck { trouble, .. }) => Err(*trouble),
        done => Ok(done.unwrap()),
    };
    if outcome.is_err() {
        // The signal came and was taken; nothing else happened.
        assert_eq!(second.events("run").await.len(), events + 3, "nothing of it is recorded");
        // With the code of before it goes on.
        drop(run);
        second.crash();
        let third = Life::begin(&memory, &before);
        assert_eq!(within(third.engine.run::<u64>("run").result()).await.unwrap(), 48);
    }
    outcome
}

async fn until_it_waits(run: &RunHandle<u64>) {
    let mut events = run.events();
    within(async {
        while let Some(recorded) = events.next().await.unwrap() {
            if matches!(recorded.event, nexus_engine::model::event::Event::StepWaits { .. }) {
                return;
            }
        }
        panic!("it does not wait");
    })
    .await;
}

#[tokio::test]
async fn the_same_code_goes_on() {
    assert_eq!(change(old).await, Ok(48));
}

#[tokio::test]
async fn branches_in_another_order_are_the_same() {
    let done = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (c, b) = tokio::join!(cx.step("c", double, a + 1), cx.step("b", double, a));
        let d = cx.step("d", double, b? + c?).await?;
        let go = cx.wait(&GO).await?;
        cx.step("e", double, d + go).await
    });
    assert_eq!(done.await, Ok(48));
}

#[tokio::test]
async fn what_comes_after_the_history_may_be_another() {
    let done = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (b, c) = tokio::join!(cx.step("b", double, a), cx.step("c", double, a + 1));
        let d = cx.step("d", double, b? + c?).await?;
        Ok(cx.wait(&GO).await? + d)
    });
    assert_eq!(done.await, Ok(24));
}

#[tokio::test]
async fn a_reordered_call_is_named() {
    let trouble = change(|cx, n| async move {
        let (b, c) = tokio::join!(cx.step("b", double, n), cx.step("c", double, n + 1));
        let a = cx.step("a", double, n).await?;
        Ok(a + b? + c?)
    });
    let trouble = trouble.await.unwrap_err();
    assert_eq!(trouble.code, "NX5001");
    assert_eq!(
        trouble.message,
        "the function differs from what is recorded, at its beginning: it calls `b`, where `a` is recorded"
    );
}

#[tokio::test]
async fn an_added_call_is_named() {
    let trouble = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (b, c, x) = tokio::join!(
            cx.step("b", double, a),
            cx.step("c", double, a + 1),
            cx.step("x", double, a)
        );
        Ok(b? + c? + x?)
    });
    let trouble = trouble.await.unwrap_err();
    assert_eq!(
        trouble.message,
        "the function differs from what is recorded, after `a`: it makes a call `x` that is not recorded"
    );
    let lines: Vec<&str> = trouble.details.lines().map(str::trim_end).collect();
    assert_eq!(lines.len(), 4, "{}", trouble.details);
    assert!(lines[0].starts_with("  recorded") && lines[0].ends_with("this program"));
    assert!(lines[1].starts_with("  b (step, input ") && lines[2].starts_with("  c (step, input "));
    assert!(lines[3].starts_with("+ ") && lines[3].contains("  x (step, input "));
}

#[tokio::test]
async fn a_removed_call_is_named() {
    let trouble = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let b = cx.step("b", double, a).await?;
        cx.step("d", double, b).await
    });
    let trouble = trouble.await.unwrap_err();
    assert_eq!(
        trouble.message,
        "the function differs from what is recorded, after `a`: it does not make the call `c` that is recorded"
    );
    assert!(trouble.details.contains("\n- c (step, input "), "{}", trouble.details);
}

#[tokio::test]
async fn a_renamed_call_is_named() {
    let trouble = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (b, c) = tokio::join!(cx.step("b", double, a), cx.step("sea", double, a + 1));
        Ok(b? + c?)
    });
    assert_eq!(
        trouble.await.unwrap_err().message,
        "the function differs from what is recorded, after `a`: it calls `sea`, where `c` is recorded"
    );
}

#[tokio::test]
async fn another_input_is_named() {
    let trouble = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (b, c) = tokio::join!(cx.step("b", double, a), cx.step("c", double, a + 2));
        Ok(b? + c?)
    });
    let trouble = trouble.await.unwrap_err();
    let message =
        "the function differs from what is recorded, after `a`: `c` is called with another input";
    assert_eq!(trouble.message, message);
    // Both inputs, as they are short.
    let table = "  recorded           this program
  b (step, input 2)  b (step, input 2)
- c (step, input 3)
+                    c (step, input 4)";
    assert_eq!(trouble.details, table);
    assert_eq!(trouble.to_string(), format!("NX5001: {message}\n{table}"));
}

#[tokio::test]
async fn of_long_inputs_the_hash_is_shown() {
    async fn long(_: StepCx, text: String) -> StepResult<u64> {
        Ok(text.len() as u64)
    }
    let trouble = change(|cx, _| async move { cx.step("a", long, "x".repeat(100)).await });
    let details = trouble.await.unwrap_err().details;
    assert!(details.contains("- a (step, input 1)"), "{details}");
    let shown = details.lines().last().unwrap().rsplit(' ').next().unwrap();
    let is_hash =
        shown.len() == 9 && shown.trim_end_matches(')').bytes().all(|b| b.is_ascii_hexdigit());
    assert!(is_hash, "{details}");
}

#[tokio::test]
async fn another_kind_of_call_is_named() {
    const C: Signal<u64> = Signal::new("c");
    let trouble = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (b, c) = tokio::join!(cx.step("b", double, a), cx.wait(&C));
        Ok(b? + c?)
    });
    assert_eq!(
        trouble.await.unwrap_err().message,
        "the function differs from what is recorded, after `a`: `c` was a step and is a wait"
    );
}

#[tokio::test]
async fn an_early_end_is_named() {
    let trouble = change(|cx, n| async move { cx.step("a", double, n).await });
    assert_eq!(
        trouble.await.unwrap_err().message,
        "the function differs from what is recorded, after `a`: it returns, where a call `b` is recorded"
    );
}

#[tokio::test]
async fn a_type_that_does_not_fit_what_is_recorded_is_named() {
    async fn text(_: StepCx, n: u64) -> StepResult<String> {
        Ok(n.to_string())
    }
    let trouble = change(|cx, n| async move {
        let a = cx.step("a", text, n).await?;
        Ok(a.len() as u64)
    });
    let trouble = trouble.await.unwrap_err();
    assert_eq!(trouble.code, "NX5026");
    assert!(
        trouble.message.starts_with("what `a` brought is no alloc::string::String"),
        "{}",
        trouble.message
    );
}

#[tokio::test]
async fn a_guarded_change_lets_old_runs_go_on_as_before() {
    let done = change(|cx, n| async move {
        let a = cx.step("a", double, n).await?;
        if cx.patched("faster") {
            return Ok(a);
        }
        let (b, c) = tokio::join!(cx.step("b", double, a), cx.step("c", double, a + 1));
        let d = cx.step("d", double, b? + c?).await?;
        let go = cx.wait(&GO).await?;
        cx.step("e", double, d + go).await
    });
    assert_eq!(done.await, Ok(48));
}
