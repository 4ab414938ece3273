//! Steps that take an update.

use nexus_model::definition::Update;
use serde_json::{Value, json};

use super::{Sheet, condition, duration, input};

impl Sheet {
    pub(super) fn update(&mut self, update: &Update) {
        let Update { name, form, accepts, message, reply, timeout_ms, on_timeout } = update;
        self.line(4, "wait_for:");
        self.entry(6, "update", &json!(name));
        if !form.is_empty() {
            let form = form.iter().map(|(name, spec)| (name.clone(), input(spec)));
            self.entry(6, "form", &Value::Object(form.collect()));
        }
        self.optional(6, "accepts", accepts.as_deref().map(condition).as_ref());
        self.optional(6, "message", Some(message).filter(|message| !message.is_null()));
        self.optional(6, "reply", Some(reply).filter(|reply| !reply.is_null()));
        self.optional(6, "timeout", timeout_ms.map(duration).as_ref());
        self.changed(6, "on_timeout", on_timeout);
    }
}
