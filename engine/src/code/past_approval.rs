//! Approvals that a function asked for and that are over: their numbers may be those of other steps by now.

use nexus_log::Revision;
use nexus_model::definition::{Step, StepKind};
use nexus_model::event::{Actor, Event};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::time::Timestamp;

use crate::loader::{LoadError, Loader, events_of};

/// What became of an approval that a function asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastApproval {
    /// Whether it was approved, by whom and when; `None`: nobody has decided.
    pub decided: Option<(bool, Actor, Timestamp)>,
}

/// The approval with this id that the function of a run has asked for; `None` if it has not.
pub(crate) fn past_approval(
    loader: &Loader,
    run: RunId,
    id: &str,
) -> Result<Option<PastApproval>, LoadError> {
    let mut found = None;
    // Its number, while that is its own.
    let mut number: Option<StepIndex> = None;
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is about an approval")]
    loader.each_frame(run, Revision(0), |frame| {
        for recorded in events_of(frame)? {
            match &recorded.event {
                Event::CallsMade(made) => {
                    for call in &made.calls {
                        if call.id() == id && asks(&call.does) {
                            (found, number) = (Some(PastApproval::default()), Some(call.step));
                        } else if number == Some(call.step) {
                            number = None;
                        }
                    }
                }
                Event::ApprovalGranted { step, by, .. }
                | Event::ApprovalRejected { step, by, .. }
                    if number == Some(*step) =>
                {
                    let approved = matches!(recorded.event, Event::ApprovalGranted { .. });
                    found =
                        Some(PastApproval { decided: Some((approved, by.clone(), recorded.time)) });
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn asks(does: &str) -> bool {
    serde_json::from_str::<Step>(does).is_ok_and(|step| matches!(step.kind, StepKind::Approve(_)))
}
