//! A program with the engine inside is small while it rests. `cargo bench -p nexus-benches --bench embedded` prints how small, and how
//! soon its first step is done; here it is only made sure that nothing large is kept, whatever the build.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use nexus_engine::prelude::*;

use crate::embed;

/// Where the child finds its store.
const STORE: &str = "NEXUS_LIGHT_STORE";
/// What it says once its run has ended.
const RESTS: &str = "the program rests";
/// Three times what is promised of an optimized build.
const RESIDENT_KIB_MAX: u64 = 64 * 1024;

async fn rest(store: &str) -> Result<()> {
    let order = embed::order()?;
    let engine = Engine::builder().workflow(&order).open(store)?;
    engine.start(&order, 2_500).await?.result().await?;
    writeln!(std::io::stderr(), "{RESTS}").expect("somebody reads it");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("somebody tells it to end");
    engine.shutdown().await;
    Ok(())
}

fn resident_kib(pid: u32) -> u64 {
    let path = Path::new("/proc").join(pid.to_string()).join("status");
    let status = std::fs::read_to_string(path).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_rests_is_small() {
    if let Ok(store) = std::env::var(STORE) {
        return rest(&store).await.expect("it ends well");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", "light::a_program_that_rests_is_small", "--nocapture"])
        .env(STORE, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.expect("it is text") == RESTS), "it said so");
    let resident = resident_kib(child.id());
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB at rest");
}
