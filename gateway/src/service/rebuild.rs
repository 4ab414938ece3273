//! `projections rebuild`: folds the views from the log again and compares.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nexus_engine::projections::{Checksum, Views, ViewsError};

use super::Service;
use super::show::hex;
use crate::api::{Problem, RebuildView, RebuiltView};
use crate::problems;

/// How often the comparison is made again because the log grew meanwhile.
const TRIES_MAX: u32 = 20;

impl Service {
    /// Folds the views from the log again, beside those in use, and compares the checksums.
    ///
    /// # Errors
    /// A [`Problem`] if the log cannot be read, or the views cannot be made.
    pub async fn rebuild(&self) -> Result<RebuildView, Problem> {
        let began = Instant::now();
        self.blocking(move |service| {
            let (records, views) = service.fold_again().map_err(|error| problems::views(&error))?;
            Ok(RebuildView {
                kind: "rebuild/v1".into(),
                same: views.iter().all(|view| view.before.as_ref() == Some(&view.after)),
                views,
                records,
                took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
        })
        .await
    }

    fn fold_again(&self) -> Result<(u64, Vec<RebuiltView>), ViewsError> {
        let log = Arc::clone(self.handle().log());
        let Some(live) = self.views() else { return Ok((0, Vec::new())) };
        let folder = (!self.store().as_os_str().is_empty())
            .then(|| self.store().join(format!("views-again-{}", std::process::id())));
        let again = match &folder {
            Some(folder) => Views::rebuild(folder, log)?,
            None => Views::in_memory(log)?,
        };
        let compared = Views::names().into_iter().map(|name| self.compare(name, live, &again));
        let compared = compared.collect::<Result<Vec<_>, _>>();
        let records = again.applied().0;
        again.close();
        drop(again);
        if let Some(folder) = folder {
            remove(&folder);
        }
        Ok((records, compared?))
    }

    /// Compares a view at one position: both are asked until they were at the same.
    fn compare(&self, view: &str, live: &Views, again: &Views) -> Result<RebuiltView, ViewsError> {
        let mut last = None;
        for _ in 0..TRIES_MAX {
            let durable = self.handle().log().durable(super::PARTITION);
            again.catch_up(durable)?;
            let after = again.checksum(view)?;
            let before = live.catch_up(durable).and_then(|()| live.checksum(view)).ok();
            let same_place = before.is_none_or(|before| before.position == after.position);
            last = Some((before, after));
            if same_place {
                break;
            }
        }
        let (before, after): (Option<Checksum>, Checksum) = last.ok_or(ViewsError::Closed)?;
        let before = before.filter(|before| before.position == after.position);
        Ok(RebuiltView {
            view: view.to_owned(),
            before: before.map(|before| hex(&before.hash)),
            after: hex(&after.hash),
        })
    }
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "a folder of views is left over");
    }
}
