//! Valid definitions are read without a word, pass the schema, and survive being written and read again.

use nexus_definitions::{json_schema, read, write};

use crate::{KNOWN, json, workflows};

fn valid() -> Vec<(String, String)> {
    let mut files = workflows("definitions/tests/valid");
    files.extend(workflows("examples"));
    assert!(files.len() >= 12, "only {} valid definitions", files.len());
    files
}

#[test]
fn a_valid_definition_is_read_without_a_word() {
    for (name, text) in valid() {
        match read(&name, &text) {
            Ok(read) => {
                assert!(read.warnings.is_empty(), "{}", read.warnings);
                let unknown = read.check_handlers(&KNOWN.map(nexus_definitions::Known::from));
                assert!(unknown.is_empty(), "{unknown}");
            }
            Err(problems) => panic!("{problems}"),
        }
    }
}

#[test]
fn a_valid_definition_passes_the_schema() {
    let schema = jsonschema::validator_for(&json_schema()).expect("the schema is valid");
    for (name, text) in valid() {
        let errors: Vec<String> = schema
            .iter_errors(&json(&text).expect("it is YAML"))
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn what_is_written_is_read_as_the_same_definition() {
    for (name, text) in valid() {
        let first = read(&name, &text).expect("it is valid").definition;
        let written = write(&first);
        let second = read(&name, &written)
            .unwrap_or_else(|problems| panic!("{problems}\n{written}"))
            .definition;
        assert_eq!(first, second, "{written}");
        assert_eq!(first.hash(), second.hash());
        assert_eq!(written, write(&second), "the spelling is canonical");
    }
}

#[test]
fn every_example_runs_without_input() {
    for (name, text) in workflows("examples") {
        let definition = read(&name, &text).expect("it is valid").definition;
        for (input, spec) in &definition.inputs {
            let optional = spec.default.is_some() || spec.required == Some(false);
            assert!(optional, "{name}: {input} has no default");
        }
        let input = nexus_model::input::check(&definition, serde_json::json!({}));
        assert!(input.is_ok(), "{name}: {input:?}");
    }
}
