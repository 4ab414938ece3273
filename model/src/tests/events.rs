//! Steps that wait for events: those that come, those from before, those that are for somebody else, and none at all.

use super::check;

#[test]
fn a_step_that_waits_for_an_event_is_offered_the_earlier_ones_first() {
    check(
        "
        workflow  a wait_for event:paid; b needs a
        when      start @5s
        then      run started; a waits for event:paid
        after     a waiting; effects read paid for a since 5s; parked false
    ",
    );
}

#[test]
fn when_they_have_been_read_the_run_is_parked() {
    check(
        "
        workflow  a wait_for event:paid within=60s
        given     start
        when      events_read a
        then      a has read events
        after     a waiting; effects ; parked true
    ",
    );
}

#[test]
fn they_are_read_once() {
    check(
        "
        workflow  a wait_for event:paid; b wait_for paid
        given     start; events_read a
        when      events_read a
                  events_read b
                  events_read z
        then      rejected: no step waits for event `paid`
                  rejected: no step waits for event ``
                  rejected: there is no step number 999
    ",
    );
}

#[test]
fn an_event_goes_to_the_step_it_is_offered_to_if_that_wants_it() {
    check(
        r#"
        workflow  a wait_for event:paid match=event.id==inputs.id; b wait_for event:paid; c needs a,b
        given     start {"id":7}; events_read a; events_read b
        when      event paid#1/a {"id":8}; event paid#1/b {"id":8}; event paid#2/a {"id":7}; event paid#2/b {"id":7}
        then      rejected: event `paid` is not the one that is waited for
                  signal event:paid {"id":8}; b takes signal 1; b#1 completed {"id":8}
                  signal event:paid {"id":7}; a takes signal 2; a#1 completed {"id":7}; c#1 started
                  rejected: no step waits for event `paid`
    "#,
    );
}

#[test]
fn an_event_that_nobody_wants_leaves_no_event() {
    check(
        r#"
        workflow  a wait_for event:paid match=event.id==7
        given     start; events_read a
        when      event paid#1/a {"id":8}; event paid#2/a {"no":"id"}; event sent#3/a {"id":7}
        then      rejected: event `paid` is not the one that is waited for
                  rejected: event `paid` is not the one that is waited for
                  rejected: no step waits for event `sent`
        after     a waiting
    "#,
    );
}

#[test]
fn the_same_event_again_changes_nothing() {
    check(
        "
        workflow  a wait_for event:paid; b needs a wait_for event:paid
        given     start; event paid#1/a 1
        when      event paid#1/a 1; event paid#2/b 2
        then      rejected: signal `event:paid#1/0` was received already
                  signal event:paid 2; b takes signal 2; b#1 completed 2; run completed
    ",
    );
}

#[test]
fn an_event_that_does_not_come_in_time_fails_the_step() {
    check(
        "
        workflow  a wait_for event:paid within=60s
        given     start; events_read a
        when      @60s fire t1
        then      t1 fired; a failed NX4120 event `paid` did not come within 60000 ms; run failed at a: NX4120 event `paid` did not come within 60000 ms
    ",
    );
}

#[test]
fn or_lets_the_run_go_on() {
    check(
        "
        workflow  a wait_for event:paid within=60s go_on; b needs a
        given     start; events_read a
        when      @60s fire t1
        then      t1 fired; a failed NX4120 event `paid` did not come within 60000 ms, continued; b#1 started
    ",
    );
}

#[test]
fn a_paused_run_keeps_the_event_it_waits_for() {
    check(
        "
        workflow  a wait_for event:paid match=event==1; b needs a
        given     start; pause
        when      event paid#1/a 2; event paid#2/a 1; resume
        then      rejected: event `paid` is not the one that is waited for
                  signal event:paid 1
                  resumed; a takes signal 1; a#1 completed 1; b#1 started
    ",
    );
}

#[test]
fn a_cancelled_run_waits_for_no_event() {
    check(
        "
        workflow  a wait_for event:paid
        given     start; cancel
        when      event paid#1/a 1
        then      rejected: the run has ended (cancelled)
        after     a cancelled; timers none
    ",
    );
}

#[test]
fn a_signal_of_that_name_is_refused() {
    check(
        "
        workflow  a wait_for event:paid
        given     start
        when      signal event:paid 1
        then      rejected: `event:paid` is no signal: names that begin with `event:` are of events
        after     a waiting
    ",
    );
}

#[test]
fn a_step_takes_each_event_once_though_another_waits_too() {
    check(
        r#"
        workflow  a; b needs a wait_for event:paid; c needs b repeat a until=round==3; d wait_for event:paid
        given     start; complete a; event paid#1/b 1; complete a
        when      event paid#1/b 1; event paid#1/d 1; event paid#2/b 2
        then      rejected: signal `event:paid#1/1` was received already
                  signal event:paid 1; d takes signal 2; d#1 completed 1
                  signal event:paid 2; b takes signal 3; b#2 completed 2; c begins round 3: round==3 is false ({"carry":null,"number":2}); a#3 started
        after     d completed
    "#,
    );
}

#[test]
fn what_was_read_for_an_earlier_waiting_does_not_count_for_the_next() {
    check(
        "
        workflow  a; b needs a wait_for event:paid; c needs b repeat a until=steps.b.output==2
        given     start; complete a; event paid#1/b 1; complete a
        when      events_read b 4; events_read b 11
        then      rejected: no step waits for event `paid`
                  b has read events
    ",
    );
}

#[test]
fn a_loop_that_waits_again_reads_again() {
    check(
        "
        workflow  a; b needs a wait_for event:paid; c needs b repeat a until=steps.b.output==2
        given     start; complete a; events_read b; event paid#1/b 1
        when      complete a
        then      a#2 completed; b waits for event:paid
        after     effects read paid for b since 0s
    ",
    );
}

#[test]
fn of_a_run_that_was_not_started_nothing_waits() {
    check(
        "
        workflow  a wait_for event:paid
        when      event paid#1/a 1; events_read a
        then      rejected: the run was not started
                  rejected: the run was not started
    ",
    );
}

#[test]
fn an_event_that_is_kept_for_a_paused_step_is_taken_by_no_other() {
    check(
        "
        workflow  a; b needs a wait_for event:paid; d wait_for event:paid
        given     start; pause_step d; event paid#1/d 1
        when      complete a; event paid#1/b 1; resume_step d
        then      a#1 completed; b waits for event:paid
                  signal event:paid 1; b takes signal 2; b#1 completed 1
                  d resumed; d takes signal 1; d#1 completed 1; run completed
    ",
    );
}

#[test]
fn of_events_that_a_pause_has_kept_each_step_takes_its_own() {
    check(
        "
        workflow  x; a needs x wait_for event:paid; c needs a repeat x until=steps.a.output==2; b needs x wait_for event:paid
        given     start; complete x; pause; event paid#1/a 1; event paid#1/b 1; event paid#2/a 2; event paid#2/b 2
        when      resume; complete x; event paid#1/a 1; event paid#2/a 2
        then      resumed; a takes signal 1; a#1 completed 1; b takes signal 2; b#1 completed 1; c begins round 2: steps.a.output==2 is false (1); x#2 started
                  x#2 completed; a waits for event:paid; b waits for event:paid
                  rejected: signal `event:paid#1/1` was received already
                  signal event:paid 2; a takes signal 5; a#2 completed 2
    ",
    );
}

#[test]
fn a_paused_step_keeps_its_event_when_the_earlier_ones_have_been_read() {
    check(
        "
        workflow  a wait_for event:paid
        given     start; pause; event paid#1/a 1
        when      events_read a; resume
        then      a has read events
                  resumed; a takes signal 1; a#1 completed 1; run completed
    ",
    );
}
