//! Filling in and taking out, as text.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use nexus_model::event::Failure;
use nexus_model::expression::SecretPlace;
use serde_json::{Value, json};

use super::{RedactedLogs, Redactor, Secrets, SystemSecrets, fill_in};
use crate::handler::{AttemptInfo, Data, LogSink};

struct Given(BTreeMap<&'static str, &'static str>);

impl Secrets for Given {
    fn value(&self, name: &str) -> io::Result<Option<String>> {
        match self.0.get(name) {
            Some(&"unreadable") => Err(io::Error::other("permission denied")),
            value => Ok(value.map(|value| (*value).to_owned())),
        }
    }

    fn places(&self, _name: &str) -> String {
        "the test".to_owned()
    }
}

fn place(path: &[&str], names: &[&str]) -> SecretPlace {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    SecretPlace { path: owned(path), names: owned(names) }
}

fn filled(input: &Value, places: &[SecretPlace]) -> Result<Value, String> {
    let given = Given(BTreeMap::from([
        ("A", "value-of-a"),
        ("B", "${{ secrets.A }}"),
        ("SHORT", "abc"),
        ("LOCKED", "unreadable"),
    ]));
    match fill_in(&Data::json(input).unwrap(), places, &given) {
        Ok((data, _)) => Ok(data.parse().unwrap()),
        Err(error) => Err(format!("{} {}", error.0.code, error.0.message)),
    }
}

#[test]
fn secrets_are_filled_in_where_the_definition_has_them_and_nowhere_else() {
    let input = json!({
        "token": "Bearer ${{ secrets.A }}",
        "list": [{ "both": "${{ secrets.B }}:${{ secrets.A }}" }],
        "of a stranger": "${{ secrets.A }}",
    });
    let places = [place(&["token"], &["A"]), place(&["list", "0", "both"], &["B", "A"])];
    let expected = json!({
        "token": "Bearer value-of-a",
        "list": [{ "both": "${{ secrets.A }}:value-of-a" }],
        "of a stranger": "${{ secrets.A }}",
    });
    assert_eq!(filled(&input, &places), Ok(expected));
}

#[test]
fn a_secret_that_cannot_be_had_is_named() {
    let input = json!("x");
    let fails = |name| filled(&input, &[place(&[], &[name])]).unwrap_err();
    assert_eq!(fails("NONE"), "NX4192 there is no secret `NONE`; looked at the test");
    assert_eq!(
        fails("SHORT"),
        "NX4191 the secret `SHORT` cannot be used: it has fewer than 4 bytes"
    );
    assert_eq!(fails("LOCKED"), "NX4191 the secret `LOCKED` cannot be used: permission denied");
}

#[test]
fn files_of_a_folder_hold_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("TOKEN_OF_A_TEST"), "a token\n").unwrap();
    let secrets = SystemSecrets::new().folder(folder.path());
    assert_eq!(secrets.value("TOKEN_OF_A_TEST").unwrap().as_deref(), Some("a token"));
    assert_eq!(secrets.value("ANOTHER_OF_A_TEST").unwrap(), None);
    assert!(secrets.places("X").contains("NEXUS_SECRET_X"));
}

fn redactor() -> Redactor {
    Redactor::new(["pass\"word/1", "first line\nsecond line", "12345678"].into_iter())
}

#[test]
fn values_are_taken_out_of_texts_however_they_are_written() {
    let check = |text: &str, expected: &str| assert_eq!(redactor().text(text), expected);
    check("it is pass\"word/1!", "it is ***!");
    check(r#"{"it is": "pass\"word/1"}"#, r#"{"it is": "***"}"#);
    check("?key=pass%22word%2F1&x", "?key=***&x");
    check("first line\nsecond line.", "***.");
    check("only the second line", "only the ***");
    check("first lin", "first lin");
    // echo -n 'user:12345678' | base64
    let encoded = redactor().text("dXNlcjoxMjM0NTY3OA==");
    assert!(encoded.contains("***") && !encoded.contains("MjM0NTY3"), "{encoded}");
}

#[test]
fn values_are_taken_out_of_json() {
    let data = Data::json(&json!({"12345678": [12_345_678, "a 12345678"], "n": 1.5})).unwrap();
    let value: Value = redactor().data(data).parse().unwrap();
    assert_eq!(value, json!({"***": ["***", "a ***"], "n": 1.5}));
    let untouched = Data { bytes: Arc::from(*b"{ \"n\" : 1.0e2 }"), ..Data::null() };
    assert_eq!(redactor().data(untouched.clone()), untouched);
}

#[test]
fn values_are_taken_out_of_failures_also_if_their_beginning_was_cut_off() {
    let failure = Failure {
        code: "NX3007".into(),
        message: "exit 12345678".into(),
        fatal: false,
        details: Some("45678 and 12345678".into()),
    };
    let failure = redactor().failure(failure);
    assert_eq!(failure.message, "exit ***");
    assert_eq!(failure.details.as_deref(), Some("*** and ***"));
}

#[derive(Default)]
struct Kept(Mutex<Vec<u8>>);

impl LogSink for Kept {
    fn write(&self, _attempt: &AttemptInfo, text: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(text);
    }
}

#[test]
fn values_are_taken_out_of_logs_wherever_they_are_cut() {
    let text = b"a 12345678 b 1234567 c pass\"word/1\nfirst line\nsecond line\n1212345678 first";
    for cut in 0..=text.len() {
        let kept = Arc::new(Kept::default());
        let logs = RedactedLogs::new(redactor(), kept.clone());
        let (head, tail) = text.split_at(cut);
        logs.write(&AttemptInfo::default(), head);
        logs.write(&AttemptInfo::default(), tail);
        drop(logs);
        let found = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(found, "a *** b 1234567 c ***\n***\n12*** first", "cut at {cut}");
    }
}
