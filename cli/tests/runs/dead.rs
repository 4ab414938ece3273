//! Dead letters: listed by what they have in common, and continued together.

use crate::support::Desk;

#[test]
fn dead_letters_are_listed_and_continued() {
    let desk = Desk::new();
    desk.nexus(&["run", "quick.workflow.yaml"]).code(0);
    let none = desk.nexus(&["dead", "list", "-o", "name"]).code(0);
    assert_eq!(none.out, "", "a run that completed is none");
    for id in ["a", "b"] {
        desk.nexus(&["run", "mend.workflow.yaml", "--id", id, "--label", "team=shop"]).code(1);
    }
    let table = desk.nexus(&["dead", "list"]).code(0);
    assert!(table.out.contains("broken") && table.out.contains("NX3007"), "{}", table.out);
    let names = |args: &[&str]| {
        let all = [&["dead", "list", "-o", "name"], args].concat();
        desk.nexus(&all).code(0).out
    };
    assert_eq!(names(&["--code", "NX3007", "--step", "broken", "--workflow", "mend"]), "b\na\n");
    assert_eq!(names(&["--label", "team=shop", "--since", "1d"]), "b\na\n");
    for other in [["--code", "NX3002"], ["--step", "before"], ["--workflow", "quick"]] {
        assert_eq!(names(&other), "", "{other:?}");
    }
    let refused = desk.nexus(&["dead", "requeue", "--all"]).code(2);
    assert!(
        refused.err.contains("NX1408") && refused.err.contains("2 runs: b a"),
        "{}",
        refused.err
    );
    assert_eq!(names(&[]), "b\na\n", "nothing was changed");
    let which = desk.nexus(&["dead", "requeue"]).code(2);
    assert!(which.err.contains("which dead letters?"), "{}", which.err);

    desk.write("mended", "");
    let done = desk.nexus(&["dead", "requeue", "--code", "NX3007", "--yes"]).code(0);
    assert_eq!(done.out, "b continues\na continues\n");
    assert_eq!(names(&[]), "");
    desk.nexus(&["resume", "a"]).code(0);
    desk.nexus(&["dead", "requeue", "nobody"]).code(3);
}
