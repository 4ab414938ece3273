//! Refusals: what they say, and the codes they have for an update.

use crate::id::StepIndex;
use crate::rejection::Rejection;

#[test]
fn of_many_steps_that_were_undone_five_are_named() {
    let undone = |count: usize| {
        let steps = (0..count).map(|at| format!("s{at}")).collect();
        Rejection::Undone { steps }.to_string()
    };
    let named = "a retry would keep the results of `s0`, `s1`, `s2`, `s3`, `s4`";
    assert_eq!(undone(5), format!("{named}, but they were undone"));
    assert_eq!(undone(6), format!("{named}, 1 more, but they were undone"));
    assert_eq!(undone(9), format!("{named}, 4 more, but they were undone"));
}

#[test]
fn an_update_that_is_refused_has_a_code_that_says_why() {
    let (step, name, message) = ("a".to_owned(), "qty".to_owned(), "no".to_owned());
    let named = || (step.clone(), name.clone(), message.clone());
    let refused = {
        let (step, name, message) = named();
        Rejection::UpdateRefused { step, name, message }
    };
    let misfit = {
        let (step, name, message) = named();
        Rejection::UpdateMisfit { step, name, message, errors: Vec::new() }
    };
    let failed = {
        let (step, name, message) = named();
        Rejection::UpdateFailed { step, name, code: "NX2101".to_owned(), message }
    };
    let not_awaited = Rejection::UpdateNotAwaited { name, waits_for: Vec::new() };
    let accepted = Rejection::UpdateAccepted { id: "u1".to_owned(), revision: 1 };
    for (rejection, code) in [
        (Rejection::Ended { status: "failed" }, Some("NX4127")),
        (not_awaited, Some("NX4127")),
        (refused, Some("NX4128")),
        (misfit, Some("NX4129")),
        (accepted, Some("NX4130")),
        (failed, Some("NX4131")),
        (Rejection::NotStarted, None),
        (Rejection::NoSuchStep { step: StepIndex(7) }, None),
    ] {
        assert_eq!(rejection.update_code(), code, "{rejection}");
    }
}
