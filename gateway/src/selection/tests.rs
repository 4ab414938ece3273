//! Which runs a selection means, and what is no selection.

use super::Selection;
use crate::api::{By, FailureView, RunSummary};

const NOW_MS: u64 = 1_700_000_000_000;

fn run() -> RunSummary {
    RunSummary {
        id: "wf-007".into(),
        workflow: "order processing".into(),
        status: "failed".into(),
        at: vec!["charge".into()],
        waiting_on: Some("an engine".into()),
        then_waiting_on: Some("update qty, 3d left".into()),
        elsewhere: None,
        started_at: "2023-11-14T21:13:20.000Z".into(),
        finished_at: None,
        took_ms: 0,
        steps_completed: 0,
        error: Some(FailureView { code: "NX3001".into(), ..FailureView::default() }),
        labels: [("team".to_owned(), "shop".to_owned())].into(),
        by: By { name: "dana".into(), via: "cli".into() },
        forgotten: true,
    }
}

#[test]
fn selections_hold_or_not() {
    for (text, holds) in [
        ("status = failed", true),
        ("status != failed", false),
        ("workflow = \"order processing\" and error = 'NX3001'", true),
        ("workflow ~ order and not status = completed", true),
        ("workflow !~ order or at = charge", true),
        ("run = wf-008 or run = wf-009", false),
        ("run = wf-008 or run = wf-007 and status = waiting", false),
        ("(run = wf-008 or run = wf-007) and status = failed", true),
        ("label.team = shop", true),
        ("label.team != shop", false),
        ("label.region = eu", false),
        ("label.region != eu", true),
        ("waiting ~ signal", false),
        ("waiting ~ qty", true),
        ("waiting = 'an engine'", true),
        ("waiting !~ qty", false),
        ("by = dana and age > 30m and age <= 1h", true),
        ("age < 1h", false),
        ("status = failed and forgotten = true", true),
        ("forgotten = false", false),
        ("age >= 1h", true),
    ] {
        let selection = Selection::parse(text).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(selection.holds(&run(), NOW_MS), holds, "{text}");
    }
}

#[test]
fn what_is_no_selection_is_refused() {
    let deep = "(".repeat(99);
    for text in [
        "",
        "status",
        "status =",
        "= failed",
        "status failed",
        "state = failed",
        "age < soon",
        "status = 'failed",
        "(status = failed",
        "status = failed)",
        "status = a b",
        "status = a and",
        "label. = x",
        "status ! a",
        "status = ä!ö",
        &deep,
    ] {
        let problem = Selection::parse(text).expect_err(text);
        assert_eq!((problem.code.as_str(), problem.exit_code), ("NX4181", 2), "{text}");
        assert!(problem.hint.is_some());
    }
}
