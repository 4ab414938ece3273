//! The documentation: its YAML is valid, every code has a page, and every page a code.

use std::collections::BTreeSet;

use nexus_definitions::{Problems, json_schema, read};

use crate::{KNOWN, files, json, root, workflows};

/// The fenced blocks of a page that hold a whole workflow, with the line each begins at.
fn workflow_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (at, line) in page.lines().enumerate() {
        match (&mut block, line) {
            (None, "```yaml") => block = Some((at + 1, String::new())),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks.retain(|(_, text)| text.contains("steps:") && !text.contains("cases:"));
    blocks
}

fn problems(name: &str, text: &str) -> Problems {
    match read(name, text) {
        Err(problems) => problems,
        Ok(read) => read.check_handlers(&KNOWN.map(nexus_definitions::Known::from)),
    }
}

#[test]
fn every_workflow_of_the_reference_is_valid() {
    let page = std::fs::read_to_string(root().join("docs/reference/workflow.md"))
        .expect("the page is there");
    let schema = jsonschema::validator_for(&json_schema()).expect("the schema is valid");
    let blocks = workflow_blocks(&page);
    assert!(blocks.len() >= 8, "only {} workflows", blocks.len());
    for (line, text) in blocks {
        let found = problems(&format!("workflow.md after line {line}"), &text);
        assert!(found.is_empty(), "{found}");
        assert!(
            schema.is_valid(&json(&text).expect("it is YAML")),
            "the schema refuses the block after line {line}"
        );
    }
}

#[test]
fn every_key_is_in_the_reference() {
    let page = std::fs::read_to_string(root().join("docs/reference/workflow.md"))
        .expect("the page is there");
    let mut keys = BTreeSet::new();
    gather_keys(&json_schema(), &mut keys);
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "{key} is not in workflow.md");
    }
}

fn gather_keys(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) {
        keys.extend(properties.keys().cloned());
    }
    let nested = schema.as_object().into_iter().flat_map(serde_json::Map::values);
    nested.for_each(|value| gather_keys(value, keys));
}

/// Pages from NX1301 are about importing; what provokes them is no workflow file.
#[test]
fn the_pages_of_errors_say_what_why_and_how() {
    let pages: Vec<(String, String)> = files("docs/errors", ".md")
        .into_iter()
        .filter(|(name, _)| {
            (name.starts_with("NX1") || name.starts_with("NX2")) && !name.starts_with("NX13")
        })
        .collect();
    for (name, page) in &pages {
        let code = name.trim_end_matches(".md");
        assert!(page.starts_with(&format!("# {code} ")), "{name}: the title begins with the code");
        for heading in ["## What", "## Why", "## Fix", "## Example"] {
            assert!(page.contains(heading), "{name}: {heading} is missing");
        }
    }
}

#[test]
fn every_code_that_is_provoked_has_a_page() {
    let pages: BTreeSet<String> =
        files("docs/errors", ".md").into_iter().map(|(name, _)| name).collect();
    for (name, text) in workflows("definitions/tests/broken") {
        for problem in problems(&name, &text) {
            assert!(
                pages.contains(&format!("{}.md", problem.code)),
                "{} has no page",
                problem.code
            );
        }
    }
}

/// Codes that appear while a run goes on, not when its definition is read.
const AT_RUN_TIME: [&str; 2] = ["NX2102", "NX2103"];

#[test]
fn the_example_of_a_page_provokes_its_code() {
    for (name, page) in files("docs/errors", ".md") {
        let code = name.trim_end_matches(".md");
        let ours = code.starts_with("NX1") || code.starts_with("NX2");
        let Some((_, text)) = workflow_blocks(&page).into_iter().next().filter(|_| ours) else {
            continue;
        };
        if AT_RUN_TIME.contains(&code) {
            let found = problems(&name, &text);
            assert!(found.is_empty(), "{name}: {found}");
            continue;
        }
        let warnings = read(&name, &text).map(|read| read.warnings).unwrap_or_default();
        let found: Vec<_> = problems(&name, &text).into_iter().chain(warnings).collect();
        assert!(
            found.iter().any(|problem| problem.code == code),
            "{name}: its example gives {found:?}"
        );
    }
}

#[test]
fn the_published_schema_is_the_one_of_the_program() {
    let path = root().join("examples/nexus-workflow.schema.json");
    let now = format!("{:#}\n", json_schema());
    if std::env::var_os("NEXUS_UPDATE").is_some() {
        std::fs::write(&path, &now).expect("it can be written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == now, "run this test with NEXUS_UPDATE=1 to publish the new schema");
}
