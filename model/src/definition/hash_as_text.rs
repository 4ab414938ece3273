//! A hash as 64 hexadecimal digits.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::id::DefinitionHash;

#[expect(clippy::ref_option, reason = "serde asks so")]
pub(super) fn serialize<S: Serializer>(
    hash: &Option<DefinitionHash>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match hash {
        Some(hash) => serializer.collect_str(hash),
        None => serializer.serialize_none(),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DefinitionHash>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    let wrong = || D::Error::custom("a hash has 64 hexadecimal digits");
    text.map(|text| DefinitionHash::parse(&text).ok_or_else(wrong)).transpose()
}
