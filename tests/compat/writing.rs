//! How a store is made: by the engine.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::StepState;
use nexus_engine::{Handle, StartRequest};
use serde_json::{Value, json};

use crate::store::{engine, facts};

const ORDER: &str = "
nexus: v1
name: order
labels: { team: shop }
inputs:
  amount: { type: number, default: 12 }
run: { timeout: 1h }
steps:
  price: { set: { net: '${{ inputs.amount }}', tax: 2 } }
  charge: { uses: one, with: { sum: '${{ steps.price.output.net }}' }, deadline: 10m }
  gift: { needs: charge, if: '${{ inputs.amount > 100 }}', uses: one }
  risky: { needs: charge, uses: fail, on_error: continue }
  nap: { needs: [gift, risky], sleep: 20ms }
  sum: { needs: nap, uses: one, outputs: { paid: '${{ this.output }}' } }
outputs: { paid: '${{ steps.sum.output.paid }}', at: '${{ run.started_at }}' }
";

const FAILING: &str = "
nexus: v1
name: failing
steps:
  a: { uses: fail, retry: { max_attempts: 3, initial: 5ms, backoff: linear } }
  b: { needs: a, uses: one }
  alarm: { needs: a, when_needs: any_failed, uses: one }
  last: { needs: [b, alarm], when_needs: all_done, set: { done: true } }
";

const SLEEPER: &str = "
nexus: v1
name: sleeper
steps:
  a: { uses: one }
  z: { needs: a, sleep: 36500d }
  b: { needs: z, uses: one }
";

const CHAIN: &str = "
nexus: v1
name: chain
steps:
  nap: { sleep: 30ms }
  a: { needs: nap, uses: one }
";

const LARGE: &str = "
nexus: v1
name: large
steps:
  a: { uses: large }
  b: { uses: one, with: { text: '${{ steps.a.output }}' } }
outputs: '${{ steps.a.output|length }}'
";

/// Makes a store, and packs it and what is known of it into a folder.
pub(crate) async fn pack(target: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, first_log) = engine(folder.path());
    let names = write(first.handle()).await;
    first.shutdown().await;
    drop(first_log);
    // Opened again, so that the journal ends with its last group.
    let (second, log) = engine(folder.path());
    let mut runs = Vec::new();
    for name in &names {
        runs.push(facts(second.handle(), name).await.show(name));
    }
    let expected = json!({ "head": log.head().to_string(), "runs": runs });
    second.shutdown().await;
    drop(log);
    let text = serde_json::to_string_pretty(&expected).expect("JSON");
    std::fs::write(target.join("expected.json"), text + "\n").expect("written");
    let archive = File::create(target.join("store.tar.gz")).expect("made");
    let mut archive = tar::Builder::new(GzEncoder::new(archive, Compression::best()));
    for entry in ["high-water", "layout"] {
        archive.append_path_with_name(folder.path().join(entry), entry).expect("written");
    }
    archive.append_dir_all("log", folder.path().join("log")).expect("written");
    archive.into_inner().expect("whole").finish().expect("written");
}

/// Runs of every kind; their names in the order they were started.
async fn write(handle: &Handle) -> Vec<&'static str> {
    let begin = async |name: &str, yaml: &str, input: Value| {
        let plan = nexus_definitions::read("test.workflow.yaml", yaml).expect("a good definition");
        let request = StartRequest::new(Arc::<Plan>::new(plan.plan)).name(name).input(input);
        handle.start(request).await.expect("started").run
    };
    let by = || Actor { name: "grace".to_owned(), via: "cli".to_owned() };
    let order = begin("completed", ORDER, json!({ "amount": 12 })).await;
    handle.wait(order).await.expect("it ends");
    let gift = begin("with-gift", ORDER, json!({ "amount": 250.5 })).await;
    handle.wait(gift).await.expect("it ends");
    let failed = begin("failed", FAILING, json!({})).await;
    handle.wait(failed).await.expect("it ends");
    let retried = begin("failed-twice", FAILING, json!({})).await;
    handle.wait(retried).await.expect("it ends");
    handle.retry(retried, by()).await.expect("it failed");
    handle.wait(retried).await.expect("it ends");
    let cancelled = begin("cancelled", SLEEPER, json!({})).await;
    asleep(handle, cancelled, 1).await;
    handle.cancel(cancelled, by(), "not wanted".to_owned()).await.expect("it sleeps");
    handle.wait(cancelled).await.expect("it ends");
    let sleeping = begin("sleeping", SLEEPER, json!({})).await;
    asleep(handle, sleeping, 1).await;
    let paused = begin("paused", CHAIN, json!({})).await;
    handle.pause(paused, by(), "lunch".to_owned()).await.expect("it runs");
    let large = begin("large", LARGE, json!({})).await;
    handle.wait(large).await.expect("it ends");
    vec![
        "completed",
        "with-gift",
        "failed",
        "failed-twice",
        "cancelled",
        "sleeping",
        "paused",
        "large",
    ]
}

async fn asleep(handle: &Handle, run: nexus_engine::model::id::RunId, step: usize) {
    nexus_tests::until("it sleeps", || async {
        let (_, run) = handle.load(run).await.ok()??;
        let sleeps = run
            .steps()
            .nth(step)
            .is_some_and(|(_, step)| matches!(step.state, StepState::Sleeping { .. }));
        sleeps.then_some(())
    })
    .await;
}
