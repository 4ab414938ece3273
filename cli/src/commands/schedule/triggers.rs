//! The schedules that come with a workflow: its `triggers`.

use std::path::{Path, PathBuf};

use nexus_engine::model::definition::Trigger;
use nexus_engine::model::schedule::Timing;
use nexus_gateway::Control;
use nexus_gateway::api::{By, Problem, PutSchedule, SetTriggers};
use serde_json::json;

use crate::exit::Code;
use crate::{files, output};

use super::super::published::{self, Meant};

/// The requests that make the schedules of a workflow's triggers.
pub(crate) fn requests(meant: &Meant, replace: bool, by: &By) -> Vec<PutSchedule> {
    let (sent, workflow) = meant.to_send();
    let Meant { definition, callees, folder, .. } = meant;
    let triggers = definition.triggers.iter().enumerate();
    let request = |(at, trigger): (usize, &Trigger)| {
        let (cron, timezone, every_ms) = match &trigger.timing {
            Timing::Cron { expression, zone } => {
                (Some(expression.clone()), Some(zone.clone()), None)
            }
            Timing::Every { ms } => (None, None, Some(*ms)),
        };
        PutSchedule {
            id: trigger.schedule_name(&definition.name, at),
            definition: sent.clone(),
            workflow: workflow.clone(),
            callees: callees.clone(),
            input: trigger.input.clone().unwrap_or_else(|| json!({})),
            cron,
            timezone,
            every_ms,
            catch_up: Some(trigger.catch_up.word().to_owned()),
            overlap: Some(trigger.overlap.word().to_owned()),
            folder: folder.clone(),
            replace,
            by: by.clone(),
        }
    };
    triggers.map(request).collect()
}

/// Makes or changes the schedules of all workflows that are named, or stand in the folders that are, and says what was done.
///
/// # Errors
/// If a file cannot be read or is no workflow, or a schedule is refused.
pub(crate) async fn register(control: &Control, paths: &[PathBuf], by: &By) -> Result<(), Problem> {
    for file in files::workflows(paths)? {
        let Some(meant) = published::in_file(&file)? else { return Err(unusable(&file)) };
        for request in requests(&meant, true, by) {
            let name = request.id.clone();
            let acted = control.put_schedule(request).await?;
            let next = acted.next.unwrap_or_else(|| "not while it is paused".to_owned());
            output::note(format!("schedule {name} {} · next {next}", acted.action));
        }
        if !meant.definition.event_triggers.is_empty() {
            register_events(control, meant, by).await?;
        }
    }
    Ok(())
}

/// Has events start the workflow.
async fn register_events(control: &Control, meant: Meant, by: &By) -> Result<(), Problem> {
    let (definition, workflow) = meant.to_send();
    let Meant { callees, folder, .. } = meant;
    let request = SetTriggers { definition, workflow, callees, folder, by: by.clone() };
    let acted = control.set_triggers(request).await?;
    for trigger in acted.triggers {
        output::note(format!("trigger {} {} · on {}", trigger.name, trigger.action, trigger.event));
    }
    Ok(())
}

fn unusable(file: &Path) -> Problem {
    let message = format!("the schedules of {} cannot be made", file.display());
    Problem::new("NX1146", Code::Usage as u8, message)
        .hint(format!("see all that is wrong: nexus-engine validate {}", file.display()))
}
