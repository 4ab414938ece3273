//! `metrics`: as Prometheus reads them.

use super::Service;
use crate::api::Problem;

impl Service {
    /// The metrics, as Prometheus reads them.
    ///
    /// # Errors
    /// A [`Problem`] if the views cannot be read.
    pub async fn metrics(&self) -> Result<String, Problem> {
        self.blocking(|service| Ok(crate::metrics::render(service))).await
    }
}
