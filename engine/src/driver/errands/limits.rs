//! Errands of limits and breakers: a run is told what it was granted or refused, and asked whether it still wants it.

use std::time::Duration;

use nexus_model::aggregate::{self, Effect};

use crate::handle::{Handle, RequestError};
use crate::shard::Refusal;
use crate::telling::{told_back, told_to_run};

/// Time before something is tried again that may work then.
const REST: Duration = Duration::from_secs(1);

/// Tells a run. From then on the run says when it does not need any more what it was granted. One that does not want it, or
/// is not there, gives it back here; one that cannot be read keeps it.
pub(super) async fn carry_out(handle: &Handle, effect: Effect) -> Option<aggregate::Command> {
    let (run, command) = told_to_run(&effect)?;
    loop {
        match handle.ask(run, command.clone()).await {
            Ok(_) => return None,
            Err(RequestError::Refused(refusal @ (Refusal::Rejected(_) | Refusal::NotFound))) => {
                return told_back(&effect, &refusal);
            }
            Err(error) => {
                tracing::debug!(%run, %error, "a run is told of its slot later");
                tokio::time::sleep(REST).await;
            }
        }
    }
}
