//! Clocks that jump while a server runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use nexus_gateway::Client;
use nexus_gateway::api::{By, StartRun};
use nexus_tests::{definition_json, is_missing, until};
use serde_json::json;

use crate::{Place, ended};

const SLEEPS: &str = "\
nexus: v1
name: sleeps
steps:
  a: { run: echo one }
  b: { needs: a, sleep: TIME }
  c: { needs: b, run: echo three }
outputs: done
";

/// The clock of the process stands at the real time and so much more or less.
fn jump(file: &Path, shift: &str) {
    let fresh = file.with_extension("fresh");
    fs::write(&fresh, format!("{shift}\n")).expect("written");
    fs::rename(fresh, file).expect("it is there at once");
}

async fn start(client: &Client, name: &str, time: &str) {
    let request = StartRun {
        callees: Vec::new(),
        definition: definition_json(&SLEEPS.replace("TIME", time)),
        workflow: None,
        input: json!({}),
        name: Some(name.to_owned()),
        labels: BTreeMap::new(),
        folder: None,
        by: By { name: "test".into(), via: "api".into() },
    };
    client.start(request).await.expect("it is started");
}

async fn completes(client: &Client, name: &str) {
    let run = client.wait(name, Some(Duration::from_secs(40))).await.expect("it can be waited for");
    let text = serde_json::to_string(&run).expect("it is JSON");
    assert!(text.contains("completed"), "{text}");
}

struct Clocked(Child);

impl Drop for Clocked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_wakes_nobody_early_and_keeps_nobody_waiting() {
    let library = crate::library("faketime/libfaketime.so.1");
    let (false, Some(library)) = (is_missing("faketime"), library) else {
        return println!("skipped: faketime is not installed");
    };
    let place = Place::new();
    let clock = place.folder.path().join("clock");
    jump(&clock, "+0");
    let mut serve = place.shell("", &place.store());
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("LD_PRELOAD", library);
    serve.env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    serve.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Clocked(server.spawn().expect("it starts"));
    let store = place.store();
    let client = until("the server answers", || Client::find(&store)).await;

    start(&client, "before", "200ms").await;
    completes(&client, "before").await;
    // A day ahead: a duration does not feel it, so that what sleeps for less is awake in time, and what sleeps for more is not.
    start(&client, "hours", "20h").await;
    start(&client, "ahead", "1s").await;
    jump(&clock, "+86400");
    completes(&client, "ahead").await;
    let asleep = client.wait("hours", Some(Duration::ZERO)).await.expect_err("it sleeps");
    assert_eq!(asleep.code, "NX7013", "{asleep:?}");
    // Back again, by more than it went: nobody waits for the time that was there already.
    start(&client, "back", "1s").await;
    jump(&clock, "-3600");
    completes(&client, "back").await;
    drop(server);

    place.goes_on(&["before", "hours", "ahead", "back"].map(str::to_owned), "after");
    let verified = ended(place.shell("", &place.store()).arg("verify"));
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}
