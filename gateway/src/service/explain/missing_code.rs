//! Steps whose handlers the program that has the store open does not have.

use nexus_engine::MissingCode;
use nexus_engine::model::plan::Plan;

use crate::api::{Cause, ExplainView};

/// Says of the steps that wait for their handlers that they do.
pub(super) fn explain(view: &mut ExplainView, plan: &Plan, missing: &[MissingCode]) {
    for MissingCode { step, handler } in missing {
        let id = plan.id(*step);
        let why = format!("NX3004: nobody offers the handler `{handler}` of {id}");
        // What a limit or a breaker keeps back does not ask for its handler yet.
        let is_its = |cause: &&mut Cause| cause.step.as_deref() == Some(id) && cause.on.is_none();
        for cause in view.causes.iter_mut().filter(is_its) {
            cause.cause = "handler".into();
            cause.why.clone_from(&why);
            cause.release = format!("open the store with a program that offers `{handler}`");
        }
        for reason in view.steps.iter_mut().filter(|reason| reason.step == id) {
            reason.why.clone_from(&why);
        }
        view.why = why;
    }
}
