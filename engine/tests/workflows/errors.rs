//! Errors as people see them.

use nexus_engine::model::event::Failure;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::model::topic::TopicRejection;
use nexus_engine::prelude::*;
use nexus_engine::shard::Refusal;
use nexus_engine::{EmitError, ForgetError, RequestError, UpdateError};

/// What a `main` that returns an error prints, behind `Error: `.
#[test]
fn what_main_prints_begins_with_the_code_and_says_where_to_read_on() {
    let taken = tempfile::NamedTempFile::new().unwrap();
    let error = Engine::builder().open(taken.path()).map(drop).unwrap_err();
    let code = error.code();
    let error = Error::from(error);
    let shown = format!("{error:?}");
    assert!(shown.starts_with(&format!("error[{code}]: ")), "{shown}");
    let hint = format!("\n  hint: nexus-engine explain {code}, or docs/errors/{code}.md");
    assert!(shown.ends_with(&hint), "{shown}");

    let failure =
        Failure { code: "E_CARD".into(), message: "declined".into(), ..Failure::default() };
    let step = Some("charge".to_owned());
    let error = Error::Failed { run: "wf-1".into(), step, failure: Box::new(failure) };
    assert_eq!(error.to_string(), "run `wf-1` failed at `charge`: E_CARD declined");
    assert_eq!(
        format!("{error:?}"),
        "error[E_CARD]: run `wf-1` failed at `charge`: E_CARD declined"
    );
}

#[test]
fn errors_of_the_handle_have_codes() {
    assert_eq!(ForgetError::NotEncrypted.code(), Some("NX6021"));
    let goes_on = ForgetError::CalledGoesOn { name: "b".into(), status: "running" };
    assert_eq!(goes_on.code(), Some("NX6020"));
    assert_eq!(ForgetError::Request(RequestError::Unknown).code(), Some("NX7016"));
    let other = EmitError::Conflict { event: "e".into(), id: "1".into() };
    assert_eq!(other.code(), Some("NX4122"));
    assert_eq!(EmitError::Rejected(TopicRejection::Name).code(), Some("NX4121"));
    assert_eq!(UpdateError::Conflict { id: "1".into() }.code(), Some("NX4130"));
    let ended = Refusal::Rejected(Rejection::Ended { status: "completed" });
    assert_eq!(UpdateError::Request(RequestError::Refused(ended)).code(), Some("NX4127"));
}
