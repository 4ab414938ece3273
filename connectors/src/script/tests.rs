use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nexus_engine::handler::StepError;
use nexus_model::payload::Payload;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::*;
use crate::testing::{Bench, text};

fn input(script: &str) -> String {
    json!({ "script": script }).to_string()
}

async fn output(script: &str) -> Value {
    serde_json::from_slice(&Bench::new().call("script", &input(script)).await.unwrap().bytes)
        .unwrap()
}

async fn failure(script: &str) -> StepError {
    Bench::new().call("script", &input(script)).await.unwrap_err()
}

fn is_running(pid: i32) -> bool {
    group::process(pid).is_ok_and(|process| process.is_alive)
}

/// Waits for a process that was killed.
async fn gone(pid: i32) {
    let wait = async {
        while is_running(pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the process ends");
}

fn records(bench: &Bench) -> usize {
    std::fs::read_dir(bench.folder().join("store/scripts")).map_or(0, Iterator::count)
}

fn pids(line: &str) -> Vec<i32> {
    line.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[tokio::test]
async fn what_a_script_prints_is_its_output() {
    assert_eq!(output("echo one; echo two").await, json!({"stdout": "one\ntwo", "exit_code": 0}));
    assert_eq!(output("").await, json!({"stdout": "", "exit_code": 0}));
    assert_eq!(output("echo no >&2").await, json!({"stdout": "", "exit_code": 0}));
    assert_eq!(output("printf '\\377'").await["stdout"], "\u{fffd}");
}

#[tokio::test]
async fn what_a_script_leaves_in_its_file_is_its_output() {
    assert_eq!(output(r#"echo hi; echo ' {"a": 1} ' > "$NEXUS_OUTPUT""#).await, json!({"a": 1}));
    assert_eq!(output(r#"echo '[1]' > new; mv new "$NEXUS_OUTPUT""#).await, json!([1]));
    for nothing in [r#"rm "$NEXUS_OUTPUT""#, r#"echo > "$NEXUS_OUTPUT""#] {
        assert_eq!(output(&format!("{nothing}; echo hi")).await["stdout"], "hi");
    }
}

#[tokio::test]
async fn a_result_that_is_no_result_is_refused() {
    for (script, code) in [
        ("echo '{' > $NEXUS_OUTPUT", "NX3018"),
        (
            "rm $NEXUS_OUTPUT; mkdir $NEXUS_OUTPUT; rmdir $NEXUS_OUTPUT; mkfifo $NEXUS_OUTPUT",
            "NX3018",
        ),
        (
            "{ printf '\"'; head -c 65536 /dev/zero | tr '\\0' x; printf '\"'; } > $NEXUS_OUTPUT",
            "NX3006",
        ),
        ("head -c 65537 /dev/zero", "NX3006"),
    ] {
        let failure = failure(script).await.0;
        assert_eq!((&*failure.code, failure.fatal), (code, true), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_failed_script_says_how_it_ended() {
    for (script, message, details) in [
        ("echo oops >&2; exit 3", "the script ended with exit code 3", Some("oops")),
        ("echo '{}' > $NEXUS_OUTPUT; false", "the script ended with exit code 1", None),
        ("kill -9 $$", "the script was ended by signal 9 (SIGKILL)", None),
        (
            "exec nothing-of-this-name 2>/dev/null",
            "the script ended with exit code 127: a command was not found",
            None,
        ),
    ] {
        let failure = failure(script).await.0;
        assert_eq!((&*failure.code, failure.fatal), ("NX3007", false));
        assert_eq!((&*failure.message, failure.details.as_deref()), (message, details));
    }
    let long = failure("head -c 9999 /dev/zero | tr '\\0' x >&2; printf end >&2; exit 1").await.0;
    let details = long.details.unwrap();
    assert_eq!(details.len(), 2048);
    assert!(details.ends_with("xend"));
}

#[tokio::test]
async fn nothing_printed_is_lost() {
    let bench = Bench::new();
    let script = "seq 1 50000; seq -f 'e%.0f' 1 50000 >&2; head -c 200000 /dev/zero | tr '\\0' x; echo 1 > $NEXUS_OUTPUT";
    assert_eq!(text(&bench.call("script", &input(script)).await.unwrap()), "1");
    let logged = bench.logged();
    for start in ["", "e"] {
        let numbers =
            logged.lines().filter_map(|line| line.strip_prefix(start)?.parse::<u32>().ok());
        assert!(numbers.eq(1..=50_000), "prefix {start:?}");
    }
    assert_eq!(logged.matches('x').count(), 200_000);
}

#[tokio::test]
async fn bytes_with_a_media_type_are_kept_as_they_are() {
    let script = r#"printf '\377\0x' > "$NEXUS_OUTPUT"; echo image/png > "$NEXUS_OUTPUT_TYPE""#;
    let about = &output(script).await["$payload"];
    assert_eq!((&about["bytes"], &about["content_type"]), (&json!(3), &json!("image/png")));
    assert_eq!(about["hash"].as_str().map(str::len), Some(64));
    let wrong = "echo png > $NEXUS_OUTPUT_TYPE";
    assert_eq!(failure(wrong).await.0.code, "NX3033");
}

#[tokio::test]
async fn the_environment_is_clean() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "there is something to hide");
    let bench = Bench::new();
    let input = json!({
        "script": "env; unset IFS; read -r line; echo read=$?$line",
        "env": {"A": "x y", "B": 2, "C": null, "D": true, "NEXUS_RUN": "no", "HOME": "/nowhere"},
    });
    bench.call("script", &input.to_string()).await.unwrap();
    let logged = bench.logged();
    let mut seen: BTreeMap<_, _> = logged.lines().filter_map(|line| line.split_once('=')).collect();
    assert!(seen.remove("NEXUS_OUTPUT").is_some_and(|path| path.contains("nexus-output-")));
    assert!(seen.remove("NEXUS_OUTPUT_TYPE").is_some_and(|path| path.contains("nexus-output-")));
    for (name, value) in [
        ("A", "x y"),
        ("B", "2"),
        ("D", "true"),
        ("HOME", "/nowhere"),
        ("NEXUS_RUN", "wf-007"),
        ("NEXUS_STEP", "pack"),
        ("NEXUS_ATTEMPT", "1"),
        ("NEXUS_KEY", "07070707070707070707070707070707/pack"),
        ("read", "1"),
    ] {
        assert_eq!(seen.remove(name), Some(value), "{name}");
    }
    // The last four are a shell's own.
    let known = ["PATH", "LANG", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"];
    seen.retain(|name, _| !known.contains(name));
    assert!(seen.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn a_script_runs_in_the_folder_of_the_definition_and_is_on_record() {
    let bench = Bench::new();
    let output = bench.call("script", &input("pwd -P; ls store/scripts")).await.unwrap();
    let folder = bench.folder().canonicalize().unwrap();
    let expected = format!("{}\n{}-pack.json", folder.display(), "07".repeat(16));
    assert_eq!(serde_json::from_slice::<Value>(&output.bytes).unwrap()["stdout"], expected);
    assert_eq!(records(&bench), 0, "the record is taken away");
}

#[tokio::test]
async fn another_shell_may_run_it() {
    let bench = Bench::new();
    let failure = async |script, shell| {
        let input = json!({ "script": script, "shell": shell }).to_string();
        bench.call("script", &input).await.unwrap_err().0
    };
    let strict = failure("false; exit 0", "sh -e").await;
    assert_eq!(strict.message, "the script ended with exit code 1");
    let missing = failure("", "no-such-shell").await;
    assert!(missing.message.contains("exit code 127"), "{}", missing.message);
    assert!(missing.details.unwrap().contains("no-such-shell"));
}

#[tokio::test]
async fn the_longest_script_runs() {
    let script = format!("echo long #{}", "x".repeat(SCRIPT_BYTES_MAX - 11));
    assert_eq!(script.len(), SCRIPT_BYTES_MAX);
    assert_eq!(output(&script).await["stdout"], "long");
}

#[tokio::test]
async fn a_script_that_cannot_be_started_says_why() {
    let mut bench = Bench::new();
    for (input, code) in [
        (json!({"script": "x".repeat(128 * 1024)}), "NX3015"),
        (json!({"script": "a\0b"}), "NX3015"),
        (json!({"script": "", "shell": " "}), "NX3015"),
        (json!({"script": "", "env": {"A": []}}), "NX3015"),
        (json!({"script": "", "env": {"A=B": "c"}}), "NX3015"),
        (json!({"scrpt": ""}), "NX3017"),
    ] {
        assert_eq!(
            bench.call("script", &input.to_string()).await.unwrap_err().0.code,
            code,
            "{input}"
        );
    }
    bench.info.folder = Some(bench.folder().join("none").into());
    let failure = bench.call("script", &input("")).await.unwrap_err().0;
    assert_eq!(failure.code, "NX3019");
    assert!(failure.message.contains("there is no folder"), "{}", failure.message);
}

#[tokio::test]
async fn a_stopped_script_may_clean_up() {
    let bench = Bench::new();
    let script = "trap 'echo cleaned; exit 0' TERM; sleep 1000 & echo pids $$ $!; wait";
    let (work, stop) = bench.start("script", &input(script));
    let work = tokio::spawn(work);
    let pids = pids(&bench.line("pids ").await);
    stop.stop();
    assert_eq!(work.await.unwrap().unwrap_err().0.code, "NX3016");
    assert!(bench.logged().contains("cleaned\n"));
    assert!(!pids.into_iter().any(is_running));
    assert_eq!(records(&bench), 0);
}

#[tokio::test]
async fn a_script_that_does_not_stop_is_killed_with_its_children() {
    let mut bench = Bench::new();
    bench.options.script_grace = Duration::from_millis(50);
    let script = "trap '' TERM; sh -c 'sleep 1000 & echo pids $$ $!; wait' & wait";
    let (work, stop) = bench.start("script", &input(script));
    let work = tokio::spawn(work);
    let pids = pids(&bench.line("pids ").await);
    assert!(pids.iter().all(|pid| is_running(*pid)));
    stop.stop();
    assert_eq!(work.await.unwrap().unwrap_err().0.code, "NX3016");
    assert!(!pids.into_iter().any(is_running));
}

#[tokio::test]
async fn a_dropped_script_is_killed_with_its_children() {
    let bench = Bench::new();
    let (work, _stop) =
        bench.start("script", &input("trap '' TERM; sleep 1000 & echo pids $$ $!; wait"));
    let work = tokio::spawn(work);
    let pids = pids(&bench.line("pids ").await);
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    for pid in pids {
        gone(pid).await;
    }
    assert!(bench.call("script", &input("true")).await.is_ok(), "its record is no obstacle");
    assert_eq!(records(&bench), 0);
}

#[tokio::test]
async fn what_a_script_leaves_behind_ends_with_it() {
    let bench = Bench::new();
    let script = "sleep 1000 > /dev/null 2>&1 & echo pids $!";
    bench.call("script", &input(script)).await.unwrap();
    assert!(!is_running(pids(&bench.line("pids ").await)[0]));
}

#[tokio::test]
async fn a_daemon_with_the_output_of_its_script_does_not_hold_it_up() {
    let bench = Bench::new();
    bench.call("script", &input("setsid sleep 1000 & echo pids $!")).await.unwrap();
    let daemon = pids(&bench.line("pids ").await)[0];
    assert!(is_running(daemon));
    kill_process(Pid::from_raw(daemon).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn nothing_runs_if_the_gate_stays_shut() {
    let bench = Bench::new();
    let script = Script {
        words: ["sh", "-c", "touch ran"].map(Into::into).to_vec(),
        input: None,
        folder: bench.folder().to_owned(),
        env: BTreeMap::new(),
    };
    let status = Gate::spawn(&script).unwrap().shut().await;
    assert_eq!(status.code(), Some(125));
    assert!(!bench.folder().join("ran").exists());
}

#[tokio::test]
async fn a_process_that_only_has_the_number_of_a_script_is_left_alone() {
    let bench = Bench::new();
    let mut other =
        Command::new("sleep").arg("1000").process_group(0).kill_on_drop(true).spawn().unwrap();
    let pid = i32::try_from(other.id().unwrap()).unwrap();
    let path = record::path(&bench.info).unwrap();
    for (key, value) in [("start", json!(1)), ("boot", json!("another"))] {
        record::write(&path, pid, &bench.folder().join("output")).unwrap();
        let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        record[key] = value;
        std::fs::write(&path, record.to_string()).unwrap();
        assert_eq!(reap_orphans(&bench.folder().join("store")).unwrap(), 1);
        assert!(is_running(pid), "{key}");
        assert_eq!(records(&bench), 0);
    }
    other.kill().await.unwrap();
}

#[tokio::test]
async fn a_cut_record_is_no_obstacle() {
    let bench = Bench::new();
    assert_eq!(reap_orphans(&bench.folder().join("store")).unwrap(), 0);
    let path = record::path(&bench.info).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    assert!(bench.call("script", &input("true")).await.is_ok());
    assert_eq!(records(&bench), 0);
}

const ORPHAN_FOLDER: &str = "NEXUS_TEST_ORPHAN_FOLDER";

/// The engine that the tests below kill.
async fn engine_to_be_killed(folder: PathBuf) {
    let mut bench = Bench::new();
    bench.info.folder = Some(folder.as_path().into());
    bench.info.store = Some(folder.join("store").into());
    let script = "sleep 1000 > /dev/null 2>&1 & echo pids $$ $!; wait";
    let (work, _stop) = bench.start("script", &input(script));
    let work = tokio::spawn(work);
    println!("\npids {}", bench.line("pids ").await);
    work.await.unwrap().unwrap();
}

/// Starts an engine that runs a script, and kills it; the script and its child are left.
async fn orphans(bench: &Bench) -> Vec<i32> {
    let mut engine: Child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "script::tests::an_orphan_is_ended_before_its_step_runs_again",
            "--nocapture",
        ])
        .env(ORPHAN_FOLDER, bench.folder())
        .env("TMPDIR", bench.folder())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(engine.stdout.take().unwrap()).lines();
    let pids = loop {
        let line = lines.next_line().await.unwrap().expect("the engine runs its script");
        if let Some(found) = line.strip_prefix("pids ") {
            break pids(found);
        }
    };
    engine.kill().await.unwrap();
    assert!(pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
    assert_eq!(records(bench), 1);
    pids
}

#[tokio::test]
async fn an_orphan_is_ended_before_its_step_runs_again() {
    if let Some(folder) = std::env::var_os(ORPHAN_FOLDER).map(PathBuf::from) {
        return engine_to_be_killed(folder).await;
    }
    let bench = Bench::new();
    let pids = orphans(&bench).await;
    let states = pids.iter().map(|pid| format!("grep -s State /proc/{pid}/status;"));
    let script = format!("{} true", states.collect::<String>());
    bench.call("script", &input(&script)).await.unwrap();
    let logged = bench.logged();
    assert!(logged.lines().all(|line| line.contains("zombie")), "{logged}");
    assert_eq!(records(&bench), 0);
}

#[tokio::test]
async fn all_orphans_are_ended_at_the_start() {
    let bench = Bench::new();
    let pids = orphans(&bench).await;
    let store = bench.folder().join("store");
    let found = tokio::task::spawn_blocking(move || reap_orphans(&store)).await.unwrap();
    assert_eq!(found.unwrap(), 1);
    assert!(!pids.into_iter().any(is_running));
    assert_eq!(records(&bench), 0);
    let names = std::fs::read_dir(bench.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let left = names.filter(|name| name.to_string_lossy().starts_with("nexus-"));
    assert_eq!(
        left.collect::<Vec<_>>(),
        Vec::<OsString>::new(),
        "its result and the type of it are taken away as well"
    );
}

#[tokio::test]
async fn a_record_that_an_engine_did_not_finish_is_taken_away() {
    let bench = Bench::new();
    let folder = bench.folder().join("store/scripts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(".tmpAbCdEf.new"), "{").unwrap();
    assert_eq!(reap_orphans(&bench.folder().join("store")).unwrap(), 0);
    assert_eq!(records(&bench), 0);
}

#[tokio::test]
async fn an_orphan_is_ended_when_its_shell_is_gone() {
    let bench = Bench::new();
    let pids = orphans(&bench).await;
    kill_process(Pid::from_raw(pids[0]).unwrap(), Signal::KILL).unwrap();
    gone(pids[0]).await;
    assert!(is_running(pids[1]));
    assert!(bench.call("script", &input("true")).await.is_ok());
    assert!(!is_running(pids[1]));
}

/// A script with a heartbeat, and what the engine hears and hands over.
async fn with_progress(script: &str, before: Payload) -> (StepResult<Data>, Payload) {
    let mut bench = Bench::new();
    bench.info.heartbeat = Some(Duration::from_secs(20));
    let (work, beats) = bench.start_from("script", &input(script), before);
    let result = work.await;
    let progress = beats.progress();
    (result, progress)
}

#[tokio::test]
async fn what_a_script_writes_to_its_progress_file_is_its_progress() {
    for (script, before, progress) in [
        ("echo 7 > $NEXUS_PROGRESS", json!(null), json!(7)),
        ("echo '{\"row\": 7}' > $NEXUS_PROGRESS; exit 1", json!(6), json!({"row": 7})),
        ("echo page b > $NEXUS_PROGRESS", json!("page a"), json!("page b")),
        ("cat $NEXUS_PROGRESS; touch $NEXUS_PROGRESS", json!("page a"), json!("page a")),
        ("rm $NEXUS_PROGRESS", json!(3), json!(3)),
        (": > $NEXUS_PROGRESS", json!(3), json!(3)),
    ] {
        let (_, heard) = with_progress(script, Payload::json(&before).0).await;
        assert_eq!(heard, Payload::json(&progress).0, "{script}");
    }
}

#[tokio::test]
async fn a_script_begins_with_the_progress_of_the_last_attempt() {
    for (before, printed) in
        [(json!(null), ""), (json!(7), "7"), (json!("page a"), "page a"), (json!([1]), "[1]")]
    {
        let (result, _) = with_progress("cat $NEXUS_PROGRESS", Payload::json(&before).0).await;
        let output: Value = serde_json::from_slice(&result.unwrap().bytes).unwrap();
        assert_eq!(output["stdout"], printed);
    }
}

#[tokio::test]
async fn a_script_that_says_too_much_fails() {
    let script = "head -c 70000 /dev/zero | tr '\\0' x > $NEXUS_PROGRESS";
    let (result, _) = with_progress(script, Payload::Null).await;
    assert_eq!(result.unwrap_err().0.code, "NX3025");
}

#[tokio::test]
async fn a_script_without_a_heartbeat_has_no_progress_file() {
    assert_eq!(output("echo ${NEXUS_PROGRESS-none}").await["stdout"], "none");
}
