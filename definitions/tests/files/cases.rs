//! Test files: read, refused with places, and compared with their workflow.

use nexus_definitions::cases::{Deed, Point, Real, read_cases};
use nexus_definitions::{Problems, read};
use serde_json::json;

use crate::files;

const ORDER: &str = "nexus: v1
name: order
inputs:
  total: { type: integer, default: 1 }
steps:
  charge:
    uses: cards.charge
    compensate:
      uses: cards.refund
  pack:
    run: echo packed
    needs: charge
on_failure: compensate
";

fn problems(text: &str) -> Problems {
    problems_with(ORDER, text)
}

fn problems_with(workflow: &str, text: &str) -> Problems {
    match read_cases("order.test.yaml", text) {
        Err(problems) => problems,
        Ok(file) => {
            let read = read("order.workflow.yaml", workflow).expect("a good workflow");
            file.check(&[&read.plan])
        }
    }
}

fn check(text: &str, expected: &str) {
    let found: Vec<String> = problems(text)
        .iter()
        .inspect(|problem| assert!(problem.hint.is_some(), "{problem}: a hint"))
        .map(|problem| format!("{} {}:{}", problem.code, problem.line, problem.column))
        .collect();
    assert_eq!(found.join("; "), expected, "{text}\n{}", problems(text));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one file with all that can be written")]
fn everything_that_can_be_written_is_read() {
    let file = read_cases(
        "order.test.yaml",
        "workflow: ./order.workflow.yaml
workflows: [./child.workflow.yaml]
real: [pack]
crash_everywhere: true
cases:
  base:
    inputs: { total: 1, tip: 2 }
    mock:
      cards.charge: [ { error: '503', code: X1, fatal: true, takes: 5s }, [1, 2], { output: { error: none }, takes: 1h } ]
      charge/undo: null
    at:
      0s: pause
      1m: [ resume, { signal: paid, with: { n: 1 }, id: k, by: dana } ]
      after charge: { approve: pack, by: dana, note: fine, form: { a: 1 }, groups: [ops] }
      2h: { down: 3h }
    expect:
      status: completed
      steps: { charge: { status: completed, attempts: 2, output: { n: 1 }, error: X }, pack: not reached }
      outputs: [1]
      calls: [cards.charge]
      takes: 1d
  more:
    extends: base
    inputs: { total: 3 }
    mock: { cards.charge: { n: 1 } }
    real: true
",
    )
    .expect("a good file");
    let [base, more] = file.cases.as_slice() else { panic!("two cases") };
    assert_eq!((base.line, more.line), (6, 22));
    assert_eq!(base.real, Real::Named(vec!["pack".into()]));
    let answers = &base.mocks[0].1;
    let failure = answers[0].result.clone().expect_err("a failure");
    assert_eq!(
        (failure.message.as_str(), failure.code.as_deref(), failure.fatal),
        ("503", Some("X1"), true)
    );
    assert_eq!(answers[0].takes_ms, 5_000);
    assert_eq!(answers[1].result, Ok(json!([1, 2])), "a list in a list is an output");
    assert_eq!(
        (answers[2].result.clone(), answers[2].takes_ms),
        (Ok(json!({"error": "none"})), 3_600_000)
    );
    let whens: Vec<&Point> = base.acts.iter().map(|act| &act.when).collect();
    let minute = Point::Time(60_000);
    assert_eq!(
        whens,
        [
            &Point::Time(0),
            &minute,
            &minute,
            &Point::After("charge".into()),
            &Point::Time(7_200_000)
        ]
    );
    assert_eq!(base.acts[4].what, Deed::Crash(10_800_000));
    assert_eq!(base.expect.takes_ms, Some(86_400_000));
    assert_eq!(
        more.input(),
        json!({"total": 3, "tip": 2}),
        "inputs are added to those of the other case"
    );
    assert_eq!(more.mocks.len(), 2);
    assert_eq!(more.acts, base.acts);
    assert_eq!(
        (&more.real, &more.expect.status),
        (&Real::All, &None),
        "what is expected is its own"
    );
    assert!(file.crash_everywhere);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    check("[]", "NX1120 1:1");
    check("workflow: a\n", "NX1120 1:1");
    check("cases: {}\n", "NX1120 1:1");
    check("cases:\n  a: { expcet: {} }\nflow: b\n", "NX1121 2:8; NX1121 3:1");
    check("cases:\n  a: { expect: { steps: { pack: { state: x } } } }\n", "NX1121 2:35");
    check("cases:\n  a: { at: { 1s: { signal: x, payload: 1 } } }\n", "NX1121 2:31");
    check("cases:\n  a: { mock: { charge: { error: x, retry: 1 } } }\n", "NX1121 2:36");
    check("cases:\n  a: { inputs: 3, mock: [] }\n  b: 7\n", "NX1122 2:16; NX1122 2:19; NX1122 3:6");
    check(
        "cases:\n  a: { expect: { calls: x, steps: { pack: { attempts: a } } } }\n",
        "NX1122 2:25; NX1122 2:55",
    );
    check(
        "cases:\n  a: { at: { soon: pause, 5: pause }, expect: { takes: 5 } }\n",
        "NX1123 2:14; NX1123 2:27; NX1123 2:56",
    );
    check("cases:\n  a: { extends: b }\n  c: { extends: c }\n", "NX1124 2:17; NX1124 3:17");
    check("cases:\n  a: { extends: b }\n  b: { extends: a }\n", "NX1124 2:17; NX1124 3:17");
    check(
        "cases:\n  a: { mock: { chrage: 1 }, real: [pak], at: { after x: crash } }\n",
        "NX1125 2:16; NX1125 2:36; NX1125 2:48",
    );
    check("cases:\n  a: { expect: { steps: { cards.charge: completed } } }\n", "NX1125 2:27");
    check(
        "cases:\n  a: { mock: { cards.refund: 1, charge/undo: 1, cards.charge: 1, script: 1, pack: 1 } }\n",
        "",
    );
    let quiet = "nexus: v1
name: quiet
steps:
  nap: { sleep: 1h }
  sum: { set: { a: 1 } }
  other: { call: ./order.workflow.yaml }
";
    let found =
        problems_with(quiet, "cases:\n  a: { mock: { nap: 1, sum: 1, other: 1, nip: 1 } }\n");
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "order.test.yaml:2:16: NX1125 step `nap` calls no handler to stand in for",
            "order.test.yaml:2:24: NX1125 step `sum` calls no handler to stand in for",
            "order.test.yaml:2:32: NX1125 step `other` calls no handler to stand in for",
            "order.test.yaml:2:42: NX1125 the workflow has no step or action `nip`",
        ],
    );
    check(
        "cases:\n  a: { at: { 1s: { pause: true, resume: true }, 2s: 7, 3s: {} } }\n",
        "NX1128 2:18; NX1128 2:49; NX1128 2:56",
    );
    check(
        "cases:\n  a: { expect: { status: done, steps: { pack: ok } } }\n",
        "NX1129 2:26; NX1129 2:47",
    );
    check("cases:\n\t- a\n", "NX1003 2:1");
}

#[test]
fn a_mistake_in_a_case_that_others_extend_is_told_once() {
    check("cases:\n  a: { expcet: {} }\n  b: { extends: a }\n  c: { extends: b }\n", "NX1121 2:8");
}

/// Pages from NX1120 on are about test files.
#[test]
fn the_example_of_a_page_about_test_files_provokes_its_code() {
    let mut seen = 0;
    for (name, page) in files("docs/errors", ".md") {
        let code = name.trim_end_matches(".md");
        let Some(number) = code.strip_prefix("NX11").and_then(|number| number.parse::<u32>().ok())
        else {
            continue;
        };
        if !(20..=29).contains(&number) || [26, 27].contains(&number) {
            continue;
        }
        let text = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let found = problems(text.expect("an example"));
        assert!(found.iter().any(|problem| problem.code == code), "{name}: {found}");
        seen += 1;
    }
    assert_eq!(seen, 8);
}

#[test]
fn starts_and_migrations_are_read_and_refused_with_their_places() {
    let text = "cases:
  base:
    starts:
      1m: [ { total: 2 }, { total: 3 } ]
      0s:
    at:
      1h: { migrate: ./next.workflow.yaml, refused: NX5014 }
      2h: { migrate: ./other.workflow.yaml }
    expect: { runs: 2 }
  more:
    extends: base
";
    let file = read_cases("order.test.yaml", text).expect("a good file");
    let [base, more] = file.cases.as_slice() else { panic!("two cases") };
    let starts: Vec<_> = base.starts.iter().map(|(ms, inputs)| (*ms, json!(inputs))).collect();
    let wanted = [(0, json!({})), (60_000, json!({"total": 2})), (60_000, json!({"total": 3}))];
    assert_eq!(starts, wanted, "in the order of their times");
    let files: Vec<&str> = base.migrations().collect();
    assert_eq!(files, ["./next.workflow.yaml", "./other.workflow.yaml"]);
    let Deed::Migrate { refused, .. } = &base.acts[0].what else { panic!("a migration") };
    assert_eq!(refused.as_deref(), Some("NX5014"));
    assert_eq!((base.expect.runs, more.expect.runs), (Some(2), None));
    assert_eq!(more.starts, base.starts);
    check("cases:\n  a:\n    starts: { after charge: {} }\n", "NX1123 3:15");
    check("cases:\n  a:\n    starts: { soon: {} }\n", "NX1123 3:15");
    check("cases:\n  a:\n    starts: { 0s: 3 }\n", "NX1122 3:19");
    check("cases:\n  a:\n    starts: [1]\n", "NX1122 3:5");
    check("cases:\n  a:\n    at: { 0s: { migrate: 3 } }\n", "NX1122 3:26");
    check("cases:\n  a:\n    expect: { runs: some }\n", "NX1122 3:21");
}
