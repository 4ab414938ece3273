//! Events between workflows: emitted, listed, and the triggers that start runs.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_engine::model::aggregate::{Kind, Rejection};
use nexus_engine::model::topic::{Topic, TopicRejection};
use nexus_engine::shard::Refusal;
use nexus_engine::{EmitError, Loader, RequestError, StartError, TriggerRequest};

use super::silent::silence;
use super::start::Wanted;
use super::{Service, show};
use crate::api::{
    Act, EmitEvent, EmittedView, Problem, SetTriggers, TopicPage, TopicView, TriggerActed,
    TriggerView, TriggersActed,
};
use crate::problems;

impl Service {
    /// Emits an event for all who wait for it, and for the workflows it starts.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be emitted, or one with this id was and carries something else.
    pub async fn emit(&self, event: &str, request: EmitEvent) -> Result<EmittedView, Problem> {
        let EmitEvent { data, id, by } = request;
        let id = id.unwrap_or_else(nexus_engine::new_id);
        let answer = self.handle().emit(event, &data, &id, show::actor(by)).await;
        let existing = answer.map_err(|error| match error {
            EmitError::Request(error) => problems::request(&error, event),
            EmitError::Conflict { .. } => problems::other_event(&error.to_string()),
            EmitError::Rejected(rejection) => problems::topic(&rejection, event),
        })?;
        Ok(EmittedView { kind: "event/v1".into(), event: event.to_owned(), id, existing })
    }

    /// All events, by name. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if they cannot be read.
    pub async fn topics(&self) -> Result<TopicPage, Problem> {
        let rows = self
            .blocking(|service| {
                let views = service.views_now()?;
                views.aggregates(Kind::Topic).map_err(|error| problems::views(&error))
            })
            .await?;
        let mut topics = Vec::new();
        for row in rows {
            let topic = self.handle().topic(&row.name).await;
            if let Some(topic) = topic.map_err(|error| problems::load(&error))? {
                topics.push(
                    self.blocking(move |service| view(service.handle().loader(), topic)).await?,
                );
            }
        }
        Ok(TopicPage { kind: "topics/v1".into(), topics })
    }

    /// Sets the triggers for events of a workflow.
    ///
    /// # Errors
    /// A [`Problem`] if the definition cannot be used, or has none.
    pub async fn set_triggers(&self, request: SetTriggers) -> Result<TriggersActed, Problem> {
        let SetTriggers { definition, workflow, callees, folder, by } = request;
        let Wanted { plan, callees, folder, follows } =
            self.wanted(definition, callees, workflow, folder).await?;
        let (folder, by) = (folder.map(PathBuf::from), show::actor(by));
        let definition = plan.definition();
        if definition.event_triggers.is_empty() {
            return Err(problems::no_triggers(&definition.name));
        }
        let mut triggers = Vec::new();
        for (at, trigger) in definition.event_triggers.iter().enumerate() {
            let name = trigger.trigger_name(&definition.name, at);
            let request = TriggerRequest {
                plan: Arc::clone(&plan),
                callees: callees.clone(),
                at,
                follows,
                folder: folder.clone(),
                by: by.clone(),
            };
            let action = match self.handle().set_trigger(request).await {
                Ok(_) => "set",
                Err(StartError::Request(RequestError::Refused(Refusal::Aggregate(
                    Rejection::Topic(TopicRejection::Unchanged),
                )))) => "unchanged",
                Err(error) => return Err(problems::start_problem(&error)),
            };
            triggers.push(TriggerActed {
                name,
                event: trigger.event.clone(),
                action: action.into(),
            });
        }
        Ok(TriggersActed { kind: "triggers_acted/v1".into(), triggers })
    }

    /// Deletes a trigger. Runs that it started go on.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such trigger.
    pub async fn delete_trigger(
        &self,
        event: &str,
        name: &str,
        act: Act,
    ) -> Result<TriggersActed, Problem> {
        let answer = self.handle().remove_trigger(event, name, show::actor(act.by)).await;
        match answer {
            Ok(_) => {}
            Err(RequestError::Refused(Refusal::Aggregate(Rejection::Topic(
                TopicRejection::NoTrigger,
            )))) => return Err(self.no_such_trigger(event, name).await),
            Err(error) => return Err(problems::request(&error, event)),
        }
        let (name, event, action) = (name.to_owned(), event.to_owned(), "deleted".to_owned());
        let triggers = vec![TriggerActed { name, event, action }];
        Ok(TriggersActed { kind: "triggers_acted/v1".into(), triggers })
    }
}

fn view(loader: &Loader, topic: Topic) -> Result<TopicView, Problem> {
    let Topic { name, emitted, last, undelivered, triggers, started, failure, .. } = topic;
    let waiting = loader.event_waiters(&name).map_err(|error| problems::load(&error))?;
    let triggers = triggers.into_iter().map(|(trigger, set)| {
        let plan = loader.plan(set.definition).ok();
        let workflow = plan.map(|plan| plan.definition().name.clone()).unwrap_or_default();
        let silent = silence(loader, &name, &trigger, &set)?.map(|silence| silence.why);
        let (definition, follows) = (set.definition.to_string(), set.follows);
        Ok(TriggerView { name: trigger, workflow, definition, follows, silent })
    });
    let triggers: Result<_, Problem> = triggers.collect();
    Ok(TopicView {
        kind: "topic/v1".into(),
        emitted: emitted.into(),
        last: last.map(show::time),
        undelivered: undelivered.len() as u64,
        waiting: waiting as u64,
        started,
        triggers: triggers?,
        failure: failure.map(|it| match it.trigger.as_str() {
            "" => format!("{} {}", it.code, it.message),
            trigger => format!("{trigger}: {} {}", it.code, it.message),
        }),
        event: name,
    })
}
