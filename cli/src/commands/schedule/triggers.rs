//! The schedules that come with a workflow: its `triggers`.

use std::path::{Path, PathBuf};

use nexus_definitions::Resolved;
use nexus_engine::model::definition::Trigger;
use nexus_engine::model::schedule::Timing;
use nexus_gateway::Control;
use nexus_gateway::api::{By, Problem, PutSchedule, SetTriggers};
use serde_json::json;

use crate::exit::Code;
use crate::{files, output, workflow};

/// The requests that make the schedules of a workflow's triggers.
pub(crate) fn requests(
    resolved: &Resolved,
    file: &Path,
    replace: bool,
    by: &By,
) -> Vec<PutSchedule> {
    let (definition, callees) = workflow::to_send(resolved);
    let read = &resolved.read;
    let folder = workflow::folder(file).map(|folder| folder.to_string_lossy().into_owned());
    let triggers = read.definition.triggers.iter().enumerate();
    let request = |(at, trigger): (usize, &Trigger)| {
        let (cron, timezone, every_ms) = match &trigger.timing {
            Timing::Cron { expression, zone } => {
                (Some(expression.clone()), Some(zone.clone()), None)
            }
            Timing::Every { ms } => (None, None, Some(*ms)),
        };
        PutSchedule {
            id: trigger.schedule_name(&read.definition.name, at),
            definition: definition.clone(),
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
        let Some(resolved) = workflow::read(&file)? else { return Err(unusable(&file)) };
        for request in requests(&resolved, &file, true, by) {
            let name = request.id.clone();
            let acted = control.put_schedule(request).await?;
            let next = acted.next.unwrap_or_else(|| "not while it is paused".to_owned());
            output::note(format!("schedule {name} {} · next {next}", acted.action));
        }
        if !resolved.read.definition.event_triggers.is_empty() {
            register_events(control, &resolved, &file, by).await?;
        }
    }
    Ok(())
}

/// Has events start the workflow.
async fn register_events(
    control: &Control,
    resolved: &Resolved,
    file: &Path,
    by: &By,
) -> Result<(), Problem> {
    let (definition, callees) = workflow::to_send(resolved);
    let folder = workflow::folder(file).map(|folder| folder.to_string_lossy().into_owned());
    let request = SetTriggers { definition, callees, folder, by: by.clone() };
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
