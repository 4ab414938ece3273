//! Names that may be meant where one is not known.

use nexus_engine::model::aggregate::Kind;
use nexus_engine::model::suggest::nearest;

use super::Service;
use crate::api::Problem;
use crate::problems;

impl Service {
    /// No workflow of this name is published: which may be meant?
    pub(super) async fn no_such_workflow(&self, name: &str) -> Problem {
        let near = self.near(Kind::Versions, name).await;
        problems::no_such_workflow(name, near.as_deref())
    }

    /// The event has no such trigger: which may be meant, or which event?
    pub(super) async fn no_such_trigger(&self, event: &str, name: &str) -> Problem {
        let near = match self.handle().topic(event).await {
            Ok(Some(topic)) => {
                nearest(name, topic.triggers.keys().map(String::as_str)).map(str::to_owned)
            }
            Ok(None) | Err(_) => self.near(Kind::Topic, event).await,
        };
        problems::no_such_trigger(event, name, near.as_deref())
    }

    /// The name of this kind that is nearest to one that is not known.
    pub(super) async fn near(&self, kind: Kind, name: &str) -> Option<String> {
        let rows = self.blocking(move |service| {
            let views = service.views_now()?;
            views.aggregates(kind).map_err(|error| problems::views(&error))
        });
        let rows = rows.await.ok()?;
        nearest(name, rows.iter().map(|row| row.name.as_str())).map(str::to_owned)
    }
}
