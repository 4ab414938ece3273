//! The verbs around writing and looking after workflows, as a person or a script uses them: the built binary, its output and
//! its exit codes.

#[path = "support/until.rs"]
mod until;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use until::until;

/// What a command left behind.
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-engine"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    for name in ["NEXUS_STORE", "NEXUS_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

fn nexus(folder: &Path, args: &[&str]) -> Done {
    let output = command(folder, args).output().expect("the binary runs");
    let done = Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    let escapes = [&done.out, &done.err].iter().any(|text| text.contains('\u{1b}'));
    assert!(!escapes, "{args:?} sends escape codes into a pipe: {:?}", done.err);
    done
}

fn ok(folder: &Path, args: &[&str]) -> Done {
    let done = nexus(folder, args);
    assert_eq!(done.code, 0, "{args:?}: {}{}", done.out, done.err);
    done
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the folder of the project")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| text(path).ends_with(end)).collect();
    files.sort();
    files
}

/// What the first line of a broken definition says is wrong with it: code, line and column.
fn expected(file: &Path) -> Vec<(String, u64, u64)> {
    let content = fs::read_to_string(file).expect("a readable file");
    let first = content.lines().next().and_then(|line| line.strip_prefix("# expect: "));
    let read = |problem: &str| {
        let (code, place) = problem.trim().split_once(' ').expect("a code and a place");
        let (line, column) = place.split_once(':').expect("a line and a column");
        (code.to_owned(), line.parse().expect("a line"), column.parse().expect("a column"))
    };
    first.expect("the first line says what is expected").split(';').map(read).collect()
}

#[test]
fn every_broken_definition_is_reported_with_code_line_and_column() {
    let here = folder();
    let broken = files(&root().join("definitions/tests/broken"), ".workflow.yaml");
    assert!(broken.len() >= 40);
    for file in broken {
        let done = nexus(here.path(), &["validate", text(&file)]);
        assert_eq!(done.code, 2, "{}: {}", file.display(), done.err);
        for (code, line, column) in expected(&file).into_iter().take(3) {
            let place = format!("{}:{line}:{column}", file.display());
            // What is missing on an empty line is shown at the end of the line above.
            let content = fs::read_to_string(&file).expect("a readable file");
            let at = content.split('\n').zip(1..).find(|(_, at)| *at == line);
            let is_empty = at.is_none_or(|(text, _)| text.is_empty());
            let is_shown = is_empty || done.err.contains(&place);
            let complete = done.err.contains(&format!("error[{code}]")) && is_shown;
            assert!(complete, "{code} at {place} is missing in\n{}", done.err);
            assert!(done.err.contains(&format!("nexus-engine explain {code}")), "{}", done.err);
        }
        let found = nexus(here.path(), &["validate", text(&file), "-o", "json"]);
        assert_eq!(found.code, 2);
        let problems = found.json()["files"][0]["problems"].clone();
        let errors =
            problems.as_array().expect("a list").iter().filter(|it| it["severity"] == "error");
        let errors: Vec<(String, u64, u64)> = errors
            .map(|it| {
                assert!(it["hint"].is_string(), "{it}");
                let number = |key: &str| it[key].as_u64().expect("a number");
                (it["code"].as_str().expect("a code").to_owned(), number("line"), number("column"))
            })
            .collect();
        assert_eq!(errors, expected(&file), "{}", file.display());
    }
    assert_eq!(fs::read_dir(here.path()).expect("the folder").count(), 0, "something was started");
}

#[test]
fn a_folder_is_validated_as_a_whole() {
    let here = folder();
    let done = nexus(
        here.path(),
        &["validate", text(&root().join("definitions/tests/broken")), "-o", "json"],
    );
    let report = done.json();
    assert_eq!(
        (done.code, &report["kind"], &report["valid"]),
        (2, &Value::from("validation/v1"), &Value::from(false))
    );
    assert_eq!(
        report["files"].as_array().map(Vec::len),
        Some(files(&root().join("definitions/tests/broken"), ".yaml").len())
    );
    let done = ok(here.path(), &["validate", text(&root().join("examples"))]);
    assert_eq!(
        done.out.lines().filter(|line| line.starts_with("✔ ")).count(),
        ["examples", "examples/versions"]
            .map(|folder| files(&root().join(folder), ".workflow.yaml").len())
            .iter()
            .sum::<usize>(),
        "{}",
        done.out
    );
    assert_eq!(nexus(here.path(), &["validate", "missing.yaml"]).code, 3);
    let empty = nexus(here.path(), &["validate", "."]);
    assert!(empty.code == 3 && empty.err.contains("error[NX1406]"), "{}", empty.err);
}

#[test]
fn warnings_fail_only_when_they_are_to() {
    let here = folder();
    let workflow = "nexus: v1\nname: maybe\ninputs:\n  go: { type: boolean, default: false }\nsteps:\n  a:\n    if: ${{ inputs.go }}\n    set: { x: 1 }\n  b:\n    uses: log\n    with: { message: \"${{ steps.a.output.x }}\" }\n";
    fs::write(here.path().join("maybe.workflow.yaml"), workflow).expect("a file");
    let done = ok(here.path(), &["validate", "maybe.workflow.yaml"]);
    assert!(done.err.contains("warning[NX2104]"), "{}", done.err);
    assert_eq!(nexus(here.path(), &["validate", "maybe.workflow.yaml", "--strict"]).code, 2);
}

#[test]
fn a_graph_is_drawn_in_every_form() {
    let here = folder();
    let order = root().join("examples/order.workflow.yaml");
    let order = text(&order);
    let drawn = ok(here.path(), &["graph", order]).out;
    assert_eq!(drawn, "validate ─▶ reserve ─▶ charge ─▶ review? ─▶ ship ─▶ receipt\n");
    let etl = root().join("examples/etl.workflow.yaml");
    let drawn = ok(here.path(), &["graph", text(&etl)]).out;
    let expected = "\
web ──────┬─▶ merge ─▶ sums ─▶ load ─▶ report
store ────┤
partners ─┘
";
    assert_eq!(drawn, expected);
    let mermaid = ok(here.path(), &["graph", order, "--as", "mermaid"]).out;
    assert!(mermaid.starts_with("flowchart LR\n  n0[\"validate\"]\n"), "{mermaid}");
    assert!(
        mermaid.contains("  n3{{\"review?\"}}\n") && mermaid.contains("  n3 --> n4\n"),
        "{mermaid}"
    );
    let dot = ok(here.path(), &["graph", order, "--as", "dot"]).out;
    assert!(
        dot.starts_with("digraph \"order-processing\" {\n")
            && dot.contains("\n  \"validate\" -> \"reserve\"\n"),
        "{dot}"
    );
    for args in [["--as", "json"], ["-o", "json"]] {
        let graph = ok(here.path(), &[&["graph", order], &args[..]].concat()).json();
        assert_eq!(
            (&graph["kind"], graph["nodes"].as_array().map(Vec::len)),
            (&Value::from("graph/v1"), Some(6))
        );
    }
    assert_eq!(nexus(here.path(), &["graph", "missing.workflow.yaml"]).code, 3);
}

#[test]
fn a_large_graph_is_a_list_by_level() {
    let here = folder();
    let edges: String =
        (0..300).map(|at| if at == 0 { "s0\n".into() } else { format!("s{at}\ts0\n") }).collect();
    fs::write(here.path().join("wide.tsv"), edges).expect("a file");
    ok(here.path(), &["import", "wide.tsv", "--format", "edges", "--out", "wide.workflow.yaml"]);
    let drawn = ok(here.path(), &["graph", "wide.workflow.yaml"]).out;
    assert_eq!(
        drawn,
        "300 steps, 299 edges, 2 levels\n    1  1 step: s0\n    2  299 steps: s1, s2, s3, s4, s5, s6, … 293 more\n"
    );
}

#[test]
fn a_graph_of_another_program_becomes_a_workflow_that_runs() {
    let here = folder();
    fs::write(here.path().join("build.tsv"), "build\ntest\tbuild\nrelease\tbuild,test\n")
        .expect("a file");
    let facts = ok(here.path(), &["import", "build.tsv", "--format", "edges", "-o", "json"]).json();
    let shown = ["steps", "edges", "levels", "widest_level"].map(|key| facts[key].as_u64());
    assert_eq!(shown, [Some(3), Some(3), Some(3), Some(1)]);
    assert_eq!((&facts["name"], &facts["format"]), (&Value::from("build"), &Value::from("edges")));
    ok(here.path(), &["import", "build.tsv", "--format", "edges", "--out", "build.workflow.yaml"]);
    let again = nexus(
        here.path(),
        &["import", "build.tsv", "--format", "edges", "--out", "build.workflow.yaml"],
    );
    assert!(again.code == 5 && again.err.contains("error[NX1403]"), "{}", again.err);
    ok(here.path(), &["validate", "build.workflow.yaml"]);
    ok(here.path(), &["run", "build.workflow.yaml"]);
}

#[test]
fn a_cyclic_graph_is_refused_with_its_cycle() {
    let here = folder();
    fs::write(here.path().join("round.tsv"), "a\tc\nb\ta\nc\tb\n").expect("a file");
    let done = nexus(
        here.path(),
        &["import", "round.tsv", "--format", "edges", "--out", "round.workflow.yaml"],
    );
    assert_eq!(done.code, 2);
    let named = ["a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"];
    assert!(
        done.err.contains("error[NX1105]") && named.iter().any(|cycle| done.err.contains(cycle)),
        "{}",
        done.err
    );
    assert!(!here.path().join("round.workflow.yaml").exists());
}

#[test]
fn real_graphs_are_imported_with_the_expected_measures() {
    let data = std::env::var_os("NEXUS_DAG_DATA").map(PathBuf::from);
    let Some(data) = data.filter(|folder| folder.join("EXPECTED.json").is_file()) else {
        writeln!(std::io::stderr(), "skipped: NEXUS_DAG_DATA names no folder with EXPECTED.json")
            .expect("a line");
        return;
    };
    let here = folder();
    let expected = fs::read(data.join("EXPECTED.json")).expect("a readable file");
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&expected).expect("JSON");
    for (name, measures) in expected {
        let file = data.join(&name);
        let done = nexus(here.path(), &["import", text(&file), "-o", "json"]);
        if measures["acyclic"] == false {
            assert!(done.code == 2 && done.err.contains("NX1105"), "{name}: {}", done.err);
            continue;
        }
        assert_eq!(done.code, 0, "{name}: {}", done.err);
        let facts = done.json();
        for (ours, theirs) in [
            ("steps", "tasks"),
            ("edges", "edges"),
            ("levels", "levels"),
            ("widest_level", "widest_level"),
        ] {
            assert_eq!(facts[ours], measures[theirs], "{name}: {ours}");
        }
    }
}

#[test]
fn every_template_is_valid_and_runs() {
    let here = folder();
    let list = ok(here.path(), &["new", "--list", "-o", "json"]).json();
    let templates: Vec<&str> = list["templates"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|template| template["name"].as_str())
        .collect();
    assert_eq!(templates, ["hello", "order", "etl", "retry", "sleep"]);
    for template in templates {
        let name = format!("my-{template}");
        let done = ok(here.path(), &["new", template, &name]);
        let file = format!("{name}/{name}.workflow.yaml");
        assert!(
            done.out.contains(&file)
                && done.err.contains(&format!("next: nexus-engine run {file}")),
            "{}",
            done.err
        );
        ok(here.path(), &["validate", "--strict", &file]);
        let run = ok(here.path(), &["run", &file, "-o", "json"]).json();
        assert_eq!(
            (&run["workflow"], &run["status"]),
            (&Value::from(name.as_str()), &Value::from("completed"))
        );
    }
    assert_eq!(nexus(here.path(), &["new", "order", "my-order"]).code, 5);
    ok(here.path(), &["new", "order", "my-order", "--force"]);
    assert_eq!(nexus(here.path(), &["new", "orders"]).code, 3);
    assert_eq!(nexus(here.path(), &["new", "order", "../up"]).code, 2);
}

#[test]
fn every_page_about_a_code_is_in_the_binary() {
    let here = folder();
    let list = ok(here.path(), &["explain", "--list"]).out;
    for page in files(&root().join("docs/errors"), ".md") {
        let code = page.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let content = fs::read_to_string(&page).expect("a readable file");
        let title = content
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(&format!("# {code} ")))
            .expect("a title");
        assert!(
            list.lines().any(|line| line == format!("{code}  {title}")),
            "{code} is not in the list"
        );
        let shown = ok(here.path(), &["explain", code]).out;
        assert!(shown.starts_with(&format!("{code}  {title}\n  What\n")), "{shown}");
        assert!(shown.contains("\n  Why\n") && shown.contains("\n  Fix\n"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
    }
    assert_eq!(ok(here.path(), &["explain", "nx1105", "-o", "json"]).json()["code"], "NX1105");
    assert_eq!(nexus(here.path(), &["explain", "NX0000"]).code, 3);
}

#[test]
fn completions_are_read_by_their_shells() {
    let here = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(ok(here.path(), &["completions", shell]).out.contains("nexus-engine"), "{shell}");
    }
    let script = here.path().join("nexus-engine.bash");
    fs::write(&script, ok(here.path(), &["completions", "bash"]).out).expect("a file");
    let bash = Command::new("bash").arg("-n").arg(&script).output().expect("bash is there");
    assert!(
        bash.status.success() && bash.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&bash.stderr)
    );
}

#[test]
fn the_schema_is_json_and_knows_every_kind_of_step() {
    let here = folder();
    let schema = ok(here.path(), &["schema"]).json();
    for kind in ["uses", "run", "set", "sleep"] {
        assert!(schema["$defs"][format!("step_{kind}")].is_object(), "{kind}");
    }
}

#[test]
fn help_of_every_verb_has_an_example_and_fits() {
    let here = folder();
    let help = ok(here.path(), &["--help"]).out;
    let verbs = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let verbs: Vec<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs {
        for args in [vec![verb, "--help"], vec![verb, "-h"]] {
            let help = ok(here.path(), &args).out;
            assert!(help.contains("Example"), "{verb} has no example\n{help}");
            let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 100).collect();
            assert!(wide.is_empty(), "{verb} is wider than 100: {wide:?}");
        }
    }
}

#[test]
fn a_finished_run_is_replayed_verified_and_explained() {
    let here = folder();
    let at = here.path();
    ok(at, &["new", "order"]);
    ok(at, &["run", "order/order.workflow.yaml", "--id", "first"]);
    let replayed = ok(at, &["replay", "first"]).out;
    assert!(
        replayed.starts_with("replayed ") && replayed.contains(" = recorded ✔ · 0 handlers called"),
        "{replayed}"
    );
    let once = ok(at, &["replay", "first", "-o", "json"]).json();
    let twice = ok(at, &["replay", "first", "-o", "json"]).json();
    assert_eq!((&once["agrees"], &once["handlers_called"]), (&Value::from(true), &Value::from(0)));
    assert!(
        once["state_hash"] == twice["state_hash"] && once["state_hash"] == once["recorded_hash"]
    );
    let state = ok(at, &["replay", "first", "--to", "3", "--state", "steps.charge.status"]);
    assert_eq!(state.out, "\"pending\"\n");
    assert_eq!(nexus(at, &["replay", "first", "--state", "steps.nothing"]).code, 2);
    assert!(ok(at, &["replay", "--all"]).out.starts_with("✔ 1 run as recorded"));
    assert!(ok(at, &["verify"]).out.starts_with("✔ "));
    assert_eq!(ok(at, &["verify", "-o", "json"]).json()["problems"], Value::Array(Vec::new()));
    assert_eq!(ok(at, &["projection", "rebuild", "-o", "json"]).json()["same"], true);
    assert!(ok(at, &["projection", "list"]).out.contains("audit"));
    assert_eq!(ok(at, &["logs", "first", "charge"]).out, "charge#1 │ the bank does not answer\n");
    assert_eq!(
        ok(at, &["logs", "first", "--raw", "--grep", "^the bank"]).out,
        "the bank does not answer\n"
    );
    assert_eq!(ok(at, &["logs", "first", "-f", "--attempt", "2"]).out, "");
    assert!(ok(at, &["graph", "first", "--status"]).out.contains("✔ charge ─▶ – review?"));
    assert!(ok(at, &["explain", "first"]).out.starts_with("order · first · ✔ completed"));
    assert_eq!(
        ok(at, &["audit", "--run", "first", "-o", "json"]).json()["entries"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    for verb in ["replay", "logs", "explain", "graph"] {
        let done = nexus(at, &[verb, "nobody"]);
        assert!(done.code == 3 && done.err.contains("error[NX7011]"), "{verb}: {}", done.err);
    }
}

#[test]
fn a_store_that_is_held_is_looked_after_through_its_holder() {
    let here = folder();
    let at = here.path();
    ok(at, &["new", "sleep"]);
    let run = ["run", "sleep/sleep.workflow.yaml", "--id", "long", "--set", "duration=10m"];
    let mut holder = Held(
        command(at, &run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"),
    );
    until("the run sleeps", || {
        assert!(holder.0.try_wait().expect("a child").is_none(), "it goes on");
        nexus(at, &["explain", "long"]).out.contains("nap")
    });
    assert!(ok(at, &["verify"]).out.starts_with("✔ "));
    assert_eq!(ok(at, &["projection", "rebuild", "-o", "json"]).json()["same"], true);
    let doctor = ok(at, &["doctor", "-o", "json"]).json();
    let store = doctor["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|finding| finding["name"] == "store");
    assert_eq!(
        store.map(|store| &store["data"]["held_by"]["pid"]),
        Some(&Value::from(holder.0.id()))
    );
    assert!(ok(at, &["doctor"]).out.contains(&format!("held by pid {} (run)", holder.0.id())));
}

/// A child that does not outlive its test.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn damage_is_found_and_its_place_is_named() {
    let here = folder();
    let at = here.path();
    ok(at, &["new", "hello"]);
    for _ in 0..3 {
        ok(at, &["run", "hello/hello.workflow.yaml"]);
    }
    let journals = journals(&at.join(".nexus"));
    let journal = journals.first().expect("a store has a journal");
    let mut bytes = fs::read(journal).expect("a readable file");
    let first = bytes.iter().position(|byte| *byte != 0).expect("a journal that holds something");
    bytes[first + 40] ^= 0xff;
    fs::write(journal, bytes).expect("a writable file");
    for args in [&["verify"][..], &["list"], &["doctor"]] {
        let done = nexus(at, args);
        let said = format!("{}{}", done.out, done.err);
        assert_eq!(done.code, if args == ["doctor"] { 2 } else { 10 }, "{args:?}: {said}");
        assert!(said.contains("NX6002") && said.contains(".jnl"), "{args:?}: {said}");
    }
}

/// As a program of an earlier version sees the store of a later one.
#[test]
fn a_store_of_a_later_layout_is_left_alone() {
    let here = folder();
    let at = here.path();
    ok(at, &["new", "hello"]);
    ok(at, &["run", "hello/hello.workflow.yaml"]);
    let layout = at.join(".nexus/layout");
    let known = fs::read_to_string(&layout).expect("a readable file");
    fs::write(&layout, "nexus-log layout 4000\n").expect("a writable file");
    for args in [&["list"][..], &["run", "hello/hello.workflow.yaml"], &["verify"]] {
        let done = nexus(at, args);
        assert!(done.code == 10 && done.err.contains("error[NX6003]"), "{args:?}: {}", done.err);
        assert!(done.err.contains("4000"), "{args:?}: {}", done.err);
    }
    fs::write(&layout, known).expect("a writable file");
    let listed = ok(at, &["list", "-o", "name"]).out;
    assert_eq!(listed.lines().count(), 1, "{listed}");
}

fn journals(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.join("log")).expect("a log").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "jnl") {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

#[test]
fn without_a_store_there_is_nothing_to_look_at() {
    let here = folder();
    for args in [
        &["verify"][..],
        &["replay", "--all"],
        &["audit"],
        &["projection", "rebuild"],
        &["explain", "wf-001"],
    ] {
        let done = nexus(here.path(), args);
        assert!(done.code == 3 && done.err.contains("error[NX6013]"), "{args:?}: {}", done.err);
    }
    let doctor = ok(here.path(), &["doctor"]);
    assert!(doctor.out.contains("– store"), "{}", doctor.out);
    assert!(!here.path().join(".nexus").exists());
    assert!(ok(here.path(), &["version"]).out.starts_with("nexus-engine "));
}

#[test]
fn colours_are_there_when_they_are_asked_for() {
    let here = folder();
    let output = command(here.path(), &["explain", "NX1105", "--color", "always"])
        .output()
        .expect("the binary runs");
    assert!(output.stdout.contains(&0x1b));
}

#[test]
fn workflows_of_other_programs_run_after_a_crash_as_before() {
    let here = folder();
    let flows = root().join("definitions/tests/flows");
    for (file, kind) in [("review.yaml", "nexus-arc"), ("orders.json", "canvas")] {
        let workflow = Path::new(file).with_extension("workflow.yaml");
        let tests = Path::new(file).with_extension("test.yaml");
        fs::copy(flows.join(&tests), here.path().join(&tests)).expect("the tests can be copied");
        let source = flows.join(file);
        let facts = ok(here.path(), &["import", text(&source), "-o", "json"]).json();
        assert_eq!(facts["format"], kind);
        let findings = facts["findings"].as_array().expect("findings are a list");
        assert!(
            findings.iter().all(|finding| finding["line"].is_u64() && finding["code"].is_string())
        );
        let said = ok(here.path(), &["import", text(&source), "--out", text(&workflow)]);
        assert!(
            said.err.contains("note[NX1211]: ") && said.err.contains(&format!("{file}:")),
            "{}",
            said.err
        );
        ok(here.path(), &["validate", text(&workflow)]);
        ok(here.path(), &["test", text(&workflow)]);
    }
}
