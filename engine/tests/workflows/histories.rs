//! Code that has changed, checked against the recorded history of a run.

use nexus_engine::prelude::*;
use nexus_engine::testing::{HistoryCheck, TestEngine};
use nexus_engine::workflow::{History, HistoryError};
use serde::{Deserialize, Serialize};

async fn measure(_: StepCx, n: usize) -> StepResult<String> {
    Ok("x".repeat(n))
}

async fn length(cx: StepCx, text: String) -> StepResult<usize> {
    if cx.attempt() == 1 {
        return Err(StepError::retry("not yet"));
    }
    Ok(text.len())
}

async fn half(_: StepCx, n: usize) -> StepResult<usize> {
    Ok(n / 2)
}

#[derive(Serialize, Deserialize)]
struct Text {
    text: String,
}

async fn length_of_text(_: StepCx, text: Text) -> StepResult<usize> {
    Ok(text.text.len())
}

fn soon() -> Retry {
    Retry::constant(3, std::time::Duration::from_millis(1))
}

fn recorded() -> Result<Workflow<usize, usize>> {
    Workflow::dag("lengths", |d, n| {
        let text = d.step("measure", measure, n);
        let length = d.step("length", length.retry(soon()), text);
        d.step("half", half, length)
    })
}

/// The history of a run with a text of `n` characters, as a file.
async fn history(n: usize) -> tempfile::TempPath {
    let workflow = recorded().unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    let run = engine.start(&workflow, n).await.unwrap();
    assert_eq!(run.result().await.unwrap(), n / 2);
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    run.history().await.unwrap().write(&file).unwrap();
    engine.shutdown().await;
    file
}

fn check(workflow: &Workflow<usize, usize>, file: &tempfile::TempPath) -> HistoryCheck {
    TestEngine::new().workflow(workflow).replay_history(workflow, file).unwrap()
}

#[tokio::test]
async fn the_same_code_does_the_same_also_with_large_values() {
    let workflow = recorded().unwrap();
    for n in [10, 200_000] {
        let check = check(&workflow, &history(n).await);
        assert!(check.all_same() && check.events == 12, "{check}");
    }
    let renumbered = recorded().unwrap().version(7);
    let check = check(&renumbered, &history(10).await);
    assert!(check.all_same(), "{check}");
}

#[tokio::test]
async fn what_changed_is_said_with_its_place() {
    let file = history(10).await;
    let said = |workflow: Result<Workflow<usize, usize>>, event: u32, words: [&str; 2]| {
        let check = check(&workflow.unwrap(), &file);
        let first = check.differences.first().unwrap_or_else(|| panic!("{check}"));
        assert_eq!(first.event, event, "{check}");
        assert!(check.to_string().contains(&format!("\nfrom event {event} on\n")), "{check}");
        let (recorded, now) = (first.recorded.join("\n"), first.now.join("\n"));
        assert!(recorded.contains(words[0]), "{check}");
        assert!(now.contains(words[1]), "{check}");
    };
    let renamed = Workflow::dag("lengths", |d, n| {
        let text = d.step("measure", measure, n);
        let length = d.step("count", length.retry(soon()), text);
        d.step("half", half, length)
    });
    said(renamed, 4, ["StepStarted { step: `length`", "StepStarted { step: `count`"]);
    let removed = Workflow::dag("lengths", |d, n| {
        let text = d.step("measure", measure, n);
        d.step("length", length.retry(soon()), text)
    });
    said(removed, 10, ["StepStarted { step: `half`", "step: `no such step`"]);
    let added = Workflow::dag("lengths", |d, n| {
        let text = d.step("measure", measure, n);
        let length = d.step("length", length.retry(soon()), text);
        let half_of_it = d.step("half", half, length);
        d.step("quarter", half, half_of_it)
    });
    said(added, 12, ["RunCompleted", "StepStarted { step: `quarter`"]);
    let reordered = Workflow::dag("lengths", |d, n| {
        let first = d.step("half", half, n);
        let text = d.step("measure", measure, first);
        d.step("length", length.retry(soon()), text)
    });
    said(reordered, 2, ["StepStarted { step: `measure`", "StepStarted { step: `half`"]);
    let impatient = Workflow::dag("lengths", |d, n| {
        let text = d.step("measure", measure, n);
        let length = d.step("length", length, text);
        d.step("half", half, length)
    });
    said(impatient, 6, ["RetryScheduled { step: `length`", "StepFailed { step: `length`"]);
    let retyped = Workflow::dag("lengths", |d, n| {
        let text = d.map("measure", n, |n: usize| Text { text: n.to_string() });
        let length = d.step("length", length_of_text.retry(soon()), text);
        d.step("half", half, length)
    });
    said(
        retyped,
        4,
        ["StepStarted { step: `length`", "NX3015: the input does not fit this handler"],
    );
}

#[tokio::test]
async fn a_file_that_is_no_history_is_refused() {
    let workflow = recorded().unwrap();
    let file = history(3).await;
    let t = TestEngine::new().workflow(&workflow);
    let text = std::fs::read_to_string(&file).unwrap();
    let changes = [
        ("\"nexus_history\": 1", "\"nexus_history\": 2"),
        ("\"records\": \"", "\"records\": \"zz"),
        ("\"frames\"", "\"fames\""),
    ];
    for (from, to) in changes {
        assert!(text.contains(from), "{text}");
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let refused = t.replay_history(&workflow, &file).unwrap_err();
        assert!(matches!(refused, HistoryError::NoHistory(_)), "{refused}");
    }
    let error = History::read("no such file").unwrap_err();
    assert!(matches!(error, HistoryError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[tokio::test]
async fn the_history_of_another_workflow_is_refused_by_both_names() {
    let file = history(3).await;
    let renamed = Workflow::dag("lengths-of-texts", |d, n| {
        let text = d.step("measure", measure, n);
        let length = d.step("length", length.retry(soon()), text);
        d.step("half", half, length)
    });
    let function = Workflow::code("lengths", |_: Cx, n: usize| async move { Ok(n / 2) }).unwrap();
    let t = TestEngine::new();
    let others = [
        (t.replay_history(&renamed.unwrap(), &file), "`lengths-of-texts`, a graph of steps"),
        (t.replay_history(&function, &file), "`lengths`, a function"),
    ];
    for (refused, other) in others {
        let refused = refused.expect_err("it is another one");
        assert_eq!(refused.code(), Some("NX3047"), "{refused}");
        let text = refused.to_string();
        assert!(
            text.contains("of workflow `lengths`, a graph of steps") && text.contains(other),
            "{text}"
        );
        assert!(!text.contains("NX3047: NX3047") && text.starts_with("NX3047: "), "{text}");
    }
}

/// Also where there is no runtime, in which such a timer would panic.
#[test]
fn a_function_that_waits_for_a_timer_of_tokio_is_told_to_do_so() {
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let before =
        Workflow::code("nap", |cx: Cx, n: usize| async move { cx.step("half", half, n).await });
    let before = before.unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let engine = Engine::builder().workflow(&before).in_memory().unwrap();
        let run = engine.start(&before, 4).await.unwrap();
        assert_eq!(run.result().await.unwrap(), 2);
        run.history().await.unwrap().write(&file).unwrap();
        engine.shutdown().await;
    });
    let now = Workflow::code("nap", |cx: Cx, n: usize| async move {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        cx.step("half", half, n).await
    });
    let found = check(&now.unwrap(), &file);
    let [difference] = &found.differences[..] else { panic!("{found}") };
    assert!(difference.now[0].starts_with("NX5020: the function waits for something"), "{found}");
    assert_eq!(difference.recorded, ["calls.made half"], "{found}");
    assert_eq!(difference.event, 2, "{found}");
}

/// A function that failed is checked up to its end, and the place is that of its end.
#[tokio::test]
async fn a_function_that_failed_and_was_retried_is_checked() {
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let is_up = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let up = std::sync::Arc::clone(&is_up);
    let shop = move |_: StepCx, n: usize| {
        let is_up = up.load(std::sync::atomic::Ordering::SeqCst);
        std::future::ready(if is_up { Ok(n) } else { Err(StepError::fatal("closed")) })
    };
    let (first, second) = (shop.clone(), shop);
    let before = Workflow::code("buy", move |cx: Cx, n: usize| {
        let shop = first.clone();
        async move { cx.step("buy", shop, n).await }
    });
    let before = before.unwrap();
    let engine = Engine::builder().workflow(&before).in_memory().unwrap();
    let run = engine.start(&before, 4).await.unwrap();
    run.result().await.unwrap_err();
    let history = run.history().await.unwrap();
    history.write(&file).unwrap();
    assert!(check(&before, &file).all_same());
    let other = Workflow::code("buy", move |cx: Cx, n: usize| {
        let shop = second.clone();
        async move { cx.step("buy", shop, n).await.or(Ok(0)) }
    });
    let other = other.unwrap();
    let found = check(&other, &file);
    let [difference] = &found.differences[..] else { panic!("{found}") };
    assert_eq!(difference.recorded, ["it fails: NX3001 closed"], "{found}");
    assert_eq!(difference.now, ["NX5001: it returns 0"], "{found}");
    assert_eq!(difference.event, 6, "{found}");
    is_up.store(true, std::sync::atomic::Ordering::SeqCst);
    run.retry().await.unwrap();
    assert_eq!(run.result().await.unwrap(), 4);
    run.history().await.unwrap().write(&file).unwrap();
    assert!(check(&before, &file).all_same());
    assert!(check(&other, &file).all_same());
    engine.shutdown().await;
}
