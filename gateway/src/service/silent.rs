//! Triggers that start nothing: they follow a workflow whose current version names their event no more.

use nexus_engine::Loader;
use nexus_engine::model::aggregate::{Kind, State};
use nexus_engine::model::topic::{EventTrigger, Topic};

use super::Service;
use crate::api::Problem;
use crate::problems;

impl Service {
    /// What to say of the triggers that follow a workflow and start nothing, one line each.
    pub(super) async fn silent_triggers(&self, workflow: &str) -> Result<Vec<String>, Problem> {
        let workflow = workflow.to_owned();
        self.blocking(move |service| {
            let views = service.views_now()?;
            let rows = views.aggregates(Kind::Topic).map_err(|error| problems::views(&error))?;
            let loader = service.handle().loader();
            let mut said = Vec::new();
            for row in rows {
                let entity = loader.aggregate(row.id).map_err(|error| problems::load(&error))?;
                if let Some(State::Topic(topic)) = entity.map(|entity| entity.state) {
                    said.extend(lines(loader, &topic, &workflow)?);
                }
            }
            Ok(said)
        })
        .await
    }
}

fn lines(loader: &Loader, topic: &Topic, workflow: &str) -> Result<Vec<String>, Problem> {
    let event = &topic.name;
    let mut said = Vec::new();
    for (name, set) in &topic.triggers {
        let Some(silence) = silence(loader, event, name, set)? else { continue };
        if silence.workflow == workflow {
            let why = silence.why;
            said.push(format!(
                "{event} starts nothing: {why}; take it away: nexus-engine trigger delete {event} {name}"
            ));
        }
    }
    Ok(said)
}

/// Why a trigger starts nothing.
pub(super) struct Silence {
    workflow: String,
    pub(super) why: String,
}

/// Why a trigger starts nothing at present; `None`: it starts what it says.
pub(super) fn silence(
    loader: &Loader,
    event: &str,
    name: &str,
    set: &EventTrigger,
) -> Result<Option<Silence>, Problem> {
    if !set.follows {
        return Ok(None);
    }
    let read = || {
        let workflow = loader.plan(set.definition)?.definition().name.clone();
        let entity = loader.aggregate(Kind::Versions.id(&workflow))?;
        let Some(State::Versions(versions)) = entity.map(|entity| entity.state) else {
            return Ok(None);
        };
        let Some(current) = versions.get(versions.current) else { return Ok(None) };
        let plan = loader.plan(current.definition)?;
        if plan.definition().event_trigger(event, name).is_some() {
            return Ok(None);
        }
        let number = versions.current;
        let why = format!("{workflow}@{number} is current and has no trigger `{name}` for it");
        Ok(Some(Silence { workflow, why }))
    };
    read().map_err(|error| problems::load(&error))
}
