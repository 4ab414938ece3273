//! `status`: what holds the store.

use nexus_engine::Drive;

use super::Service;
use crate::api::{Problem, Status};

impl Service {
    /// What holds the store.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "every request has the same form")]
    pub async fn status(&self) -> Result<Status, Problem> {
        let setup = &self.0.setup;
        Ok(Status {
            kind: "status/v1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            role: setup.role.clone(),
            listening: self.listening(),
            store: setup.store.to_string_lossy().into_owned(),
            drives_all: self.handle().config().drive == Drive::All,
            picked_up: setup.picked_up,
        })
    }
}
