//! Encrypted runs: their values are shown to who asks, stand in no file of the store, and can be forgotten.

use nexus_engine::log::{EventLog, FjallLog, Options};
use nexus_engine::tables::{KEYS, NAMES, TABLES, read_name_row};

use super::support::{Desk, holding, until};

/// What stands in values, and nowhere else.
const PLANTED: [&str; 9] = [
    "PlInput1z9",
    "PlLogs2y8",
    "PlProgress3x7",
    "PlError4w6",
    "PlOutput5v5",
    "PlBig6u4",
    "PlSignal7t3",
    "PlForm8s2",
    "PlLast9r1",
];

fn workflow(name: &str, encrypt: bool) -> String {
    format!(
        "nexus: v1
name: {name}
encrypt: {encrypt}
inputs: {{ name: string }}
steps:
  first:
    run: |
      echo \"$(cat logs)\"
      cat progress > \"$NEXUS_PROGRESS\"
      if [ \"$NEXUS_ATTEMPT\" = 1 ]; then cat error >&2; exit 3; fi
      cat output > \"$NEXUS_OUTPUT\"
    heartbeat: 1m
    retry: {{ max_attempts: 2, initial: 10ms }}
  each:
    for_each: \"${{{{ [inputs.name, inputs.name ~ '2'] }}}}\"
    run: 'echo \"{{\\\"got\\\": \\\"$ITEM\\\"}}\" > $NEXUS_OUTPUT'
    env: {{ ITEM: '${{{{ item }}}}' }}
  skipped:
    if: ${{{{ steps.first.output.v == 'nothing' }}}}
    set: {{ a: 1 }}
  computed:
    set: {{ both: '${{{{ inputs.name }}}}-${{{{ steps.first.output.v }}}}' }}
  signal:
    wait_for: {{ signal: go }}
  updated:
    wait_for: {{ update: more, accepts: '${{{{ update.x != null }}}}', reply: '${{{{ update.x }}}}' }}
  ok:
    needs: [signal, updated]
    approve: {{ by: 'user:dana', message: 'is ${{{{ inputs.name }}}} fine?', form: {{ amount: string }} }}
  last:
    needs: [ok, each, skipped]
    run: 'cat last >&2; exit 4'
    on_error: continue
outputs:
  both: ${{{{ steps.computed.output.both }}}}
  items: ${{{{ steps.each.output }}}}
  error: ${{{{ steps.last.error.details }}}}
queries:
  both: ${{{{ steps.computed.output.both }}}}
  input: ${{{{ inputs }}}}
  name: ${{{{ inputs.name }}}}
"
    )
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("sealed.workflow.yaml", &workflow("sealed", true));
    desk.write("plain.workflow.yaml", &workflow("plain", false));
    let [_, logs, progress, error, output, big, _, _, last] = PLANTED;
    desk.write("logs", &format!("printed {logs}"));
    desk.write("progress", &format!("\"{progress}\""));
    desk.write("error", error);
    let padding = "x".repeat(60_000);
    desk.write("output", &format!("{{\"v\": \"{output}\", \"big\": \"{padding}{big}\"}}"));
    desk.write("last", last);
    desk
}

/// Plays a run to its end.
fn play(desk: &Desk, workflow: &str, id: &str) {
    let [input, .., signal, form, _] = PLANTED;
    let file = format!("{workflow}.workflow.yaml");
    let input = format!("name={input}");
    let running = desk.begin(&["run", &file, "--id", id, "--set", &input]);
    until("it waits", || desk.nexus(&["explain", id, "-o", "json"]).out.contains("signal"));
    let payload = format!("{{\"x\": \"{signal}\"}}");
    desk.nexus(&["signal", id, "go", &payload]).code(0);
    let data = format!("{{\"x\": \"{signal}\"}}");
    let sent = ["update", id, "more", "--data", &data, "--id", "u1", "-o", "json"];
    assert_eq!(desk.nexus(&sent).code(0).json()["reply"], signal);
    let again = desk.nexus(&sent).code(0).json();
    assert_eq!((again["reply"].as_str(), again["existing"].clone()), (Some(signal), true.into()));
    until("it asks", || desk.nexus(&["inbox", "-o", "json"]).out.contains(id));
    let form = format!("amount={form}");
    desk.nexus(&["approve", id, "--form", &form]).code(0);
    running.end().code(0);
}

/// Everything that is shown of a run.
fn shown(desk: &Desk, id: &str) -> String {
    let mut shown = String::new();
    for args in [
        &["get", id, "-o", "json"][..],
        &["history", id, "-o", "json"],
        &["logs", id],
        &["explain", id, "-o", "json"],
        &["list", "-o", "json"],
        &["audit", "-o", "json"],
        &["replay", id],
    ] {
        let done = desk.nexus(args).code(0);
        shown.push_str(&done.out);
        shown.push_str(&done.err);
    }
    shown
}

/// The key of a run, as it is stored.
fn key(desk: &Desk, id: &str) -> Vec<u8> {
    let log = FjallLog::open(&desk.store(), Options::new(TABLES)).expect("the store opens");
    let row = log.row(NAMES, id.as_bytes()).expect("readable").expect("the run is there");
    let (run, _) = read_name_row(&row).expect("a row of a name");
    log.row(KEYS, &run.0).expect("readable").unwrap_or_default()
}

const NONE: Vec<String> = Vec::new();

#[test]
fn values_of_an_encrypted_run_are_shown_and_in_no_file() {
    let desk = desk();
    play(&desk, "sealed", "sealed-1");
    let sealed = shown(&desk, "sealed-1");
    for planted in PLANTED {
        // What is long, and what a signal carries, is not part of what is shown.
        let is_shown = planted != "PlBig6u4" && planted != "PlSignal7t3";
        assert!(!is_shown || sealed.contains(planted), "{planted} is not shown: {sealed}");
        assert_eq!(holding(&desk.store(), planted.as_bytes()), NONE, "{planted}");
    }
    assert!(!sealed.contains("sealed:"), "{sealed}");
    let both = desk.nexus(&["query", "sealed-1", "both", "-o", "json"]).code(0).json();
    assert_eq!(both["value"], "PlInput1z9-PlOutput5v5");
    // The same run without encryption: the test would find it.
    play(&desk, "plain", "plain-1");
    for planted in PLANTED {
        assert_ne!(holding(&desk.store(), planted.as_bytes()), NONE, "{planted}");
    }
}

#[test]
fn a_forgotten_run_verifies_and_shows_no_value() {
    let desk = desk();
    play(&desk, "sealed", "sealed-1");
    play(&desk, "sealed", "sealed-2");
    let hash = desk.nexus(&["replay", "sealed-1", "-o", "json"]).json()["recorded_hash"].clone();
    let key = key(&desk, "sealed-1");
    assert_eq!(key.len(), 32);
    assert_ne!(holding(&desk.store(), &key), NONE);
    desk.nexus(&["forget", "sealed-1"]).code(0);
    assert_eq!(holding(&desk.store(), &key), NONE);

    let forgotten = shown(&desk, "sealed-1");
    assert!(forgotten.contains("forgotten"), "{forgotten}");
    let one = ["get", "history", "logs"].map(|verb| desk.nexus(&[verb, "sealed-1"]).code(0).out);
    for planted in PLANTED {
        assert!(!one.concat().contains(planted), "{planted} is shown: {one:?}");
    }
    let again = ["start", "sealed.workflow.yaml", "--id", "sealed-1", "--set", "name=x"];
    for gone in [&["result", "sealed-1"][..], &again] {
        let refused = desk.nexus(&[gone, &["-o", "json"]].concat()).code(5).problem();
        assert_eq!(refused["code"], "NX6022", "{gone:?}");
    }
    let input = desk.nexus(&["query", "sealed-1", "input", "-o", "json"]).code(0).json();
    assert_eq!(input["value"]["$payload"]["forgotten"], true, "{input}");
    for query in ["name", "both"] {
        let refused = desk.nexus(&["query", "sealed-1", query, "-o", "json"]).code(5).problem();
        assert_eq!(refused["code"], "NX6022", "{query}");
    }
    let sent = ["update", "sealed-1", "more", "--data", "1", "--id", "u1", "-o", "json"];
    assert_eq!(desk.nexus(&sent).code(5).problem()["code"], "NX6022", "the reply is gone, too");
    let replay = desk.nexus(&["replay", "sealed-1", "-o", "json"]).code(0).json();
    assert_eq!((replay["agrees"].clone(), replay["forgotten"].clone()), (true.into(), true.into()));
    assert_ne!(replay["recorded_hash"], hash, "the state says that it is forgotten");
    desk.nexus(&["verify"]).code(0);
    // Once more is safe, and others are as they were.
    desk.nexus(&["forget", "sealed-1"]).code(0);
    assert!(shown(&desk, "sealed-2").contains("PlOutput5v5"));
    // Views are rebuilt from what is left.
    desk.nexus(&["projection", "rebuild"]).code(0);
    assert!(desk.nexus(&["list", "-o", "json"]).out.contains("sealed-1"));
}

#[test]
fn a_run_that_cannot_be_forgotten_says_why() {
    let desk = desk();
    let start =
        |file: &str, id| desk.nexus(&["start", file, "--id", id, "--set", "name=x"]).code(0);
    start("sealed.workflow.yaml", "open-1");
    start("plain.workflow.yaml", "plain-1");
    let code =
        |id: &str| desk.nexus(&["forget", id, "-o", "json"]).code(5).problem()["code"].clone();
    assert_eq!(code("open-1"), "NX6020");
    assert_eq!(code("plain-1"), "NX6021");
    desk.nexus(&["cancel", "open-1"]).code(0);
    desk.nexus(&["forget", "open-1"]).code(0);
    let retried = desk.nexus(&["retry", "open-1", "-o", "json"]).code(5);
    assert_eq!(retried.problem()["code"], "NX6022");
    desk.nexus(&["forget", "nobody"]).code(3);
}

#[test]
fn what_is_forgotten_is_named_in_full_or_agreed_to() {
    let desk = desk();
    play(&desk, "sealed", "sealed-1");
    let refused = desk.nexus(&["forget", "seal", "--yes", "-o", "json"]).code(3).problem();
    assert_eq!(refused["code"], "NX7011", "no beginning of a name, whoever agrees");
    let refused = desk.nexus(&["forget", "@last", "-o", "json"]).code(2).problem();
    assert_eq!(refused["code"], "NX1408");
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("`@last` means sealed-1 — forget it for ever?"), "{message}");
    play(&desk, "sealed", "sealed-2");
    let both = ["forget", "sealed-1", "sealed-2", "-o", "json"];
    assert_eq!(desk.nexus(&both).code(2).problem()["code"], "NX1408");
    let retried = desk.nexus(&["retry", "sealed-1", "-o", "json"]).code(5).problem();
    assert_ne!(retried["code"], "NX6022", "nothing was forgotten");
    desk.nexus(&["forget", "sealed-1"]).code(0);
    assert_eq!(desk.nexus(&["forget", "@last", "--yes"]).code(0).out, "sealed-2 is forgotten\n");
}

#[test]
fn the_same_start_again_is_the_same_run_also_if_it_is_encrypted() {
    let desk = desk();
    let start = |input: &str, code| {
        let args = ["start", "sealed.workflow.yaml", "--id", "one", "--set", input, "-o", "json"];
        desk.nexus(&args).code(code)
    };
    start("name=a", 0);
    start("name=a", 0);
    assert_eq!(start("name=b", 5).problem()["code"], "NX7003");
}

#[test]
fn an_encrypted_run_keeps_the_definition_it_began_with() {
    let desk = Desk::new();
    let workflow = |encrypt: bool, run: &str| {
        format!("nexus: v1\nname: w\nencrypt: {encrypt}\nsteps:\n  a:\n    run: {run}\n")
    };
    desk.write("sealed.workflow.yaml", &workflow(true, "exit 3"));
    desk.write("plain.workflow.yaml", &workflow(false, "exit 3"));
    desk.write("sealed-good.workflow.yaml", &workflow(true, "exit 0"));
    desk.write("plain-good.workflow.yaml", &workflow(false, "exit 0"));
    desk.nexus(&["run", "sealed.workflow.yaml", "--id", "sealed-1"]).code(1);
    desk.nexus(&["run", "plain.workflow.yaml", "--id", "plain-1"]).code(1);
    for (run, with) in [
        ("sealed-1", "sealed-good.workflow.yaml"),
        ("sealed-1", "plain-good.workflow.yaml"),
        ("plain-1", "sealed-good.workflow.yaml"),
    ] {
        let events = desk.nexus(&["history", run, "-o", "jsonl"]).code(0).out;
        let refused = desk.nexus(&["retry", run, "--with", with, "-o", "json"]).code(5);
        assert_eq!(refused.problem()["code"], "NX5014", "{run} with {with}");
        assert_eq!(desk.nexus(&["history", run, "-o", "jsonl"]).code(0).out, events, "no event");
    }
    desk.nexus(&["retry", "plain-1", "--with", "plain-good.workflow.yaml", "--watch"]).code(0);
}
