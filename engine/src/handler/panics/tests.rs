//! What is said of a handler that panicked.

use super::{caught, shortened};

#[test]
fn a_panic_says_what_where_and_by_which_way() {
    fn deep_inside() {
        panic!("on purpose")
    }
    let error = caught(deep_inside).expect_err("it panics").0;
    assert_eq!((&*error.code, error.fatal), ("NX3012", false));
    assert_eq!(error.message, "the handler panicked: on purpose");
    let details = error.details.expect("details");
    assert!(details.starts_with("at engine/src/handler/panics/tests.rs:"), "{details}");
    assert!(details.contains("deep_inside"), "{details}");
    assert!(!details.contains("begin_unwind"), "{details}");
}

#[test]
fn what_goes_well_is_returned() {
    assert_eq!(caught(|| 7), Ok(7));
}

#[test]
fn a_long_backtrace_is_cut_off_between_characters() {
    let long = format!("  0: x\n{}", "ä".repeat(5_000));
    assert!(shortened(&long).len() <= 4_096);
}
