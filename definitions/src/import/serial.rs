//! JSON and YAML into the few types an importer needs. What it does not name is skipped, not kept.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use super::error::{ImportError, Place};

/// Reads one document: JSON if it starts with a brace, else YAML.
pub(super) fn document<T: DeserializeOwned>(text: &str) -> Result<T, ImportError> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| json_damage(&error))
    } else {
        serde_saphyr::from_str_with_options(text, yaml_options())
            .map_err(|error| yaml_damage(&error))
    }
}

/// Reads every YAML document of a file; empty ones are `None`.
pub(super) fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<Option<T>>, ImportError> {
    serde_saphyr::from_multiple_with_options(text, yaml_options())
        .map_err(|error| yaml_damage(&error))
}

/// Where and why JSON could not be read.
pub(super) fn json_damage(error: &serde_json::Error) -> ImportError {
    let message = error.to_string();
    let place = (error.line() > 0).then(|| Place { line: error.line(), column: error.column() });
    let at = format!(" at line {} column {}", error.line(), error.column());
    let reason = message.strip_suffix(&at).unwrap_or(&message).to_owned();
    ImportError::Damaged { format: None, place, reason }
}

fn yaml_damage(error: &serde_saphyr::Error) -> ImportError {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let place = error.location().filter(|location| location.line() > 0);
    let place = place
        .map(|location| Place { line: count(location.line()), column: count(location.column()) });
    let message = error.without_snippet().to_string();
    let reason = message.lines().next().unwrap_or_default().to_owned();
    ImportError::Damaged { format: None, place, reason }
}

/// Strict YAML; limits grow with what large graphs need, depth and aliases stay as narrow as the reader has them.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_events: 32_000_000,
            max_nodes: 16_000_000,
            max_total_scalar_bytes: super::text::BYTES_MAX,
        },
    }
}

/// A map in the order of the file.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

struct OrderedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
    type Value = Ordered<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Ordered(entries))
    }
}

/// A name that JSON writes as text or as a whole number.
#[derive(Clone, Debug)]
pub(super) struct Label(pub(super) String);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelVisitor)
    }
}

struct LabelVisitor;

impl Visitor<'_> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Label, E> {
        Ok(Label(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Label, E> {
        Ok(Label(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }
}

/// One value or a list of them; nothing is an empty list.
#[derive(Debug)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list")
    }

    fn visit_unit<E: Error>(self) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany(vec![T::deserialize(text.into_deserializer())?]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
        Ok(OneOrMany(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
        let mut many = Vec::new();
        while let Some(one) = list.next_element()? {
            many.push(one);
        }
        Ok(OneOrMany(many))
    }
}
