//! `replay`: reads a run again and compares.

use nexus_engine::model::codec::show_state_hash;
use nexus_engine::{Difference, Replay};

use super::Service;
use super::show::event::event_line;
use crate::api::{DifferenceView, Problem, ReplayView};
use crate::problems;

impl Service {
    /// Derives a run again from what came from outside and compares it with what is recorded, up to event `to`, or all of it.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it cannot be read. A difference is no error.
    pub async fn replay(
        &self,
        name: &str,
        to: Option<u32>,
        with_state: bool,
    ) -> Result<ReplayView, Problem> {
        let (run, id) = self.resolve(name).await?;
        let shown = id.clone();
        let (replay, differences) = self
            .blocking(move |service| {
                let loader = service.handle().loader();
                let replay = nexus_engine::replay(loader, run, to)
                    .map_err(|error| problems::replay(&error, &shown))?;
                let differences = replay.differences.iter().map(|difference| {
                    let line = |event| event_line(loader, &replay.plan, event);
                    let Difference { revision, recorded, derived } = difference;
                    Ok(DifferenceView {
                        n: revision.saturating_add(1),
                        recorded: recorded.iter().map(line).collect::<Result<_, _>>()?,
                        derived: derived.iter().map(line).collect::<Result<_, _>>()?,
                    })
                });
                let differences = differences
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|error| problems::load(&error))?;
                Ok((replay, differences))
            })
            .await?;
        metrics::histogram!("nexus_replay_seconds").record(replay.took.as_secs_f64());
        let agrees = replay.agrees();
        let Replay { plan, run, events, state, recorded, took, forgotten, .. } = replay;
        let view = if with_state { Some(self.view_of(plan, run).await?) } else { None };
        Ok(ReplayView {
            kind: "replay/v1".into(),
            id,
            events,
            state_hash: show_state_hash(&state),
            recorded_hash: recorded.as_ref().map(show_state_hash),
            agrees,
            forgotten,
            differences,
            handlers_called: 0,
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            state: view,
        })
    }
}
