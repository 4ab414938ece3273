//! One suite for every log: what the trait promises, asked of each implementation.

mod alone;
mod cases;
mod concurrency;
#[path = "../support/here.rs"]
mod here;
mod reopening;
#[path = "../support/scratch.rs"]
mod scratch;
mod simulated_disk;
#[path = "../support/transitions.rs"]
mod transitions;
#[path = "../support/until.rs"]
mod until;

use std::path::Path;

use nexus_log::{FjallLog, MemoryLog, Options, SimulatedLog};

/// Opens a store for a test; tests do not care how full the disk is.
pub(crate) fn open(path: &Path) -> FjallLog {
    let options = Options { free_bytes_min: 0, ..Options::new(transitions::TABLES) };
    FjallLog::open(path, options).expect("the store opens")
}

macro_rules! every_log {
    ($($module:ident::$case:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $case() {
                super::$module::$case(&super::MemoryLog::new(super::transitions::TABLES));
            })*
        }

        mod simulated {
            $(#[test] fn $case() {
                super::$module::$case(&super::SimulatedLog::new(super::transitions::TABLES));
            })*
        }

        mod fjall {
            $(#[test] fn $case() {
                let folder = tempfile::tempdir().expect("a folder");
                let log = super::open(folder.path());
                super::$module::$case(&log);
                let report = log.verify(super::transitions::HERE);
                assert_eq!(report.problems, [], "after the case everything still checks");
            })*
        }
    };
}

every_log!(
    cases::positions_are_dense,
    cases::a_stream_that_moved_on_is_a_conflict,
    cases::the_same_transition_again_answers_with_the_first_position,
    cases::a_repeat_within_one_submission_is_recognised,
    cases::a_row_that_had_to_be_new_is_taken,
    cases::a_row_that_had_to_be_new_is_taken_by_its_own_group,
    cases::a_refused_neighbour_leaves_no_trace,
    cases::rows_are_seen_with_their_records,
    cases::a_row_that_goes_and_comes_again_is_new,
    cases::rows_are_read_in_order_of_their_keys,
    cases::payloads_are_found_by_their_hash,
    cases::a_read_from_the_middle_of_a_frame_starts_with_that_frame,
    cases::a_read_stops_after_enough_bytes,
    cases::a_stream_is_read_from_the_middle_of_a_frame,
    cases::a_stream_is_read_in_pieces_of_any_size,
    cases::followers_hear_of_every_group,
    cases::what_cannot_be_stored_is_unacceptable,
    cases::chains_do_not_depend_on_positions,
    cases::the_last_frame_of_a_group_is_marked,
    cases::after_closing_a_ticket_says_closed,
    concurrency::eight_submitters_lose_and_double_nothing,
    concurrency::one_who_appends_here_and_there_keeps_its_order,
    concurrency::permits_come_back,
);
