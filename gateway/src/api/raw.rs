//! Binary values.

/// A binary value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
