//! The starts of one key on paper: what was asked at which second, and what came of it.
//!
//! `dedupe 10 A` asks for a run with input A, and a key counts for 10 s; `as wf-1` behind it gives the run a name. `keep 30 300 A`
//! asks for one when it has been quiet for 30 s, after 300 s at the latest (`-`: never); `once X` behind it gives a token. `fire`,
//! `begun 1`, `failed 1` and `cancel 1` say what else happens; `10s` sets the clock.

use proptest::prelude::*;

use super::*;
use crate::aggregate::{Decoded, EventKind};

struct Paper {
    key: StartKey,
    now: Timestamp,
}

fn actor() -> Actor {
    Actor { name: "eva".into(), via: "cli".into() }
}

fn request(input: &str) -> RunRequest {
    RunRequest {
        workflow: "reindex".into(),
        input: input.into(),
        by: actor(),
        ..RunRequest::default()
    }
}

fn command(text: &str) -> StartKeyCommand {
    let words: Vec<&str> = text.split(' ').collect();
    let ms = |seconds: &str| seconds.parse::<u64>().expect("seconds") * 1000;
    match words.as_slice() {
        ["dedupe", within, input, rest @ ..] => StartKeyCommand::Admit {
            within_ms: ms(within),
            name: rest.get(1).map(|name| (*name).to_owned()).unwrap_or_default(),
            request: request(input),
        },
        ["keep", wait, at_most, input, rest @ ..] => StartKeyCommand::Keep {
            wait_ms: ms(wait),
            at_most_ms: (*at_most != "-").then(|| ms(at_most)),
            token: rest.get(1).map(|token| (*token).to_owned()).unwrap_or_default(),
            request: request(input),
        },
        ["fire"] => StartKeyCommand::Fire,
        ["begun", number] => StartKeyCommand::Begun {
            number: number.parse().expect("a number"),
            run: RunId([7; 16]),
        },
        ["failed", number] => StartKeyCommand::NotBegun {
            number: number.parse().expect("a number"),
            code: "NX1205".into(),
            message: "no".into(),
        },
        ["cancel", number] => StartKeyCommand::Cancel {
            number: number.parse().expect("a number"),
            by: actor(),
            reason: "enough".into(),
        },
        _ => panic!("`{text}` is not understood"),
    }
}

impl Paper {
    fn new() -> Self {
        Self { key: StartKey::new("reindex/shop-7"), now: Timestamp::default() }
    }

    /// Asks, and checks that what was decided is what is folded, that what is written is what is read, and that the event leads
    /// to itself again.
    fn ask(&mut self, command: StartKeyCommand) -> Result<StartKeyEvent, String> {
        let before = self.key.clone();
        let events = match self.key.decide(command, self.now) {
            Ok(events) => events,
            Err(rejection) => {
                assert_eq!(self.key, before, "a refusal changes nothing");
                return Err(rejection.to_string());
            }
        };
        let [event] = events.as_slice() else { panic!("one event: {events:?}") };
        let mut body = Vec::new();
        EventKind::put(event, &mut body);
        let read = <StartKeyEvent as EventKind>::take(event.kind(), &body);
        assert_eq!(read, Decoded::Event(event.clone()));
        let mut folded = before.clone();
        folded.evolve(event, self.now);
        assert_eq!(folded, self.key);
        let mut bytes = Vec::new();
        Aggregate::put(&folded, &mut bytes);
        assert_eq!(<StartKey as Aggregate>::take(&bytes), Some(folded));
        let command = StartKey::command_of(event).expect("all are from outside");
        let mut again = before;
        assert_eq!(again.decide(command, self.now).as_deref(), Ok(&events[..]));
        Ok(event.clone())
    }

    fn play(&mut self, text: &str) -> String {
        if let Some(seconds) = text.strip_suffix('s').and_then(|text| text.parse::<i64>().ok()) {
            self.now = Timestamp(seconds * 1_000_000);
            return String::new();
        }
        match self.ask(command(text)) {
            Err(rejection) => format!("refused: {rejection}"),
            Ok(StartKeyEvent::StartAdmitted(admitted)) => format!("starts {}", admitted.run.name),
            Ok(StartKeyEvent::StartKept(kept)) => {
                format!("kept as {} until {}s", kept.number, kept.due.0 / 1_000_000)
            }
            Ok(StartKeyEvent::KeptDue(_)) => {
                let last = self.key.starting.values().next_back().expect("a run to start");
                format!("starts {} with {}", last.name, last.request.input)
            }
            Ok(
                StartKeyEvent::RunBegun(_)
                | StartKeyEvent::RunNotBegun(_)
                | StartKeyEvent::KeptCancelled(_),
            ) => "noted".to_owned(),
        }
    }

    fn pending(&self) -> Vec<String> {
        self.key.pending().into_iter().map(|begin| begin.run.name).collect()
    }
}

/// Plays lines `what | what comes of it`.
fn check(lines: &str) -> Paper {
    let mut paper = Paper::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once('|').unwrap_or((line, ""));
        assert_eq!(paper.play(asked.trim()), expected.trim(), "{line}");
    }
    paper
}

#[test]
fn a_key_that_was_seen_lately_starts_nothing_whatever_the_input() {
    let paper = check(
        "dedupe 600 A           | starts reindex@shop-7+1
         599s
         dedupe 600 B           | refused: the key was seen lately: the run is reindex@shop-7+1
         begun 1                | noted
         dedupe 600 A as wf-1   | refused: the key was seen lately: the run is reindex@shop-7+1
         600s
         dedupe 600 B as wf-1   | starts wf-1
         dedupe 600 C           | refused: the key was seen lately: the run is wf-1",
    );
    assert_eq!(paper.pending(), ["wf-1"]);
    assert_eq!(paper.key.started, 1);
}

#[test]
fn a_run_is_to_be_started_until_it_is_known_to_be_there() {
    let mut paper = check("dedupe 600 A | starts reindex@shop-7+1");
    assert_eq!(paper.pending(), ["reindex@shop-7+1"]);
    assert_eq!(paper.play("begun 2"), "refused: no such run is about to be started");
    assert_eq!(paper.play("begun 1"), "noted");
    assert_eq!(paper.play("begun 1"), "refused: no such run is about to be started");
    assert_eq!(paper.pending(), Vec::<String>::new());
}

#[test]
fn a_run_that_cannot_be_started_does_not_stand_for_its_key() {
    let paper = check(
        "dedupe 600 A | starts reindex@shop-7+1
         failed 1     | noted
         dedupe 600 A | starts reindex@shop-7+2",
    );
    let failure = paper.key.failure.expect("why");
    assert_eq!((failure.name.as_str(), failure.code.as_str()), ("reindex@shop-7+1", "NX1205"));
}

#[test]
fn a_failure_of_an_older_run_leaves_the_newer_one() {
    check(
        "dedupe 10 A | starts reindex@shop-7+1
         10s
         dedupe 10 B | starts reindex@shop-7+2
         failed 1    | noted
         dedupe 10 C | refused: the key was seen lately: the run is reindex@shop-7+2",
    );
}

#[test]
fn a_time_ahead_of_the_clock_does_not_count() {
    check(
        "9000s
         dedupe 10 A | starts reindex@shop-7+1
         0s
         dedupe 10 B | starts reindex@shop-7+2",
    );
}

#[test]
fn each_start_puts_the_run_off_and_the_last_input_counts() {
    let paper = check(
        "keep 30 - A | kept as 1 until 30s
         20s
         keep 30 - B | kept as 1 until 50s
         30s
         fire        | refused: nothing is due
         50s
         fire        | starts reindex@shop-7+1 with B
         fire        | refused: nothing is due
         keep 30 - C | kept as 2 until 80s
         begun 1     | noted",
    );
    assert_eq!(paper.pending(), Vec::<String>::new());
    assert_eq!(paper.key.timers(), [(TimerId(1), Timestamp(80_000_000))]);
    let kept = paper.key.kept.expect("a start");
    assert_eq!((kept.number, kept.starts, kept.request.input.as_str()), (2, 1, "C"));
}

#[test]
fn it_is_put_off_no_longer_than_at_most() {
    check(
        "keep 30 50 A | kept as 1 until 30s
         25s
         keep 30 50 B | kept as 1 until 50s
         49s
         keep 30 50 C | kept as 1 until 50s
         50s
         fire         | starts reindex@shop-7+1 with C
         keep 30 50 D | kept as 2 until 80s",
    );
}

#[test]
fn runs_of_several_windows_may_wait_for_being_started() {
    let paper = check(
        "keep 1 - A | kept as 1 until 1s
         1s
         fire       | starts reindex@shop-7+1 with A
         keep 1 - B | kept as 2 until 2s
         2s
         fire       | starts reindex@shop-7+2 with B",
    );
    assert_eq!(paper.pending(), ["reindex@shop-7+1", "reindex@shop-7+2"]);
}

#[test]
fn a_token_counts_once_also_after_its_run_was_started() {
    check(
        "keep 30 - A once x | kept as 1 until 30s
         10s
         keep 30 - A once x | refused: this start was kept before, for reindex@shop-7+1
         keep 30 - B once y | kept as 1 until 40s
         40s
         fire               | starts reindex@shop-7+1 with B
         begun 1            | noted
         keep 30 - A once x | refused: this start was kept before, for reindex@shop-7+1
         keep 30 - A        | kept as 2 until 70s
         keep 30 - A        | kept as 2 until 70s",
    );
}

#[test]
fn a_token_stands_for_one_input_and_with_another_it_is_refused() {
    let other = "refused: the start `x`, which was kept for reindex@shop-7+1, has another workflow or input";
    let paper = check(&format!(
        "keep 30 - A once x | kept as 1 until 30s
         10s
         keep 30 - B once x | {other}
         keep 30 - B once y | kept as 1 until 40s
         keep 30 - B once x | {other}
         keep 30 - A once x | refused: this start was kept before, for reindex@shop-7+1
         40s
         fire               | starts reindex@shop-7+1 with B
         keep 30 - B once x | {other}
         begun 1            | noted
         keep 30 - B once x | {other}
         keep 30 - C once z | kept as 2 until 70s
         cancel 2           | noted
         keep 30 - D once z | refused: the start `z`, which was kept for reindex@shop-7+2, has another workflow or input"
    ));
    assert_eq!(paper.key.kept, None);
}

#[test]
fn the_same_input_for_another_definition_is_another_request_unless_it_was_sent_as_the_same() {
    let mut paper = Paper::new();
    let keep = |definition: u8, sent: Option<u8>| StartKeyCommand::Keep {
        wait_ms: 1,
        at_most_ms: None,
        token: "x".into(),
        request: RunRequest {
            definition: DefinitionHash([definition; 32]),
            sent: sent.map(|sent| DefinitionHash([sent; 32])),
            ..request("A")
        },
    };
    paper.ask(keep(1, None)).expect("it is kept");
    let same = "this start was kept before, for reindex@shop-7+1";
    assert_eq!(paper.ask(keep(1, None)), Err(same.to_owned()));
    assert_eq!(paper.ask(keep(2, Some(1))), Err(same.to_owned()), "it calls what is published");
    let other = paper.ask(keep(2, None)).expect_err("another workflow");
    assert!(other.ends_with("has another workflow or input"), "{other}");
}

#[test]
fn the_oldest_tokens_are_forgotten_first() {
    let mut paper = Paper::new();
    let keep = |paper: &mut Paper, tokens: std::ops::Range<usize>| {
        for at in tokens {
            let command = command(&format!("keep 30 - A once {at}"));
            assert!(paper.key.decide(command, paper.now).is_ok());
        }
    };
    // More are remembered of the start that is kept now.
    keep(&mut paper, 0..TOKENS_MAX + 5);
    assert_eq!(paper.key.kept_as("0"), Some(1));
    assert_eq!(
        paper.play("keep 30 - B once 0"),
        "refused: the start `0`, which was kept for reindex@shop-7+1, has another workflow or input"
    );
    paper.play("30s");
    paper.play("fire");
    keep(&mut paper, TOKENS_MAX + 5..TOKENS_MAX + 6);
    assert_eq!((paper.key.kept_as("5"), paper.key.kept_as("6")), (None, Some(1)));
    assert_eq!(paper.key.kept_as(&(TOKENS_MAX + 5).to_string()), Some(2));
}

#[test]
fn of_a_start_that_is_put_off_for_ever_not_all_tokens_are_remembered() {
    let mut paper = Paper::new();
    for at in 0..=TOKENS_KEPT_MAX {
        let command = command(&format!("keep 30 - A once {at}"));
        assert!(paper.key.decide(command, paper.now).is_ok());
    }
    assert_eq!((paper.key.kept_as("0"), paper.key.kept_as("1")), (None, Some(1)));
    paper.play("10s");
    let again = "refused: this start was kept before, for reindex@shop-7+1";
    assert_eq!(paper.play("keep 30 - A once 1"), again);
    // One that is forgotten puts it off once more.
    assert_eq!(paper.play("keep 30 - B once 0"), "kept as 1 until 40s");
    assert_eq!(paper.play("keep 30 - B once 0"), again);
    let mut bytes = Vec::new();
    Aggregate::put(&paper.key, &mut bytes);
    assert_eq!(<StartKey as Aggregate>::take(&bytes), Some(paper.key));
    assert!(bytes.len() < 40 * TOKENS_KEPT_MAX, "{}", bytes.len());
}

#[test]
fn what_is_kept_can_be_cancelled_until_it_is_due() {
    check(
        "cancel 1    | refused: nothing is kept under this key any more
         keep 30 - A | kept as 1 until 30s
         cancel 1    | noted
         30s
         fire        | refused: nothing is due
         keep 30 - B | kept as 2 until 60s
         cancel 1    | refused: nothing is kept under this key any more
         60s
         fire        | starts reindex@shop-7+2 with B
         cancel 2    | refused: nothing is kept under this key any more",
    );
}

#[test]
fn an_input_that_is_too_large_is_refused() {
    let large = "x".repeat(INPUT_BYTES_MAX + 1);
    let refused = "refused: the input has 65537 bytes; a start that has a key takes at most 65536";
    let mut paper = Paper::new();
    assert_eq!(paper.play(&format!("dedupe 1 {large}")), refused);
    assert_eq!(paper.play(&format!("keep 1 - {large}")), refused);
    let largest = &large[1..];
    assert_eq!(paper.play(&format!("dedupe 1 {largest}")), "starts reindex@shop-7+1");
}

#[test]
fn a_key_knows_its_last_run_and_no_older_one() {
    let mut paper = check(
        "dedupe 10 A | starts reindex@shop-7+1
         10s
         dedupe 10 B | starts reindex@shop-7+2
         begun 1     | noted",
    );
    let last = |paper: &Paper| {
        let last = paper.key.last.as_ref().expect("it has started one");
        (last.number, last.run.is_some())
    };
    assert_eq!(last(&paper), (2, false));
    paper.play("begun 2");
    assert_eq!(last(&paper), (2, true));
}

#[test]
fn a_name_that_is_as_long_as_it_can_be_holds_the_whole_key() {
    let named = |chars: usize| run_name("w", &"x".repeat(chars), 3);
    assert_eq!(named(124), format!("w@{}+3", "x".repeat(124)));
    assert_eq!((named(124).len(), is_hashed(&named(124))), (128, false));
    assert_eq!((named(125).len(), is_hashed(&named(125))), (128, true));
}

#[test]
fn runs_are_named_after_workflow_key_and_number() {
    assert_eq!(run_name("reindex", "shop-7", 3), "reindex@shop-7+3");
    for (workflow, key) in [("re index", "a"), ("reindex", "a/b"), ("reindex", "a@b"), ("@x", "a")]
    {
        let name = run_name(workflow, key, 3);
        assert!(!name.contains(' ') && !name.starts_with('@') && name.ends_with("+3"), "{name}");
        assert_ne!(name, run_name(workflow, &format!("{key} "), 3));
        assert!(is_hashed(&name), "{name}");
    }
    let longest = run_name("reindex", &"long".repeat(60), u32::MAX);
    assert_eq!((longest.len(), is_hashed(&longest)), (128, true));
    for name in ["reindex@shop-7+3", "wf-1", "order-2026-117", "a-0123456789abcdef", "+1", "-+1"] {
        assert!(!is_hashed(name), "{name}");
    }
    let key = StartKey::new("reindex/a/b");
    assert_eq!(key.parts(), ("reindex", "a/b"));
    assert_ne!(aggregate_name("reindex/a", "b"), aggregate_name("reindex", "a/b"));
}

proptest! {
    /// Whatever is asked: a number is one run, runs are started once each, and what is kept has a timer.
    #[test]
    fn no_start_is_lost_or_doubled(asks in prop::collection::vec((0u8..12, 0u64..40), 1..120)) {
        let mut paper = Paper::new();
        let mut named = std::collections::BTreeSet::new();
        let mut waits = 0usize;
        for (what, seconds) in asks {
            paper.now = paper.now.plus_ms(seconds * 1000);
            let open: Vec<u32> = paper.key.starting.keys().copied().collect();
            let text = match (what, open.first()) {
                (0..3, _) => "dedupe 20 A".to_owned(),
                (3..7, _) => format!("keep 20 60 {what}"),
                (7 | 8, Some(number)) => format!("begun {number}"),
                (9, Some(number)) => format!("failed {number}"),
                (10, _) => {
                    let kept = paper.key.kept.as_ref().map_or(1, |kept| kept.number);
                    format!("cancel {kept}")
                }
                _ => "fire".to_owned(),
            };
            let kept = paper.key.kept.clone();
            match paper.ask(command(&text)) {
                Ok(StartKeyEvent::StartAdmitted(StartAdmitted { run, .. })) => {
                    prop_assert!(named.insert(run.number), "{} is named twice", run.number);
                    waits += 1;
                }
                Ok(StartKeyEvent::KeptDue(_)) => {
                    let kept = kept.expect("what is due was kept");
                    prop_assert!(named.insert(kept.number), "{} is named twice", kept.number);
                    let run = paper.key.starting.get(&kept.number).expect("it is to be started");
                    prop_assert_eq!(&run.request, &kept.request);
                    waits += 1;
                }
                Ok(StartKeyEvent::RunBegun(_) | StartKeyEvent::RunNotBegun(_)) => waits -= 1,
                Ok(StartKeyEvent::StartKept(_) | StartKeyEvent::KeptCancelled(_)) | Err(_) => {}
            }
            prop_assert_eq!(paper.key.pending().len(), waits);
            prop_assert_eq!(paper.key.timers().len(), usize::from(paper.key.kept.is_some()));
            if let Some(kept) = &paper.key.kept {
                prop_assert!(kept.due <= kept.at_most.expect("60 s at most"));
            }
        }
    }
}
