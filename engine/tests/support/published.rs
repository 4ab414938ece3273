//! Definitions under their names.

use std::sync::Arc;

use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Handle, PublishRequest};

pub(crate) fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

pub(crate) async fn publish(handle: &Handle, plan: &Arc<Plan>) {
    let request = PublishRequest {
        plan: Arc::clone(plan),
        callees: Vec::new(),
        folder: None,
        by: by(),
        note: String::new(),
    };
    handle.publish(request).await.expect("it is published");
}
