//! Importers: formats are recognised, graphs keep their measures, and no input panics.

#![cfg(feature = "import")]

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nexus_definitions::import::{Format, ImportError, Imported, Options, import};
use nexus_model::definition::StepKind;
use nexus_model::plan::Plan;
use proptest::prelude::*;

/// A small file of each format with the same diamond in it: b and c need a, d needs b and c.
const DIAMONDS: [(Format, &str); 12] = [
    (
        Format::WfCommons,
        r#"{"name": "diamond", "schemaVersion": "1.5", "workflow": {
            "specification": {"tasks": [
                {"name": "A", "id": "a", "parents": [], "children": ["b", "c"]},
                {"name": "B", "id": "b", "parents": ["a"], "children": ["d"]},
                {"name": "C", "id": "c", "parents": ["a"], "children": ["d"]},
                {"name": "D", "id": "d", "parents": ["b", "c"], "children": []}]},
            "execution": {"makespanInSeconds": 4, "tasks": [
                {"id": "a", "runtimeInSeconds": 1.5}, {"id": "b", "runtimeInSeconds": 2},
                {"id": "c", "runtimeInSeconds": 0.25}, {"id": "d", "runtimeInSeconds": 1}]}}}"#,
    ),
    (
        Format::Dax,
        r#"<?xml version="1.0"?><!-- made by hand -->
<adag xmlns="http://pegasus.isi.edu/schema/DAX" name="diamond">
  <job id="a" name="A" runtime="1.5"><uses file="x" link="output"/></job>
  <job id="b" name="B" runtime="2"/><job id="c" name="C" runtime="0.25"/><job id="d" name="D" runtime="1.0"/>
  <child ref="b"><parent ref="a"/></child>
  <child ref="c"><parent ref="a"/></child>
  <child ref="d"><parent ref="b"/><parent ref="c"/></child>
</adag>"#,
    ),
    (
        Format::HyperDag,
        "%% a diamond\n3 4 7\n0\n1 5\n2\n0 1\n1 1\n2 3 % heavy\n3 1\n0 0\n0 1\n0 2\n1 1\n1 3\n2 2\n2 3\n",
    ),
    (Format::Edges, "# task\tdepends on\nd\tb,c\na\t\nb\ta\nc\ta\n"),
    (
        Format::Pegasus,
        "pegasus: \"5.0\"\nname: diamond\njobs:\n  - {type: job, id: a, name: A}\n  - {type: job, id: b}\n  - id: c\n  - id: d\n\
         jobDependencies:\n  - id: a\n    children: [b, c]\n  - id: b\n    children: [d]\n  - id: c\n    children: [d]\n",
    ),
    (
        Format::Galaxy,
        r#"{"a_galaxy_workflow": "true", "format-version": "0.1", "name": "diamond", "steps": {
            "0": {"id": 0, "label": "reads", "name": "Input dataset", "input_connections": {}},
            "1": {"id": 1, "name": "trim", "input_connections": {"in": {"id": 0, "output_name": "output"}}},
            "2": {"id": 2, "name": "trim", "input_connections": {"in": {"id": 0, "output_name": "output"}}},
            "3": {"id": 3, "name": "join", "subworkflow": {"steps": {}},
                  "input_connections": {"in": [{"id": 1}, {"id": 2}], "again": {"id": 2}}}}}"#,
    ),
    (
        Format::Tekton,
        "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: other\nspec:\n  steps: []\n---\n\
         apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  generateName: diamond-\nspec:\n  pipelineSpec:\n    tasks:\n\
         \x20     - name: a\n        taskSpec:\n          steps: [{script: \"$(tasks.d.results.not-this)\"}]\n\
         \x20     - name: b\n        runAfter: [a]\n\
         \x20     - name: c\n        when:\n          - input: \"$(tasks.a.results.ok)\"\n            operator: in\n            values: [\"yes\"]\n\
         \x20     - name: d\n        runAfter: [b]\n        params:\n          - name: x\n            value: \"$(tasks.c.results.x)\"\n\
         \x20   finally:\n      - name: clean\n---\n",
    ),
    (
        Format::GitHubActions,
        "name: diamond\non:\n  push:\njobs:\n  a:\n    runs-on: x\n  b:\n    needs: a\n  c:\n    needs: [a]\n    if: always()\n\
         \x20 d:\n    name: Last\n    needs:\n      - b\n      - c\n    strategy:\n      matrix:\n        os: [x, y]\n",
    ),
    (
        Format::Asl,
        r#"{"Comment": "diamond", "StartAt": "a", "States": {
            "a": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.x", "IsPresent": true}], "Next": "b"}], "Default": "c"},
            "b": {"Type": "Task", "Resource": "x", "Next": "d", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "d"}]},
            "c": {"Type": "Map", "Iterator": {"StartAt": "z", "States": {}}, "Next": "d"},
            "d": {"Type": "Succeed"}}}"#,
    ),
    (
        Format::CargoLock,
        "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\
         checksum = \"0\"\ndependencies = [\n \"a\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\ndependencies = [\n \"a 1.0.0\",\n]\n\n\
         [[package]]\nname = \"d\"\nversion = \"0.1.0\"\ndependencies = [\n \"b 1.0.0 (registry+x)\",\n \"b 2.0.0\",\n]\n\n[metadata]\nx = \"y\"\n",
    ),
    (
        Format::NexusArc,
        "apiVersion: nexus-arc/v1\nkind: Workflow\nmetadata: {name: diamond}\nsteps:\n\
         - id: a\n  agent_type: router\n  routes: [{when: \"x == 'b'\", then: b}, {default: c}]\n\
         - {id: b, agent_type: coder, on_success: d, outputs: [{y: string}]}\n- {id: c, agent_type: coder, condition: \"not x\"}\n\
         - {id: d, agent_type: coder, condition: \"y != 'no'\", final_step: true, retry: 1}\n",
    ),
    (
        Format::Canvas,
        r#"{"name": "diamond", "nodes": [
            {"id": "a", "type": "conditional", "position": {"x": 1, "y": 2}, "data": {"condition": "x.y === 1 && !z"}},
            {"id": "b", "type": "api", "data": {"label": "B", "url": "https://x.example/{{x.id}}", "body": "{\"a\": 1}"}},
            {"id": "c", "type": "email", "data": {"to": ["{{x.mail}}"]}},
            {"id": "d", "type": "schedule", "data": {"cronExpression": "0 2 * * *"}}],
            "edges": [{"id": "1", "source": "a", "target": "b", "sourceHandle": "true"},
            {"id": "2", "source": "a", "target": "c", "sourceHandle": "false"},
            {"id": "3", "source": "b", "target": "d"}, {"id": "4", "source": "c", "target": "d"}], "variables": {"z": false}}"#,
    ),
];

fn read(text: &str) -> Result<Imported, ImportError> {
    import("sample", text.as_bytes(), None, &Options::default())
}

/// Checks the message of the error, with its code before and its place after it.
fn check_error(text: &str, expected: &str) {
    let error = read(text).expect_err(expected);
    let place = error.place().map(|place| format!(" [{place}]")).unwrap_or_default();
    assert_eq!(format!("{} {error}{place}", error.code()), expected);
    assert!(!error.hint().is_empty());
}

#[test]
fn every_format_is_recognised_and_keeps_its_graph() {
    for (format, text) in DIAMONDS {
        let imported = read(text).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(imported.format, format);
        assert_eq!(format.name().parse(), Ok(format));
        let facts = &imported.facts;
        let measures =
            (facts.steps, facts.edges, facts.levels, facts.widest_level, facts.components);
        assert_eq!(measures, (4, 4, 3, 2, 1), "{format}");
        assert_eq!(imported.renamed, [], "{format}");
        check_sound(&imported);
    }
}

#[test]
fn recorded_times_become_waits_scaled_by_the_option() {
    for format in [Format::WfCommons, Format::Dax] {
        let (_, text) = DIAMONDS
            .into_iter()
            .find(|(known, _)| *known == format)
            .expect("every format has a sample");
        let waits = |time_scale: f64| {
            let imported = import("x", text.as_bytes(), None, &Options { time_scale })
                .expect("the sample is sound");
            assert_eq!(
                (imported.facts.critical_path_s, imported.facts.work_s),
                (Some(4.5), Some(4.75))
            );
            let wait = |step: nexus_model::definition::Step| {
                let StepKind::Action { uses, with } = step.kind else {
                    panic!("{} is no action", step.id)
                };
                assert_eq!(uses, "simulate");
                with["duration_ms"].as_u64()
            };
            imported.definition.steps.into_iter().map(wait).collect::<Vec<_>>()
        };
        assert_eq!(waits(1.0), [Some(1500), Some(2000), Some(250), Some(1000)]);
        assert_eq!(waits(0.01), [Some(15), Some(20), Some(3), Some(10)]);
        assert_eq!(waits(0.0), [None; 4]);
    }
}

#[test]
fn what_is_not_kept_is_said() {
    let check = |format: Format, expected: &[&str]| {
        let (_, text) = DIAMONDS
            .into_iter()
            .find(|(known, _)| *known == format)
            .expect("every format has a sample");
        assert_eq!(read(text).expect("the sample is sound").warnings, expected, "{format}");
    };
    check(Format::Edges, &[]);
    check(Format::HyperDag, &["weights of nodes that are not kept, for they are no times: 1"]);
    check(Format::Galaxy, &["nested workflows that are one step each: 1"]);
    check(
        Format::Tekton,
        &[
            "tasks under `finally` that are not imported: 1",
            "conditions of tasks that are not kept: 1",
        ],
    );
    check(
        Format::GitHubActions,
        &[
            "conditions of jobs that are not kept: 1",
            "jobs with a matrix that are one step each: 1",
        ],
    );
    check(
        Format::Asl,
        &[
            "states that choose the next one (every way becomes an edge, and all are taken): 2",
            "states with states inside that are one step each: 1",
        ],
    );
}

#[test]
fn older_wfcommons_files_name_parents_by_name_or_by_id() {
    let by_name = r#"{"workflow": {"tasks": [{"name": "x", "id": "1", "runtime": 2.0}, {"name": "y", "id": "2", "parents": ["x"]}]}}"#;
    let by_id = r#"{"workflow": {"tasks": [{"name": "x", "id": "1"}, {"name": "x", "id": "2", "parents": ["1"]}]}}"#;
    let steps = |text| read(text).expect("the sample is sound").definition.steps;
    assert_eq!(
        (steps(by_name)[1].id.as_str(), steps(by_name)[1].needs.as_slice()),
        ("y", ["x".to_owned()].as_slice())
    );
    assert_eq!(
        (steps(by_id)[1].id.as_str(), steps(by_id)[1].needs.as_slice()),
        ("2", ["1".to_owned()].as_slice())
    );
}

#[test]
fn states_in_yaml_are_read_like_states_in_json() {
    let imported =
        read("StartAt: a\nStates:\n  a: {Type: Pass, Next: b}\n  b: {Type: Pass, End: true}\n");
    assert_eq!(
        imported.map(|imported| (imported.format, imported.facts.edges)),
        Ok((Format::Asl, 1))
    );
}

#[test]
fn a_task_named_twice_is_renamed_and_reported() {
    let imported = read("a\t\na\t\nb\ta\n").expect("a double name is no damage");
    let ids: Vec<&str> = imported.definition.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["a", "a-2", "b"]);
    assert_eq!(
        (imported.renamed[0].task.as_str(), imported.renamed[0].step.as_str()),
        ("a", "a-2")
    );
    assert_eq!(imported.warnings.len(), 1);
}

#[test]
fn a_cycle_is_named() {
    check_error("a\tc\nb\ta\nc\tb\nd\ta\n", "NX1105 tasks wait for each other: a -> b -> c -> a");
    check_error("a\ta\n", "NX1105 tasks wait for each other: a -> a");
}

#[test]
fn an_unknown_task_is_named_with_its_place() {
    check_error(
        "a\t\nb\tz\n",
        "NX1303 b names the task z, which is not in the file [line 2, column 1]",
    );
    check_error(
        "jobs:\n  a:\n    needs: z\n",
        "NX1303 a names the task z, which is not in the file",
    );
    check_error(
        r#"{"StartAt": "z", "States": {"a": {}}}"#,
        "NX1303 StartAt names the task z, which is not in the file",
    );
}

#[test]
fn damage_is_placed() {
    check_error(
        "{\"workflow\": {\n \"specification\": {\"tasks\": [{\"id\": 7}]}}}",
        "NX1302 the wfcommons file is damaged at line 2, column 37: invalid type: integer `7`, expected a string [line 2, column 37]",
    );
    check_error(
        "<adag>\n <job id=\"a\"/>\n <job/>\n</adag>",
        "NX1302 the dax file is damaged at line 3, column 2: element job has no attribute id [line 3, column 2]",
    );
    check_error(
        "<adag><job id=\"a\">",
        "NX1302 the dax file is damaged at line 1, column 19: the file ends inside an element [line 1, column 19]",
    );
    check_error(
        "1 1 1\n0\n0\n0 9\n",
        "NX1302 the hyperdag file is damaged at line 4, column 1: there is no node 9: the file has 1, counted from 0 [line 4, column 1]",
    );
    check_error(
        "[[package]]\nname = \"a\"\nversion = \"1\"\ndependencies = [\n \"a\n]\n",
        "NX1302 the cargo-lock file is damaged at line 5, column 1: text in quotes belongs here [line 5, column 1]",
    );
}

#[test]
fn what_is_no_known_format_is_described() {
    check_error("", "NX1301 the format is not recognised: the file is empty");
    check_error(
        "<svg/>",
        "NX1301 the format is not recognised: this is XML with the root element svg",
    );
    check_error("{\"a\": 1}", "NX1301 the format is not recognised: this is JSON with the keys a");
    check_error(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n",
        "NX1301 the format is not recognised: this is text with the keys apiVersion, kind",
    );
    check_error("jobs: {}\n", "NX1101 the github-actions file holds no task");
}

#[test]
fn entities_are_not_expanded() {
    let laughs =
        r#"<!DOCTYPE adag [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><adag><job id="&b;"/></adag>"#;
    assert_eq!(read(laughs).map_err(|error| error.code()), Err("NX1302"));
    let file = r#"<!DOCTYPE adag [<!ENTITY f SYSTEM "file:///etc/hostname">]><adag><job id="a">&f;</job></adag>"#;
    assert_eq!(read(file).map(|imported| imported.facts.steps), Ok(1));
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let deep = |open: &str, begin: &str| format!("{begin}{}", open.repeat(100_000));
    for text in [
        deep("[", "{\"workflow\": {\"tasks\": "),
        deep("{\"a\":", "{\"workflow\":"),
        deep("[", "jobs: "),
        deep("{a: ", "jobs: "),
        deep("- ", "jobs:\n  "),
        deep("<a>", "<adag>"),
    ] {
        assert_eq!(read(&text).map_err(|error| error.code()), Err("NX1302"), "{}", &text[..40]);
    }
}

#[test]
fn yaml_that_multiplies_by_aliases_is_refused() {
    let mut text = "jobs: {a: {}}\nx0: &x0 [y, y, y, y, y, y, y, y, y, y]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*x{}", level - 1); 10].join(", ");
        writeln!(text, "x{level}: &x{level} [{aliases}]").expect("a string takes every write");
    }
    assert_eq!(read(&text).map_err(|error| error.code()), Err("NX1302"));
}

#[test]
fn a_time_scale_is_a_finite_number_from_zero_on() {
    for time_scale in [-1.0, f64::NAN, f64::INFINITY] {
        let error =
            import("x", b"a\t\n", None, &Options { time_scale }).expect_err("this is no scale");
        assert_eq!(error.code(), "NX1305");
    }
}

/// Checks what every definition that comes out promises.
fn check_sound(imported: &Imported) {
    let steps = &imported.definition.steps;
    let mut needs_left: HashMap<&str, HashSet<&str>> = HashMap::new();
    for step in steps {
        assert!(
            !step.id.is_empty()
                && step.id.chars().count() <= 200
                && !step.id.contains(char::is_control)
        );
        let needs: HashSet<&str> = step.needs.iter().map(String::as_str).collect();
        assert_eq!(needs.len(), step.needs.len(), "{} has a need twice", step.id);
        assert!(needs_left.insert(&step.id, needs).is_none(), "{} is the id of two steps", step.id);
    }
    assert_eq!(steps.len(), imported.facts.steps);
    assert_eq!(steps.iter().map(|step| step.needs.len()).sum::<usize>(), imported.facts.edges);
    let mut levels = 0;
    while !needs_left.is_empty() {
        let ready: HashSet<&str> =
            needs_left.iter().filter(|(_, needs)| needs.is_empty()).map(|(id, _)| *id).collect();
        assert!(
            !ready.is_empty(),
            "the steps left wait for each other or for steps that do not exist"
        );
        needs_left.retain(|id, _| !ready.contains(id));
        for needs in needs_left.values_mut() {
            needs.retain(|need| !ready.contains(need));
        }
        levels += 1;
    }
    assert_eq!(levels, imported.facts.levels);
    let plan =
        Plan::compile(imported.definition.clone()).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(plan.warnings(), []);
}

#[derive(Clone, Debug)]
enum Mutation {
    Truncate(usize),
    Replace(usize, u8),
    Insert(usize, Vec<u8>),
    Delete(usize, usize),
    Repeat(usize, usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let token = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..4),
        prop::sample::select(vec![
            "\t",
            "\n",
            "\0",
            "0",
            "-1",
            "1e999",
            "99999999999999999999",
            "null",
            "[]",
            "{}",
            "\"",
            "'",
            "{",
            "[",
            "&x",
            "*x",
            "<",
            "</adag>",
            "<!--",
            "<![CDATA[",
            "&#x0;",
            "---\n",
            "~",
            ": ",
            ".nan",
            "é",
            "\u{feff}",
            "\u{85}",
            "a",
            "d",
        ])
        .prop_map(|token| token.as_bytes().to_vec()),
    ];
    prop_oneof![
        any::<usize>().prop_map(Mutation::Truncate),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (any::<usize>(), token).prop_map(|(at, token)| Mutation::Insert(at, token)),
        (any::<usize>(), 1..40_usize).prop_map(|(at, length)| Mutation::Delete(at, length)),
        (any::<usize>(), 1..80_usize, 1..4_usize)
            .prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: Mutation) {
    let place = |at: usize| at % (bytes.len() + 1);
    match mutation {
        Mutation::Truncate(at) => bytes.truncate(place(at)),
        Mutation::Replace(at, byte) => {
            let at = place(at);
            bytes.splice(at..(at + 1).min(bytes.len()), [byte]);
        }
        Mutation::Insert(at, token) => {
            let at = place(at);
            bytes.splice(at..at, token);
        }
        Mutation::Delete(at, length) => {
            let at = place(at);
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Mutation::Repeat(at, length, times) => {
            let at = place(at);
            let slice = bytes[at..(at + length).min(bytes.len())].repeat(times);
            bytes.splice(at..at, slice);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_samples_never_panic(
        sample in 0..DIAMONDS.len(),
        forced in prop::option::weighted(0.5, 0..Format::ALL.len()),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let mut bytes = DIAMONDS[sample].1.as_bytes().to_vec();
        for mutation in mutations {
            mutate(&mut bytes, mutation);
        }
        match import("sample", &bytes, forced.map(|format| Format::ALL[format]), &Options::default()) {
            Ok(imported) => check_sound(&imported),
            Err(error) => prop_assert!(error.code().starts_with("NX1") && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        forced in prop::option::of(0..Format::ALL.len()),
    ) {
        let _ = import("sample", &bytes, forced.map(|format| Format::ALL[format]), &Options::default());
    }
}

#[test]
fn real_graphs_have_the_expected_measures() {
    let folder = std::env::var_os("NEXUS_DAG_DATA").map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| folder.join("EXPECTED.json").is_file()) else {
        say(
            "skipped: NEXUS_DAG_DATA names no folder with EXPECTED.json, so no real graph was read",
        );
        return;
    };
    let expected = fs::read(folder.join("EXPECTED.json")).expect("the file was there a moment ago");
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&expected).expect("EXPECTED.json is JSON");
    let wrong: Vec<String> = expected
        .iter()
        .filter_map(|(file, expected)| check_real(&folder, file, expected).err())
        .collect();
    say(&format!("{} real graphs read from {}", expected.len(), folder.display()));
    assert_eq!(wrong, Vec::<String>::new());
}

/// Says it past the test harness, which keeps to itself what passing tests print.
fn say(line: &str) {
    writeln!(io::stderr(), "real_graphs_have_the_expected_measures: {line}")
        .expect("standard error takes a line");
}

fn check_real(folder: &Path, file: &str, expected: &serde_json::Value) -> Result<(), String> {
    let bytes = fs::read(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    let outcome = import(file, &bytes, None, &Options::default());
    if expected["acyclic"] == false {
        return match outcome {
            Err(ImportError::Cycle { path }) if path.len() >= 2 && path.first() == path.last() => {
                Ok(())
            }
            other => Err(format!("{file}: a cycle was expected, not {other:?}")),
        };
    }
    let imported = outcome.map_err(|error| format!("{file}: {error}"))?;
    check_sound(&imported);
    let facts = serde_json::to_value(&imported.facts).map_err(|error| error.to_string())?;
    let names = [
        ("steps", "tasks"),
        ("edges", "edges"),
        ("levels", "levels"),
        ("widest_level", "widest_level"),
        ("components", "components"),
        ("critical_path_s", "critical_path_s"),
        ("work_s", "total_work_s"),
    ];
    for (ours, theirs) in names {
        if facts[ours] != expected[theirs] {
            return Err(format!(
                "{file}: {ours} is {}, expected {}",
                facts[ours], expected[theirs]
            ));
        }
    }
    Ok(())
}
