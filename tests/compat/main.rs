//! Stores written by earlier versions of the engine open, replay and verify as they did.
//!
//! A store under `stores` is never written again: what it holds is what users have. A new layout gets a folder of its own, into which
//! `NEXUS_COMPAT_STORE` has the tests copy what this build writes.

mod store;
mod writing;

use std::path::Path;

use nexus_gateway::api::RunsFilter;
use nexus_gateway::{Service, Setup};

use crate::store::{Expected, Facts, engine, expected, facts, folder, unpacked};

/// The versions that there are stores of.
const VERSIONS: [&str; 1] = ["v1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_every_version_opens_with_every_run_as_it_was() {
    for version in VERSIONS {
        opens_as_it_was(&folder(version)).await;
    }
}

/// What this build writes opens too, and its runs do what those of the newest version did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_this_build_opens_with_every_run_as_it_was() {
    let target = tempfile::tempdir().expect("a folder");
    writing::pack(target.path()).await;
    opens_as_it_was(target.path()).await;
    let known = |folder: &Path| {
        let facts = |(name, facts): (String, Facts)| (name, facts.status, facts.events);
        expected(folder).runs.into_iter().map(facts).collect::<Vec<_>>()
    };
    let newest = VERSIONS.last().expect("there are some");
    assert_eq!(known(target.path()), known(&folder(newest)));
    if let Some(new) = std::env::var_os("NEXUS_COMPAT_STORE") {
        for file in ["expected.json", "store.tar.gz"] {
            std::fs::copy(target.path().join(file), Path::new(&new).join(file)).expect("copied");
        }
    }
}

/// Opens the store that is packed into a folder, and finds every run as it was when it was written.
async fn opens_as_it_was(packed: &Path) {
    let from = packed.display();
    let folder = unpacked(packed);
    let (engine, log) = engine(folder.path());
    assert_eq!(engine.picked_up(), 0, "every run was parked or had ended");
    let log_now = log.clone();
    let service = Service::new(
        engine.handle().clone(),
        Setup { store: folder.path().to_owned(), log: Some(log), ..Setup::default() },
    );
    let Expected { head, runs } = expected(packed);

    let verified = service.verify().await.expect("readable");
    assert_eq!(verified.problems, Vec::<String>::new(), "{from}");
    assert_eq!(verified.head, head, "{from}");
    for (name, expected) in &runs {
        assert_eq!(facts(engine.handle(), name).await, *expected, "{from}: {name}");
    }

    let page = service.list(RunsFilter::default()).await.expect("the views follow");
    let listed: Vec<_> = page.runs.into_iter().rev().map(|run| (run.id, run.status)).collect();
    let recorded: Vec<_> =
        runs.iter().map(|(name, facts)| (name.clone(), facts.status.clone())).collect();
    assert_eq!(listed, recorded, "{from}: in the order they were started");
    let rebuilt = service.rebuild().await.expect("the views can be made again");
    assert!(rebuilt.same && rebuilt.records == verified.records, "{from}: {rebuilt:?}");

    assert_eq!(log_now.head().to_string(), head, "{from}: nothing was recorded meanwhile");
    engine.shutdown().await;
}

/// What was parked can be gone on with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_an_old_store_go_on() {
    for version in VERSIONS {
        let store = unpacked(&folder(version));
        let (engine, _log) = engine(store.path());
        let handle = engine.handle();
        let by = nexus_engine::model::event::Actor::default;
        let run = handle.find("paused").await.expect("readable").expect("it is there");
        handle.resume(run, by()).await.expect("it was paused");
        let ended = handle.wait(run).await.expect("it ends");
        assert_eq!(ended.word(), "completed", "{version}");
        let run = handle.find("sleeping").await.expect("readable").expect("it is there");
        handle.cancel(run, by(), "enough".to_owned()).await.expect("it sleeps");
        assert_eq!(handle.wait(run).await.expect("it ends").word(), "cancelled", "{version}");
        let run = handle.find("failed").await.expect("readable").expect("it is there");
        handle.retry(run, by()).await.expect("it failed");
        assert_eq!(handle.wait(run).await.expect("it ends").word(), "failed", "{version}");
        for name in ["paused", "sleeping", "failed"] {
            facts(handle, name).await;
        }
        engine.shutdown().await;
    }
}
