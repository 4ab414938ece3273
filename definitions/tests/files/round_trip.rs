//! Any definition that can be said in YAML is read back as it was written.

use std::collections::BTreeMap;

use nexus_definitions::{read, write};
use nexus_model::definition::{
    Approval, Backoff, CircuitBreaker, Compensate, Concurrency, ConcurrencyRate, ConcurrencyScope,
    Debounce, Dedupe, Definition, EventTrigger, ForEach, InputKind, InputSpec, OnApprovalTimeout,
    OnEnd, OnError, OnItemError, OnSignalTimeout, Retry, Step, StepKind, Switch, SwitchCase,
    Trigger, Update, WhenNeeds, WhileOpen, is_file,
};
use nexus_model::schedule::{CatchUp, Overlap, Timing};
use proptest::prelude::*;
use serde_json::Value;

/// Texts that are hard to write: everything but the beginning of an expression.
fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "yes",
        "null",
        "~",
        "1",
        "1e3",
        "0x1f",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "\\",
        "<<",
        "=",
        "|",
        ">",
        "%",
        "@",
        "`",
        "*a",
        "&a",
        "!x",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\na",
        " a",
        "a ",
        "a\n b",
        " \n",
        "a\n  \nb",
        "\t",
        "a\tb",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "a:",
        "?",
        "-",
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        "{}",
        "$",
        "$HOME",
        "ü",
        "👋",
        "2026-01-31",
        "12:30",
        "\0",
        "\u{7f}",
        "\r",
        "a\r\nb",
        ".inf",
        ".",
        "---",
        "...",
        "--- a",
        "a\n---\nb",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), "[ -~äß\n]{1,30}", "[a-z]{1,8}"]
        .prop_map(|text| text.replace("{{", "{").replace("}}", "}"))
}

/// Texts with something in them.
fn words() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.trim().is_empty() { "x".to_owned() } else { text })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn input() -> impl Strategy<Value = InputSpec> {
    let kinds = prop::sample::select(vec![InputKind::Any, InputKind::String, InputKind::Map]);
    (kinds, any::<bool>(), prop::option::of(words())).prop_map(|(kind, optional, description)| {
        InputSpec { kind, required: optional.then_some(false), description, ..InputSpec::default() }
    })
}

fn retry() -> impl Strategy<Value = Retry> {
    let backoff =
        prop::sample::select(vec![Backoff::Exponential, Backoff::Linear, Backoff::Constant]);
    let codes = || prop::collection::vec("NX3[0-9]{3}", 0..3);
    (
        1u32..9,
        backoff,
        0u64..100_000_000,
        1.0f64..9.0,
        any::<bool>(),
        codes(),
        codes(),
        any::<bool>(),
    )
        .prop_map(
            |(max_attempts, backoff, ms, factor, jitter, retry_on, give_up_on, short)| {
                if short {
                    return Retry { max_attempts, ..Retry::default() };
                }
                Retry {
                    max_attempts,
                    backoff,
                    initial_ms: ms,
                    factor,
                    max_ms: ms.saturating_mul(3),
                    jitter,
                    retry_on,
                    give_up_on,
                }
            },
        )
}

fn kind() -> impl Strategy<Value = StepKind> {
    let env =
        prop::collection::btree_map("[A-Z_][A-Z0-9_]{0,5}", text().prop_map(Value::from), 0..3);
    prop_oneof![
        ("[a-z]{1,9}", value()).prop_map(|(event, data)| StepKind::Action {
            uses: "event.emit".to_owned(),
            with: serde_json::json!({"event": event, "data": data}),
        }),
        ("[a-z]{1,5}\\.[a-z]{1,5}", value())
            .prop_map(|(uses, with)| StepKind::Action { uses, with }),
        (words(), prop::option::of("[a-z]{2,5}"), env)
            .prop_map(|(run, shell, env)| StepKind::Script { run, shell, env }),
        prop::collection::btree_map("[a-z]{1,5}", value(), 0..4)
            .prop_map(|map| StepKind::Set { values: Value::Object(map.into_iter().collect()) }),
        (1u32..5000).prop_map(|s| StepKind::Sleep { duration: Value::from(format!("{s}s")) }),
        prop::sample::select(vec!["2026-12-24T18:00:00Z", "${{ '2026-12-24T18:00:00+01:00' }}"])
            .prop_map(|time| StepKind::SleepUntil { time: Value::from(time) }),
        wait_for(),
        update(),
        call(),
        approve(),
        switch(),
    ]
}

fn call() -> impl Strategy<Value = StepKind> {
    let version = prop::option::of("v?[1-9][0-9]?");
    ("[a-z./-]{1,9}[a-z]", version, value()).prop_map(|(workflow, version, with)| {
        // A file has no version.
        let version = version.filter(|_| !is_file(&workflow));
        StepKind::Call { workflow, version, definition: None, with }
    })
}

fn switch() -> impl Strategy<Value = StepKind> {
    let when = prop::sample::select(vec!["true", "1 < 2", "'a: b' == \"#\""]);
    // Which steps there are is not known here.
    let case = when.prop_map(|when| SwitchCase { when: when.to_owned(), then: Vec::new() });
    prop::collection::vec(case, 1..3)
        .prop_map(|cases| StepKind::Switch(Box::new(Switch { cases, default: Vec::new() })))
}

fn approve() -> impl Strategy<Value = StepKind> {
    let by = prop_oneof![
        Just(Value::from("ops")),
        Just(Value::from("${{ inputs }}")),
        prop::collection::vec("(user:|group:|)[a-z #']{0,5}[a-z]", 1..4).prop_map(Value::from),
    ];
    let message = prop_oneof![Just(Value::Null), words().prop_map(Value::from)];
    let form = prop::collection::btree_map("[a-z]{1,5}", input(), 0..3);
    let timeout = prop::option::of(1u64..9_000_000_000);
    let on_timeout = prop::sample::select(vec![
        OnApprovalTimeout::Fail,
        OnApprovalTimeout::Reject,
        OnApprovalTimeout::Continue,
    ]);
    (by, message, form, timeout, on_timeout).prop_map(
        |(by, message, form, timeout_ms, on_timeout)| {
            StepKind::Approve(Box::new(Approval { by, message, form, timeout_ms, on_timeout }))
        },
    )
}

fn wait_for() -> impl Strategy<Value = StepKind> {
    let matches = prop::option::of(prop::sample::select(vec!["true", "signal.id == 'a: b'"]));
    let timeout = prop::option::of(1u64..9_000_000_000);
    ("[a-z .:#']{1,9}[a-z]", matches, timeout, any::<bool>()).prop_map(
        |(signal, matches, timeout_ms, goes_on)| {
            let signal = if goes_on { signal } else { "event:order.paid".to_owned() };
            let carried = if goes_on { "signal" } else { "event" };
            let matches = matches.map(|text| text.replace("signal", carried));
            let on_timeout =
                if goes_on { OnSignalTimeout::Continue } else { OnSignalTimeout::Fail };
            StepKind::WaitFor { signal, matches, timeout_ms, on_timeout }
        },
    )
}

fn update() -> impl Strategy<Value = StepKind> {
    let accepts = prop::option::of(prop::sample::select(vec!["true", "update.id == 'a: b'"]));
    let texts = (value(), value());
    let form = prop::collection::btree_map("[a-z]{1,6}", input(), 0..3);
    let timeout = prop::option::of(1u64..9_000_000_000);
    ("[a-z .:#']{1,9}[a-z]", accepts, texts, form, timeout).prop_map(
        |(name, accepts, (message, reply), form, timeout_ms)| {
            let refuses = accepts.is_some() || !form.is_empty();
            let on_timeout =
                if refuses { OnSignalTimeout::Continue } else { OnSignalTimeout::Fail };
            StepKind::Update(Box::new(Update {
                name,
                form,
                accepts: accepts.map(str::to_owned),
                message: if refuses { message } else { Value::Null },
                reply,
                timeout_ms,
                on_timeout,
            }))
        },
    )
}

fn for_each() -> impl Strategy<Value = ForEach> {
    let items = prop_oneof![
        prop::collection::vec(value(), 0..4).prop_map(Value::Array),
        Just(Value::from("${{ [1, 2] }}")),
    ];
    let name = prop::sample::select(vec!["item", "line", "x_1"]);
    let on_error = prop::sample::select(vec![OnItemError::Fail, OnItemError::Collect]);
    (items, name, 1u32..1_001, on_error).prop_map(|(items, name, concurrency, on_item_error)| {
        ForEach { items, name: name.to_owned(), concurrency, on_item_error }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let condition = prop::option::of(prop::sample::select(vec![
        "true",
        "false",
        "1 < 2",
        "'a: b' == \"#\"",
        "'}' in ['}']",
    ]));
    let when = prop::sample::select(vec![
        WhenNeeds::AllOk,
        WhenNeeds::AnyOk,
        WhenNeeds::AllDone,
        WhenNeeds::AnyFailed,
    ]);
    let time = || prop::option::of(1u64..9_000_000_000);
    let times = (prop::option::of(1u64..u64::MAX / 2), time(), time(), time());
    let times = (times, prop::option::of(concurrency()), prop::option::of(breaker()));
    let outputs =
        prop::option::of(value().prop_filter("null says nothing", |value| !value.is_null()));
    let errors = (any::<bool>(), prop::option::of(for_each()));
    (kind(), prop::option::of(words()), condition, when, retry(), times, errors, outputs).prop_map(
        |(
            kind,
            name,
            condition,
            when_needs,
            retry,
            ((timeout_ms, deadline_ms, heartbeat_ms, start_within_ms), concurrency, breaker),
            (tolerated, for_each),
            outputs,
        )| {
            let attempts = matches!(kind, StepKind::Action { .. } | StepKind::Script { .. });
            Step {
                id: String::new(),
                name,
                kind,
                needs: Vec::new(),
                when_needs,
                condition: condition.map(str::to_owned),
                retry: if attempts { retry } else { Retry::default() },
                timeout_ms: timeout_ms.filter(|_| attempts),
                deadline_ms: deadline_ms.filter(|_| attempts),
                heartbeat_ms: heartbeat_ms.filter(|_| attempts),
                start_within_ms: start_within_ms.filter(|_| attempts),
                on_error: if tolerated { OnError::Continue } else { OnError::Fail },
                concurrency: concurrency.filter(|_| attempts),
                breaker: breaker.filter(|_| attempts),
                for_each: for_each.filter(|_| attempts),
                outputs,
                compensate: None,
            }
        },
    )
}

fn concurrency() -> impl Strategy<Value = Concurrency> {
    let rate = (1u32..=10_000, 1u64..9_000_000_000)
        .prop_map(|(limit, per_ms)| ConcurrencyRate { limit, per_ms });
    let limits = prop_oneof![
        (1..=u32::MAX).prop_map(|limit| (Some(limit), None)),
        (prop::option::of(1..=u32::MAX), rate).prop_map(|(limit, rate)| (limit, Some(rate))),
    ];
    let key = || prop::option::of("[a-z]{1,6}".prop_map(String::from));
    (limits, key(), key(), prop::option::of(any::<i32>()), any::<bool>()).prop_map(
        |((limit, rate), key, fairness_key, priority, global)| Concurrency {
            scope: if global && key.is_some() {
                ConcurrencyScope::Global
            } else {
                ConcurrencyScope::Workflow
            },
            key,
            limit,
            rate,
            fairness_key,
            priority: priority.map(Value::from),
        },
    )
}

fn start_rule() -> impl Strategy<Value = (Option<Dedupe>, Option<Debounce>)> {
    let times = || 1u64..9_000_000_000;
    let dedupe = ("[a-z]{1,6}", times()).prop_map(|(key, within_ms)| Dedupe { key, within_ms });
    let debounce = (prop::option::of("[a-z]{1,6}"), times(), prop::option::of(times())).prop_map(
        |(key, wait_ms, more)| Debounce {
            key,
            wait_ms,
            at_most_ms: more.map(|more| wait_ms + more),
        },
    );
    prop_oneof![
        dedupe.prop_map(|rule| (Some(rule), None)),
        debounce.prop_map(|rule| (None, Some(rule))),
    ]
}

fn breaker() -> impl Strategy<Value = CircuitBreaker> {
    ("[a-z]{1,6}", 1..=u32::MAX, 1..=u32::MAX, 1u64..9_000_000_000, any::<bool>()).prop_map(
        |(target, failures, successes, open_ms, fails)| {
            let while_open = if fails { WhileOpen::Fail } else { WhileOpen::Wait };
            CircuitBreaker { target, failures, successes, open_ms, while_open }
        },
    )
}

fn compensate() -> impl Strategy<Value = Option<Box<Compensate>>> {
    let kind = kind().prop_filter("an action", |kind| {
        matches!(kind, StepKind::Action { .. } | StepKind::Script { .. })
    });
    let undo = (kind, prop::option::of(retry()), prop::option::of(1u64..9_000_000_000));
    prop::option::of(
        undo.prop_map(|(kind, retry, timeout_ms)| Box::new(Compensate { kind, retry, timeout_ms })),
    )
}

fn on_end() -> impl Strategy<Value = OnEnd> {
    prop::sample::select(vec![OnEnd::Keep, OnEnd::Compensate])
}

/// Steps that each need some of those above. Every second has an id as imported graphs have.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((step(), any::<u8>(), words(), compensate()), 1..6).prop_map(|steps| {
        let mut out: Vec<Step> = Vec::new();
        for (at, (mut step, needs, word, compensate)) in steps.into_iter().enumerate() {
            let word: String = word.chars().filter(|char| !char.is_control()).collect();
            step.id = if at % 2 == 0 { format!("step-{at}") } else { format!("{word}{at}") };
            step.needs = out
                .iter()
                .enumerate()
                .filter(|(bit, _)| needs >> bit & 1 == 1)
                .map(|(_, step)| step.id.clone())
                .collect();
            step.compensate = compensate;
            if step.needs.is_empty() {
                step.when_needs = WhenNeeds::AllOk;
            }
            out.push(step);
        }
        out
    })
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let cron = prop::sample::select(vec!["0 6 * * *", "*/5 8-18 * * 1-5", "15 30 2 L * *"]);
    let zone = prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York"]);
    let timing = prop_oneof![
        (cron, zone).prop_map(|(expression, zone)| {
            Timing::Cron { expression: expression.to_owned(), zone: zone.to_owned() }
        }),
        (1_000u64..9_000_000_000).prop_map(|ms| Timing::Every { ms }),
    ];
    let catch_up = prop::sample::select(CatchUp::ALL.to_vec());
    let overlap = prop::sample::select(Overlap::ALL.to_vec());
    let input = prop::option::of(value().prop_filter("null says nothing", |it| !it.is_null()));
    (prop::option::of("[a-z]{1,9}"), timing, catch_up, overlap, input).prop_map(
        |(name, timing, catch_up, overlap, input)| Trigger {
            name,
            timing,
            catch_up,
            overlap,
            input,
        },
    )
}

fn event_trigger() -> impl Strategy<Value = EventTrigger> {
    let matches = prop::option::of(prop::sample::select(vec!["true", "event.id == 'a: b'"]));
    let input = prop::option::of(value().prop_filter("null says nothing", |it| !it.is_null()));
    ("[a-z]{1,9}\\.[a-z:+-]{1,9}", matches, input, prop::option::of("[a-z]{1,9}")).prop_map(
        |(event, matches, input, name)| EventTrigger {
            event,
            matches: matches.map(str::to_owned),
            input,
            name,
        },
    )
}

fn definition() -> impl Strategy<Value = Definition> {
    let head = (
        "[a-z][a-z0-9-]{0,20}",
        prop::option::of(words()),
        prop::option::of(any::<u32>()),
        any::<bool>(),
    );
    let maps = (
        prop::collection::btree_map("[a-z]{1,6}", text(), 0..3),
        prop::collection::btree_map("[a-z]{1,6}", input(), 0..3),
        prop::collection::btree_map("[A-Z]{1,6}", text().prop_map(Value::from), 0..3),
        (prop::collection::vec(trigger(), 0..3), prop::collection::vec(event_trigger(), 0..3)),
        prop::collection::vec("[A-Z_]{1,6}", 0..3),
        any::<bool>(),
    );
    let outputs =
        prop::option::of(value().prop_filter("null says nothing", |value| !value.is_null()));
    let outputs = (outputs, prop::collection::btree_map("[a-z]{1,6}", value(), 0..3));
    let limit = prop::option::of(concurrency());
    let rule = prop::option::of(start_rule());
    let ends = (prop::option::of(1u64..9_000_000_000), limit, rule, on_end(), on_end());
    (head, maps, ends, steps(), outputs).prop_map(
        |(head, maps, (timeout_ms, concurrency, rule, on_failure, on_cancel), steps, outputs)| {
            let (dedupe, debounce) = rule.unwrap_or_default();
            let (outputs, queries) = outputs;
            let (name, description, version, input_is_value) = head;
            let (labels, inputs, env, (triggers, event_triggers), secrets, encrypt) = maps;
            let calls = steps.iter().any(|step: &Step| matches!(step.kind, StepKind::Call { .. }));
            Definition {
                name,
                description,
                version,
                labels,
                inputs: if input_is_value { BTreeMap::new() } else { inputs },
                input_is_value,
                env,
                secrets,
                code: false,
                // An encrypted workflow calls no other, and its starts have no key.
                encrypt: encrypt && !calls && dedupe.is_none() && debounce.is_none(),
                run_id: None,
                timeout_ms,
                concurrency,
                dedupe,
                debounce,
                on_failure,
                on_cancel,
                triggers,
                event_triggers,
                steps,
                outputs,
                queries,
            }
        },
    )
}

/// A program may give milliseconds as a number; files take durations with a unit only.
#[test]
fn a_sleep_without_a_unit_is_written_with_one() {
    for (given, written) in [
        (Value::from(1500), "1s500ms"),
        (Value::from(1500.0), "1s500ms"),
        (Value::from(0.25), "0s"),
        (Value::from("90000"), "1m30s"),
        (Value::from(" 5s "), " 5s "),
        (Value::from("PT5M"), "PT5M"),
        (Value::from("${{ inputs.wait }}"), "${{ inputs.wait }}"),
    ] {
        let kind = StepKind::Sleep { duration: given.clone() };
        let step = Step::new("z", kind);
        let wait = InputSpec { kind: InputKind::Any, ..InputSpec::default() };
        let inputs = [("wait".to_owned(), wait)].into();
        let name = "sleeps".to_owned();
        let definition = Definition { name, inputs, steps: vec![step], ..Definition::default() };
        let text = write(&definition);
        let read = read("written", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let StepKind::Sleep { duration } = &read.definition.steps[0].kind else { panic!("{text}") };
        assert_eq!(duration, &Value::from(written), "{given}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(definition in definition()) {
        let written = write(&definition);
        match read("written", &written) {
            Ok(read) => prop_assert_eq!(&read.definition, &definition, "{}", written),
            Err(problems) => prop_assert!(false, "{}\n{}", problems, written),
        }
    }
}
