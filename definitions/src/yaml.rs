//! YAML to one tree that remembers where everything stood.
//!
//! Invariants:
//! * Reading ends for every input: depth, alias replay and anchors have budgets; the rest is bounded by the text itself.
//! * Every key and every value knows its place, also behind an anchor or a merge key (then the place of the original).
//! * Only `true` and `false` are booleans; an integer beyond 64 bits is an error, never a float.

mod diagnose;

use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::Spanned;

use crate::source::Fault;

/// A value of the document.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits or a float.
    Number(Number),
    /// Everything else that is a scalar.
    Text(String),
    /// `[a, b]` or lines with `-`.
    List(Vec<Tree>),
    /// `{a: b}` or lines with `:`.
    Map(Vec<(Key, Tree)>),
}

/// A node and its place.
pub(crate) type Tree = Spanned<Node>;

/// A key and its place.
pub(crate) type Key = Spanned<String>;

impl Node {
    /// What people call it.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The text, if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The entries, if it is a map; empty otherwise.
    pub(crate) fn entries(&self) -> &[(Key, Tree)] {
        match self {
            Self::Map(entries) => entries,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => &[],
        }
    }

    /// The items, if it is a list; empty otherwise.
    pub(crate) fn items(&self) -> &[Tree] {
        match self {
            Self::List(items) => items,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Map(_) => &[],
        }
    }

    /// The value under `key`, if it is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// The same without places.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(|item| item.value.to_value()).collect(),
            Self::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.value.clone(), value.value.to_value()))
                    .collect(),
            ),
        }
    }
}

/// Reads a document.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Tree, Fault> {
    let mut tree = serde_saphyr::from_str_with_options::<Tree>(text, options())
        .map_err(|error| diagnose::fault(text, &error))?;
    settle(&mut tree, text)?;
    Ok(tree)
}

/// How deep a document may nest. The YAML library recurses with some 35 KiB a level when it is not optimised, and threads
/// have as little as 2 MiB.
const DEPTH_MAX: usize = 32;

/// A text cannot hold more nodes than bytes, so only what multiplies (aliases, merges) or nests has a small budget.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            simple_key_max_lookahead: 65_536,
            max_events: 100_000_000,
            max_nodes: 50_000_000,
            max_documents: 2,
            enforce_alias_anchor_ratio: false,
        },
    }
}

/// Corrects what the YAML library reads more generously than we do, and refuses numbers that would change.
fn settle(tree: &mut Tree, text: &str) -> Result<(), Fault> {
    let range = crate::source::range_of(&tree.defined, text);
    match &mut tree.value {
        Node::Null | Node::Bool(_) => Ok(()),
        Node::Number(number) => {
            let raw = text.get(range.clone()).unwrap_or_default();
            if raw.contains('_') {
                tree.value = Node::Text(raw.to_owned());
                return Ok(());
            }
            match number.is_f64().then(|| changed_integer(raw)).flatten() {
                Some(hint) => Err(Fault::new(
                    "NX1008",
                    range,
                    format!("the number {raw} does not fit 64 bits"),
                )
                .hint(hint)),
                None => Ok(()),
            }
        }
        Node::Text(value) => diagnose::cut_off_expression(text, &range, value).map_or(Ok(()), Err),
        Node::List(items) => items.iter_mut().try_for_each(|item| settle(item, text)),
        Node::Map(entries) => entries.iter_mut().try_for_each(|(_, value)| settle(value, text)),
    }
}

/// A float that is spelt as an integer would lose digits or zeros: says what to do instead.
fn changed_integer(raw: &str) -> Option<String> {
    let digits = raw.trim_start_matches(['+', '-']);
    let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    integer.then(|| format!("put it in quotes to keep it as text: \"{raw}\""))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Node, E> {
        Number::from_f64(number)
            .map(Node::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key()? {
            entries.push((key, access.next_value()?));
        }
        Ok(Node::Map(entries))
    }
}
