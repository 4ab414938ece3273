//! What bytes are, by what is in them.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::ImportError;
use super::format::Format;
use super::{arc, cargo_lock, serial};

/// Lines read before giving up on text.
const LINES_MAX: usize = 2_000;

/// The format of `text`. A damaged file is recognised too, as long as its beginning says what it is.
pub(super) fn detect(text: &str) -> Result<Format, ImportError> {
    match text.trim_start().bytes().next() {
        None => Err(unrecognised("the file is empty")),
        Some(b'<') => xml(text),
        Some(b'{') => json(text),
        Some(_) => lines(text),
    }
}

fn unrecognised(found: impl Into<String>) -> ImportError {
    ImportError::Unrecognised { found: found.into() }
}

fn xml(text: &str) -> Result<Format, ImportError> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(root) | Event::Empty(root)) if root.local_name().as_ref() == "adag" => {
                return Ok(Format::Dax);
            }
            Ok(Event::Start(root) | Event::Empty(root)) => {
                let root = super::graph::clean(root.name().as_ref());
                return Err(unrecognised(format!("this is XML with the root element {root}")));
            }
            Ok(Event::Eof) | Err(_) => {
                return Err(unrecognised("this begins like XML, but has no element"));
            }
            Ok(_) => {}
        }
    }
}

fn json(text: &str) -> Result<Format, ImportError> {
    let mut keys = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    let outcome = Keys { prefix: "", keys: &mut keys }.deserialize(&mut reader);
    let has = |key: &str| keys.iter().any(|known| known == key);
    if has("a_galaxy_workflow") || has("format-version") && has("steps") {
        return Ok(Format::Galaxy);
    }
    if has("workflow.specification") || has("workflow.tasks") || has("workflow.jobs") {
        return Ok(Format::WfCommons);
    }
    if has("States") || has("StartAt") {
        return Ok(Format::Asl);
    }
    if has("nodes") && (has("edges") || outcome.is_err()) {
        return Ok(Format::Canvas);
    }
    match outcome {
        Err(error) => Err(serial::json_damage(&error)),
        Ok(()) => Err(unrecognised(format!("this is JSON with {}", listed(&keys)))),
    }
}

fn lines(text: &str) -> Result<Format, ImportError> {
    let percent = text.trim_start().starts_with('%');
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with(['#', '%']));
    let first = first.unwrap_or_default();
    if is_counts(first) && (percent || !first.contains('\t')) {
        return Ok(Format::HyperDag);
    }
    if text.lines().take(LINES_MAX).any(cargo_lock::is_header) {
        return Ok(Format::CargoLock);
    }
    if first.contains('\t') && !first.starts_with('\t') {
        return Ok(Format::Edges);
    }
    yaml(text)
}

/// Whether a line is the three counts of a HyperDAG.
fn is_counts(line: &str) -> bool {
    let line = line.split('%').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    words.by_ref().take(3).filter(|word| word.parse::<u32>().is_ok()).count() == 3
}

/// Keys at the left margin are enough to tell the YAML formats apart, and damage further on does not hide them.
fn yaml(text: &str) -> Result<Format, ImportError> {
    let margin = |line: &&str| {
        line.starts_with(|first: char| first.is_alphanumeric() || "_\"'".contains(first))
    };
    let pairs: Vec<(&str, &str)> = text
        .lines()
        .filter(margin)
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.trim_matches(['"', '\'']), value.trim().trim_matches(['"', '\''])))
        .collect();
    let has = |key: &str| pairs.iter().any(|(known, _)| *known == key);
    let tekton =
        |(key, value): &(&str, &str)| *key == "apiVersion" && value.starts_with("tekton.dev/");
    if pairs.iter().any(tekton) {
        return Ok(Format::Tekton);
    }
    if pairs.iter().any(|(key, value)| *key == "apiVersion" && value.starts_with(arc::API)) {
        return Ok(Format::NexusArc);
    }
    if has("pegasus") || has("jobDependencies") {
        return Ok(Format::Pegasus);
    }
    if has("jobs") {
        return Ok(Format::GitHubActions);
    }
    if has("States") && has("StartAt") {
        return Ok(Format::Asl);
    }
    let keys: Vec<String> = pairs.iter().map(|(key, _)| (*key).to_owned()).collect();
    Err(unrecognised(format!("this is text with {}", listed(&keys))))
}

fn listed(keys: &[String]) -> String {
    if keys.is_empty() {
        return "no key that a workflow file has".to_owned();
    }
    let shown: Vec<String> = keys
        .iter()
        .take(6)
        .map(|key| super::graph::clean(key).chars().take(40).collect())
        .collect();
    format!("the keys {}", shown.join(", "))
}

/// Gathers the keys of a map, and of the map `workflow` in it, as far as the text can be read.
struct Keys<'k> {
    prefix: &'static str,
    keys: &'k mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let descend = self.prefix.is_empty() && key == "workflow";
            self.keys.push(format!("{}{key}", self.prefix));
            if descend {
                map.next_value_seed(Keys { prefix: "workflow.", keys: self.keys })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
