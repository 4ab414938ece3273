//! Workflows that call what is published: compared with their own files.

use super::support::Desk;

const TOP: &str = "nexus: v1
name: top
steps:
  called:
    call: quick
    with: { n: 2 }
";
const ABOVE: &str = "nexus: v1
name: above
steps:
  called:
    call: ./top.workflow.yaml
";

#[test]
fn what_is_published_means_the_same_as_its_own_file_until_what_it_calls_has_a_new_version() {
    let desk = Desk::new();
    desk.write("top.workflow.yaml", TOP);
    desk.write("above.workflow.yaml", ABOVE);
    desk.nexus(&["publish", "quick.workflow.yaml"]).code(0);
    for name in ["top", "above"] {
        let file = format!("{name}.workflow.yaml");
        desk.nexus(&["publish", &file]).code(0);
        for (from, to) in [(name, &*file), (&*file, name), (name, name), (&*file, &*file)] {
            let diff = desk.nexus(&["diff", from, to, "--exit-code"]).code(0);
            assert_eq!(diff.out, "they mean the same\n", "{from} {to}");
        }
    }
    let quick = std::fs::read_to_string(desk.path().join("quick.workflow.yaml")).expect("a file");
    desk.write("quick.workflow.yaml", &quick.replace("default: 1", "default: 3"));
    desk.nexus(&["publish", "quick.workflow.yaml"]).code(0);
    let diff = desk.nexus(&["diff", "top", "top.workflow.yaml", "--exit-code"]).code(7);
    assert!(diff.out.starts_with("~ step called: definition "), "{}", diff.out);
    let published = desk.nexus(&["publish", "top.workflow.yaml"]).code(0);
    assert!(published.out.starts_with("top@2 is published"), "{}", published.out);
    desk.nexus(&["diff", "top", "top.workflow.yaml", "--exit-code"]).code(0);
}

#[test]
fn a_version_that_is_not_there_is_refused_and_says_where_to_look() {
    let desk = Desk::new();
    desk.write("top.workflow.yaml", &TOP.replace("call: quick", "call: quick\n    version: 7"));
    desk.nexus(&["publish", "quick.workflow.yaml"]).code(0);
    let problem = desk.nexus(&["start", "top.workflow.yaml", "-o", "json"]).code(2).problem();
    assert_eq!(problem["code"], "NX1185");
    assert_eq!(problem["hint"], "see which versions there are: nexus-engine versions quick");
}

#[test]
fn what_has_to_be_published_first_is_said_by_validate_and_by_import() {
    let desk = Desk::new();
    desk.write("top.workflow.yaml", TOP);
    desk.write("above.workflow.yaml", ABOVE);
    for name in ["top", "above"] {
        let file = format!("{name}.workflow.yaml");
        let valid = desk.nexus(&["validate", "--strict", &file]).code(0);
        assert_eq!(valid.out, format!("✔ {file} · {name}, 1 step · needs quick to be published\n"));
        let report = desk.nexus(&["validate", &file, "-o", "json"]).code(0).json();
        assert_eq!(report["files"][0]["calls"], serde_json::json!(["quick"]));
    }
    let node = |id: &str, called: &str| {
        format!(
            r#"{{"id": "{id}", "type": "workflow", "data": {{"workflow": "{called}", "inputs": {{}}}}}}"#
        )
    };
    let nodes = [node("a", "quick"), node("b", "fraud-check"), node("c", "flows/report.json")];
    let edges = r#"[{"source": "a", "target": "b"}, {"source": "b", "target": "c"}]"#;
    let canvas = format!(r#"{{"nodes": [{}], "edges": {edges}}}"#, nodes.join(", "));
    desk.write("canvas.json", &canvas);
    let said = desk.nexus(&["import", "canvas.json", "--out", "all.workflow.yaml"]).code(0).err;
    let end = "written to all.workflow.yaml
needs ./flows/report.workflow.yaml: import or write it
needs fraud-check: publish it, or put it beside and call the file, as in call: ./fraud-check.workflow.yaml
needs quick: nexus-engine publish quick.workflow.yaml
then: nexus-engine run all.workflow.yaml
";
    assert!(said.ends_with(end), "{said}");
}
