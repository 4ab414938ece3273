//! Small words: blank lines, and one of something.

use super::support::Desk;

#[test]
fn a_run_that_was_there_is_told_with_one_blank_line() {
    let desk = Desk::new();
    desk.write(
        "once.workflow.yaml",
        "nexus: v1
name: once
inputs: { order: string }
run:
  dedupe: { key: '${{ inputs.order }}', within: 10m }
steps:
  one:
    set: { done: true }
",
    );
    for args in [
        &["run", "quick.workflow.yaml", "--id", "a"][..],
        &["run", "once.workflow.yaml", "--set", "order=17"],
    ] {
        let first = desk.nexus(args).code(0).err;
        assert!(first.contains("\n\n✔ completed"), "{first}");
        let again = desk.nexus(args).code(0).err;
        assert!(again.contains("nothing was done"), "{again}");
        assert!(again.contains("\n\n✔ completed") && !again.contains("\n\n\n"), "{again:?}");
    }
}

#[test]
fn what_there_is_one_of_is_told_so() {
    let desk = Desk::new();
    desk.write(
        "charge.workflow.yaml",
        "nexus: v1
name: charge
steps:
  charge:
    run: exit 1
    breaker: { target: payment, failures: 1, successes: 1 }
",
    );
    desk.nexus(&["run", "charge.workflow.yaml"]).code(1);
    let page = desk.nexus(&["breaker", "get", "payment"]).code(0).out;
    assert!(page.contains(" · opened 1 time · "), "{page}");
    assert!(page.contains("it opens after 1 failure in a row, for "), "{page}");
    assert!(page.contains(" ms, and closes after 1 success\n"), "{page}");
}
