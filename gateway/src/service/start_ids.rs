//! Ids of starts where a run is meant: what is kept, was cancelled or failed is told as what it is.

use std::fmt::Write as _;

use nexus_engine::model::aggregate::{Event, Kind};
use nexus_engine::model::id::RunId;
use nexus_engine::model::start_key::{KeptCancelled, StartKeyEvent};
use nexus_engine::{LoadError, Loader, events_of_aggregate, log::Revision};

use super::{Service, show};
use crate::api::Problem;
use crate::problems;

/// The code of the problem that there is no run of a name.
const NO_RUN: &str = "NX7011";

impl Service {
    /// What to say of a name that no run has: it may be that of a start.
    pub(super) async fn no_run_but_a_start(&self, id: &str, problem: Problem) -> Problem {
        if problem.code != NO_RUN {
            return problem;
        }
        let Ok(start) = self.start_of(id).await else { return problem };
        match start.status.as_str() {
            "kept" => problems::kept_and_no_run(id, &start.why),
            "starting" => problems::starting_and_no_run(id, &start.why),
            "cancelled" | "failed" => problems::never_a_run(id, &start.why),
            _ => problem.hint(format!("its start: {}", start.why)),
        }
    }
}

/// Who cancelled the start of this number, when and why; `None`: nobody did.
pub(super) fn cancelled(
    loader: &Loader,
    key: &str,
    number: u32,
) -> Result<Option<String>, LoadError> {
    let mut found = None;
    let stream = RunId(Kind::StartKey.id(key).bytes());
    loader.each_frame(stream, Revision(0), |frame| {
        for recorded in events_of_aggregate(frame)? {
            let Event::StartKey(StartKeyEvent::KeptCancelled(event)) = &recorded.event else {
                continue;
            };
            if event.number == number {
                found = Some(words(event, &show::time(recorded.time)));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn words(event: &KeptCancelled, at: &str) -> String {
    let KeptCancelled { by, reason, .. } = event;
    let mut text = format!("it was cancelled by {} at {at}", by.name);
    if !reason.is_empty() {
        let _ = write!(text, ": {reason}");
    }
    text
}
