//! Expressions from the outside: text in, text out.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::ErrorKind;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::language::LANGUAGE;
use super::{Condition, EvalError, Expression, FILTERS, FUNCTIONS, Scope, TESTS, Template};
use crate::definition::{Definition, InputSpec, Step, StepKind};
use crate::event::{Failure, RunStarted};
use crate::id::{Attempt, StepIndex};
use crate::payload::{ContentType, INLINE_BYTES_MAX, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::{Run, StepRun, StepState};
use crate::time::Timestamp;

mod limits;
mod page;
mod secrets;
mod source;
mod stack;

/// A run in the middle: `validate` completed, `review` skipped, `charge` failed and went on, `my-step` has a large output.
struct World {
    plan: Plan,
    run: Run,
    payloads: BTreeMap<PayloadHash, Arc<[u8]>>,
    this_output: Payload,
}

fn step(id: &str) -> Step {
    Step::new(id, StepKind::Action { uses: "x".to_owned(), with: Json::Null })
}

fn payload(value: &Json) -> Payload {
    Payload::json(value).0
}

fn world() -> World {
    let inputs = ["email", "items", "total", "big", "seed"];
    let definition = Definition {
        name: "orders".to_owned(),
        version: Some(7),
        inputs: inputs.into_iter().map(|name| (name.to_owned(), InputSpec::default())).collect(),
        env: [
            ("CURRENCY", json!("EUR")),
            ("LIMIT", json!(10)),
            ("TO", json!("${{ inputs.email }}")),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect(),
        steps: ["validate", "review", "charge", "my-step", "open"].map(step).to_vec(),
        ..Definition::default()
    };
    let plan = Plan::compile(definition).expect("a valid definition");
    let mut run = Run::new(&plan);
    let input = json!({
        "email": "a@b.example", "items": [{"sku": "x", "qty": 2}, {"sku": "y", "qty": 3}], "total": 250,
        "big": u64::MAX, "seed": -1,
    });
    run.started = Some(Box::new(RunStarted {
        name: "wf-001".to_owned(),
        workflow: "orders".to_owned(),
        input: payload(&input),
        seed: 42,
        ..RunStarted::default()
    }));
    run.started_at = Timestamp(1_782_898_200_000_000);
    let output = json!({"total": 250, "ratio": 0.5, "whole": 2.0, "ok": true, "name": "Ada", "none": null, "empty": []});
    let completed = |output: &Json| StepState::Completed { output: payload(output) };
    let failure =
        Failure { code: "NX3001".to_owned(), message: "no card".to_owned(), ..Failure::default() };
    let states = [
        completed(&output),
        StepState::Skipped { reason: "false is false".to_owned(), router: None },
        StepState::Failed { failure, continued: true },
        completed(&json!("x".repeat(INLINE_BYTES_MAX + 1))),
        StepState::Waiting,
    ];
    for (step, state) in plan.steps().zip(states) {
        let settled = state.is_settled();
        let next = StepRun {
            state,
            attempt: Attempt(2),
            started_at: settled.then_some(Timestamp(1_782_898_201_000_000)),
            settled_at: settled.then_some(Timestamp(1_782_898_202_500_000)),
            ..StepRun::default()
        };
        run.set_step(&plan, step, next);
    }
    let this_output = payload(&json!({"body": {"tracking": "ZX-77"}}));
    World { plan, run, payloads: BTreeMap::new(), this_output }
}

impl World {
    fn scope(&self) -> Scope<'_> {
        Scope {
            plan: &self.plan,
            run: &self.run,
            payloads: &self.payloads,
            step: Some((StepIndex(4), Attempt(3))),
            this_output: Some(&self.this_output),
            signal: None,
            item: None,
            now: Timestamp(1_782_898_300_000_000),
            vault: None,
        }
    }

    fn render(&self, template: &Json) -> String {
        let compiled = match Template::compile(template) {
            Ok(compiled) => compiled,
            Err(errors) => return format!("{} {}", errors[0].code, errors[0].message),
        };
        match compiled.render(&self.scope()) {
            Ok(value) => value.to_string(),
            Err(EvalError::Needs(needs)) => format!("needs {}", needs.len()),
            Err(EvalError::Failed { code, message }) => format!("{code} {message}"),
        }
    }

    fn load(&mut self) {
        let bytes: Arc<[u8]> =
            json!("x".repeat(INLINE_BYTES_MAX + 1)).to_string().into_bytes().into();
        let (payload, _) = Payload::new(ContentType::Json, Arc::clone(&bytes));
        let Payload::Stored(_, hash, _) = payload else { panic!("it is large") };
        self.payloads.insert(hash, bytes);
    }
}

/// Each line is a template and, after `=>`, what it becomes; the last word of an expected error may be left out.
fn check(table: &str) {
    let world = world();
    let mut wrong = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (template, expected) = line.split_once(" => ").expect("a line has `=>`");
        let became = world.render(&Json::String(template.trim().to_owned()));
        let expected = expected.trim();
        let fits = if expected.starts_with("NX") {
            became.starts_with(expected)
        } else {
            became == expected
        };
        if !fits {
            wrong.push(format!("{template}\n   expected {expected}\n   became   {became}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_whole_value_keeps_its_type() {
    check(
        r#"
        plain text                                  => "plain text"
        ${{ 1 }}                                    => 1
        ${{ 1.5 }}                                  => 1.5
        ${{ steps.validate.output.whole }}          => 2.0
        ${{ true }}                                 => true
        ${{ null }}                                 => null
        ${{ none }}                                 => null
        ${{ 'a' }}                                  => "a"
        ${{ [1, 'a', null] }}                       => [1,"a",null]
        ${{ {'b': {'c': 1}} }}                      => {"b":{"c":1}}
        ${{ {'b': {'c': {'d': 1}}}}}                => {"b":{"c":{"d":1}}}
        ${{ {1: 2, true: 3} }}                      => {"1":2,"true":3}
        ${{ inputs.total }}                         => 250
        ${{ inputs.big }}                           => 18446744073709551615
        ${{ inputs.seed }}                          => -1
        ${{ 18446744073709551615 }}                 => 18446744073709551615
        ${{ inputs['total'] + 1 }}                  => 251
        ${{inputs.items}}                           => [{"qty":2,"sku":"x"},{"qty":3,"sku":"y"}]
        ${{ steps.validate.output }}                => {"empty":[],"name":"Ada","none":null,"ok":true,"ratio":0.5,"total":250,"whole":2.0}
        "#,
    );
}

#[test]
fn inside_text_a_value_becomes_text() {
    check(
        r#"
        n=${{ 1 }}                                  => "n=1"
        n=${{ 1.5 }};                               => "n=1.5;"
        n=${{ steps.validate.output.whole }}        => "n=2.0"
        ${{ true }} and ${{ null }}.                => "true and ."
        Hello ${{ steps.validate.output.name }}!    => "Hello Ada!"
        ${{ [1, 'a'] }} ${{ {'b': none} }}          => "[1,\"a\"] {\"b\":null}"
        ${{ 'a' ~ 1 ~ true ~ null ~ 1 + 1 }}        => NX2103
        ${{ 'a' ~ 1 ~ true ~ null ~ 2 * 3 ~ [1, 'x'] }} => "a1true6[1,\"x\"]"
        ${{ 1 ~ 2 }}                                => "12"
        $${{ not an expression }} ${{ 1 }}          => "${{ not an expression }} 1"
        $$${{ x                                     => "$${{ x"
        $ {{ x }} $5                                => "$ {{ x }} $5"
        ${{ 'a }} b' }}                             => "a }} b"
        "#,
    );
}

#[test]
fn names_lead_into_the_run() {
    check(
        r#"
        ${{ run.id }}                               => "wf-001"
        ${{ run.started_at }}                       => "2026-07-01T09:30:00Z"
        ${{ run.version }}                          => 7
        ${{ run.seed }}                             => 42
        ${{ run.workflow }}                         => "orders"
        ${{ step.id }}                              => "open"
        ${{ step.key }}                             => "00000000000000000000000000000000/open"
        ${{ step.attempt }}                         => 3
        ${{ this.output.body.tracking }}            => "ZX-77"
        ${{ env.CURRENCY }}                         => "EUR"
        ${{ env.LIMIT + 1 }}                        => 11
        ${{ env.TO }}                               => "a@b.example"
        ${{ steps.validate.status }}                => "completed"
        ${{ steps.validate.attempts }}              => 2
        ${{ steps.validate.started_at }}            => "2026-07-01T09:30:01Z"
        ${{ steps.validate.took_ms }}               => 1500
        ${{ steps.validate.error }}                 => null
        ${{ steps.review.output }}                  => null
        ${{ steps.review.error }}                   => null
        ${{ steps.review.status }}                  => "skipped"
        ${{ steps.charge.output }}                  => null
        ${{ steps.charge.error.code }}              => "NX3001"
        ${{ steps.charge.error }}                   => {"code":"NX3001","details":null,"message":"no card"}
        ${{ steps["my-step"].status }}              => "completed"
        ${{ steps['my-step'].output }}              => needs 1
        ${{ steps.open.status }}                    => "pending"
        ${{ steps.open.took_ms }}                   => null
        ${{ steps.open | keys | join(',') }}        => "attempts,error,output,started_at,status,took_ms"
        ${{ steps.review.output.x | default(5) }}   => 5
        ${{ steps.review.output | default(5) }}     => 5
        ${{ get(steps.review.output, "a.b", 0) }}   => 0
        ${{ get(inputs, "items.1.sku") }}           => "y"
        ${{ get(inputs, "items.9.sku") }}           => null
        ${{ inputs.items.1.sku }}                   => "y"
        ${{ inputs.items.0['qty'] }}                => 2
        ${{ steps.review.output.x is defined }}     => false
        ${{ steps.review.output is none }}          => true
        ${{ steps.review.output == null }}          => true
        "#,
    );
    let mut world = world();
    world.load();
    let template = json!("${{ steps['my-step'].output | length }}");
    assert_eq!(world.render(&template), (INLINE_BYTES_MAX + 1).to_string());
}

#[test]
fn operators_filters_and_tests_do_what_they_say() {
    check(
        r#"
        ${{ 7 // 2 }} ${{ 7 % 2 }} ${{ 2 ** 10 }}   => "3 1 1024"
        ${{ 7 / 2 }}                                => 3.5
        ${{ 2 * 3 + 4 * 5 }}                        => 26
        ${{ -2 * -3 }}                              => 6
        ${{ 2 * (inputs.items | length) }}          => 4
        ${{ 2 * inputs.items | length }}            => 4
        ${{ 1 < 2 and not 2 < 1 or false }}         => true
        ${{ 1 < 2 < 3 }}                            => true
        ${{ 'x' in ['x', 'y'] }}                    => true
        ${{ 'z' not in ['x', 'y'] }}                => true
        ${{ 'a' if inputs.total > 100 else 'b' }}   => "a"
        ${{ 1 if 4 is odd else 2 if 4 is even else 3 }} => 2
        ${{ 'y' if inputs.total is defined else 0 }} => "y"
        ${{ inputs.items | map(attribute='qty') | sum }} => 5
        ${{ inputs.items | sum(attribute='qty') }}  => 5
        ${{ [1, 2.5] | sum }}                       => 3.5
        ${{ [0.5, 0.25, 4] | sum }}                 => 4.75
        ${{ inputs.items | selectattr('qty', 'gt', 2) | map(attribute='sku') | list }} => ["y"]
        ${{ inputs.items | rejectattr('qty', 'gt', 2) | map(attribute='sku') | join }} => "x"
        ${{ [1, 2, 3] | select('odd') | list }}     => [1,3]
        ${{ ['a', 'b'] | map('upper') | join('-') }} => "A-B"
        ${{ 'a,b' | split(',') }}                   => ["a","b"]
        ${{ [3, 1, 2] | sort }} ${{ [3, 1] | max }} ${{ [3, 1] | min }} => "[1,2,3] 3 1"
        ${{ [1, 2] | first }} ${{ [1, 2] | last }}  => "1 2"
        ${{ ' x ' | trim }}                         => "x"
        ${{ 'aXb' | lower | replace('x', '-') }}    => "a-b"
        ${{ 1.25 | round(1) }} ${{ -3 | abs }} ${{ '7' | int }} ${{ '7' | float }} => "1.2 3 7 7.0"
        ${{ {'b': 1, 'a': 2} | dictsort }}          => [["a",2],["b",1]]
        ${{ {'b': 1, 'a': 2} | items | list }}      => [["a",2],["b",1]]
        ${{ {'b': 1, 'a': 2} | values }}            => [2,1]
        ${{ {'a': [1, true, none]} | tojson }}      => "{\"a\":[1,true,null]}"
        ${{ {'a': '<'} | json }}                    => "{\"a\":\"<\"}"
        ${{ '{"a": [1, 2.0]}' | parse_json }}       => {"a":[1,2.0]}
        ${{ 'nexus' is startswith('ne') }}          => true
        ${{ 'nexus' is endswith 'us' }}             => true
        ${{ 'nexus' is contains('ex') }}            => true
        ${{ [1, 2] is contains(3) }}                => false
        ${{ 'A-12' is matching('^A-[0-9]+$') }}     => true
        ${{ [1, 2, 3][1:] }} ${{ 'abc'[::-1] }}     => "[2,3] cba"
        ${{ [1, 1, 2] | unique | list }}            => [1,2]
        ${{ [1, 2] + [3] }}                         => [1,2,3]
        ${{ true | string }} ${{ none | string }}|  => "true |"
        ${{ 'a' 'b' }}                              => "ab"
        ${{ 'it\'s' }} ${{ '\\' }}                   => "it's \\"
        ${{ ['', ''] | join }}|                     => "|"
        ${{ 0 | default(5) }} ${{ 0 | default(5, false) }} ${{ 0 | default(5, true) }} => "0 0 5"
        ${{ 1 | default(5, true) }}                 => 1
        ${{ 1 == 1.0 }}                             => true
        ${{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} => true
        "#,
    );
}

#[test]
fn what_is_wrong_is_said() {
    check(
        r"
        ${{ }}                                      => NX2001 the expression is empty
        ${{ 1                                       => NX2001 `${{` is not closed with `}}`
        ${{ 1 + }}                                  => NX2001 found the end where a value is expected
        ${{ a && b }}                               => NX2001 `&&` is not an operator here
        ${{ true || false }}                        => NX2001 `||` is not an operator here
        ${{ !true }}                                => NX2001 `!` is not an operator here
        ${{ 1 2 }}                                  => NX2001 `2` is not expected here
        ${{ 'a }}                                   => NX2001 the text is not closed with '
        ${{ 99999999999999999999 }}                 => NX2001 99999999999999999999 is beyond 64 bits
        ${{ 1 if true }}                            => NX2001 this `if` has no `else`
        ${{ 'a'.upper() }}                          => NX2001 only functions can be called
        ${{ (1, 2) }}                               => NX2001 found `,` where `)` is expected
        ${{ x }}                                    => NX2101 unknown name `x`
        ${{ steps.my-long.output }}                 => NX2101 `steps.my-long` reads as `steps` minus something
        ${{ input.total }}                          => NX2101 unknown name `input`
        ${{ 1 | uper }}                             => NX2101 unknown filter `uper`
        ${{ 1 is od }}                              => NX2101 unknown test `od`
        ${{ fetch(1) }}                             => NX2101 unknown function `fetch`
        ${{ length('a') }}                          => NX2101 `length` is a filter
        ${{ ['a'] | map('uper') | list }}           => NX2101
        ${{ range(5) }}                             => NX2101 unknown function `range`
        ${{ 'a' | __text }}                         => NX2101 unknown filter
        ${{ ['a'] | map('indent') | list }}         => NX2101
        ${{ loop }} ${{ self }}                     => NX2101 unknown name `loop`
        ${{ now() }}                                => NX2201 `now` would give another answer on replay
        ${{ random }}                               => NX2201
        ${{ steps.validate.output.tota }}           => NX2102 `steps.validate.output.tota` is missing
        ${{ steps.validate.output.a.b }}            => NX2102 `steps.validate.output.a` is missing
        ${{ steps.review.output.total > 5 }}        => NX2102 `steps.review.output.total` is missing in `steps.review.output.total > 5`
        ${{ [] | first }}                           => NX2102
        x ${{ inputs.items[7] }}                    => NX2102
        ${{ 1 / 0 }}                                => NX2103
        ${{ 'a' + 1 }}                              => NX2103
        ${{ 'a' * 3 }}                              => NX2103 `*` multiplies numbers, not string
        ${{ 3 * [1] }}                              => NX2103 `*` multiplies numbers, not sequence
        ${{ 2 ** 64 }}                              => NX2103 the result is beyond 64 bits
        ${{ 2.0 ** 5000 }}                          => NX2103 the result is not a finite number
        ${{ 'a' is matching('((a{90}){90}){90}') }} => NX2103 not a regular expression
        ${{ 'x' | parse_json }}                     => NX2103 not JSON
        ",
    );
}

#[test]
fn a_condition_tells_what_it_saw() {
    let world = world();
    let long =
        format!("{} ({}…)", "inputs.items is true", r#"[{"qty":2,"sku":"x"},{"qty":3,"sku":"y"}]"#);
    assert!(long.len() > 60);
    for (source, saw) in [
        ("steps.validate.output.total > 1000", "steps.validate.output.total > 1000 is false (250)"),
        (
            "${{ steps.validate.output.total > 100 }}",
            "steps.validate.output.total > 100 is true (250)",
        ),
        ("  true ", "true is true"),
        ("inputs.items", r#"inputs.items is true ([{"qty":2,"sku":"x"},{"qty":3,"sku":"y"}])"#),
        ("steps.validate.output.empty", "steps.validate.output.empty is false ([])"),
        (
            "inputs.total > 1000 or steps.review.output == null",
            "inputs.total > 1000 or steps.review.output == null is true (inputs.total = 250, steps.review.output = null)",
        ),
        ("steps.review.output.x is defined", "steps.review.output.x is defined is false (missing)"),
    ] {
        let condition = Condition::compile(source).expect(source);
        let verdict = condition.holds(&world.scope()).expect(source);
        assert_eq!(verdict.saw, saw);
        assert_eq!(verdict.holds, saw.contains(" is true"), "{saw}");
    }
    for source in ["1 }} 2", "${{ 1 }} and ${{ 2 }}", "", "${{ }}", "a == 1"] {
        assert!(Condition::compile(source).is_err(), "{source}");
    }
    let error = Condition::compile("${{ inputs.total > nothing }}").expect_err("an unknown name");
    assert_eq!(error.range, Some(19..26));
    for (source, range) in [("1 }} 2", 2..6), ("${{ 1 }} and ${{ 2 }}", 6..21)] {
        let error = Condition::compile(source).expect_err("two of them");
        assert_eq!(error.message, "a condition is one expression and nothing else");
        assert_eq!(error.range, Some(range), "{source}");
    }
}

#[test]
fn errors_name_their_place() {
    let template = json!({"a": ["x", "to ${{ inputs.x }} and ${{ uper }}"]});
    let errors = Template::compile(&template).expect_err("an unknown name");
    assert_eq!(errors[0].path, ["a", "1"]);
    assert_eq!(errors[0].range, Some(27..31));
    let errors = Template::compile(&json!("a ${{ 1")).expect_err("it is not closed");
    assert_eq!(errors[0].range, Some(2..7));
    let template = json!({"a": ["x", "to ${{ inputs.x }} and ${{ steps.a.output }}"]});
    let compiled = Template::compile(&template).expect("a template");
    let found: Vec<_> = compiled.references();
    assert_eq!(found[1].path, ["a", "1"]);
    assert_eq!(found[1].range, 27..41);
    assert_eq!(found[1].reference.step(), Some("a"));
}

#[test]
fn literals_are_known_as_such() {
    for (template, literal) in [
        (json!({"a": [1, "x", {"b": null}]}), true),
        (json!("$${{ x }}"), true),
        (json!(""), true),
        (json!({"a": [1, "${{ 1 }}"]}), false),
    ] {
        assert_eq!(
            Template::compile(&template).expect("a template").is_literal(),
            literal,
            "{template}"
        );
    }
}

#[test]
fn what_grows_is_stopped() {
    let grow = "'aaaaaaaaaa'".to_owned() + &" | replace('a', 'aaaaaaaaaa')".repeat(60);
    let pile = |inner: &str| {
        format!("[{{}}, {{}}, {{}}, {{}}] | map(attribute='x', default={inner}) | list")
    };
    let piled = (0..20).fold("[1]".to_owned(), |inner, _| pile(&inner));
    let joined =
        "'aaaaaaaaaaaaaaaaaaaa'".to_owned() + &" | list | join('bbbbbbbbbbbbbbbbbbbb')".repeat(20);
    let world = world();
    for source in [grow, piled.clone(), joined, format!("({piled}) == ({piled})")] {
        if source.len() < 2048 {
            let became = world.render(&Json::String(format!("${{{{ {source} }}}}")));
            assert!(became.starts_with("NX2301"), "{became:.200}");
        }
    }
}

#[test]
fn what_nests_is_refused() {
    let world = world();
    for (source, code) in [
        ("(".repeat(33) + "1" + &")".repeat(33), "NX2301"),
        ("(".repeat(32) + "1" + &")".repeat(32), "1"),
        ("[".repeat(1000), "NX2301"),
        ("not ".repeat(33) + "true", "NX2301"),
        ("not ".repeat(32) + "true", "true"),
        ("-".repeat(33) + "1", "NX2301"),
        ("-".repeat(32) + "1", "1"),
        ("--------(".repeat(12) + "1" + &")".repeat(12), "NX2301"),
        ("not not (".repeat(30) + "1" + &")".repeat(30), "true"),
        ("1".to_owned() + &"+1".repeat(1000), "NX2301"),
        ("1".to_owned() + &"+1".repeat(99), "100"),
        ("inputs".to_owned() + &".a".repeat(900), "NX2301"),
        ("1".to_owned() + &"|abs".repeat(500), "NX2301"),
        ("1".to_owned() + &" if true else 1".repeat(130), "NX2301"),
        ("1".to_owned() + &" ".repeat(2100) + "+ 1", "NX2301"),
        ("'".to_owned() + &"x".repeat(3000) + "'", "NX2301"),
        ("1 is eq ".repeat(200) + "1", "NX2301"),
        ("[1]".to_owned() + &"[:]".repeat(90), "[1]"),
    ] {
        let became = world.render(&Json::String(format!("${{{{ {source} }}}}")));
        assert!(became.starts_with(code), "{source:.60} became {became:.100}");
    }
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    assert!(world.render(&deep).starts_with("NX2301"));
}

const TOKENS: &str = "inputs steps validate output total items run id step this env . . . ( ) [ ] { } , : | | ~ + - * / // % ** == \
    != < >= in not and or if else is 'a' \"b\" 0 1 2.5 9999999999 null true map 'upper' select join replace default get length \
    sum list odd defined eq sort round = attribute tojson parse_json split int 'x'*3 [1,2] {'a':1} (1) inputs.items \
    steps.validate.output x now() }} ${{";

fn soup() -> impl Strategy<Value = String> {
    let tokens: Vec<&str> = TOKENS.split_whitespace().collect();
    proptest::collection::vec(proptest::sample::select(tokens), 0..40)
        .prop_map(|tokens| tokens.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_token_soup_panics_or_hangs(source in soup()) {
        try_source(&source);
    }

    /// The marks behind the operands of `*` change nothing for numbers: this parser and minijinja's agree on the operands.
    #[test]
    fn marks_change_nothing_for_numbers(source in arithmetic()) {
        let values = minijinja::Value::from_pairs([("inputs", minijinja::Value::from_pairs([("total", 250)]))]);
        let plain = LANGUAGE.compile_expression(&source).and_then(|program| program.eval(values.clone()));
        let marked = Expression::compile(&source, None).map(|(expression, _)| expression.eval(&values));
        match (plain, marked) {
            (Ok(plain), Ok(Ok(marked))) => prop_assert_eq!(plain.to_string(), marked.to_string()),
            (Err(_), Ok(Err(_))) => {}
            (plain, marked) => prop_assert!(false, "{:?} became {:?}", plain, marked),
        }
    }

    #[test]
    fn no_text_panics_or_hangs(source in "[\\PC\\x00-\\x20(){}\\[\\]'\"|~*+-]{0,80}") {
        try_source(&source);
    }

    #[test]
    fn no_bytes_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        try_source(&String::from_utf8_lossy(&bytes));
    }
}

fn try_source(source: &str) {
    thread_local! {
        static WORLD: World = world();
    }
    WORLD.with(|world| {
        let _ = world.render(&Json::String(format!("${{{{ {source} }}}}")));
        let _ = world.render(&Json::String(format!("a {source} b")));
        if let Ok(condition) = Condition::compile(source) {
            let _ = condition.holds(&world.scope());
        }
    });
}

#[test]
fn every_word_of_the_language_is_there() {
    let kind = |source: &str| {
        let program = LANGUAGE.compile_expression_owned(source.to_owned()).expect(source);
        program.eval(minijinja::Value::from_pairs([("x", 1)])).map_err(|error| error.kind()).err()
    };
    for filter in FILTERS {
        assert_ne!(kind(&format!("x | {filter}")), Some(ErrorKind::UnknownFilter), "{filter}");
    }
    for test in TESTS {
        assert_ne!(kind(&format!("x is {test}()")), Some(ErrorKind::UnknownTest), "{test}");
    }
    for function in FUNCTIONS {
        assert_ne!(kind(&format!("{function}(x)")), Some(ErrorKind::UnknownFunction), "{function}");
    }
}

fn arithmetic() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "1",
        "2",
        "0.5",
        "7",
        "[1, 2] | length",
        "'ab' | length",
        "-3",
        "inputs.total",
        "3 is odd()",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                proptest::sample::select(vec!["*", "*", "*", "+", "-", "/", "//", "%", "**"]),
                inner.clone()
            )
                .prop_map(|(left, symbol, right)| format!("{left} {symbol} {right}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("-({inner}) | abs")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} < {right}")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("[{left}, {right}][1]")),
        ]
    })
}

#[test]
fn compiled_expressions_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Plan>();
}
