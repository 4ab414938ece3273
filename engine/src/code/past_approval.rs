//! Approvals that a function asked for and that are over: their numbers may be those of other steps by now.

use nexus_log::Revision;
use nexus_model::definition::{Step, StepKind};
use nexus_model::event::{Actor, Event};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::time::Timestamp;

use crate::loader::{LoadError, Loader, Recorded, events_of};

/// What became of an approval that a function asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastApproval {
    /// Whether it was approved, by whom and when; `None`: nobody has decided.
    pub decided: Option<(bool, Actor, Timestamp)>,
}

/// The approval with this id that the function of a run has asked for and that is over; `None` if it has asked for none, or only
/// just: who has looked a moment before that has not seen it either.
pub(crate) fn past_approval(
    loader: &Loader,
    run: RunId,
    id: &str,
) -> Result<Option<PastApproval>, LoadError> {
    let mut found = None;
    // Its number, while that is its own.
    let mut number: Option<StepIndex> = None;
    loader.each_frame(run, Revision(0), |frame| {
        for recorded in events_of(frame)? {
            if let Event::CallsMade(made) = &recorded.event {
                for call in &made.calls {
                    if call.id() == id && asks(&call.does) {
                        number = Some(call.step);
                    } else if number == Some(call.step) {
                        number = None;
                    }
                }
            } else if let Some(over) = number.and_then(|number| over(&recorded, number)) {
                // What is decided completes after that.
                found.get_or_insert(over);
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// What became of the approval that has this number, if this event says that it is over.
fn over(recorded: &Recorded, number: StepIndex) -> Option<PastApproval> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is about an approval")]
    let decided = match &recorded.event {
        Event::ApprovalGranted { step, by, .. } if *step == number => Some((true, by)),
        Event::ApprovalRejected { step, by, .. } if *step == number => Some((false, by)),
        Event::StepCompleted { step, .. } | Event::StepFailed { step, .. } if *step == number => {
            None
        }
        Event::StepsCancelled { steps } | Event::StepsNotReached { steps }
            if steps.contains(&number) =>
        {
            None
        }
        Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCancelled { .. } => None,
        _ => return None,
    };
    let decided = decided.map(|(approved, by)| (approved, by.clone(), recorded.time));
    Some(PastApproval { decided })
}

fn asks(does: &str) -> bool {
    serde_json::from_str::<Step>(does).is_ok_and(|step| matches!(step.kind, StepKind::Approve(_)))
}
