//! Encrypted runs that call others: what they hand over and get back stands in no file of the store, and is forgotten with them.

use nexus_engine::log::{EventLog, FjallLog, Options};
use nexus_engine::tables::{KEYS, NAMES, TABLES, read_name_row};

use super::support::{Desk, holding};

/// What stands in values, and nowhere else.
const PLANTED: [&str; 4] = ["PlHanded1z9", "PlReturned2y8", "PlError3x7", "PlLarge4w6"];
const NONE: Vec<String> = Vec::new();

fn desk() -> Desk {
    let desk = Desk::new();
    let caller = |encrypt: bool| {
        format!(
            "nexus: v1
name: caller
encrypt: {encrypt}
inputs: {{ name: string }}
steps:
  good:
    call: ./callee.workflow.yaml
    with: {{ name: '${{{{ inputs.name }}}}' }}
  bad:
    call: ./failing.workflow.yaml
    with: {{ name: '${{{{ inputs.name }}}}' }}
    on_error: continue
outputs:
  good: ${{{{ steps.good.output.v }}}}
  bad: ${{{{ steps.bad.error.details }}}}
  code: ${{{{ steps.bad.error.code }}}}
"
        )
    };
    let callee = |name: &str, then: &str| {
        format!(
            "nexus: v1\nname: {name}\ninputs: {{ name: string }}\nsteps:\n  work:\n    run: {then}\n    env: {{ NAME: '${{{{ inputs.name }}}}' }}\noutputs:\n  v: ${{{{ steps.work.output.v }}}}\n  twice: ${{{{ [steps.work.output.large, steps.work.output.large] }}}}\n"
        )
    };
    desk.write("sealed.workflow.yaml", &caller(true));
    desk.write("plain.workflow.yaml", &caller(false));
    desk.write("callee.workflow.yaml", &callee("callee", "cat output > \"$NEXUS_OUTPUT\""));
    desk.write("failing.workflow.yaml", &callee("failing", "cat error >&2; exit 3"));
    let [_, returned, error, large] = PLANTED;
    // Twice this is more than stands in an event.
    let padding = "x".repeat(40_000);
    desk.write("output", &format!("{{\"v\": \"{returned}\", \"large\": \"{padding}{large}\"}}"));
    desk.write("error", error);
    desk
}

fn play(desk: &Desk, workflow: &str, id: &str) {
    let (file, input) = (format!("{workflow}.workflow.yaml"), format!("name={}", PLANTED[0]));
    desk.nexus(&["run", &file, "--id", id, "--set", &input]).code(0);
}

/// The key of a run, as it is stored.
fn key(desk: &Desk, id: &str) -> Vec<u8> {
    let log = FjallLog::open(&desk.store(), Options::new(TABLES)).expect("the store opens");
    let row = log.row(NAMES, id.as_bytes()).expect("readable").expect("the run is there");
    let (run, _) = read_name_row(&row).expect("a row of a name");
    log.row(KEYS, &run.0).expect("readable").unwrap_or_default()
}

#[test]
fn what_an_encrypted_run_hands_over_and_gets_back_is_in_no_file() {
    let desk = desk();
    play(&desk, "sealed", "one");
    let output = desk.nexus(&["result", "one", "-o", "json"]).code(0).out;
    for shown in [PLANTED[1], PLANTED[2], "NX3040"] {
        assert!(output.contains(shown), "{shown} is not shown: {output}");
    }
    assert!(!output.contains("sealed:"), "{output}");
    for planted in PLANTED {
        assert_eq!(holding(&desk.store(), planted.as_bytes()), NONE, "{planted}");
    }
    for run in ["one", "one/good", "one/bad"] {
        let shown = desk.nexus(&["history", run, "-o", "json"]).code(0).out;
        assert!(!shown.contains("sealed:"), "{shown}");
        let replay = desk.nexus(&["replay", run, "-o", "json"]).code(0).json();
        assert_eq!(replay["agrees"], true, "{run}: {replay}");
    }
    let keys = ["one", "one/good", "one/bad"].map(|run| key(&desk, run));
    assert!(keys.iter().all(|key| key.len() == 32), "each has a key");
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "of its own");
    // The same without encryption: the test would find it.
    play(&desk, "plain", "two");
    for planted in PLANTED {
        assert_ne!(holding(&desk.store(), planted.as_bytes()), NONE, "{planted}");
    }
    assert_eq!(key(&desk, "two/good"), Vec::<u8>::new());
}

#[test]
fn a_run_is_forgotten_with_those_it_called() {
    let desk = desk();
    play(&desk, "sealed", "one");
    play(&desk, "sealed", "other");
    let keys = ["one", "one/good", "one/bad"].map(|run| key(&desk, run));
    desk.nexus(&["forget", "one"]).code(0);
    for key in &keys {
        assert_eq!(holding(&desk.store(), key), NONE);
    }
    for run in ["one", "one/good"] {
        let refused = desk.nexus(&["result", run, "-o", "json"]).code(5).problem();
        assert_eq!(refused["code"], "NX6022", "{run}");
    }
    for run in ["one", "one/good", "one/bad"] {
        let replay = desk.nexus(&["replay", run, "-o", "json"]).code(0).json();
        let said = (replay["agrees"].clone(), replay["forgotten"].clone());
        assert_eq!(said, (true.into(), true.into()), "{run}");
        let history = desk.nexus(&["history", run, "-o", "json"]).code(0).out;
        assert!(PLANTED.iter().all(|planted| !history.contains(planted)), "{history}");
    }
    let by = desk.nexus(&["history", "one/good", "-o", "jsonl"]).code(0).out;
    assert!(by.contains("run.forgotten") && by.contains("\"via\":\"forget\""), "{by}");
    desk.nexus(&["verify"]).code(0);
    desk.nexus(&["forget", "one"]).code(0);
    assert!(desk.nexus(&["result", "other", "-o", "json"]).code(0).out.contains(PLANTED[1]));
    // One that is called can be forgotten by itself; what it returned stays with the run that called it.
    desk.nexus(&["forget", "other/good"]).code(0);
    assert!(desk.nexus(&["result", "other", "-o", "json"]).code(0).out.contains(PLANTED[1]));
}

#[test]
fn a_called_run_that_goes_on_is_not_forgotten_and_neither_is_the_one_that_called_it() {
    let desk = desk();
    play(&desk, "sealed", "one");
    // Continued by itself, without an engine that works on it.
    desk.nexus(&["retry", "one/bad"]).code(0);
    let events = desk.nexus(&["history", "one", "-o", "jsonl"]).code(0).out;
    let refused = desk.nexus(&["forget", "one", "-o", "json"]).code(5).problem();
    assert_eq!(refused["code"], "NX6020", "{refused}");
    assert!(refused.to_string().contains("one/bad"), "{refused}");
    assert_eq!(desk.nexus(&["history", "one", "-o", "jsonl"]).code(0).out, events, "no event");
    desk.nexus(&["cancel", "one/bad"]).code(0);
    desk.nexus(&["forget", "one"]).code(0);
}

#[test]
fn an_encrypted_workflow_is_called_by_encrypted_ones_only() {
    let desk = desk();
    let callee = "nexus: v1\nname: callee\nencrypt: true\nsteps:\n  a:\n    run: exit 0\n";
    desk.write("callee.workflow.yaml", callee);
    let caller = |encrypt: bool, called: &str| {
        format!("nexus: v1\nname: caller\nencrypt: {encrypt}\nsteps:\n  a:\n    call: {called}\n")
    };
    desk.nexus(&["publish", "callee.workflow.yaml"]).code(0);
    for called in ["./callee.workflow.yaml", "callee"] {
        desk.write("caller.workflow.yaml", &caller(false, called));
        let refused = desk.nexus(&["start", "caller.workflow.yaml", "-o", "json"]).code(2);
        assert_eq!(refused.problem()["code"], "NX1136", "{called}");
        desk.write("caller.workflow.yaml", &caller(true, called));
        desk.nexus(&["run", "caller.workflow.yaml"]).code(0);
    }
}

#[test]
fn a_retry_goes_on_with_the_encrypted_run_that_was_called() {
    let desk = desk();
    desk.write(
        "failing.workflow.yaml",
        "nexus: v1\nname: failing\ninputs: { name: string }\nsteps:\n  first:\n    run: echo done\n  work:\n    needs: first\n    run: 'test -e mended || exit 3'\n",
    );
    desk.write(
        "caller.workflow.yaml",
        "nexus: v1\nname: caller\nencrypt: true\ninputs: { name: string }\nsteps:\n  bad:\n    call: ./failing.workflow.yaml\n    with: { name: '${{ inputs.name }}' }\n",
    );
    desk.nexus(&["run", "caller.workflow.yaml", "--id", "one", "--set", "name=x"]).code(1);
    desk.write("mended", "");
    desk.nexus(&["retry", "one", "--watch"]).code(0);
    let runs = desk.nexus(&["list", "-o", "name"]).code(0).out;
    assert!(runs.contains("one/bad") && !runs.contains("one/bad.2"), "{runs}");
}
