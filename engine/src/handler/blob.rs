//! Blobs: binary values with a media type, kept beside the events by their hash and named by values.
//!
//! Invariants:
//! * Where an event names a blob, its bytes are durable: they are stored in the batch of the attempt that kept it.
//! * Of an encrypted run only what its vault makes of the bytes is stored, and the hash is that of what is stored.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use nexus_model::payload::{ContentType, NewPayload, Payload, PayloadHash};
use nexus_model::vault::Vault;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Data, StepError, StepResult};
use crate::loader::{LoadError, Loader};

/// Longest media type.
const TYPE_CHARS_MAX: usize = 127;

/// Binary bytes with a media type, as values name them: `{"$payload": {"bytes": 7, "content_type": "image/png", "hash": "…"}}`.
///
/// A handler makes one with [`StepCx::keep`](super::StepCx::keep), returns it alone or as part of its output, and the next step
/// finds it in its input and reads the bytes with [`StepCx::read`](super::StepCx::read).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub struct Blob {
    bytes: u64,
    content_type: Arc<str>,
    hash: PayloadHash,
}

/// How a value names a blob.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(rename = "$payload")]
    payload: About,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    bytes: u64,
    content_type: String,
    hash: String,
}

impl Blob {
    /// The blob that a value names, if it is nothing else.
    pub fn of(value: &Value) -> Option<Self> {
        let named = value.as_object().is_some_and(|map| map.contains_key("$payload"));
        named.then(|| Self::deserialize(value).ok()).flatten()
    }

    /// How a value names it.
    pub fn to_value(&self) -> Value {
        let Self { bytes, content_type, hash } = self;
        serde_json::json!({
            "$payload": { "bytes": bytes, "content_type": **content_type, "hash": hex(hash) },
        })
    }

    /// Whether a text is a media type, `type/subtype`, with parameters or without.
    pub fn is_media_type(text: &str) -> bool {
        is_media_type(text)
    }

    /// What the bytes are, such as `image/png`.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Where the bytes are stored: their hash, or of an encrypted run that of what was made of them.
    pub fn payload(&self) -> Payload {
        Payload::Stored(ContentType::Bytes, self.hash, self.bytes)
    }

    /// The bytes, from the store.
    ///
    /// # Errors
    /// [`LoadError`] if they are not there, damaged, or forgotten with their run.
    pub fn load(&self, loader: &Loader) -> Result<Arc<[u8]>, LoadError> {
        loader.bytes(&self.payload())
    }
}

impl TryFrom<Named> for Blob {
    type Error = &'static str;

    fn try_from(
        Named { payload: About { bytes, content_type, hash } }: Named,
    ) -> Result<Self, Self::Error> {
        if !is_media_type(&content_type) {
            return Err("the content type of the payload is no media type");
        }
        let hash = from_hex(&hash).ok_or("the hash of the payload is none")?;
        Ok(Self { bytes, content_type: content_type.into(), hash })
    }
}

impl From<Blob> for Named {
    fn from(Blob { bytes, content_type, hash }: Blob) -> Self {
        Self { payload: About { bytes, content_type: content_type.to_string(), hash: hex(&hash) } }
    }
}

/// `type/subtype`, with parameters or without.
fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let is_part = |char: char| char.is_ascii_alphanumeric() || "!#$&-^_.+".contains(char);
        !part.is_empty() && part.chars().all(is_part)
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    text.len() <= TYPE_CHARS_MAX
        && text.chars().all(|char| char == ' ' || char.is_ascii_graphic())
        && essence.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

fn hex(hash: &PayloadHash) -> String {
    hash.0.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<PayloadHash> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(PayloadHash(hash))
}

/// The blobs of an attempt: those that it keeps, and the way to those that were kept before.
#[derive(Default)]
pub(crate) struct Blobs {
    loader: Option<Loader>,
    bytes_max: Option<usize>,
    kept: Mutex<BTreeMap<PayloadHash, Kept>>,
}

/// As it is, and as it is stored.
struct Kept {
    plain: Arc<[u8]>,
    stored: Arc<[u8]>,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}

impl Blobs {
    /// Those of an attempt in a store, of at most so many bytes each.
    pub(crate) fn new(loader: Loader, bytes_max: usize) -> Self {
        Self { loader: Some(loader), bytes_max: Some(bytes_max), kept: Mutex::default() }
    }

    /// How many bytes one may have.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max.unwrap_or(usize::MAX)
    }

    /// Keeps bytes until the attempt has ended.
    pub(crate) fn keep(
        &self,
        content_type: &str,
        plain: Arc<[u8]>,
        vault: Option<&dyn Vault>,
    ) -> StepResult<Blob> {
        if !is_media_type(content_type) {
            let message = format!("`{}` is no media type", content_type.escape_debug());
            return Err(StepError::fatal(message).code("NX3033"));
        }
        let (len, max) = (plain.len(), self.bytes_max());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before: usize = kept.values().map(|kept| kept.plain.len()).sum();
        if len.saturating_add(before) > max {
            let message =
                format!("the binary values of an attempt have more than payload_bytes_max ({max})");
            return Err(StepError::fatal(message).code("NX3006"));
        }
        let stored = vault.map_or_else(|| Arc::clone(&plain), |vault| vault.seal(&plain));
        let hash = PayloadHash(*blake3::hash(&stored).as_bytes());
        kept.insert(hash, Kept { plain, stored });
        Ok(Blob { bytes: len as u64, content_type: content_type.into(), hash })
    }

    /// The bytes of one that was kept, by this attempt or before.
    pub(crate) async fn read(&self, blob: &Blob) -> StepResult<Arc<[u8]>> {
        let own = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&blob.hash).map(|kept| Arc::clone(&kept.plain))
        };
        if let Some(bytes) = own {
            return Ok(bytes);
        }
        let fatal = |what: String| StepError::fatal(what).code("NX3033");
        let Some(loader) = self.loader.clone() else {
            return Err(fatal("there is no store to read a binary value from".to_owned()));
        };
        let wanted = blob.clone();
        let read = tokio::task::spawn_blocking(move || wanted.load(&loader)).await;
        let bytes = read.map_err(StepError::from)?;
        let bytes =
            bytes.map_err(|error| fatal(format!("a binary value cannot be read: {error}")))?;
        if bytes.len() as u64 != blob.bytes {
            return Err(fatal(format!(
                "a binary value has {} bytes instead of {}",
                bytes.len(),
                blob.bytes
            )));
        }
        Ok(bytes)
    }

    /// What has to be stored with `output`: the kept blobs that it names.
    pub(crate) fn named_in(&self, output: &Data) -> Vec<NewPayload> {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        if kept.is_empty() {
            return Vec::new();
        }
        let text = String::from_utf8_lossy(&output.bytes);
        let named = kept.into_iter().filter(|(hash, _)| text.contains(&hex(hash)));
        named.map(|(hash, kept)| (hash, kept.stored)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::handler::{AttemptInfo, NoLogs, StepCx};
    use crate::secrets::Redactor;

    #[tokio::test]
    async fn values_of_secrets_are_taken_out_of_what_is_kept() {
        let (mut cx, _stop) = StepCx::new(AttemptInfo::default(), Arc::new(NoLogs), Arc::default());
        cx.redact(Redactor::new(["correct horse"].into_iter()));
        let blob = cx.keep("text/csv; charset=utf-8", *b"a,correct horse,b").expect("it is kept");
        assert_eq!(&*cx.read(&blob).await.expect("it is there"), b"a,***,b");
        assert_eq!(blob.len(), 7);
    }

    #[tokio::test]
    async fn people_read_of_binary_values() {
        let blobs = Blobs { bytes_max: Some(2), ..Blobs::default() };
        let large = blobs.keep("image/png", Arc::from(*b"png"), None).expect_err("too large");
        let wanted = "the binary values of an attempt have more than payload_bytes_max (2)";
        assert_eq!(large.0.message, wanted);
        let kept = blobs.keep("image/png", Arc::from(*b"pn"), None).expect("it is kept");
        let lost = Blobs::default().read(&kept).await.expect_err("there is no store");
        assert_eq!(lost.0.message, "there is no store to read a binary value from");
    }

    #[test]
    fn a_media_type_has_two_parts() {
        for good in ["image/png", "application/vnd.api+json", "text/plain; charset=utf-8"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "png", "image/", "/png", "image/p ng", "image/png\n", "größe/png"] {
            assert!(!is_media_type(bad), "{bad}");
        }
        assert!(!is_media_type(&format!("image/{}", "x".repeat(200))));
    }
}
