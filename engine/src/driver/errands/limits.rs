//! Errands of limits: who was granted a slot is told so, and asked whether it still wants it.

use std::time::Duration;

use nexus_model::command::Command;
use nexus_model::limit::{Holder, LimitCommand};
use nexus_model::rejection::Rejection;

use crate::handle::{Handle, RequestError};
use crate::shard::Refusal;

/// Time before something is tried again that may work then.
const REST: Duration = Duration::from_secs(1);

/// Tells a run that it has a slot. From then on the run says when it does not need it any more. One that does not want the
/// slot, or is not there, gives it back here; one that cannot be read keeps it.
pub(super) async fn carry_out(handle: &Handle, holder: Holder) -> Option<LimitCommand> {
    let Holder { run, ticket, step } = holder;
    loop {
        match handle.ask(run, Command::GrantSlot { step, ticket }).await {
            Ok(_) | Err(RequestError::Refused(Refusal::Rejected(Rejection::SlotHeld))) => {
                return None;
            }
            Err(RequestError::Refused(Refusal::Rejected(_) | Refusal::NotFound)) => {
                return Some(LimitCommand::Release { holder });
            }
            Err(error) => {
                tracing::debug!(%run, %error, "a slot is handed over later");
                tokio::time::sleep(REST).await;
            }
        }
    }
}
