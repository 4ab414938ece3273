//! What the live measurements mean, as their `HELP`.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Describes every measurement that the libraries take.
pub(super) fn all() {
    histograms();
    describe_counter!("nexus_log_transitions_total", "Transitions appended by this process.");
    describe_counter!("nexus_log_records_total", "Records appended by this process.");
    describe_counter!(
        "nexus_log_torn_tails_total",
        "Incomplete groups that opening cut off the end of the log."
    );
    describe_counter!("nexus_runs_ended_here_total", "Runs that ended in this process.");
    describe_counter!(
        "nexus_runs_rested_total",
        "Rests of runs that the log could not take or read; they go on after a while."
    );
    describe_counter!(
        "nexus_starts_duplicate_total",
        "Starts with dedupe whose key was seen lately: they started nothing, in this process."
    );
    describe_counter!("nexus_reads_failed_total", "Reads of runs and timers that failed.");
    describe_counter!(
        "nexus_clock_jumps_total",
        "Times that the wall clock moved away from the engine's clock."
    );
    workers();
    describe_gauge!("nexus_attempts_running", "Attempts under way.");
    describe_gauge!("nexus_runs_resident", "Runs in memory.");
    describe_gauge!(
        "nexus_projection_lag_records",
        "Durable records that the views have not applied yet."
    );
}

fn workers() {
    describe_counter!("nexus_worker_polls_total", "Times that a worker has asked for a task.");
    describe_counter!("nexus_worker_tasks_total", "Tasks that workers were handed.");
    describe_counter!(
        "nexus_worker_leases_lost_total",
        "Tasks whose workers were silent for too long."
    );
    describe_counter!(
        "nexus_worker_reports_stale_total",
        "Reports and heartbeats of workers that came too late, under a token that does not count."
    );
    describe_gauge!("nexus_worker_tasks_waiting", "Tasks that wait for a worker.");
}

fn histograms() {
    let seconds = |name: &'static str, help: &'static str| {
        describe_histogram!(name, Unit::Seconds, help);
    };
    seconds(
        "nexus_attempt_seconds",
        "Time of an attempt, from the call of its handler to its outcome.",
    );
    seconds(
        "nexus_attempt_queue_seconds",
        "Time between the start of an attempt and the call of its handler.",
    );
    seconds("nexus_log_append_seconds", "Time of an append, from its submission to its answer.");
    seconds("nexus_log_sync_seconds", "Time of the sync of a group.");
    seconds("nexus_projection_apply_seconds", "Time to apply a batch of records to the views.");
    seconds("nexus_replay_seconds", "Time of a replay.");
    describe_histogram!(
        "nexus_log_group_transitions",
        "Transitions that became durable in one sync."
    );
    describe_histogram!(
        "nexus_log_group_bytes",
        Unit::Bytes,
        "Bytes that became durable in one sync."
    );
}
