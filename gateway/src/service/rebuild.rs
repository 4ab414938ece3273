//! `projections rebuild`: folds the views from the log again, in place, and compares.

use std::time::Instant;

use nexus_engine::projections::{Renewed, ViewsError};

use super::Service;
use super::show::hex;
use crate::api::{Problem, RebuildView, RebuiltView};
use crate::problems;

impl Service {
    /// Deletes the views and folds them from the log again; says of each whether it was what it is now.
    /// Who asks the views meanwhile waits.
    ///
    /// # Errors
    /// A [`Problem`] if the log cannot be read, or the views cannot be made.
    pub async fn rebuild(&self) -> Result<RebuildView, Problem> {
        let began = Instant::now();
        self.blocking(move |service| {
            let renewed = service.fold_again().map_err(|error| problems::views(&error))?;
            Ok(RebuildView {
                kind: "rebuild/v1".into(),
                same: renewed.iter().all(Renewed::is_same),
                records: renewed.iter().map(|view| view.after.position.0).max().unwrap_or(0),
                views: renewed.iter().map(rebuilt).collect(),
                took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
        })
        .await
    }

    fn fold_again(&self) -> Result<Vec<Renewed>, ViewsError> {
        let Some(views) = self.views() else { return Ok(Vec::new()) };
        views.catch_up(self.handle().log().durable(super::PARTITION))?;
        Ok(views.renew()?.to_vec())
    }
}

fn rebuilt(renewed: &Renewed) -> RebuiltView {
    RebuiltView {
        view: renewed.view.to_owned(),
        before: renewed.before.map(|before| hex(&before.hash)),
        after: hex(&renewed.after.hash),
    }
}
