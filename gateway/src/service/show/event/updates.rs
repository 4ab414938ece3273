//! Events about updates.

use nexus_engine::LoadError;
use nexus_engine::model::event::{Event, UpdateAccepted, UpdateAwaited};
use nexus_engine::model::payload::Payload;
use serde_json::{Value, json};

use super::{Showing, by, due_data};

impl Showing<'_> {
    /// What an event about an update says.
    pub(super) fn update(&self, event: &Event) -> Result<Value, LoadError> {
        if let Event::UpdateAccepted(accepted) = event {
            let UpdateAccepted { step, name, id, data, reply, by: who } = &**accepted;
            return Ok(json!({
                "step": self.id(*step), "name": name, "id": Some(id).filter(|id| !id.is_empty()),
                "data": self.payload(data)?, "reply": self.payload(reply)?, "by": by(who),
            }));
        }
        let Event::UpdateAwaited(awaited) = event else { return Ok(Value::Null) };
        let UpdateAwaited { step, name, timer } = &**awaited;
        Ok(json!({
            "step": self.id(*step), "for": {"update": name}, "timeout": due_data(*timer),
        }))
    }

    /// The same in a line.
    pub(super) fn update_line(&self, event: &Event) -> Result<String, LoadError> {
        if let Event::UpdateAccepted(accepted) = event {
            let UpdateAccepted { name, data, reply, by, .. } = &**accepted;
            let shown = |payload: &Payload| match payload {
                Payload::Null => Ok(String::new()),
                Payload::Inline(..) | Payload::Stored(..) => {
                    self.brief(payload).map(|text| format!(" {text}"))
                }
            };
            let (data, reply) = (shown(data)?, shown(reply)?);
            let arrow = if reply.is_empty() { "" } else { " →" };
            return Ok(format!("{name}{data}{arrow}{reply}, by {}", by.name));
        }
        let Event::UpdateAwaited(awaited) = event else { return Ok(String::new()) };
        let UpdateAwaited { name, timer, .. } = &**awaited;
        let until = timer.map(|(_, at)| format!(", {}", self.until(at)));
        Ok(format!("update {name}{}", until.unwrap_or_default()))
    }
}
