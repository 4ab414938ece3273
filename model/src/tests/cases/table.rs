//! The table: for every construct the test in which it is refused, timed out, cancelled and duplicated.

/// A construct of workflows, or of the engine around them.
pub(super) struct Row {
    /// What people call it.
    pub(super) construct: &'static str,
    /// The keys of the format that belong to it, separated by spaces.
    pub(super) keys: &'static str,
    /// The kinds of steps and the commands that belong to it.
    pub(super) code: &'static str,
    /// Each of its tests in the notation holds one of these words.
    pub(super) words: &'static [&'static str],
    /// Refused, timed out, cancelled, duplicated: `file::test`, or a sentence that says why there is nothing to test.
    pub(super) cells: [&'static str; 4],
}

const fn row(
    construct: &'static str,
    keys: &'static str,
    code: &'static str,
    words: &'static [&'static str],
    cells: [&'static str; 4],
) -> Row {
    Row { construct, keys, code, words, cells }
}

/// Keys that are no construct: they name, describe, declare or compute, and nothing of a run waits for them.
pub(super) const NO_CONSTRUCTS: &str = "nexus name description version labels inputs run id env secrets mode steps type default \
    required enum pattern min max defaults queries";

/// One row for each construct.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    row("an attempt of `uses` or `run`", "uses run with shell env", "StepKind::Action StepKind::Script Command::CompleteStep Command::FailStep", &["a#1"], [
        "starting::a_report_of_an_attempt_that_is_not_under_way_is_stale",
        "cases/times::an_attempt_that_takes_too_long_is_tried_again",
        "ending::cancelling_stops_what_runs",
        "cases/control::a_result_of_a_step_counts_once",
    ]),
    row("`emit`", "emit", "", &["emit"], [
        "topic/tests::what_cannot_be_emitted_is_refused",
        "It is an attempt, and runs out of time as one.",
        "It is an attempt, and is cancelled as one; what was emitted stays.",
        "topic/tests::an_id_counts_once",
    ]),
    row("`set`", "set", "StepKind::Set", &["set 1"], [
        "cases/control::nobody_completes_what_computes_values",
        "No time passes in it: it completes in the transition that reaches it.",
        "cases/control::values_are_computed_last_or_not_at_all_when_the_run_is_cancelled",
        "It completes in the transition that reaches it, and nothing can be sent twice.",
    ]),
    row("`outputs`", "outputs", "", &["maps"], [
        "cases/control::an_output_is_mapped_once",
        "No time passes in it: it is computed in the transition of the result.",
        "cases/control::an_output_of_a_step_that_was_to_stop_is_mapped_all_the_same",
        "cases/control::an_output_is_mapped_once",
    ]),
    row("`when_needs: all_ok`", "needs when_needs", "", &["needs a"], [
        "cases/control::a_step_that_waits_for_its_needs_takes_no_report",
        "cases/control::a_run_that_times_out_reaches_only_what_runs_last",
        "cases/control::a_step_whose_needs_are_cancelled_is_not_reached",
        "cases/control::a_need_that_completes_twice_counts_once",
    ]),
    row("`when_needs: any_ok`", "when_needs", "", &["any_ok"], [
        "cases/control::a_step_that_waits_for_its_needs_takes_no_report",
        "cases/control::what_any_ok_began_ends_with_a_run_that_times_out",
        "when_needs::any_ok_is_cancelled_and_not_reached_like_others",
        "when_needs::any_ok_begins_once",
    ]),
    row("`when_needs: all_done`", "when_needs", "", &["all_done"], [
        "cases/control::a_step_that_waits_for_its_needs_takes_no_report",
        "cases/control::a_run_that_times_out_reaches_only_what_runs_last",
        "ending::all_done_runs_last_when_the_run_is_cancelled_and_any_failed_does_not",
        "cases/control::what_runs_however_its_needs_ended_begins_once",
    ]),
    row("`when_needs: any_failed`", "when_needs", "", &["any_failed"], [
        "cases/control::a_step_that_waits_for_its_needs_takes_no_report",
        "cases/control::a_run_that_times_out_reaches_only_what_runs_last",
        "ending::all_done_runs_last_when_the_run_is_cancelled_and_any_failed_does_not",
        "cases/control::what_any_failure_begins_begins_once",
    ]),
    row("`if`", "if", "", &[" if "], [
        "cases/control::a_step_that_was_skipped_takes_no_report",
        "cases/control::a_condition_of_a_step_that_runs_last_is_asked_when_the_run_times_out",
        "cases/control::a_condition_is_not_asked_when_the_run_is_cancelled",
        "cases/control::a_condition_is_asked_once",
    ]),
    row("`switch`", "switch cases when then default", "StepKind::Switch", &["switch"], [
        "cases/control::nobody_completes_a_router_or_what_it_did_not_take",
        "cases/control::a_router_of_a_run_that_times_out_takes_no_way",
        "switches::a_router_is_cancelled_with_its_run",
        "cases/control::a_router_decides_once",
    ]),
    row("`race`", "race", "StepKind::Race", &["race"], [
        "cases/control::nobody_completes_a_race",
        "cases/control::a_race_of_a_run_that_times_out_is_not_won",
        "races::a_cancelled_race_is_not_reached",
        "cases/control::a_race_is_won_once",
    ]),
    row("`repeat`", "repeat from until limit delay carry", "StepKind::Repeat", &["repeat"], [
        "loops::a_stale_report_of_an_earlier_round_is_refused",
        "cases/control::a_round_ends_with_a_run_that_times_out",
        "loops::a_loop_that_waits_is_cancelled",
        "cases/control::a_round_begins_once_and_its_result_counts_once",
    ]),
    row("`for_each`", "for_each as", "Command::CompleteItem Command::FailItem", &["for_each"], [
        "for_each::a_report_about_another_attempt_or_item_is_refused",
        "for_each::a_run_that_times_out_stops_its_items",
        "for_each::a_cancelled_run_stops_its_items",
        "for_each::a_result_counts_once",
    ]),
    row("`on_item_error: collect`", "on_item_error", "", &["collect"], [
        "cases/control::an_item_that_failed_takes_no_other_report",
        "cases/control::an_item_of_a_list_that_may_fail_is_stopped_by_the_deadline",
        "cases/control::failures_that_were_collected_go_with_a_cancelled_run",
        "cases/control::an_item_that_failed_takes_no_other_report",
    ]),
    row("`group`", "group defaults", "", &[], [
        "It is its steps, under one name: they refuse what steps refuse.",
        "It is its steps, under one name: they have their own times.",
        "It is its steps, under one name: they are cancelled with their run.",
        "It is its steps, under one name: a report is about one of them.",
    ]),
    row("`call`", "call with version", "StepKind::Call Command::EndChild Command::FollowParent", &["call"], [
        "calls::the_end_of_a_run_that_nobody_called_is_refused",
        "calls::the_timeout_of_the_run_ends_the_called_run",
        "calls::a_cancelled_run_ends_when_the_run_it_called_has_ended",
        "calls::the_same_end_counts_once",
    ]),
    row("`wait_for` a signal", "wait_for signal match timeout on_timeout", "StepKind::WaitFor Command::DeliverSignal", &["wait_for", "signal paid"], [
        "signals::a_signal_to_an_ended_run_is_refused",
        "signals::a_step_whose_signal_does_not_come_fails",
        "signals::a_step_that_waits_is_cancelled",
        "signals::the_same_id_counts_once",
    ]),
    row("`wait_for` an event", "wait_for event match", "Command::OfferEvent Command::EventsRead", &["event:"], [
        "events::an_event_that_nobody_wants_leaves_no_event",
        "events::an_event_that_does_not_come_in_time_fails_the_step",
        "events::a_cancelled_run_waits_for_no_event",
        "events::the_same_event_again_changes_nothing",
    ]),
    row("`wait_for` an update", "wait_for update accepts message reply form timeout on_timeout", "StepKind::Update Command::Update", &["takes", "update qty"], [
        "updates::one_that_is_not_accepted_leaves_no_event",
        "updates::a_step_whose_update_does_not_come_fails",
        "updates::a_step_that_waits_is_cancelled",
        "updates::the_same_id_counts_once",
    ]),
    row("`approve`", "approve by message form timeout on_timeout", "StepKind::Approve Command::AnswerApproval", &["approve"], [
        "approvals::others_are_refused",
        "approvals::a_step_fails_when_nobody_decides_in_time",
        "approvals::a_step_that_asks_is_cancelled",
        "approvals::a_second_answer_is_refused",
    ]),
    row("`sleep`", "sleep", "StepKind::Sleep Command::FireTimer", &["sleep"], [
        "cases/times::nobody_ends_a_sleep_but_its_timer",
        "cases/times::what_sleeps_ends_with_a_run_that_times_out",
        "cases/times::what_sleeps_is_cancelled_at_once",
        "timers::a_timer_fires_once",
    ]),
    row("`sleep_until`", "sleep_until", "StepKind::SleepUntil", &["sleep_until"], [
        "cases/times::nobody_ends_a_sleep_but_its_timer",
        "cases/times::what_sleeps_ends_with_a_run_that_times_out",
        "cases/times::what_sleeps_is_cancelled_at_once",
        "cases/times::a_point_in_time_comes_once",
    ]),
    row("`retry`", "retry max_attempts backoff initial factor max jitter retry_on give_up_on", "", &["retry"], [
        "starting::a_late_report_after_the_retry_is_stale",
        "cases/times::a_retry_that_waits_ends_with_a_run_that_times_out",
        "cases/times::a_retry_that_waits_is_cancelled",
        "cases/times::a_retry_is_started_once",
    ]),
    row("`timeout` of an attempt", "timeout", "", &["timeout 5s"], [
        "cases/times::what_an_attempt_brings_after_its_time_is_refused",
        "cases/times::an_attempt_that_takes_too_long_is_tried_again",
        "cases/times::an_attempt_that_takes_too_long_while_it_is_cancelled_is_not_tried_again",
        "cases/times::what_an_attempt_brings_after_its_time_is_refused",
    ]),
    row("`deadline`", "deadline", "", &["deadline"], [
        "cases/times::a_deadline_does_not_pass_in_a_pause_or_under_another_number",
        "timers::a_deadline_stops_a_running_attempt_and_fails_the_step",
        "cases/times::a_deadline_goes_with_a_cancelled_step",
        "cases/times::a_deadline_passes_once",
    ]),
    row("`timeout` of the run", "timeout", "", &["run timeout"], [
        "pausing::a_run_does_not_time_out_in_a_pause",
        "timers::a_run_that_takes_too_long_fails",
        "cases/times::a_time_over_a_run_that_is_cancelled_changes_nothing",
        "cases/times::a_run_times_out_once",
    ]),
    row("`start_within`", "start_within", "", &["start_within"], [
        "cases/times::what_is_to_start_in_time_is_held_by_a_pause",
        "queueing::a_step_that_is_not_started_in_time_fails",
        "queueing::a_run_that_is_cancelled_meanwhile_has_no_timer_left",
        "cases/times::the_time_to_start_in_is_over_once",
    ]),
    row("`heartbeat`", "heartbeat", "Command::RecordHeartbeat", &["beat"], [
        "heartbeats::a_heartbeat_of_an_attempt_that_is_over_is_refused",
        "cases/times::a_silent_attempt_is_tried_again_and_says_no_more",
        "heartbeats::a_cancelled_attempt_may_still_say_how_far_it_is",
        "cases/times::the_same_progress_is_a_sign_of_life_each_time",
    ]),
    row("a fallback (`any_failed`)", "when_needs", "", &["any_failed"], [
        "cases/times::a_fallback_is_refused_before_the_failure_and_counts_once_after_it",
        "cases/times::a_fallback_goes_on_when_the_run_times_out",
        "cases/times::a_fallback_is_cancelled",
        "cases/times::a_fallback_is_refused_before_the_failure_and_counts_once_after_it",
    ]),
    row("`on_error: continue`", "on_error", "", &["continue"], [
        "cases/times::a_failure_that_does_not_matter_counts_once",
        "cases/times::a_deadline_of_a_step_that_may_fail_lets_the_run_go_on",
        "cases/times::a_step_that_may_fail_is_cancelled_and_is_tried_again_by_a_retry",
        "cases/times::a_failure_that_does_not_matter_counts_once",
    ]),
    row("`compensate`", "compensate on_failure on_cancel retry timeout", "", &["undo"], [
        "undoing::a_late_report_of_the_step_is_not_taken_for_one_of_its_undo",
        "undoing::a_run_that_times_out_undoes_as_one_that_fails",
        "undoing::a_cancelled_run_undoes_what_it_did_if_its_definition_says_so",
        "cases/times::an_undo_counts_once",
    ]),
    row("`compensate` of items", "for_each compensate", "", &["for_each"], [
        "undoing_items::an_item_is_undone_once",
        "undoing_items::a_run_that_times_out_undoes_its_items",
        "undoing_items::a_cancelled_list_is_undone_if_the_definition_says_so",
        "undoing_items::an_item_is_undone_once",
    ]),
    row("`concurrency` of a step", "concurrency key scope limit rate per fairness_key priority", "Command::OfferSlots Command::GrantSlot", &["limit 1"], [
        "slots::a_slot_that_comes_too_late_is_not_wanted",
        "cases/whole::a_step_that_waits_for_a_slot_ends_with_a_run_that_times_out",
        "slots::a_cancelled_run_waits_for_no_slot",
        "slots::a_slot_granted_twice_is_held_once",
    ]),
    row("`concurrency` and `breaker` of items", "items for_each concurrency breaker", "Command::GrantSlot", &["for_each"], [
        "slots_of_items::a_slot_of_an_item_that_has_settled_is_not_wanted",
        "slots_of_items::a_deadline_gives_all_slots_back",
        "slots_of_items::a_run_that_is_cancelled_gives_all_slots_back",
        "slots_of_items::a_slot_of_an_item_that_is_granted_twice_is_held_once",
    ]),
    row("`concurrency` of runs, and the limit `@runs`", "concurrency", "", &["run limit 1", "run timeout"], [
        "cases/whole::a_slot_that_was_not_asked_for_is_refused_and_one_is_held_once",
        "slots::a_run_times_out_while_it_waits_for_its_slot",
        "slots::a_run_that_is_cancelled_before_its_slot_does_nothing",
        "cases/whole::a_slot_that_was_not_asked_for_is_refused_and_one_is_held_once",
    ]),
    row("a limit itself", "rate", "", &["request"], [
        "limit/tests/stories::a_slot_is_given_back_once",
        "limit/tests/stories::a_rate_makes_the_next_wait",
        "limit/tests/stories::who_no_longer_waits_is_passed_over",
        "limit/tests/stories::who_asks_twice_has_asked_once",
    ]),
    row("`breaker`", "breaker target failures successes open_for while_open", "Command::AllowCall Command::RefuseCall", &["breaker"], [
        "breakers::a_refused_step_fails_and_its_fallback_runs",
        "cases/whole::a_step_that_waits_for_a_breaker_ends_with_a_run_that_times_out",
        "breakers::a_cancelled_run_asks_no_breaker_and_tells_it_nothing_bad",
        "breakers::an_answer_that_comes_twice_or_too_late_changes_nothing",
    ]),
    row("a breaker itself", "breaker", "", &["FIVE", "a ok; a ok"], [
        "breaker/tests/stories::who_is_patient_waits_and_who_is_not_is_refused",
        "breaker/tests/stories::after_its_time_one_tries_and_two_successes_close_it",
        "breaker/tests/stories::who_gives_up_waits_no_more",
        "breaker/tests/stories::the_same_request_again_is_none",
    ]),
    row("`dedupe`", "dedupe within", "", &["dedupe"], [
        "start_key/tests::a_key_that_was_seen_lately_starts_nothing_whatever_the_input",
        "A key counts for a time, and nothing waits for its end.",
        "A start that was admitted is a run, which is cancelled as any other.",
        "start_key/tests::a_key_that_was_seen_lately_starts_nothing_whatever_the_input",
    ]),
    row("`debounce`", "debounce wait at_most", "", &["keep"], [
        "start_key/tests::an_input_that_is_too_large_is_refused",
        "start_key/tests::what_is_kept_can_be_cancelled_until_it_is_due",
        "start_key/tests::what_is_kept_can_be_cancelled_until_it_is_due",
        "start_key/tests::a_token_counts_once_also_after_its_run_was_started",
    ]),
    row("a pause of a run", "", "Command::PauseRun Command::ResumeRun", &["pause"], [
        "pausing::pausing_and_resuming_twice_is_refused",
        "pausing::a_run_does_not_time_out_in_a_pause",
        "cases/whole::a_pause_of_a_cancelled_run_ends_with_it",
        "pausing::pausing_and_resuming_twice_is_refused",
    ]),
    row("a pause of a step", "", "Command::PauseStep Command::ResumeStep", &["pause_step"], [
        "pausing::pausing_a_step_is_refused_where_it_means_nothing",
        "cases/whole::a_paused_step_does_not_hold_up_a_run_that_times_out",
        "pausing::a_cancelled_run_waits_for_no_paused_step",
        "cases/whole::a_step_is_paused_once_and_resumed_once",
    ]),
    row("a pause of the store, a workflow or a label", "", "Command::HoldRun Command::ReleaseRun Command::InHold", &["hold", "held", "pause("], [
        "pauses/tests::a_scope_is_paused_once_and_resumed_once",
        "cases/whole::a_held_run_does_not_time_out_and_is_held_once",
        "pausing::a_pause_of_the_store_holds_a_run_also_when_it_is_cancelled",
        "cases/whole::a_held_run_does_not_time_out_and_is_held_once",
    ]),
    row("a start", "", "Command::StartRun", &["start"], [
        "starting::a_run_with_more_labels_than_can_be_is_refused",
        "No time passes in it: it is one transition.",
        "It is one transition; afterwards the run is cancelled.",
        "cases/whole::a_run_is_started_once_also_after_its_end",
    ]),
    row("a cancellation", "", "Command::CancelRun", &["cancel"], [
        "starting::an_ended_run_takes_no_command_but_retry",
        "cases/times::a_time_over_a_run_that_is_cancelled_changes_nothing",
        "cases/whole::a_run_is_cancelled_once",
        "cases/whole::a_run_is_cancelled_once",
    ]),
    row("a retry of a run", "", "Command::RetryRun", &["retry"], [
        "retrying::a_run_that_goes_on_cannot_be_retried",
        "retrying::the_timeout_and_the_deadline_count_from_the_retry",
        "cases/whole::a_retried_run_is_retried_once_and_can_be_cancelled",
        "cases/whole::a_retried_run_is_retried_once_and_can_be_cancelled",
    ]),
    row("a migration", "", "Command::MigrateRun", &["migrate"], [
        "migrating::a_run_that_has_ended_or_is_ending_is_not_migrated",
        "cases/whole::a_migrated_run_keeps_the_time_it_has",
        "cases/whole::a_cancelled_run_is_migrated_only_by_a_retry",
        "cases/whole::a_run_is_migrated_once",
    ]),
    row("a crash, and what is carried on after it", "", "Command::InterruptAttempts Command::InterruptItems Command::ResumeAttempt Command::ResumeItem", &["interrupt"], [
        "interruptions::an_unknown_attempt_in_the_list_refuses_all_of_it",
        "cases/whole::an_attempt_that_is_cut_off_ends_with_a_run_that_times_out",
        "cases/whole::an_attempt_that_is_cut_off_is_cancelled_and_not_carried_on",
        "interruptions::an_attempt_named_twice_counts_once",
    ]),
    row("`encrypt`, and forgetting a run", "encrypt", "Command::ForgetRun", &["forget"], [
        "cases/whole::a_run_that_goes_on_is_not_forgotten",
        "cases/whole::a_run_that_timed_out_is_forgotten",
        "cases/whole::a_run_that_goes_on_is_not_forgotten",
        "cases/whole::a_forgotten_run_takes_nothing_more",
    ]),
    row("`queries`", "queries", "", &["query("], [
        "gateway/tests/control/state_queries::a_query_answers_at_any_time_and_records_nothing",
        "No time of the run passes in it: it reads the recorded state.",
        "It reads the recorded state, also that of a cancelled run.",
        "It records nothing, so that asking twice is asking once.",
    ]),
    row("a schedule (`triggers`: `cron`, `every`)", "triggers cron every timezone catch_up overlap", "", &["Paper::new"], [
        "schedule/tests::a_schedule_is_made_changed_and_deleted",
        "schedule/tests::a_missed_stretch_is_made_up_for_as_the_policy_says",
        "schedule/tests::overlap_cancel_old",
        "schedule/tests::a_clock_that_goes_back_fires_nothing_twice",
    ]),
    row("a trigger on an event (`triggers`: `event`)", "triggers event", "", &["Paper::new"], [
        "topic/tests::what_cannot_be_emitted_is_refused",
        "It waits without end, until it is removed.",
        "topic/tests::a_trigger_is_for_the_events_that_come_after_it",
        "topic/tests::an_id_counts_once",
    ]),
    row("a published version", "version", "", &["published("], [
        "versions/tests::what_is_not_there_or_current_already_cannot_be_chosen",
        "No time passes in it: it is one transition.",
        "What was published stays; another version is made the current one.",
        "versions/tests::the_same_content_is_no_new_version",
    ]),
    row("code: the calls of a function", "", "Command::MakeCalls Command::ReturnFunction", &["calls 0"], [
        "functions::a_call_that_cannot_be_a_step_is_refused",
        "functions::a_run_that_takes_too_long_fails",
        "functions::a_cancelled_run_does_not_ask_its_function",
        "functions::what_is_said_twice_or_of_other_turns_is_refused",
    ]),
];
