//! Secrets: handed to steps, and found nowhere in the store.

use super::support::{Desk, Done, holding};

const VALUE: &str = "s3cr3t-Value/of \"the\" card";
const LEAKS: &str = "nexus: v1
name: leaks
secrets: [CARD_KEY, FILE_KEY]
inputs:
  forged: { type: string, default: '${{ secrets.CARD_KEY }}' }
steps:
  charge:
    run: |
      echo \"out $KEY and $OTHER\"; echo \"err $KEY\" >&2
      [ \"$KEY\" = \"$(cat expected)\" ] && [ \"$OTHER\" = \"$(cat secrets/FILE_KEY)\" ] || exit 9
      echo \"\\\"$(printf %s \"$KEY\" | sed 's/\"/\\\\\\\\\"/g')\\\"\" > \"$NEXUS_PROGRESS\"
      printf '{\"url\": \"https://x/?k=%s\", \"forged\": \"%s\", \"rest\": \"ok\"}' \"$OTHER\" \"$FORGED\" > \"$NEXUS_OUTPUT\"
    env:
      KEY: ${{ secrets.CARD_KEY }}
      OTHER: '${{ secrets.FILE_KEY }}'
      FORGED: ${{ inputs.forged }}
    heartbeat: 1m
  broken:
    needs: charge
    run: 'echo \"refused: $KEY\" >&2; exit 3'
    env: { KEY: '${{ secrets.CARD_KEY }}' }
    on_error: continue
outputs: ${{ steps.charge.output }}
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("leaks.workflow.yaml", LEAKS);
    desk.write("expected", VALUE);
    std::fs::create_dir(desk.path().join("secrets")).expect("a folder");
    desk.write("secrets/FILE_KEY", "from a file\n");
    desk
}

fn with_secrets(desk: &Desk, args: &[&str]) -> Done {
    let mut command = desk.command(args);
    command.env("NEXUS_SECRET_CARD_KEY", VALUE);
    command.env("NEXUS_SECRETS_DIR", desk.path().join("secrets"));
    Done::new(command.output().expect("the binary runs"))
}

#[test]
fn a_secret_reaches_its_step_and_no_file_of_the_store() {
    let desk = desk();
    let run = with_secrets(&desk, &["run", "leaks.workflow.yaml", "--id", "leaks-1"]).code(0);
    let mut shown = format!("{}{}", run.out, run.err);
    for args in [
        &["get", "leaks-1", "-o", "json"][..],
        &["history", "leaks-1", "-o", "json"],
        &["logs", "leaks-1"],
        &["explain", "leaks-1", "-o", "json"],
        &["audit", "-o", "json"],
        &["result", "leaks-1"],
        &["replay", "leaks-1"],
    ] {
        let done = desk.nexus(args).code(0);
        shown.push_str(&done.out);
        shown.push_str(&done.err);
    }
    assert!(shown.contains("${{ secrets.CARD_KEY }}"), "the reference is shown: {shown}");
    assert!(shown.contains("out *** and ***") && shown.contains("refused: ***"), "{shown}");
    assert!(shown.contains("https://x/?k=***"), "{shown}");
    let json = VALUE.replace('"', "\\\"");
    for value in [VALUE, &json, "from a file"] {
        assert!(!shown.contains(value), "{value} is shown: {shown}");
        assert_eq!(holding(&desk.store(), value.as_bytes()), Vec::<String>::new());
    }
    // The test would find it: the reference is there.
    assert_ne!(holding(&desk.store(), b"secrets.CARD_KEY"), Vec::<String>::new());
    // What only looks like a reference is a text.
    assert_eq!(desk.nexus(&["result", "leaks-1"]).json()["forged"], "${{ secrets.CARD_KEY }}");
}

#[test]
fn a_run_whose_secret_was_missing_goes_on_when_it_is_there() {
    let desk = desk();
    let failed = desk.nexus(&["run", "leaks.workflow.yaml", "--id", "leaks-1"]).code(1);
    assert!(failed.err.contains("NX4192"), "{}", failed.err);
    assert!(failed.err.contains("NEXUS_SECRET_CARD_KEY"), "{}", failed.err);
    with_secrets(&desk, &["retry", "leaks-1"]).code(0);
}
