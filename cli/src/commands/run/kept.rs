//! A start that is kept: waiting until its run begins.

use std::time::Duration;

use nexus_gateway::Control;
use nexus_gateway::api::Problem;

use crate::context::Context;
use crate::exit::Code;
use crate::follow::Signals;
use crate::output;
use crate::store::Access;

/// How often is looked whether the run is there.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waits until the run of a start that is kept is there; an exit code: somebody wants to wait no longer.
pub(super) async fn until_begun(
    context: &Context,
    access: &Access,
    id: &str,
    due: &str,
) -> Result<Option<Code>, Problem> {
    output::note(format!("note: {id} is kept until {due}, unless another start puts it off"));
    let mut signals = Signals::new();
    tokio::select! {
        begun = begun(access.control(), id) => begun.map(|()| None),
        code = signals.next() => {
            output::note(format!("{id} stays kept; it is started when an engine has the store open"));
            Ok(Some(code))
        }
        () = context.expired() => {
            let message = format!("the time is over, and {id} is still kept");
            Err(Problem::new("NX7013", Code::StillGoing as u8, message)
                .hint(format!("see why: nexus-engine starts get {id}")))
        }
    }
}

async fn begun(control: &Control, id: &str) -> Result<(), Problem> {
    loop {
        let start = control.start_of(id).await?;
        match start.status.as_str() {
            "kept" | "starting" => tokio::time::sleep(LOOK_AGAIN).await,
            "started" => return Ok(()),
            _ => {
                let message = format!("{id} is not started: {}", start.why);
                return Err(Problem::new("NX4187", Code::Conflict as u8, message)
                    .hint("see who cancelled it: nexus-engine audit"));
            }
        }
    }
}
