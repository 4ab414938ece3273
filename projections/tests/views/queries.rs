//! Filters and pages.

use nexus_log::StreamId;
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::payload::Payload;
use nexus_projections::{AuditFilter, AuditRow, RunFilter, RunRow, RunWord, Views};

use crate::history::{History, end, memory_log};
use crate::site::on_each;

fn everything() -> RunFilter {
    RunFilter { limit: usize::MAX, ..RunFilter::default() }
}

/// All pages of a filter.
fn pages(views: &Views, filter: &RunFilter) -> Vec<RunRow> {
    let mut filter = filter.clone();
    let mut rows = Vec::new();
    loop {
        let page = views.runs(&filter).unwrap();
        assert!(page.rows.len() <= filter.limit);
        rows.extend(page.rows);
        if page.next.is_none() {
            return rows;
        }
        filter.after_cursor = page.next;
    }
}

#[test]
fn runs_are_listed_by_what_is_asked_newest_first() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 21);
        history.go_on(3000);
        let views = site.open(&history.log);
        views.catch_up(end(&*history.log)).unwrap();
        let all = pages(&views, &everything());
        assert_eq!(all.len(), history.members.len());
        assert!(all.is_sorted_by(|newer, older| newer.run > older.run));
        let middle = all[all.len() / 2].started_at;
        // No run of this history undoes anything, and none is limited.
        let there = |word: &RunWord| !matches!(word, RunWord::Compensating | RunWord::Queued);
        let words = RunWord::ALL.into_iter().filter(there);
        let mut filters: Vec<RunFilter> =
            words.map(|word| RunFilter { statuses: vec![word], ..everything() }).collect();
        filters.extend([
            RunFilter { statuses: vec![RunWord::Failed, RunWord::Paused], ..everything() },
            RunFilter {
                statuses: vec![RunWord::Cancelled, RunWord::Failed, RunWord::Running],
                ..everything()
            },
            RunFilter { workflow: Some("fan".to_owned()), ..everything() },
            RunFilter { labels: vec![("team".to_owned(), "red".to_owned())], ..everything() },
            RunFilter { started_after: Some(middle), ..everything() },
            RunFilter { started_before: Some(middle), ..everything() },
            RunFilter { waiting_only: true, ..everything() },
            RunFilter { name_prefix: Some("wf-00".to_owned()), ..everything() },
        ]);
        for filter in filters {
            let expected: Vec<_> = all.iter().filter(|row| wants(&filter, row)).cloned().collect();
            assert!(!expected.is_empty(), "{filter:?} is no test");
            for limit in [1, 7, usize::MAX] {
                let found = pages(&views, &RunFilter { limit, ..filter.clone() });
                assert_eq!(found, expected, "{filter:?} in pages of {limit}");
            }
        }
    });
}

fn wants(filter: &RunFilter, row: &RunRow) -> bool {
    let is_waiting = [RunWord::Waiting, RunWord::Retrying].contains(&row.status);
    (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
        && filter.workflow.as_ref().is_none_or(|workflow| *workflow == row.workflow)
        && filter.labels.iter().all(|label| row.labels.contains(label))
        && filter.started_after.is_none_or(|after| row.started_at >= after)
        && filter.started_before.is_none_or(|before| row.started_at < before)
        && (!filter.waiting_only || is_waiting)
        && filter.name_prefix.as_ref().is_none_or(|prefix| row.name.starts_with(prefix))
}

#[test]
fn the_audit_is_listed_by_what_is_asked_newest_first() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 22);
        history.go_on(2000);
        let views = site.open(&history.log);
        views.catch_up(end(&*history.log)).unwrap();
        let everything = AuditFilter { limit: usize::MAX, ..AuditFilter::default() };
        let all = audit_pages(&views, &everything);
        assert!(all.is_sorted_by(|newer, older| newer.position > older.position));
        let middle = all[all.len() / 2].at;
        let filters = [
            everything.clone(),
            AuditFilter { run: Some(all[0].run), ..everything.clone() },
            AuditFilter { actor: Some("ada".to_owned()), ..everything.clone() },
            AuditFilter { after: Some(middle), ..everything.clone() },
            AuditFilter { before: Some(middle), ..everything.clone() },
            AuditFilter {
                run: Some(all[9].run),
                actor: all
                    .iter()
                    .find(|row| row.run == all[9].run && row.by.is_some())
                    .and_then(|row| row.by.as_ref().map(|by| by.name.clone())),
                ..everything
            },
        ];
        for filter in filters {
            let expected: Vec<_> =
                all.iter().filter(|row| audit_wants(&filter, row)).cloned().collect();
            assert!(!expected.is_empty(), "{filter:?} is no test");
            for limit in [1, 10, usize::MAX] {
                let found = audit_pages(&views, &AuditFilter { limit, ..filter.clone() });
                assert_eq!(found, expected, "{filter:?} in pages of {limit}");
            }
        }
        let nobody = AuditFilter { run: Some(RunId([9; 16])), ..AuditFilter::default() };
        assert!(views.audit(&nobody).unwrap().rows.is_empty());
    });
}

fn audit_pages(views: &Views, filter: &AuditFilter) -> Vec<AuditRow> {
    let mut filter = filter.clone();
    let mut rows = Vec::new();
    loop {
        let page = views.audit(&filter).unwrap();
        assert!(page.rows.len() <= filter.limit);
        rows.extend(page.rows);
        if page.next.is_none() {
            return rows;
        }
        filter.after_cursor = page.next;
    }
}

fn audit_wants(filter: &AuditFilter, row: &AuditRow) -> bool {
    let actor = row.by.as_ref().map(|by| &by.name);
    filter.run.is_none_or(|run| run == row.run)
        && (filter.actor.is_none() || filter.actor.as_ref() == actor)
        && filter.after.is_none_or(|after| row.at >= after)
        && filter.before.is_none_or(|before| row.at < before)
}

#[test]
fn a_run_says_what_it_waits_for() {
    let mut history = History::new(memory_log(), 1);
    let stream = history.start(2);
    history.ask(0, Command::OfferSlots, 9);
    let (step, attempt) = {
        let run = &history.members[0].run;
        let step = run.running().next().expect("the first step runs");
        (step, run.step_run(step).attempt)
    };
    history.ask(0, Command::CompleteStep { step, attempt, output: Payload::Null }, 9);
    history.append();
    let views = crate::site::Site::Memory.open(&history.log);
    views.catch_up(end(&*history.log)).unwrap();
    let row = views.run(stream).unwrap().unwrap();
    assert_eq!(row.status, RunWord::Waiting);
    assert_eq!(row.waiting_on.unwrap().to_string(), "sleep until 2025-11-21T10:01:00Z");
    let by = Actor { name: "ada".to_owned(), via: "api".to_owned() };
    history.ask(0, Command::PauseRun { by, reason: "audit".to_owned() }, 0);
    history.append();
    views.catch_up(end(&*history.log)).unwrap();
    let row = views.run(stream).unwrap().unwrap();
    assert_eq!((row.status, row.reason.as_deref()), (RunWord::Paused, Some("audit")));
    assert_eq!(row.waiting_on.unwrap().to_string(), "resume");
    assert_eq!(views.run(StreamId([0; 16])).unwrap(), None);
    assert_eq!(views.run_by_name("nobody").unwrap(), None);
}

#[test]
fn words_are_read_back() {
    for word in RunWord::ALL {
        assert_eq!(RunWord::parse(word.word()), Some(word));
    }
    assert_eq!(RunWord::parse("asleep"), None);
}
