//! `status`: what holds the store.

use nexus_engine::Drive;

use super::Service;
use crate::api::{Problem, Status};

impl Service {
    /// What holds the store.
    ///
    /// # Errors
    /// None.
    pub async fn status(&self) -> Result<Status, Problem> {
        let setup = &self.0.setup;
        let of_programs = self.blocking(|service| Ok(service.of_programs())).await?;
        let of_programs = u64::try_from(of_programs).unwrap_or(u64::MAX);
        Ok(Status {
            kind: "status/v1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            role: setup.role.clone(),
            listening: self.listening(),
            store: setup.store.to_string_lossy().into_owned(),
            drives_all: self.handle().config().drive == Drive::All,
            picked_up: setup.picked_up.saturating_sub(of_programs),
            of_programs,
        })
    }
}
