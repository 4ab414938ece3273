//! Workflows that are functions under simulated time: as graphs are, with mocks, failures, crashes and recorded histories.

use nexus_engine::prelude::*;
use nexus_engine::testing::{HistoryCheck, TestEngine};
use nexus_engine::workflow::HistoryError;

use crate::order::{Shop, an_order, order_of_function};

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

async fn back(_: StepCx, _: u64) -> StepResult<()> {
    Ok(())
}

#[test]
fn a_function_ends_the_same_wherever_it_is_cut_off() {
    let order = order_of_function().unwrap();
    let shop = || TestEngine::new().workflow(&order).state(Shop::default());
    for id in ["A-1", "lost", "empty"] {
        let cents = if id == "empty" { 0 } else { 500 };
        let crashes = shop().crash_everywhere(&order, an_order(id, cents)).unwrap();
        assert!(crashes.all_same(), "{id}: {crashes}");
        assert!(crashes.played >= 8, "{id}: {}", crashes.played);
    }
    let crashes = shop().crash_everywhere_in(|t| {
        let run = t.start(&order, an_order("A-1", 200_000)).unwrap();
        t.advance(hours(1));
        run.approve_of("approve", "dana", &["ops"]).unwrap();
    });
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].status, "completed");
}

const GO: Signal<u64> = Signal::new("go");

/// Branches, races, items, a signal, a call of another function, chance.
fn busy(child: &Workflow<u64, u64>) -> Workflow<u64, Vec<u64>> {
    let child = child.clone();
    Workflow::code("busy", move |cx: Cx, n: u64| {
        let child = child.clone();
        async move {
            let known = cx.side_effect("known", move || n + 1).await?;
            let (left, right) = tokio::join!(
                cx.step("left", double.undo(back), n),
                cx.step("right", double, known)
            );
            let mut found = vec![left?, right?];
            found.extend(cx.each("each", double, vec![1, 2, 3]).limit(2).await?);
            tokio::select! {
                slept = cx.sleep(hours(5)) => slept?,
                go = cx.wait(&GO) => found.push(go?),
            }
            found.push(cx.call("sub", &child, n).await?);
            cx.sleep(days(2)).await?;
            found.push(cx.random("dice") % 1_000);
            if cx.patched("more") {
                found.push(cx.step("more", double, 50).await?);
            }
            Ok(found)
        }
    })
    .unwrap()
}

fn child() -> Workflow<u64, u64> {
    Workflow::code("child", |cx: Cx, n: u64| async move {
        cx.sleep(hours(1)).await?;
        cx.step("double", double, n).await
    })
    .unwrap()
}

#[test]
fn all_that_a_function_can_do_is_simulated() {
    let (child, busy) = (child(), busy(&child()));
    let t = TestEngine::new().workflow(&busy).workflow(&child);
    let began = t.now();
    let run = t.start(&busy, 3).unwrap();
    t.advance(hours(1));
    run.signal(&GO, &77).unwrap();
    let found = run.result().unwrap();
    assert_eq!(&found[..7], [6, 8, 2, 4, 6, 77, 6]);
    assert_eq!(found.last(), Some(&100));
    let hours_taken = (t.now().as_ms() - began.as_ms()) / 3_600_000;
    assert!(hours_taken >= 50, "{hours_taken}");
    let crashes = t.crash_everywhere_in(|t| {
        let run = t.start(&busy, 3).unwrap();
        t.advance(hours(1));
        run.signal(&GO, &77).unwrap();
    });
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.transitions > 20, "{}", crashes.transitions);
}

#[test]
fn rounds_are_simulated() {
    let workflow = Workflow::repeat("count", |cx: Cx, n: u64| async move {
        let next = cx.step("double", double, n).await?;
        cx.sleep(days(1)).await?;
        Ok(if next > 100 { Next::Done(next) } else { Next::Again(next) })
    })
    .unwrap();
    let t = TestEngine::new().workflow(&workflow);
    assert_eq!(t.start(&workflow, 3).unwrap().result().unwrap(), 192);
    let crashes = t.crash_everywhere(&workflow, 3).unwrap();
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_function_that_gets_no_further_says_so() {
    let workflow = Workflow::code("panics", |cx: Cx, n: u64| async move {
        let n = cx.step("double", double, n).await?;
        assert!(n > 100, "{n} is too little");
        Ok(n)
    })
    .unwrap();
    let t = TestEngine::new().workflow(&workflow);
    let error = t.start(&workflow, 3).unwrap().result().unwrap_err();
    assert_eq!(error.code(), Some("NX5021"), "{error}");
    assert!(error.to_string().contains("6 is too little"), "{error}");
    assert_eq!(t.start(&workflow, 300).unwrap().result().unwrap(), 600);
}

/// The history of a run of a function, as a file.
async fn history(workflow: &Workflow<u64, u64>) -> tempfile::TempPath {
    let engine = Engine::builder().workflow(workflow).in_memory().unwrap();
    let run = engine.start(workflow, 5).await.unwrap();
    run.result().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    run.history().await.unwrap().write(&file).unwrap();
    engine.shutdown().await;
    file
}

fn checked<F, Fut>(file: &tempfile::TempPath, now: F) -> HistoryCheck
where
    F: Fn(Cx, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<u64>> + Send + 'static,
{
    let workflow = Workflow::code("work", now).unwrap();
    TestEngine::new().workflow(&workflow).replay_history(&workflow, file).unwrap()
}

async fn recorded(cx: Cx, n: u64) -> Result<u64> {
    let a = cx.step("a", double, n).await?;
    let (b, c) = tokio::join!(cx.step("b", double, a), cx.step("c", double, a + 1));
    cx.step("d", double, b? + c?).await
}

#[tokio::test]
async fn a_function_is_checked_against_a_history() {
    let file = history(&Workflow::code("work", recorded).unwrap()).await;
    assert!(checked(&file, recorded).all_same());
    let other = checked(&file, |cx, n| async move {
        let a = cx.step("a", double, n).await?;
        let (b, x) = tokio::join!(cx.step("b", double, a), cx.step("x", double, a + 1));
        cx.step("d", double, b? + x?).await
    });
    let [difference] = other.differences.as_slice() else { panic!("{other}") };
    let names = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&difference.recorded), ["b", "c"], "{other}");
    assert_eq!(names(&difference.now), ["b", "x"], "{other}");
    let typed = checked(&file, |cx, n| async move {
        async fn texts(_: StepCx, _: u64) -> StepResult<String> {
            Ok(String::new())
        }
        let a = cx.step("a", texts, n).await?;
        Ok(a.len() as u64)
    });
    assert!(typed.to_string().contains("NX5026"), "{typed}");
    let early = checked(&file, |cx, n| async move { cx.step("a", double, n).await });
    assert_eq!(early.differences.len(), 1, "{early}");
    assert!(early.to_string().contains(" events, 1 difference\n"), "{early}");

    let another_end = checked(&file, |cx, n| async move { Ok(recorded(cx, n).await? + 1) });
    let [difference] = another_end.differences.as_slice() else { panic!("{another_end}") };
    assert_eq!(difference.recorded, ["it returns 84"], "{another_end}");
    assert_eq!(difference.now, ["NX5001: it returns 85"], "{another_end}");
    let fails = checked(&file, |cx, n| async move {
        let wrong = cx.fail("E_NO", "not any more");
        recorded(cx, n).await.and(Err(wrong))
    });
    let [difference] = fails.differences.as_slice() else { panic!("{fails}") };
    assert_eq!(difference.now, ["NX5001: it fails: E_NO not any more"], "{fails}");
    let panics = checked(&file, |cx, n| async move {
        let d = recorded(cx, n).await?;
        assert_eq!(d, 0, "it has gone mad");
        Ok(d)
    });
    let [difference] = panics.differences.as_slice() else { panic!("{panics}") };
    assert!(difference.now[0].starts_with("NX5021: the function panicked: "), "{panics}");
    assert_eq!(difference.recorded, ["function.returned"], "{panics}");

    let dag = Workflow::dag("work", |d, n| d.step("a", double, n)).unwrap();
    let of_dag = history(&dag).await;
    let function = Workflow::code("work", recorded).unwrap();
    let wrong = TestEngine::new().workflow(&function).replay_history(&function, &of_dag);
    assert!(matches!(wrong, Err(HistoryError::OtherWorkflow { .. })));
    let wrong = TestEngine::new().replay_history(&dag, &file);
    assert!(matches!(wrong, Err(HistoryError::OtherWorkflow { .. })));
    let other = Workflow::code("other", recorded).unwrap();
    let wrong = TestEngine::new().replay_history(&other, &file);
    assert!(matches!(wrong, Err(HistoryError::OtherWorkflow { .. })));
}
