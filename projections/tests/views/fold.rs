//! What is in the rows is what follows from the log.

use std::collections::BTreeMap;

use nexus_log::StreamId;
use nexus_model::event::Event;
use nexus_model::run::{RunStatus, StepState};
use nexus_projections::{
    AuditFilter, Counters, CurrentState, CurrentStep, RunRow, RunWord, Views, ViewsError, resume,
};

use crate::history::{History, Member, end, events, memory_log, under_way};
use crate::site::{checksums, fresh, on_each};
use crate::transitions::{append, records};

#[test]
fn rows_are_the_fold_of_the_log() {
    on_each(|site| {
        for seed in 1..6 {
            println!("seed {seed}");
            let mut history = History::new(memory_log(), seed);
            let views = crate::site::Site::open(site, &history.log);
            // Another log at the same place: the rows of the one before are dropped.
            for _ in 0..5 {
                history.go_on(300);
                views.catch_up(end(&*history.log)).unwrap();
                check(&history, &views);
            }
        }
    });
}

fn check(history: &History, views: &Views) {
    assert_eq!(views.lag(), 0);
    let log = &*history.log;
    let all = events(log);
    for member in &history.members {
        let row = views.run(StreamId(member.id.0)).unwrap().expect("every run has a row");
        check_run(member, &row);
        let scheduled = all.iter().filter(|(stream, event)| {
            stream.0 == member.id.0 && matches!(event, Event::RetryScheduled { .. })
        });
        assert_eq!(row.retries as usize, scheduled.count());
        assert_eq!(views.run_by_name(&member.name).unwrap().unwrap(), row);
    }
    assert_eq!(views.resume().unwrap(), resume::scan(log).unwrap());
    let metrics = views.metrics().unwrap();
    let counted = count(&all);
    assert_eq!(metrics.workflows, counted);
    let mut total = Counters::default();
    for counters in counted.values() {
        total.add(counters);
    }
    assert_eq!(metrics.total, total);
    check_audit(views, &all);
}

fn check_run(member: &Member, row: &RunRow) {
    let run = &member.run;
    assert_eq!((row.run, &row.name), (member.id, &member.name));
    assert_eq!(row.status, word(member), "{row:?}");
    assert_eq!((row.started_at, row.ended_at), (run.started_at, run.ended_at));
    assert_eq!(row.last_revision.0 + 1, run.revision);
    assert_eq!(row.is_parked, run.is_parked());
    assert_eq!(row.definition, member.plan.hash());
    let steps = |is: fn(&StepState) -> bool| {
        u32::try_from(run.steps().filter(|(_, step)| is(&step.state)).count()).unwrap()
    };
    if !member.was_retried || run.status.is_terminal() {
        assert_eq!(
            row.steps_completed,
            steps(|state| matches!(state, StepState::Completed { .. }))
        );
        assert_eq!(row.steps_skipped, steps(|state| matches!(state, StepState::Skipped { .. })));
        assert_eq!(row.steps_failed, steps(|state| matches!(state, StepState::Failed { .. })));
    }
    let failure = match &run.status {
        RunStatus::Failed { failure, .. } => Some(failure.code.clone()),
        RunStatus::Running
        | RunStatus::Failing { .. }
        | RunStatus::Cancelling { .. }
        | RunStatus::Completed { .. }
        | RunStatus::Cancelled { .. } => None,
    };
    assert_eq!(row.failure_code, failure);
    if !run.status.is_terminal() {
        check_current(member, &row.current);
    }
}

fn check_current(member: &Member, current: &[CurrentStep]) {
    let expected = under_way(&member.run);
    assert_eq!(current.len(), expected.len());
    for (found, (step, state)) in current.iter().zip(expected) {
        assert_eq!(found.step, step);
        match (found.state, state) {
            (
                CurrentState::Running { since },
                StepState::Running { since: expected, attempt, .. },
            ) => {
                assert_eq!((since, found.attempt), (*expected, *attempt));
            }
            (CurrentState::Sleeping { until }, StepState::Sleeping { until: expected, .. }) => {
                assert_eq!(until, *expected);
            }
            (CurrentState::Retrying { at }, StepState::Retrying { at: expected, attempt, .. }) => {
                assert_eq!((at, found.attempt), (*expected, *attempt));
            }
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }
}

fn word(member: &Member) -> RunWord {
    let run = &member.run;
    match run.status {
        RunStatus::Completed { .. } => return RunWord::Completed,
        RunStatus::Failed { .. } => return RunWord::Failed,
        RunStatus::Cancelled { .. } => return RunWord::Cancelled,
        RunStatus::Failing { .. } => return RunWord::Failing,
        RunStatus::Cancelling { .. } => return RunWord::Cancelling,
        RunStatus::Running => {}
    }
    let under_way = under_way(run);
    let sleeps = under_way.iter().any(|(_, state)| matches!(state, StepState::Sleeping { .. }));
    if run.is_held() {
        RunWord::Paused
    } else if run.running_count() > 0 || run.has_ready() {
        RunWord::Running
    } else if sleeps {
        RunWord::Waiting
    } else {
        RunWord::Retrying
    }
}

fn count(all: &[(StreamId, Event)]) -> BTreeMap<String, Counters> {
    let mut workflows = BTreeMap::new();
    let mut counted: BTreeMap<String, Counters> = BTreeMap::new();
    for (stream, event) in all {
        if let Event::RunStarted(started) = event {
            workflows.insert(*stream, started.workflow.clone());
        }
        let counters = counted.entry(workflows[stream].clone()).or_default();
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not counted")]
        match event {
            Event::RunStarted(_) => counters.runs_started += 1,
            Event::RunCompleted { .. } => counters.runs_completed += 1,
            Event::RunFailed { .. } => counters.runs_failed += 1,
            Event::RunCancelled { .. } => counters.runs_cancelled += 1,
            Event::RunRetried { .. } => counters.runs_retried += 1,
            Event::StepCompleted { .. } => counters.steps_completed += 1,
            Event::StepFailed { .. } => counters.steps_failed += 1,
            Event::StepSkipped { .. } => counters.steps_skipped += 1,
            Event::StepStarted { .. } => counters.attempts_started += 1,
            Event::AttemptFailed { .. } => counters.attempts_failed += 1,
            Event::AttemptsInterrupted { attempts, .. } => {
                counters.attempts_interrupted += attempts.len() as u64;
            }
            Event::RetryScheduled { .. } => counters.retries_scheduled += 1,
            Event::TimerFired { .. } => counters.timers_fired += 1,
            Event::UndoCompleted { .. } => counters.steps_undone += 1,
            Event::UndoFailed { .. } => counters.undos_failed += 1,
            _ => {}
        }
    }
    counted
}

fn check_audit(views: &Views, all: &[(StreamId, Event)]) {
    let filter = AuditFilter { limit: usize::MAX, ..AuditFilter::default() };
    let mut found = views.audit(&filter).unwrap().rows;
    found.reverse();
    let words = found.iter().map(|row| (row.position.0, row.run.0, row.action.word()));
    let expected = (0_u64..).zip(all).filter_map(|(position, (stream, event))| {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not audited")]
        let word = match event {
            Event::RunStarted(_) => "started",
            Event::RunPaused { .. } => "paused",
            Event::RunResumed { .. } => "resumed",
            Event::StepPaused { .. } => "step paused",
            Event::StepResumed { .. } => "step resumed",
            Event::CancelRequested { .. } => "cancel requested",
            Event::RunRetried { .. } => "retried",
            Event::RunCompleted { .. } => "completed",
            Event::RunFailed { .. } => "failed",
            Event::RunCancelled { .. } => "cancelled",
            _ => return None,
        };
        Some((position, stream.0, word))
    });
    assert!(words.eq(expected));
    let is_right = |row: &nexus_projections::AuditRow| {
        row.by.is_some() != matches!(row.action.word(), "completed" | "failed" | "cancelled")
    };
    assert!(found.iter().all(is_right));
}

#[test]
fn where_batches_end_makes_no_difference() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 77);
        let views = site.open(&history.log);
        for _ in 0..400 {
            history.go_on(5);
            views.catch_up(end(&*history.log)).unwrap();
        }
        assert_eq!(checksums(&views, &*history.log), fresh(&history.log));
    });
}

#[test]
fn an_event_of_a_newer_program_stops_the_views() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 5);
        history.go_on(100);
        let views = site.open(&history.log);
        let before = end(&*history.log);
        views.catch_up(before).unwrap();
        let member = &history.members[0];
        let mut unknown = nexus_log::Records::new();
        unknown.push(nexus_log::Record { kind: 999, version: 1, flags: 0, body: b"" });
        append(
            &*history.log,
            vec![nexus_log::Transition {
                stream: StreamId(member.id.0),
                expected: nexus_log::Revision(member.run.revision),
                time_us: 0,
                records: unknown,
                rows: Vec::new(),
                payloads: Vec::new(),
            }],
        );
        let error = views.catch_up(end(&*history.log)).unwrap_err();
        let ViewsError::Stopped { at, source } = error else { panic!("{error}") };
        assert_eq!(at, before);
        assert!(matches!(*source, ViewsError::Event { at, .. } if at == before), "{source}");
        assert_eq!(views.applied(), before);
        assert!(views.run(StreamId(member.id.0)).unwrap().is_some());
    });
}

#[test]
fn views_that_are_closed_say_so() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 6);
        history.go_on(10);
        let views = site.open(&history.log);
        views.catch_up(end(&*history.log)).unwrap();
        views.close();
        views.close();
        history.go_on(10);
        assert!(matches!(views.catch_up(end(&*history.log)), Err(ViewsError::Closed)));
        assert!(!views.runs(&nexus_projections::RunFilter::default()).unwrap().rows.is_empty());
    });
}

#[test]
fn a_stream_that_is_no_run_is_refused() {
    let log = memory_log();
    let views = crate::site::Site::Memory.open(&log);
    let given = nexus_model::event::Given::default();
    append(
        &*log,
        vec![nexus_log::Transition {
            stream: StreamId([1; 16]),
            expected: nexus_log::Revision(0),
            time_us: 0,
            records: records(&[Event::SlotsOffered], given, false),
            rows: Vec::new(),
            payloads: Vec::new(),
        }],
    );
    let error = views.catch_up(end(&*log)).unwrap_err();
    let ViewsError::Stopped { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, ViewsError::NotARun { .. }), "{source}");
}
