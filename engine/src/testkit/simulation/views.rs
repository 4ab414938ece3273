//! Views in a simulation: folded from what is durable as far as somebody wants, lost, and folded again.

use std::sync::Arc;

use nexus_log::{EventLog, Partition};
use nexus_model::aggregate::AggregateId;
use nexus_projections::{RunWord, Stepwise, ViewsError, resume};

use super::Simulation;
use crate::tables::stream;

impl Simulation {
    /// Folds at most so many bytes of what is durable into the views; `commits`: also into their rows.
    pub fn fold_views(&mut self, bytes_max: usize, commits: bool) {
        let folded = self.folded(bytes_max, commits);
        self.note(folded);
    }

    fn folded(&mut self, bytes_max: usize, commits: bool) -> Result<(), ViewsError> {
        let log = Arc::clone(&self.engine.world().log);
        let end = log.durable(Partition(0));
        self.views.fold(&*log, end, bytes_max)?;
        if commits { self.views.commit() } else { Ok(()) }
    }

    /// The rows of the views are lost.
    pub fn drop_views(&mut self) {
        self.views = Stepwise::default();
    }

    /// What was not committed of the views is forgotten.
    pub(super) fn restart_views(&mut self) {
        let restarted = self.views.restart();
        self.note(restarted);
    }

    /// Compares the views with those that are folded anew, and with what the log says of each run.
    pub fn compare_views(&mut self) {
        let compared = self.compared_views();
        self.note(compared);
    }

    fn compared_views(&mut self) -> Result<(), ViewsError> {
        let log = Arc::clone(&self.engine.world().log);
        let end = log.durable(Partition(0));
        let mut fresh = Stepwise::default();
        for views in [&mut self.views, &mut fresh] {
            while views.folded() < end {
                views.fold(&*log, end, usize::MAX)?;
            }
            views.commit()?;
        }
        let mut broken = Vec::new();
        for ((name, live), (_, anew)) in self.views.checksums()?.iter().zip(fresh.checksums()?) {
            if *live != anew {
                broken.push(format!("the view {name} is another one when it is folded anew"));
            }
        }
        let is_run = |stream: &nexus_log::StreamId| AggregateId::of(stream.0).is_none();
        let rows: Vec<_> = self.views.resume()?.into_iter().filter(is_run).collect();
        if rows != resume::scan(&*log)? {
            broken.push("the view of what needs an engine is not what the log says".to_owned());
        }
        let seen = self.views.metrics()?.total.runs_open();
        let watch = self.engine.world_mut().watch.as_mut();
        if let Some(watch) = &watch
            && watch.open_runs() != i64::try_from(seen).unwrap_or(i64::MAX)
        {
            broken.push(format!("the views count {seen} open runs of {}", watch.open_runs()));
        }
        for (id, run) in watch.iter().flat_map(|watch| watch.runs()) {
            let Some(row) = self.views.run(stream(*id))? else {
                broken.push(format!("{id} is in no view"));
                continue;
            };
            let ended =
                matches!(row.status, RunWord::Completed | RunWord::Failed | RunWord::Cancelled);
            let is_same = row.last_revision.0 + 1 == run.revision
                && ended == run.status.is_terminal()
                && (!ended || row.status.word() == run.status.word());
            if !is_same {
                let (is, word) = (row.status.word(), run.status.word());
                let (last, revision) = (row.last_revision.0, run.revision);
                broken.push(format!(
                    "{id} is {is} at event {last} in the view, and {word} after {revision} events"
                ));
            }
        }
        self.world().broken.extend(broken);
        Ok(())
    }

    fn note(&mut self, result: Result<(), ViewsError>) {
        if let Err(error) = result {
            self.world().broken.push(format!("the views stop: {error}"));
        }
    }
}
