//! Errands of start keys: runs that were named are started.

use std::time::Duration;

use nexus_model::start_key::{BeginRun, StartKeyCommand};

use crate::handle::Handle;

/// Time before something is tried again that may work then.
const REST: Duration = Duration::from_secs(1);

/// Starts a run, or finds that it is there. One that finds no room waits for it.
pub(super) async fn carry_out(handle: &Handle, begin: BeginRun) -> StartKeyCommand {
    let number = begin.run.number;
    if handle.shared.keyed_starts.have_started(&begin.start_key, number).await {
        // What they have told ends this errand, unless it gets lost.
        tokio::time::sleep(REST).await;
    }
    loop {
        match handle.start_named(&begin.run, None).await {
            Ok(started) => return StartKeyCommand::Begun { number, run: started.run },
            Err(error) => {
                if let Some(code) = error.final_code() {
                    let (code, message) = (code.to_owned(), error.words());
                    return StartKeyCommand::NotBegun { number, code, message };
                }
                tracing::debug!(run = begin.run.name, %error, "a run is started later");
            }
        }
        tokio::time::sleep(REST).await;
    }
}
