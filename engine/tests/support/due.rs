//! Times that pass while no engine is there.

use nexus_engine::Engine;
use nexus_engine::model::id::RunId;

/// Ends an engine, and waits until all timers that these runs have set are due by its clock.
pub(crate) async fn end_until_due(engine: Engine, runs: &[RunId]) {
    let clock = *engine.handle().clock();
    let mut due = clock.now();
    for run in runs {
        let (_, run) = engine.handle().load(*run).await.expect("it is read").expect("it is there");
        due = run.timers.values().map(|timer| timer.due).fold(due, Ord::max);
    }
    engine.shutdown().await;
    while clock.now() <= due {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
