//! Other workflows that a file names: what a `call` says for them.

use super::graph::workflow_name;

/// Ends of names of files.
const FILES: [&str; 3] = [".yaml", ".yml", ".json"];
/// The end of the names of our files.
const OURS: &str = ".workflow.yaml";

/// What a `call` says for a workflow that the file calls `name`; `None` if that is only known when it runs.
pub(super) fn called(name: &str) -> Option<String> {
    let name = name.trim();
    if name.is_empty() || ["{{", "${", "{%"].iter().any(|begin| name.contains(begin)) {
        return None;
    }
    if !FILES.iter().any(|end| name.ends_with(end)) {
        // With a slash it would be a file.
        let name = name.replace(['/', '\\'], "-");
        return Some(name.chars().filter(|char| !char.is_control()).take(128).collect());
    }
    let path = name.replace('\\', "/");
    let (folder, file) = path.rsplit_once('/').unwrap_or((".", &path));
    let beside = ["/", "./", "../"].iter().any(|begin| path.starts_with(begin)) || folder == ".";
    let folder = if beside { folder.to_owned() } else { format!("./{folder}") };
    let stem = workflow_name(file);
    Some(format!("{folder}/{}{OURS}", stem.strip_suffix(".workflow").unwrap_or(&stem)))
}

/// How it comes that a `call` finds the workflow `name`.
pub(super) fn how(name: &str, called: &str) -> String {
    if nexus_model::definition::is_file(called) {
        format!("import {name} to {called}")
    } else {
        "import that, too, and publish it".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_and_files_become_ours() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(called(name).as_deref(), expected, "{name}");
        };
        check("full_workflow", Some("full_workflow"));
        check(" Customer onboarding ", Some("Customer onboarding"));
        check("team/full", Some("team-full"));
        check("full.yaml", Some("./full.workflow.yaml"));
        check("full.workflow.yaml", Some("./full.workflow.yaml"));
        check("flows/full.yml", Some("./flows/full.workflow.yaml"));
        check("../flows/full.json", Some("../flows/full.workflow.yaml"));
        check("/srv/full.json", Some("/srv/full.workflow.yaml"));
        check("{{tier}}.yaml", None);
        check("", None);
        assert_eq!(
            how("full.yaml", "./full.workflow.yaml"),
            "import full.yaml to ./full.workflow.yaml"
        );
        assert_eq!(how("full", "full"), "import that, too, and publish it");
    }
}
