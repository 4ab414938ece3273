//! Items of a `for_each` as bytes: the list and the outputs, in chunks that are stored beside the events.
//!
//! * A chunk of the list is a version byte, the number of items, and the JSON of each after its length.
//! * A chunk of outputs is a version byte, the number of items, and for each one byte (0 completed, 1 failed) and the payload
//!   or failure in the form of a snapshot.
//! * A list of chunks, the payload of content type [`Chunks`](ContentType::Chunks), is a version byte, one byte (0 a list of
//!   outputs, 1 `{ok, failed}`), the number of chunks and their hashes.
//!
//! These bytes are addressed by their hash, which stands in events: what is written never changes, another form is another
//! version.

use std::fmt::Write;

use serde_json::Value;

use super::canonical::{Payloads, Writer};
use super::snapshot::Reader;
use crate::event::Failure;
use crate::payload::{ContentType, NewPayload, Payload, PayloadHash};
use crate::run::ItemOutcome;

const VERSION: u8 = 1;

/// What the items of a step make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The list of outputs.
    List,
    /// `{ok: […], failed: […]}`.
    Collected,
}

/// A payload put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assembled {
    /// Its JSON.
    Json(Vec<u8>),
    /// These have to be loaded first.
    Needs(Vec<PayloadHash>),
    /// The bytes do not mean anything.
    Damaged,
}

/// A chunk of the list.
pub fn encode_items(items: &[Value]) -> NewPayload {
    let mut writer = Writer::new(Payloads::Whole);
    writer.byte(VERSION);
    writer.count(items.len());
    for item in items {
        writer.text(&item.to_string());
    }
    Payload::stored(ContentType::Bytes, writer.out).1
}

/// The JSON of one item of a chunk of the list.
pub fn item_at(chunk: &[u8], place: usize) -> Option<&[u8]> {
    let mut reader = Reader::new(chunk);
    let count = reader.version(VERSION)?;
    if place as u64 >= count {
        return None;
    }
    for _ in 0..place {
        reader.bytes()?;
    }
    reader.bytes()
}

/// A chunk of outputs.
pub fn encode_outputs<'o>(outcomes: impl ExactSizeIterator<Item = &'o ItemOutcome>) -> NewPayload {
    let mut writer = Writer::new(Payloads::Whole);
    writer.byte(VERSION);
    writer.count(outcomes.len());
    for outcome in outcomes {
        writer.outcome(outcome);
    }
    Payload::stored(ContentType::Bytes, writer.out).1
}

/// The outcomes in a chunk of outputs.
pub fn decode_outputs(chunk: &[u8]) -> Option<Vec<ItemOutcome>> {
    let mut reader = Reader::new(chunk);
    let count = reader.version(VERSION)?;
    let outcomes: Option<Vec<ItemOutcome>> = (0..count).map(|_| reader.outcome()).collect();
    outcomes.filter(|_| reader.is_empty())
}

/// The list of chunks. `bytes` is about how many bytes of JSON they make.
pub fn encode_list(shape: Shape, chunks: &[PayloadHash], bytes: u64) -> (Payload, NewPayload) {
    let mut writer = Writer::new(Payloads::Whole);
    writer.byte(VERSION);
    writer.byte(match shape {
        Shape::List => 0,
        Shape::Collected => 1,
    });
    writer.count(chunks.len());
    for chunk in chunks {
        writer.out.extend_from_slice(&chunk.0);
    }
    let (_, new) = Payload::stored(ContentType::Chunks, writer.out);
    (Payload::Stored(ContentType::Chunks, new.0, bytes), new)
}

/// The chunks of a list of chunks, and what they make together.
pub fn decode_list(list: &[u8]) -> Option<(Shape, Vec<PayloadHash>)> {
    let mut reader = Reader::new(list);
    if reader.byte()? != VERSION {
        return None;
    }
    let shape = match reader.byte()? {
        0 => Shape::List,
        1 => Shape::Collected,
        _ => return None,
    };
    let count = reader.number()?;
    let chunks: Option<Vec<PayloadHash>> =
        (0..count).map(|_| reader.array().map(PayloadHash)).collect();
    chunks.filter(|_| reader.is_empty()).map(|chunks| (shape, chunks))
}

/// Puts together what a list of chunks stands for. `loaded` gives what was loaded.
pub fn assemble<'l>(list: &[u8], loaded: impl Fn(&PayloadHash) -> Option<&'l [u8]>) -> Assembled {
    let Some((shape, chunks)) = decode_list(list) else { return Assembled::Damaged };
    let mut json = Json::new(shape);
    let mut needs = Vec::new();
    for hash in chunks {
        let Some(chunk) = loaded(&hash) else {
            needs.push(hash);
            continue;
        };
        let Some(outcomes) = decode_outputs(chunk) else { return Assembled::Damaged };
        for outcome in outcomes {
            match stored(&outcome) {
                Some(hash) => match loaded(hash) {
                    Some(bytes) => json.put(&outcome, bytes),
                    None => needs.push(*hash),
                },
                None => json.put(&outcome, &[]),
            }
        }
    }
    if needs.is_empty() { Assembled::Json(json.finish()) } else { Assembled::Needs(needs) }
}

/// What the items came to, if all of it is at hand.
pub fn collected<'o>(
    shape: Shape,
    outcomes: impl Iterator<Item = &'o ItemOutcome>,
) -> Option<Vec<u8>> {
    let mut json = Json::new(shape);
    for outcome in outcomes {
        if stored(outcome).is_some() {
            return None;
        }
        json.put(outcome, &[]);
    }
    Some(json.finish())
}

/// The JSON payload that has to be loaded for an outcome.
fn stored(outcome: &ItemOutcome) -> Option<&PayloadHash> {
    match outcome {
        ItemOutcome::Completed(Payload::Stored(ContentType::Json, hash, _)) => Some(hash),
        ItemOutcome::Completed(_) | ItemOutcome::Failed(_) => None,
    }
}

/// The output in the making.
struct Json {
    shape: Shape,
    ok: Vec<u8>,
    failed: Vec<u8>,
    index: u32,
}

impl Json {
    fn new(shape: Shape) -> Self {
        Self { shape, ok: Vec::new(), failed: Vec::new(), index: 0 }
    }

    fn put(&mut self, outcome: &ItemOutcome, loaded: &[u8]) {
        let into = match outcome {
            ItemOutcome::Completed(_) => &mut self.ok,
            ItemOutcome::Failed(_) => &mut self.failed,
        };
        if !into.is_empty() {
            into.push(b',');
        }
        match outcome {
            ItemOutcome::Completed(Payload::Null) => into.extend_from_slice(b"null"),
            ItemOutcome::Completed(Payload::Inline(ContentType::Json, bytes)) => {
                into.extend_from_slice(bytes);
            }
            ItemOutcome::Completed(Payload::Stored(ContentType::Json, ..)) => {
                into.extend_from_slice(loaded);
            }
            ItemOutcome::Completed(other) => {
                into.extend_from_slice(other.reference().to_string().as_bytes());
            }
            ItemOutcome::Failed(failure) => {
                into.extend_from_slice(failed(self.index, failure).to_string().as_bytes());
            }
        }
        self.index += 1;
    }

    fn finish(self) -> Vec<u8> {
        let Self { shape, ok, failed, .. } = self;
        match shape {
            Shape::List => [b"[", &ok[..], b"]"].concat(),
            Shape::Collected => {
                [b"{\"failed\":[", &failed[..], b"],\"ok\":[", &ok[..], b"]}"].concat()
            }
        }
    }
}

fn failed(index: u32, failure: &Failure) -> Value {
    let Failure { code, message, details, .. } = failure;
    serde_json::json!({
        "index": index,
        "error": { "code": code, "message": message, "details": details },
    })
}

impl Payload {
    /// What stands in JSON for a payload that is not JSON, or not at hand.
    pub fn reference(&self) -> Value {
        let content_type = match self.content_type() {
            ContentType::Json | ContentType::Chunks => "json",
            ContentType::Bytes => "bytes",
        };
        let hash = match self {
            Self::Null | Self::Inline(..) => None,
            Self::Stored(_, hash, _) => Some(hash.0.iter().fold(
                String::with_capacity(2 * hash.0.len()),
                |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                },
            )),
        };
        serde_json::json!({
            "$payload": { "bytes": self.len(), "content_type": content_type, "hash": hash },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn completed(text: &str) -> ItemOutcome {
        ItemOutcome::Completed(Payload::json(&json!(text)).0)
    }

    fn failure() -> Failure {
        Failure { code: "E".to_owned(), message: "no".to_owned(), ..Failure::default() }
    }

    #[test]
    fn every_item_of_a_chunk_is_found() {
        let items = [json!(1), json!("two"), json!({"three": [3]})];
        let (_, chunk) = encode_items(&items);
        for (at, item) in items.iter().enumerate() {
            assert_eq!(item_at(&chunk, at), Some(item.to_string().as_bytes()));
        }
        assert_eq!(item_at(&chunk, 3), None);
        assert_eq!(item_at(&[], 0), None);
        assert_eq!(item_at(&chunk[..2], 0), None);
    }

    #[test]
    fn outputs_come_back_and_damage_does_not() {
        let outcomes = [completed("a"), ItemOutcome::Failed(failure())];
        let (_, chunk) = encode_outputs(outcomes.iter());
        assert_eq!(decode_outputs(&chunk).as_deref(), Some(&outcomes[..]));
        for cut in 0..chunk.len() {
            assert_eq!(decode_outputs(&chunk[..cut]), None, "cut at {cut}");
        }
        assert_eq!(decode_outputs(&[&chunk[..], &[0]].concat()), None, "a byte too many");
    }

    #[test]
    fn a_list_of_chunks_comes_back_and_damage_does_not() {
        let hashes = [PayloadHash([1; 32]), PayloadHash([2; 32])];
        for shape in [Shape::List, Shape::Collected] {
            let (_, (_, list)) = encode_list(shape, &hashes, 9);
            assert_eq!(decode_list(&list), Some((shape, hashes.to_vec())));
            for cut in 0..list.len() {
                assert_eq!(decode_list(&list[..cut]), None, "cut at {cut}");
            }
            assert_eq!(decode_list(&[&list[..], &[0]].concat()), None, "a byte too many");
        }
        assert_eq!(decode_list(&[1, 2, 0]), None, "a shape that there is not");
        assert_eq!(decode_list(&[2, 0, 0]), None, "another version");
    }

    #[test]
    fn what_is_not_json_is_referred_to() {
        let (inline, _) = Payload::new(ContentType::Bytes, *b"abc");
        let reference = json!({"bytes": 3, "content_type": "bytes", "hash": null});
        assert_eq!(inline.reference(), json!({ "$payload": reference }));
        let stored = |content_type| Payload::Stored(content_type, PayloadHash([0x0a; 32]), 70_000);
        for (content_type, word) in [
            (ContentType::Bytes, "bytes"),
            (ContentType::Json, "json"),
            (ContentType::Chunks, "json"),
        ] {
            let hash = "0a".repeat(32);
            let reference = json!({"bytes": 70_000, "content_type": word, "hash": hash});
            assert_eq!(stored(content_type).reference(), json!({ "$payload": reference }));
        }
        let outcomes = [inline, stored(ContentType::Bytes)].map(ItemOutcome::Completed);
        let text = collected(Shape::List, outcomes.iter()).expect("nothing has to be loaded");
        let expected = [&outcomes[0], &outcomes[1]].map(|outcome| match outcome {
            ItemOutcome::Completed(output) => output.reference(),
            ItemOutcome::Failed(_) => Value::Null,
        });
        assert_eq!(serde_json::from_slice::<Value>(&text).ok(), Some(json!(expected)));
    }

    fn read(assembled: &Assembled) -> Option<Value> {
        let Assembled::Json(text) = assembled else { return None };
        serde_json::from_slice(text).ok()
    }

    #[test]
    fn a_list_of_chunks_reads_as_json_in_the_order_of_the_items() {
        let (large, new) = Payload::json(&json!("x".repeat(70_000)));
        let mut store: BTreeMap<PayloadHash, Arc<[u8]>> = new.into_iter().collect();
        let outcomes = [
            [completed("a"), ItemOutcome::Failed(failure())],
            [ItemOutcome::Completed(large), ItemOutcome::Completed(Payload::Null)],
        ];
        let chunks = outcomes.iter().map(|outcomes| encode_outputs(outcomes.iter()));
        let chunks: Vec<NewPayload> = chunks.collect();
        let hashes: Vec<PayloadHash> = chunks.iter().map(|(hash, _)| *hash).collect();
        let (_, (_, list)) = encode_list(Shape::Collected, &hashes, 70_000);
        let nothing = |_: &PayloadHash| None;
        assert_eq!(assemble(&list, nothing), Assembled::Needs(hashes));

        let large = store.keys().copied().collect::<Vec<_>>();
        let first: BTreeMap<_, _> = chunks.iter().cloned().collect();
        let loaded = |hash: &PayloadHash| first.get(hash).map(|bytes| &**bytes);
        assert_eq!(assemble(&list, loaded), Assembled::Needs(large));

        store.extend(chunks);
        let loaded = |hash: &PayloadHash| store.get(hash).map(|bytes| &**bytes);
        let value = read(&assemble(&list, loaded)).expect("it is all there, and JSON");
        assert_eq!(value["ok"], json!(["a", "x".repeat(70_000), null]));
        let error = json!({"code": "E", "message": "no", "details": null});
        assert_eq!(value["failed"], json!([{"index": 1, "error": error}]));
        assert_eq!(assemble(&list[1..], loaded), Assembled::Damaged);
    }

    #[test]
    fn a_few_small_outputs_are_plain_json() {
        let outcomes = [completed("a"), completed("b")];
        let text = collected(Shape::List, outcomes.iter());
        assert_eq!(text.as_deref(), Some(&br#"["a","b"]"#[..]));
    }
}
