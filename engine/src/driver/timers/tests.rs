use super::*;
use crate::tables::timer_key;

fn timers() -> Timers {
    Timers::new(crate::tables::TIMERS, Drive::All, (0, 1))
}

fn run(at: u8) -> RunId {
    RunId([at; 16])
}

fn row(due: Timestamp, of: u8, timer: u32) -> (Vec<u8>, Vec<u8>) {
    (timer_key(due, run(of), TimerId(timer)), Vec::new())
}

const NOW: Timestamp = Timestamp(1_000_000_000);

#[test]
fn a_full_page_is_followed_by_the_next_once_most_have_fired() {
    let mut timers = timers();
    let page = timers.next_page(NOW).expect("the first page");
    assert!(timers.next_page(NOW).is_none(), "one page at a time");
    let rows: Vec<_> = (0..ROWS_MAX).map(|at| row(NOW, 5, u32::try_from(at).unwrap())).collect();
    timers.loaded(&rows, &page);
    assert!(timers.next_page(NOW).is_none(), "enough is in memory");
    let mut fired = 0;
    let next = loop {
        fired += timers.take_due(NOW).len();
        if let Some(page) = timers.next_page(NOW) {
            break page;
        }
    };
    assert!(fired <= ROWS_MAX);
    assert!(next.from > rows.last().unwrap().0, "it goes on behind the last row");
    timers.loaded(&[row(NOW, 6, 1)], &next);
    while timers.take_due(NOW).pop().is_some_and(|last| last != (run(6), TimerId(1))) {}
    assert!(timers.soon.is_empty());
}

/// The row of such a timer sorts before the last one that was read, so no page will ever hold it.
#[test]
fn a_timer_set_for_the_very_time_at_which_a_page_ended_is_kept() {
    let mut timers = timers();
    let page = timers.next_page(NOW).unwrap();
    let rows: Vec<_> = (0..ROWS_MAX).map(|at| row(NOW, 5, u32::try_from(at).unwrap())).collect();
    timers.loaded(&rows, &page);
    timers.set(run(1), TimerId(1), NOW);
    let mut fired = Vec::new();
    while fired.len() <= ROWS_MAX {
        let due = timers.take_due(NOW);
        if due.is_empty() {
            break;
        }
        fired.extend(due);
    }
    assert!(fired.contains(&(run(1), TimerId(1))));
}

#[test]
fn a_timer_set_while_a_page_is_read_fires_once() {
    let mut timers = timers();
    let page = timers.next_page(NOW).unwrap();
    let due = NOW.plus_ms(20_000);
    timers.set(run(1), TimerId(1), due);
    timers.loaded(&[row(due, 1, 1)], &page);
    assert_eq!(timers.take_due(due), [(run(1), TimerId(1))]);
    assert!(timers.take_due(due).is_empty());
}

#[test]
fn a_timer_beyond_the_window_is_left_to_its_row() {
    let mut timers = timers();
    let page = timers.next_page(NOW).unwrap();
    timers.loaded(&[], &page);
    let due = NOW.plus_ms(WINDOW_MS + 10_000);
    timers.set(run(1), TimerId(1), due);
    assert!(timers.soon.is_empty());
    let later = NOW.plus_ms(WINDOW_MS / 2 + 1);
    let page = timers.next_page(later).expect("the next window");
    assert!(page.from <= row(due, 1, 1).0 && row(due, 1, 1).0 < page.to);
}

#[test]
fn timers_of_runs_that_others_drive_are_left_alone() {
    let mut timers = Timers::new(crate::tables::TIMERS, Drive::All, (0, 2));
    let page = timers.next_page(NOW).unwrap();
    timers.loaded(&[row(NOW, 2, 1), row(NOW, 3, 1)], &page);
    assert_eq!(timers.take_due(NOW), [(run(2), TimerId(1))]);
}

#[test]
fn an_engine_that_drives_named_runs_reads_no_rows_and_keeps_what_it_sees() {
    let mut timers = Timers::new(crate::tables::TIMERS, Drive::Named, (0, 1));
    assert!(timers.next_page(NOW).is_none());
    timers.set(run(1), TimerId(1), NOW.plus_ms(3_600_000));
    assert_eq!(timers.soon.len(), 1);
    timers.cleared(run(1), TimerId(1), NOW.plus_ms(3_600_000));
    assert!(timers.soon.is_empty());
}
