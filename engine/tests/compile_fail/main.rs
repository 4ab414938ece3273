//! What must not compile, and what the compiler says then.
//!
//! Each file of `fixtures` begins with the lines that have to stand in what the compiler says; `compiles.rs` has none, and has to
//! compile.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The newest build of the library beside this test, which is the one this test was built with.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().expect("a folder");
    let built = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let is_library = |name: &str| {
        let is_rlib = Path::new(name).extension().is_some_and(|extension| extension == "rlib");
        name.starts_with("libnexus_engine-") && is_rlib
    };
    let libraries = built.filter(|file| is_library(&file.file_name().to_string_lossy()));
    let age = |file: &std::fs::DirEntry| file.metadata().and_then(|data| data.modified()).ok();
    libraries.max_by_key(age).expect("a build of the library").path()
}

fn compile(fixture: &Path) -> (bool, String) {
    let library = library();
    let out = tempfile::tempdir().expect("a folder");
    let compiled = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--diagnostic-width=200"])
        .arg("--extern")
        .arg(format!("nexus_engine={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", library.parent().expect("a folder").display()))
        .arg("--out-dir")
        .arg(out.path())
        .arg(fixture)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the compiler runs");
    (compiled.status.success(), without_paths(&String::from_utf8_lossy(&compiled.stderr)))
}

/// Names without their modules: how much of a path is said depends on what else is known.
fn without_paths(text: &str) -> String {
    let mut short = String::new();
    let mut parts = text.split("::");
    short.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let kept = short.trim_end_matches(is_name).len();
        short.truncate(kept);
        short.push_str(part);
    }
    short
}

fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail/fixtures");
    let fixture = folder.join(name);
    let text = std::fs::read_to_string(&fixture).expect("a fixture");
    let expected: Vec<&str> =
        text.lines().map_while(|line| line.strip_prefix("//~ ")).map(str::trim).collect();
    let (compiles, said) = compile(&fixture);
    assert_eq!(compiles, expected.is_empty(), "{name}:\n{said}");
    for line in expected {
        assert!(said.contains(line), "{name} does not say\n  {line}\nbut\n{said}");
    }
}

#[test]
fn what_is_right_compiles() {
    check("compiles.rs");
}

#[test]
fn inputs_in_the_wrong_order_do_not_compile() {
    check("swapped.rs");
}

#[test]
fn an_undo_of_another_step_does_not_compile() {
    check("undo.rs");
}

#[test]
fn a_mock_of_another_type_does_not_compile() {
    check("mock.rs");
}

#[test]
fn a_condition_on_a_field_that_is_not_there_does_not_compile() {
    check("condition.rs");
}

#[test]
fn a_signal_with_something_else_does_not_compile() {
    check("signal.rs");
}

#[test]
fn a_skipped_step_cannot_be_read_as_if_it_had_run() {
    check("skipped.rs");
}

#[test]
fn a_node_of_another_workflow_does_not_compile() {
    check("other_workflow.rs");
}

#[test]
fn a_function_that_is_no_step_is_named() {
    check("no_step.rs");
}
