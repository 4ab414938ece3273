//! Every example, played: plainly, and again with a crash before and after every transition.
//!
//! What is in `examples/` is found by itself. Each example has a test file beside it that says what to send and to expect.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nexus_connectors::simulated_outcome;
use nexus_engine::Registry;
use nexus_engine::testkit::{Answer, Call, Mock, Plays, Suite, TestEngine, Weather};
use serde_json::Value;

const HARMLESS: [&str; 3] = ["log", "json.merge", "simulate"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn files(end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the examples are there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files
}

fn engine() -> TestEngine {
    let mut registry = Registry::new();
    nexus_connectors::register(&mut registry, &nexus_connectors::Options::default());
    let simulate = Mock::function(|call: &Call| {
        let (takes, result) = simulated_outcome(&call.input, call.attempt);
        Answer { result, takes }
    });
    TestEngine::new().registry(registry).mock("simulate", simulate)
}

fn check(plays: &Plays) -> u32 {
    let (mut wrong, mut crashes) = (Vec::new(), 0);
    for path in files(".workflow.yaml") {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let suite = match Suite::open(&path, &HARMLESS) {
            Ok(suite) => suite,
            Err(error) => {
                wrong.push(format!("{file}: {error}"));
                continue;
            }
        };
        for case in suite.cases() {
            let report = suite.play(&engine(), case, plays);
            crashes += report.crashes;
            if !report.passed() {
                let problem = report.problem.map(|problem| problem.to_string());
                wrong.push(format!("{file}: {}: {:?} {:#?}", report.name, problem, report.wrong));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    crashes
}

#[test]
fn every_example_has_a_test_file() {
    let without: Vec<_> = files(".workflow.yaml")
        .into_iter()
        .filter(|path| {
            let path = path.to_string_lossy().replace(".workflow.yaml", ".test.yaml");
            !Path::new(&path).is_file()
        })
        .collect();
    assert!(without.is_empty(), "without a *.test.yaml beside them: {without:?}");
}

#[test]
fn every_example_ends_the_same_with_a_crash_at_every_transition() {
    let crashes = check(&Plays { crash_everywhere: true, ..Plays::default() });
    assert!(crashes > 200, "only {crashes} crashes");
}

#[test]
fn every_example_ends_the_same_in_storms() {
    let weather = Some(Weather::storm(1));
    check(&Plays { storms: 10, seed: 1, weather, ..Plays::default() });
}

/// Without mocks: what an example does by itself, with its own scripts and files, is done once for each attempt, and each
/// crash finds the same.
#[test]
fn every_example_that_needs_nobody_ends_the_same_with_its_own_scripts() {
    let mut played = 0;
    for path in files(".workflow.yaml") {
        let text = std::fs::read_to_string(&path).expect("an example");
        if ["wait_for:", "approve:", "call:", "heartbeat:"].iter().any(|word| text.contains(word)) {
            continue;
        }
        let read = nexus_definitions::read(&path.to_string_lossy(), &text).expect("a good example");
        let plan = std::sync::Arc::new(read.plan);
        let crashes = engine().crash_everywhere(&plan, &Value::Object(serde_json::Map::new()));
        assert!(crashes.all_same(), "{}: {crashes}", path.display());
        let ends: Vec<_> = crashes.plain.runs.values().map(|run| run.status).collect();
        assert!(
            ends.iter().all(|end| matches!(*end, "completed" | "failed")),
            "{}",
            path.display()
        );
        played += 1;
    }
    assert!(played >= 5, "only {played} examples");
}

#[test]
fn a_year_of_simulated_time_is_waited_for_by_nobody() {
    let suite = Suite::open(&folder().join("sleep.test.yaml"), &HARMLESS).expect("a good file");
    let case = &suite.cases()[0];
    let began = Instant::now();
    let report = suite.play(&engine(), case, &Plays::default());
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.simulated_ms, 365 * 86_400_000);
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

/// What a case about `workflow` that says this is told.
fn told(workflow: &str, case: &str) -> String {
    let file = tempfile::Builder::new().suffix(".test.yaml").tempfile().expect("a file");
    let workflow = folder().join(workflow);
    let text = format!("workflow: {}\ncases:\n  it:\n{case}", workflow.display());
    std::fs::write(file.path(), text).expect("written");
    match Suite::open(file.path(), &HARMLESS) {
        Ok(suite) => suite.play(&engine(), &suite.cases()[0], &Plays::default()).wrong.join("; "),
        Err(error) => error.to_string(),
    }
}

#[test]
fn another_number_of_runs_and_a_migration_that_does_not_fit_are_told() {
    let mock = "    mock: { build: { documents: 1 } }\n    starts: { 0s: {}, 1h: {} }\n";
    let runs = |runs: u32| {
        told("debounce.workflow.yaml", &format!("{mock}    expect: {{ runs: {runs} }}\n"))
    };
    assert_eq!(runs(2), "");
    assert_eq!(runs(1), "there are 2 runs, expected 1");
    let to = |file: &str, refused: &str| {
        let file = folder().join(file);
        let act = format!("    at: {{ 1d: {{ migrate: '{}'{refused} }} }}\n", file.display());
        told("migrate.workflow.yaml", &format!("{act}    expect: {{ error: NX4001 }}\n"))
    };
    assert_eq!(to("versions/migrate.workflow.yaml", ""), "");
    let done = to("versions/migrate.workflow.yaml", ", refused: NX5014");
    assert!(done.ends_with("is done, expected NX5014"), "{done}");
    let missing = to("nothing.workflow.yaml", "");
    assert!(missing.contains("NX1127"), "{missing}");
}
