use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nexus_engine::handler::AttemptInfo;
use nexus_model::payload::Payload;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::super::group;
use super::*;
use crate::testing::{Bench, text};

fn command(script: &str) -> Command {
    let words = ["sh", "-c", script].map(OsString::from).to_vec();
    Command { words, output_bytes_max: 1_000, grace: Duration::from_secs(5) }
}

async fn output(script: &str) -> StepResult<Data> {
    let (cx, _stop) = Bench::new().cx();
    command(script).carry_out(&cx, &[], br#"{"a": 1}"#).await
}

async fn failure(script: &str) -> (String, bool, String, Option<String>) {
    let failure = output(script).await.expect_err("it fails").0;
    (failure.code, failure.fatal, failure.message, failure.details)
}

#[tokio::test]
async fn it_reads_its_input_and_prints_its_output() {
    assert_eq!(text(&output("cat").await.unwrap()), r#"{"a": 1}"#);
    assert_eq!(text(&output("echo ' [1] '; echo no >&2").await.unwrap()), "[1]");
    assert_eq!(text(&output("true").await.unwrap()), "null", "nothing is null");
    // What it was started with is nobody's child but its own.
    assert_eq!(text(&output("wait; echo 1").await.unwrap()), "1");
    assert_eq!(text(&output("[ -e /proc/$$/fd/3 ] && echo 1 || echo 0").await.unwrap()), "0");
}

#[tokio::test]
async fn it_sees_the_variables_of_its_worker_and_of_the_task() {
    let bench = Bench::new();
    let (cx, _stop) = bench.cx();
    let set = |value: &str| Some(value.to_owned());
    let facts = [("NEXUS_KEY", set("k/1")), ("HOME", set("/here")), ("CARGO_PKG_VERSION", None)];
    let script = r#"echo "\"$NEXUS_KEY $HOME $CARGO_PKG_NAME$CARGO_PKG_VERSION\""; echo said >&2"#;
    let output = command(script).carry_out(&cx, &facts, b"null").await.unwrap();
    assert_eq!(text(&output), r#""k/1 /here nexus-connectors""#);
    assert_eq!(bench.logged(), "said\n", "its result is not logged");
}

#[tokio::test]
async fn a_failure_says_how_it_ended() {
    let ended = |code: &str, message: &str, details: Option<&str>| {
        (code.to_owned(), false, format!("the command {message}"), details.map(str::to_owned))
    };
    let exit = ended("EXIT_3", "ended with exit code 3", Some("oops"));
    assert_eq!(failure("echo 1; echo oops >&2; exit 3").await, exit);
    let killed = ended("SIGNAL_9", "was ended by signal 9 (SIGKILL)", None);
    assert_eq!(failure("kill -9 $$").await, killed);
    let (code, _, message, _) = failure("exec no-such-command").await;
    assert_eq!(code, "EXIT_127", "{message}");
}

#[tokio::test]
async fn what_is_no_output_is_refused_for_good() {
    for script in ["echo hi", "echo 1 2", "head -c 1001 /dev/zero | tr '\\0' 1"] {
        let (code, fatal, message, _) = failure(script).await;
        assert_eq!((&*code, fatal), ("OUTPUT", true), "{script}: {message}");
    }
}

#[tokio::test]
async fn what_it_says_of_its_progress_is_a_heartbeat() {
    let bench = Bench::new();
    let info = AttemptInfo { heartbeat: Some(Duration::from_millis(40)), ..bench.info.clone() };
    let (cx, _stop) = StepCx::new(info, bench.logs.clone(), std::sync::Arc::default());
    let earlier = Payload::new(ContentType::Json, &b"\"page 7\""[..]).0;
    let (cx, mut beats) = cx.with_progress(earlier);
    let said = |progress: Payload| match progress {
        Payload::Inline(_, bytes) => serde_json::from_slice::<Value>(&bytes).unwrap(),
        Payload::Null | Payload::Stored(..) => Value::Null,
    };
    // It ends once it was heard.
    let script = r#"read -r line < "$NEXUS_PROGRESS"; echo "$line" > "$NEXUS_PROGRESS".new
        echo '{"page": 8}' > "$NEXUS_PROGRESS"; while [ -e "$NEXUS_PROGRESS".new ]; do sleep 0.01; done; echo 1"#;
    let work = command(script);
    let work = work.carry_out(&cx, &[], b"null");
    let heard = async {
        while said(beats.progress()) != json!({"page": 8}) {
            beats.next().await;
        }
        let temp = std::env::temp_dir();
        let entries = std::fs::read_dir(temp).unwrap().map(|entry| entry.unwrap().path());
        let kept = |path: &PathBuf| std::fs::read(path).is_ok_and(|text| text == b"page 7\n");
        let new = entries.filter(|path| path.extension().is_some_and(|end| end == "new"));
        let new: Vec<PathBuf> = new.filter(kept).collect();
        assert!(!new.is_empty(), "it found what an earlier attempt had said");
        for path in &new {
            std::fs::remove_file(path).unwrap();
        }
    };
    let (output, ()) = tokio::join!(work, heard);
    assert_eq!(text(&output.unwrap()), "1");
}

#[tokio::test]
async fn its_group_ends_when_it_is_told_to_stop() {
    let bench = Bench::new();
    let (cx, stop) = bench.cx();
    let work = command("sleep 600 & echo at work $! >&2; wait");
    let stopped = async {
        let pid = bench.line("at work ").await.parse().unwrap();
        stop.stop();
        pid
    };
    let (output, pid): (_, i32) = tokio::join!(work.carry_out(&cx, &[], b"null"), stopped);
    assert_eq!(&*output.unwrap_err().0.code, "CANCELLED");
    assert!(!group::process(pid).is_ok_and(|process| process.is_alive));
}

#[tokio::test]
async fn it_does_not_outlive_its_worker() {
    if std::env::var_os("NEXUS_PIDS").is_some() {
        // This is the worker that the test has started: itself, once more.
        let (cx, _stop) = Bench::new().cx();
        let script = "trap '' TERM; sleep 600 & echo $$ $! > \"$NEXUS_PIDS\"; wait";
        let _ = command(script).carry_out(&cx, &[], b"null").await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let fifo = std::process::Command::new("mkfifo").arg(&pids).status().unwrap();
    assert!(fifo.success());
    let name = "script::command::tests::it_does_not_outlive_its_worker";
    let mut worker = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env("NEXUS_PIDS", &pids)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Opening it waits until the command opens it too.
    let line = move || BufReader::new(File::open(&pids).unwrap()).lines().next();
    let line = blocking(line).await.unwrap().expect("a line").unwrap();
    let found: Vec<i32> = line.split(' ').map(|pid| pid.parse().unwrap()).collect();
    let pid = worker.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    worker.wait().await.unwrap();
    let gone = async {
        for pid in found {
            while group::process(pid).is_ok_and(|process| process.is_alive) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    // It withstands the first signal; the second comes after five seconds.
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("its group is ended");
}
