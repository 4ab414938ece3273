//! Times that pass while no engine is there.

use nexus_engine::Engine;
use nexus_engine::model::id::RunId;

use crate::until::until;

/// Ends an engine, and waits until all timers that these runs have set are due by its clock.
pub(crate) async fn end_until_due(engine: Engine, runs: &[RunId]) {
    let clock = *engine.handle().clock();
    let mut due = clock.now();
    for run in runs {
        let (_, run) = engine.handle().load(*run).await.expect("it is read").expect("it is there");
        due = run.timers.values().map(|timer| timer.due).fold(due, Ord::max);
    }
    engine.shutdown().await;
    until("the timers are due", async || (clock.now() > due).then_some(())).await;
}
