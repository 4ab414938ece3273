//! Redaction: taking the values of secrets out of what comes back from a handler.
//!
//! A value is found as it is, line by line if it has several, as JSON and URLs write it, and in Base64.

use std::fmt;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use nexus_model::event::Failure;
use nexus_model::payload::ContentType;
use serde_json::Value;

use super::SECRET_BYTES_MIN;
use crate::handler::{AttemptInfo, Data, LogSink};

/// What stands in the place of a value.
const REDACTED: &str = "***";

/// Takes values out of texts.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// What is taken out, longest first.
    needles: Arc<[Vec<u8>]>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("needles", &self.needles.len()).finish()
    }
}

impl Redactor {
    /// Takes out these values.
    pub(crate) fn new<'v>(values: impl Iterator<Item = &'v str>) -> Self {
        let mut needles: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let lines = value.lines().map(str::trim);
            for part in std::iter::once(value).chain(lines).filter(|part| !part.is_empty()) {
                if part.len() >= SECRET_BYTES_MIN {
                    needles.extend(spellings(part).into_iter().map(String::into_bytes));
                }
            }
        }
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Self { needles: needles.into() }
    }

    /// Whether there is nothing to take out.
    pub(crate) fn is_idle(&self) -> bool {
        self.needles.is_empty()
    }

    /// Text without values.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// Bytes without values.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.scan(bytes, false).0
    }

    /// Bytes without values, and how many at the end have to wait if more may come: they may be the beginning of one.
    fn scan(&self, bytes: &[u8], more_may_come: bool) -> (Vec<u8>, usize) {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let begins = |needle: &&Vec<u8>| needle.len() > rest.len() && needle.starts_with(rest);
            if more_may_come && self.needles.iter().any(|needle| begins(&needle)) {
                break;
            }
            let found = self.needles.iter().find(|needle| rest.starts_with(needle));
            match found {
                Some(_) => out.extend_from_slice(REDACTED.as_bytes()),
                None => out.push(*first),
            }
            rest = rest.get(found.map_or(1, Vec::len)..).unwrap_or_default();
        }
        (out, rest.len())
    }

    /// A failure without values. Details may begin in the middle of one, because only their end was kept.
    pub(crate) fn failure(&self, failure: Failure) -> Failure {
        let Failure { code, message, fatal, details } = failure;
        let details = details.map(|details| {
            let cut = self.cut_at_the_start(details.as_bytes());
            let rest = String::from_utf8_lossy(details.as_bytes().get(cut..).unwrap_or_default());
            let rest = self.text(&rest);
            if cut > 0 { format!("{REDACTED}{rest}") } else { rest }
        });
        Failure { code: self.text(&code), message: self.text(&message), fatal, details }
    }

    /// Data without values.
    pub(crate) fn data(&self, data: Data) -> Data {
        if self.is_idle() {
            return data;
        }
        let Data { content_type, bytes } = data;
        let parsed: Option<Value> = match content_type {
            ContentType::Json => serde_json::from_slice(&bytes).ok(),
            ContentType::Bytes | ContentType::Chunks => None,
        };
        let bytes = match parsed {
            Some(was) => {
                let mut value = was.clone();
                self.value(&mut value);
                if value == was {
                    return Data { content_type, bytes };
                }
                value.to_string().into_bytes()
            }
            None => self.bytes(&bytes),
        };
        Data { content_type, bytes: bytes.into() }
    }

    /// Takes values out of all texts of a JSON value.
    fn value(&self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            // A value may be all digits.
            Value::Number(number) => {
                let text = number.to_string();
                if self.needles.iter().any(|needle| **needle == *text.as_bytes()) {
                    *value = REDACTED.into();
                }
            }
            Value::String(text) => *text = self.text(text),
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(value)),
            Value::Object(map) => {
                let entries = std::mem::take(map).into_iter().map(|(key, mut value)| {
                    self.value(&mut value);
                    (self.text(&key), value)
                });
                *map = entries.collect();
            }
        }
    }

    /// How many bytes at the start are the end of a value.
    fn cut_at_the_start(&self, bytes: &[u8]) -> usize {
        let cut = |needle: &Vec<u8>| {
            (SECRET_BYTES_MIN..needle.len())
                .rev()
                .find(|len| bytes.starts_with(needle.get(needle.len() - len..).unwrap_or_default()))
        };
        self.needles.iter().filter_map(cut).max().unwrap_or(0)
    }
}

/// How a value may be written.
fn spellings(value: &str) -> Vec<String> {
    let json = Value::from(value).to_string();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    let mut all = vec![value.to_owned(), json, percent(value)];
    // The three ways in which its bytes may fall on groups of three; what depends on its neighbours is left out.
    for shift in 0..3 {
        let bytes =
            value.as_bytes().get(if shift == 0 { 0 } else { 3 - shift }..).unwrap_or_default();
        let whole = bytes.len() / 3 * 3;
        let encoded = base64(bytes.get(..whole).unwrap_or_default());
        if encoded.len() >= 8 {
            all.push(encoded.replace('+', "-").replace('/', "_"));
            all.push(encoded);
        }
    }
    all
}

fn percent(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Base64 of whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for shift in [18, 12, 6, 0] {
            let at = usize::try_from(bits >> shift & 63).unwrap_or(0);
            out.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'=')));
        }
    }
    out
}

/// Logs of an attempt, without values. What may be the beginning of one waits for what comes next.
pub(crate) struct RedactedLogs {
    redactor: Redactor,
    logs: Arc<dyn LogSink>,
    held: Mutex<Option<(AttemptInfo, Vec<u8>)>>,
}

impl RedactedLogs {
    /// Passes on to `logs`.
    pub(crate) fn new(redactor: Redactor, logs: Arc<dyn LogSink>) -> Self {
        Self { redactor, logs, held: Mutex::default() }
    }
}

impl LogSink for RedactedLogs {
    fn write(&self, attempt: &AttemptInfo, text: &[u8]) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = held.take().map(|(_, bytes)| bytes).unwrap_or_default();
        whole.extend_from_slice(text);
        let (out, kept) = self.redactor.scan(&whole, true);
        let rest = whole.split_off(whole.len() - kept);
        if !rest.is_empty() {
            *held = Some((attempt.clone(), rest));
        }
        if !out.is_empty() {
            self.logs.write(attempt, &out);
        }
    }
}

impl Drop for RedactedLogs {
    fn drop(&mut self) {
        let held = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((attempt, bytes)) = held.take() {
            self.logs.write(&attempt, &self.redactor.bytes(&bytes));
        }
    }
}
