//! Every broken definition is reported with code, line, column and a hint.

use nexus_definitions::{Problems, json_schema, read, render};

use crate::{KNOWN, json, workflows};

/// Codes that the JSON Schema finds as well.
const STRUCTURAL: [&str; 9] =
    ["NX1005", "NX1006", "NX1007", "NX1009", "NX1101", "NX1102", "NX1103", "NX1109", "NX1209"];

fn broken() -> Vec<(String, String)> {
    workflows("definitions/tests/broken")
}

fn expected(text: &str) -> String {
    let line = text.lines().next().expect("a first line");
    line.strip_prefix("# expect: ").expect("the first line says what is expected").to_owned()
}

fn problems(name: &str, text: &str) -> Problems {
    match read(name, text) {
        Err(problems) => problems,
        Ok(read) => read.check_handlers(&KNOWN.map(nexus_definitions::Known::from)),
    }
}

#[test]
fn every_broken_definition_is_reported_at_its_place() {
    let files = broken();
    assert!(files.len() >= 45, "only {} broken definitions", files.len());
    let mut wrong = String::new();
    for (name, text) in files {
        let problems = problems(&name, &text);
        let found: Vec<String> = problems
            .iter()
            .map(|problem| format!("{} {}:{}", problem.code, problem.line, problem.column))
            .collect();
        let found = found.join("; ");
        let unclear =
            problems.iter().any(|problem| problem.hint.is_none() || problem.message.is_empty());
        if found != expected(&text) || unclear {
            let shown: Vec<String> =
                problems.iter().map(|problem| render(problem, &text, false)).collect();
            wrong.extend([format!(
                "\n{name}: expected {}, found {found}\n{}\n",
                expected(&text),
                shown.join("\n")
            )]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_wrong_with_the_shape_is_refused_by_the_schema_too() {
    let schema = jsonschema::validator_for(&json_schema()).expect("the schema is valid");
    for (name, text) in broken() {
        let structural = STRUCTURAL.iter().any(|code| expected(&text).starts_with(code));
        if let Some(value) = json(&text).filter(|_| structural) {
            assert!(!schema.is_valid(&value), "{name} passes the schema");
        }
    }
}
