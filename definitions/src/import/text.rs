//! Bytes to text: gzip taken off, UTF-8 checked.

use std::borrow::Cow;
use std::io::Read;
use std::str::Utf8Error;

use flate2::read::MultiGzDecoder;

use super::error::{ImportError, Place};

/// Largest decompressed size: a small file can unpack to more than memory holds.
pub(super) const BYTES_MAX: usize = 256 * 1024 * 1024;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text in `bytes`, without a byte order mark.
pub(super) fn decode(bytes: &[u8], bytes_max: usize) -> Result<Cow<'_, str>, ImportError> {
    if !bytes.starts_with(GZIP_MAGIC) {
        let text = str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error))?;
        return Ok(Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)));
    }
    let plain = gunzip(bytes, bytes_max)?;
    let text =
        String::from_utf8(plain).map_err(|error| not_utf8(error.as_bytes(), error.utf8_error()))?;
    Ok(match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => Cow::Owned(rest.to_owned()),
        None => Cow::Owned(text),
    })
}

fn gunzip(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, ImportError> {
    let mut plain = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut plain).map_err(|error| {
        ImportError::damaged(format!(
            "the gzip stream breaks after {} bytes of text: {error}",
            plain.len()
        ))
    })?;
    if plain.len() > bytes_max { Err(ImportError::TooLarge { bytes_max }) } else { Ok(plain) }
}

fn not_utf8(bytes: &[u8], error: Utf8Error) -> ImportError {
    let (before, _) = bytes.split_at(error.valid_up_to());
    let before = String::from_utf8_lossy(before);
    let place = Place::of(&before, before.len());
    ImportError::Damaged {
        format: None,
        place: Some(place),
        reason: "this is not UTF-8 text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).expect("memory takes every write");
        encoder.finish().expect("memory takes every write")
    }

    #[test]
    fn compressed_text_is_read_up_to_the_limit() {
        let packed = gzip(&[b'a'; 1000]);
        assert_eq!(decode(&packed, 1000).map(|text| text.len()), Ok(1000));
        assert_eq!(decode(&packed, 999), Err(ImportError::TooLarge { bytes_max: 999 }));
    }

    #[test]
    fn a_cut_or_damaged_stream_is_refused() {
        let packed = gzip(b"a\tb\n");
        for end in 2..packed.len() {
            let error = decode(&packed[..end], BYTES_MAX).expect_err("the end is missing");
            assert_eq!(error.code(), "NX1302", "cut at {end}");
        }
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_pointed_at() {
        let error = decode(b"ab\nc\xffd", BYTES_MAX).expect_err("0xff is never UTF-8");
        assert_eq!(error.place(), Some(Place { line: 2, column: 2 }));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(decode("\u{feff}x".as_bytes(), BYTES_MAX).as_deref(), Ok("x"));
        assert_eq!(decode(&gzip("\u{feff}x".as_bytes()), BYTES_MAX).as_deref(), Ok("x"));
    }
}
