//! `nexus-engine worker`: commands that carry out tasks of a real server. Workers are killed, told to stop and stopped in the middle.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus_gateway::Client;
use nexus_gateway::api::{Act, StartRun};
use nexus_tests::{Chance, Server, binary, command, definition_json, until};
use serde_json::{Value, json};

use super::{by, completed};

const RUNS: usize = 20;
const KILLS: usize = 12;

/// One step, with what more is said of it.
fn workflow(more: &str) -> Value {
    definition_json(&format!(
        "
nexus: v1
name: one
inputs: {{ n: integer }}
steps:
  a:
    uses: worker/one
    with: {{ n: \"${{{{ inputs.n }}}}\" }}
    {more}
outputs: ${{{{ steps.a.output }}}}
"
    ))
}

async fn start(client: &Client, definition: &Value, name: &str, n: usize) {
    let request = StartRun {
        definition: definition.clone(),
        callees: Vec::new(),
        workflow: None,
        input: json!({ "n": n }),
        name: Some(name.to_owned()),
        labels: std::collections::BTreeMap::new(),
        folder: None,
        by: by(),
    };
    client.start(request).await.expect("a start");
}

/// A `nexus-engine worker`, killed when it is dropped.
struct Worker(Child);

impl Worker {
    /// Asks the process that holds the store, and calls `script` for each task.
    fn start(store: &Path, flags: &[&str], script: &str, folder: &Path) -> Self {
        let mut worker = command(store);
        worker.args(["worker", "w", "--handler", "one"]).args(flags);
        worker.args(["--", "sh", "-c", script]).env("FOLDER", folder);
        worker.stdout(Stdio::null()).stderr(Stdio::null());
        Self(worker.spawn().expect("the binary starts"))
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(kill.expect("there is kill").success());
    }

    /// The exit code, once it has ended.
    async fn ended(&mut self) -> Option<i32> {
        until("the worker ends", || {
            let ended = self.0.try_wait().expect("a child can be asked");
            async move { ended.map(|status| status.code()) }
        })
        .await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process is there and runs.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// The lines that commands wrote to a file of this name.
fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn line(folder: &Path, name: &str) -> String {
    until("a command writes", || async { lines(folder, name).pop() }).await
}

/// A store, a folder for what commands write, and a server.
async fn house(flags: &[&str]) -> (tempfile::TempDir, PathBuf, Server, Client) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let server = Server::start(&store, flags);
    let client = server.client().await;
    (folder, store, server, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_killed_workers_end_and_nothing_is_lost() {
    let mut chance = Chance::printed();
    let (folder, store, mut server, mut client) = house(&["--worker-lease", "1s"]).await;
    let retried = workflow("retry: { max_attempts: 1000, backoff: constant, initial: 10ms }");
    for at in 0..RUNS {
        start(&client, &retried, &format!("r-{at}"), at).await;
    }
    // The input comes through, and nothing but the output.
    let script =
        "echo $$ >> $FOLDER/pids; echo $NEXUS_KEY >> $FOLDER/keys; sleep 0.2; echo said >&2; cat";
    let begin = || Worker::start(&store, &["--concurrency", "2"], script, folder.path());
    let mut workers = [begin(), begin()];
    let (began, mut kills, mut engine_kills) = (Instant::now(), 0, 0);
    while completed(&client).await < RUNS || kills < KILLS {
        assert!(began.elapsed() < Duration::from_secs(150), "too slow: {kills} kills");
        tokio::time::sleep(Duration::from_millis(chance.between(50, 300))).await;
        if kills < KILLS {
            workers[kills % 2] = begin();
            kills += 1;
        }
        if engine_kills < 2 && kills > 4 * (engine_kills + 1) {
            drop(client);
            server.kill();
            server = Server::start(&store, &["--worker-lease", "1s"]);
            client = server.client().await;
            engine_kills += 1;
        }
    }
    for at in 0..RUNS {
        let run = client.get(&format!("r-{at}")).await.expect("a run");
        assert_eq!(run.outputs, json!({ "n": at }), "{run:?}");
    }
    drop(workers);
    let (pids, keys) = (lines(folder.path(), "pids"), lines(folder.path(), "keys"));
    println!(
        "{RUNS} runs, {kills} workers and {engine_kills} engines killed, {} calls",
        pids.len()
    );
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), RUNS, "one key for each step");
    assert!(keys.len() > RUNS, "some were called again");
    until("no command is left", || async {
        (!pids.iter().any(|pid| is_running(pid))).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_has_the_exit_code_and_the_end_of_what_was_said() {
    let (folder, store, _server, client) = house(&[]).await;
    let given_up = workflow("retry: { max_attempts: 9, initial: 10ms, give_up_on: [EXIT_3] }");
    let script = "echo x > $FOLDER/said; echo \"page $NEXUS_ATTEMPT\" > $NEXUS_PROGRESS; echo oops >&2; exit $((NEXUS_ATTEMPT + 1))";
    let _worker = Worker::start(&store, &[], script, folder.path());
    start(&client, &given_up, "r", 1).await;
    let run = client.wait("r", None).await.expect("it ends");
    let error = run.error.expect("it failed");
    assert_eq!((&*error.code, run.steps[0].attempts), ("EXIT_3", 2), "{error:?}");
    assert_eq!(error.message, "the command ended with exit code 3");
    assert_eq!(error.details.as_deref(), Some("oops"));
    // What it said last is recorded before the failure.
    assert_eq!(run.steps[0].progress, json!("page 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_fails_for_good() {
    let (folder, store, _server, client) = house(&[]).await;
    let _worker = Worker::start(&store, &[], "echo hi", folder.path());
    start(&client, &workflow("retry: 9"), "r", 1).await;
    let run = client.wait("r", None).await.expect("it ends");
    let error = run.error.expect("it failed");
    assert_eq!((&*error.code, run.steps[0].attempts), ("OUTPUT", 1), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_works_longer_than_the_lease_keeps_its_task() {
    let (folder, store, _server, client) = house(&[]).await;
    let script = "for at in 1 2 3 4 5 6; do sleep 0.25; done; echo $NEXUS_ATTEMPT";
    let _worker = Worker::start(&store, &[], script, folder.path());
    start(&client, &workflow("heartbeat: 600ms"), "r", 1).await;
    let run = client.wait("r", None).await.expect("it ends");
    assert_eq!(run.outputs, json!(1), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_of_a_cancelled_command_ends() {
    let (folder, store, _server, client) = house(&["--worker-lease", "1s"]).await;
    let script = "sleep 600 & echo $! > $FOLDER/child; wait";
    let mut worker = Worker::start(&store, &[], script, folder.path());
    start(&client, &workflow("retry: 9"), "r", 1).await;
    let child = line(folder.path(), "child").await;
    client.cancel("r", Act { by: by(), ..Act::default() }).await.expect("it is cancelled");
    let run = client.wait("r", None).await.expect("it ends");
    assert_eq!(run.status, "cancelled");
    until("its group ends", || async { (!is_running(&child)).then_some(()) }).await;
    // It goes on with the next task.
    start(&client, &workflow("retry: 9"), "s", 2).await;
    let next = until("the next is called", || async {
        Some(line(folder.path(), "child").await).filter(|next| *next != child)
    })
    .await;
    worker.signal("-TERM");
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(143));
    assert!(!is_running(&next), "the second signal ends what runs");
    let failed = until("the engine knows", || async {
        let run = client.get("s").await.ok()?;
        run.steps[0].error.clone()
    })
    .await;
    assert_eq!(failed.code, "WORKER_ENDED", "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_ends_what_it_has_and_begins_nothing() {
    let (folder, store, _server, client) = house(&[]).await;
    let script = "echo x > $FOLDER/at-work; while [ ! -e $FOLDER/go ]; do sleep 0.02; done; echo 7";
    let mut worker = Worker::start(&store, &[], script, folder.path());
    start(&client, &workflow("retry: 9"), "r", 1).await;
    line(folder.path(), "at-work").await;
    start(&client, &workflow("retry: 9"), "s", 2).await;
    worker.signal("-TERM");
    std::fs::write(folder.path().join("go"), "").expect("a file");
    assert_eq!(worker.ended().await, Some(143));
    let run = client.wait("r", None).await.expect("it ends");
    assert_eq!((&run.outputs, run.steps[0].attempts), (&json!(7), 1));
    let left = client.workers().await.expect("an answer").handlers;
    assert_eq!((left[0].handler.as_str(), left[0].waiting, left[0].held), ("one", 1, 0));
}

#[test]
fn what_cannot_be_asked_is_said_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let worker = |flags: &[&str]| {
        let mut worker = Command::new(binary());
        worker.current_dir(&folder).env_remove("NEXUS_STORE").args(["worker"]).args(flags);
        let ended = worker.output().expect("the binary starts");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (code, said) = worker(&["a", "--", "true"]);
    assert!(code == Some(3) && said.contains("NX6013") && said.contains("--address"), "{said}");
    for wrong in [&["a"][..], &["a", "--address", "nowhere", "--", "true"], &["--", "true"]] {
        assert_eq!(worker(wrong).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_program_that_cannot_be_started_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let worker = |program: &str| {
        let mut worker = Command::new(binary());
        worker.current_dir(&folder).args([
            "worker",
            "a",
            "--address",
            "127.0.0.1:9",
            "--",
            program,
        ]);
        let ended = worker.output().expect("the binary starts");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    std::fs::write(folder.path().join("resize.sh"), "echo 1\n").expect("a file");
    let said = [
        ("no-such-program", "no folder of PATH has a program `no-such-program`"),
        ("resize.sh", "the one in this folder is ./resize.sh"),
        ("./no-such-program", "there is no program ./no-such-program"),
        ("./resize.sh", "chmod +x ./resize.sh"),
        ("/", "/ is no file"),
    ];
    for (program, words) in said {
        let (code, said) = worker(program);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("error[NX3049]") && said.contains(words), "{program}: {said}");
    }
}
