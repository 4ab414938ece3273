//! Records: the entries of a transition, as bytes with a kind.

/// One entry of a stream as it is stored. What `kind`, `version` and `flags` mean is the caller's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The caller's kind of entry.
    pub kind: u16,
    /// The version of the body's shape.
    pub version: u8,
    /// The caller's flags.
    pub flags: u8,
    /// The body, opaque here.
    pub body: &'a [u8],
}

/// The records of one transition, encoded one after the other into one buffer.
///
/// Shape: `len u32 | kind u16 | version u8 | flags u8 | body`, little endian, repeated.
/// Source: docs/log-format.md, "Records".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    bytes: Vec<u8>,
    count: u32,
}

const HEADER_BYTES: usize = 8;

impl Records {
    /// Starts with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with room for so many bytes, those of the headers among them.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), count: 0 }
    }

    /// Appends a record whose body `write` appends to the buffer it is given.
    pub fn push_with(
        &mut self,
        kind: u16,
        version: u8,
        flags: u8,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_le_bytes());
        self.bytes.extend_from_slice(&[version, flags]);
        write(&mut self.bytes);
        let len = u32::try_from(self.bytes.len() - start - HEADER_BYTES).unwrap_or(u32::MAX);
        if let Some(slot) = self.bytes.get_mut(start..start + 4) {
            slot.copy_from_slice(&len.to_le_bytes());
        }
        self.count += 1;
    }

    /// Appends a record.
    pub fn push(&mut self, record: Record<'_>) {
        self.push_with(record.kind, record.version, record.flags, |bytes| {
            bytes.extend_from_slice(record.body);
        });
    }

    /// Takes bytes that were stored, checking that they hold exactly `count` whole records.
    pub fn from_bytes(bytes: Vec<u8>, count: u32) -> Option<Self> {
        let records = Self { bytes, count };
        let mut iter = records.iter();
        let seen = iter.by_ref().count();
        (iter.rest.is_empty() && u32::try_from(seen) == Ok(count)).then_some(records)
    }

    /// The records in order.
    pub fn iter(&self) -> RecordsIter<'_> {
        RecordsIter { rest: &self.bytes }
    }

    /// How many records there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The encoded form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = Record<'a>;
    type IntoIter = RecordsIter<'a>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Walks encoded records; stops at the first incomplete one.
#[derive(Clone, Debug)]
pub struct RecordsIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for RecordsIter<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (header, rest) = self.rest.split_first_chunk::<HEADER_BYTES>()?;
        let [l0, l1, l2, l3, k0, k1, version, flags] = *header;
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
        let (body, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Record { kind: u16::from_le_bytes([k0, k1]), version, flags, body })
    }
}
