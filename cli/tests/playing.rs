//! `test`, as a person or a script uses it: the built binary, its output and its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const SHOP: &str = "nexus: v1
name: shop
inputs:
  total: { type: integer, default: 3 }
steps:
  charge:
    uses: cards.charge
    retry: 3
  rest:
    needs: charge
    sleep: 365d
  pack:
    needs: rest
    run: |
      echo '{\"packed\": true}' > \"$NEXUS_OUTPUT\"
      echo x >> packed
outputs: ${{ steps.pack.output }}
";

fn folder(tests: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("shop.workflow.yaml"), SHOP).expect("a file");
    if !tests.is_empty() {
        fs::write(folder.path().join("shop.test.yaml"), tests).expect("a file");
    }
    folder
}

/// Exit code, standard output, standard error.
fn test(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-engine"));
    command.arg("test").args(args).current_dir(folder).stdin(Stdio::null());
    command.env_remove("NEXUS_STORE").env("NO_COLOR", "1");
    let done = command.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code().unwrap_or(-1), text(done.stdout), text(done.stderr))
}

const GOOD: &str = "real: [pack]
crash_everywhere: true
cases:
  a year:
    mock: { cards.charge: [ { error: '503' }, { id: 1 } ] }
    expect:
      steps: { charge: { attempts: 2 } }
      outputs: { packed: true }
      calls: [cards.charge, cards.charge, pack]
  cancelled in time:
    mock: { charge: 1 }
    at: { 30d: cancel }
    expect: { status: cancelled, calls: [cards.charge], takes: 30d }
";

#[test]
fn cases_that_hold_are_listed_and_nobody_waits_for_a_year() {
    let here = folder(GOOD);
    let (code, out, err) = test(here.path(), &["--filter", "year", "-o", "json"]);
    assert_eq!(code, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (&report["kind"], &report["passed"], &report["failed"]),
        (&"test/v1".into(), &1.into(), &0.into())
    );
    let case = &report["files"][0]["cases"][0];
    assert!(case["simulated_ms"].as_u64() > Some(365 * 86_400_000));
    assert!(case["took_ms"].as_u64() < Some(60_000), "{case}");
    assert!(case["crashes"].as_u64() >= Some(10), "{case}");
    let packed = fs::read_to_string(here.path().join("packed")).expect("the script ran here");
    assert_eq!(packed, "x\n", "a script is carried out once, whatever crashes");
    assert!(!here.path().join(".nexus").exists(), "no store is made");
}

#[test]
fn seeds_are_played_and_what_is_wrong_is_shown_with_its_seed() {
    let here = folder(GOOD);
    let (code, out, err) =
        test(here.path(), &["shop.workflow.yaml", "--seeds", "20", "--faults", "all"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("20 seeds)") && out.ends_with("2 passed, 0 failed\n"), "{out}");
    let here = folder(
        "cases:\n  a:\n    mock: { charge: { takes: 1s, output: 1 }, pack: {} }\n    at: { 1500ms: cancel }\n    expect: { status: cancelled, steps: { rest: cancelled } }\n",
    );
    let (code, out, _) = test(here.path(), &["--seeds", "50", "--seed", "1", "--faults", "delay"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("with the seed ")
            && out.contains("step `rest` is not reached, expected cancelled"),
        "{out}"
    );
    let seed =
        out.split("with the seed ").nth(1).and_then(|rest| rest.split(':').next()).expect("a seed");
    let (_, again, _) = test(here.path(), &["--seeds", "1", "--seed", seed, "--faults", "delay"]);
    assert!(again.contains(&format!("with the seed {seed}:")), "{again}");
}

#[test]
fn cases_that_do_not_hold_say_why() {
    let here = folder(
        "cases:\n  a:\n    mock: { charge: { error: no }, pack: null }\n    at: { 1d: { signal: x } }\n    expect: { steps: { charge: completed }, outputs: { packed: true } }\n  b:\n    mock: { charge: 1, pack: null }\n    expect: { error: NX3001, takes: 1d, calls: [] }\n",
    );
    let (code, out, _) = test(here.path(), &[]);
    assert_eq!(code, 1, "{out}");
    for line in [
        "✘ a",
        "the signal `x` 86400000 ms after the start is refused: the run has ended (failed)",
        "the run is failed: NX3001 no, expected completed",
        "step `charge` is failed, expected completed",
        "the output is null, expected {\"packed\":true} (at packed)",
        "the run is completed, expected failed",
        "the error is none, expected NX3001",
        "the calls are [cards.charge, pack], expected []",
        "it takes 31536000000 ms, expected 86400000 ms",
        "0 passed, 2 failed",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
}

#[test]
fn what_means_nothing_is_refused_with_its_place() {
    let check = |tests: &str, args: &[&str], code: i32, expected: &[&str]| {
        let (found, out, err) = test(folder(tests).path(), args);
        assert_eq!(found, code, "{out}{err}");
        for part in expected {
            assert!(err.contains(part), "{part}\n{err}");
        }
    };
    check(
        "cases:\n  a: { expcet: 1 }\n",
        &[],
        2,
        &["NX1121", "shop.test.yaml:2:8", "did you mean `expect`?"],
    );
    check("cases:\n  a: { mock: { chrage: 1 } }\n", &[], 2, &["NX1125", ":2:16", "`charge`"]);
    check(
        "cases:\n  a: {}\n",
        &[],
        2,
        &["NX1126", "shop.test.yaml:2:3", "`charge` (cards.charge)"],
    );
    check(
        "workflow: ./shp.workflow.yaml\ncases:\n  a: {}\n",
        &[],
        2,
        &["NX1127", ":1:11", "shp.workflow.yaml"],
    );
    check("cases:\n  a: { inputs: { total: x } }\n", &[], 2, &["NX1130", ":2:3", "input `total`"]);
    check(GOOD, &["--filter", "nothing"], 3, &["NX1131"]);
    check(GOOD, &["other.test.yaml"], 3, &["NX1401", "other.test.yaml"]);
    check("", &[], 3, &["NX1406", "*.test.yaml"]);
    check("", &["shop.workflow.yaml"], 2, &["NX1126"]);
    check(GOOD, &["--faults", "crash"], 2, &["--seeds"]);
}
