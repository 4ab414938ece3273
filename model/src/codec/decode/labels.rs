//! Labels, as they are read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::super::wire::LabelV1;
use crate::event::LABELS_MAX;

/// Labels as they are read. An empty one takes two bytes of a body and many more of memory, so their number is looked at first.
pub(super) struct Labels(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {LABELS_MAX} labels")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Labels, A::Error> {
        let count = list.size_hint().unwrap_or(0);
        if count > LABELS_MAX {
            return Err(A::Error::invalid_length(count, &self));
        }
        let mut labels = Vec::with_capacity(count);
        while let Some(LabelV1 { key, value }) = list.next_element()? {
            labels.push((key.to_owned(), value.to_owned()));
        }
        Ok(Labels(labels))
    }
}
