//! The envelope: how a frame stands on the disk.
//!
//! ```text
//! format u8 | codec u8 | flags u8 | reserved u8 | crc u32 | count u32 | first revision u32
//! stream [16] | time i64 | epoch u32 | chain [16] | records
//! ```
//!
//! Invariants:
//! * Integers are little endian.
//! * The CRC32C covers every byte of the frame but its own four.
//! * What does not check is refused whole; nothing is guessed.

use crate::chain::ChainStart;
use crate::{Frame, Partition, Position, Records, Revision, StreamId};

const FORMAT: u8 = 1;
const CODEC_BINCODE: u8 = 1;
const FLAG_ENDS_GROUP: u8 = 1;
const HEADER_BYTES: usize = 60;
const CRC_AT: usize = 4;
const CRC_END: usize = 8;

/// What stands in a frame before its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) stream: StreamId,
    pub(crate) revision: Revision,
    pub(crate) time_us: i64,
    pub(crate) chain: ChainStart,
    pub(crate) ends_group: bool,
}

/// Writes a frame to `out`, replacing what is there.
pub(crate) fn encode(out: &mut Vec<u8>, envelope: &Envelope, records: &Records) {
    const EPOCH: u32 = 0;
    let flags = if envelope.ends_group { FLAG_ENDS_GROUP } else { 0 };
    out.clear();
    out.reserve(HEADER_BYTES + records.as_bytes().len());
    out.extend_from_slice(&[FORMAT, CODEC_BINCODE, flags, 0]);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&records.count().to_le_bytes());
    out.extend_from_slice(&envelope.revision.0.to_le_bytes());
    out.extend_from_slice(&envelope.stream.0);
    out.extend_from_slice(&envelope.time_us.to_le_bytes());
    out.extend_from_slice(&EPOCH.to_le_bytes());
    out.extend_from_slice(&envelope.chain);
    out.extend_from_slice(records.as_bytes());
    let crc = checksum(out).to_le_bytes();
    out[CRC_AT..CRC_END].copy_from_slice(&crc);
}

/// Reads a frame that stands at `position`, or says what does not check.
pub(crate) fn decode(
    partition: Partition,
    position: Position,
    bytes: &[u8],
) -> Result<Frame, &'static str> {
    let (header, records) =
        bytes.split_first_chunk::<HEADER_BYTES>().ok_or("shorter than its header")?;
    let [format, codec, flags, reserved, ..] = *header;
    if checksum(bytes).to_le_bytes() != part::<4>(header, CRC_AT) {
        return Err("checksum");
    }
    if format != FORMAT {
        return Err("unknown format");
    }
    if codec != CODEC_BINCODE {
        return Err("unknown codec");
    }
    if flags & !FLAG_ENDS_GROUP != 0 || reserved != 0 {
        return Err("unknown flags");
    }
    let count = u32::from_le_bytes(part(header, 8));
    Ok(Frame {
        partition,
        position,
        stream: StreamId(part(header, 16)),
        revision: Revision(u32::from_le_bytes(part(header, 12))),
        time_us: i64::from_le_bytes(part(header, 32)),
        chain: part(header, 44),
        ends_group: flags & FLAG_ENDS_GROUP != 0,
        records: Records::from_bytes(records.to_vec(), count)
            .filter(|records| !records.is_empty())
            .ok_or("count of records")?,
    })
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..CRC_AT]), &frame[CRC_END..])
}

fn part<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    *header[at..].first_chunk::<N>().expect("parts lie within the header")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;
    use crate::noise::rounds;

    fn example() -> Vec<u8> {
        let mut records = Records::new();
        records.push(Record { kind: 7, version: 1, flags: 2, body: b"first" });
        records.push(Record { kind: 8, version: 1, flags: 0, body: b"" });
        let envelope = Envelope {
            stream: StreamId([9; 16]),
            revision: Revision(4),
            time_us: -5,
            chain: [3; 16],
            ends_group: true,
        };
        let mut bytes = Vec::new();
        encode(&mut bytes, &envelope, &records);
        bytes
    }

    #[test]
    fn a_frame_reads_as_it_was_written() {
        let frame = decode(Partition(0), Position(10), &example()).expect("a whole frame");
        assert_eq!(
            (frame.stream, frame.revision, frame.time_us),
            (StreamId([9; 16]), Revision(4), -5)
        );
        assert_eq!((frame.chain, frame.ends_group), ([3; 16], true));
        assert_eq!(frame.next_position(), Position(12));
        assert_eq!(frame.next_revision(), Revision(6));
        let bodies: Vec<_> =
            frame.records.iter().map(|record| (record.kind, record.body)).collect();
        assert_eq!(bodies, [(7, &b"first"[..]), (8, &b""[..])]);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = example();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(Partition(0), Position(0), &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_shorter_frame_is_refused() {
        let bytes = example();
        for length in 0..bytes.len() {
            assert!(
                decode(Partition(0), Position(0), &bytes[..length]).is_err(),
                "length {length}"
            );
        }
    }

    /// With a checksum that fits, so that noise gets as far as it can.
    #[test]
    fn noise_is_refused_or_is_a_frame() {
        rounds(20_000, |noise| {
            let mut bytes = example();
            noise.disturb(&mut bytes);
            if bytes.len() >= HEADER_BYTES {
                let crc = checksum(&bytes).to_le_bytes();
                bytes[CRC_AT..CRC_END].copy_from_slice(&crc);
            }
            let Ok(frame) = decode(Partition(0), Position(0), &bytes) else { return };
            assert_eq!(frame.records.as_bytes(), &bytes[HEADER_BYTES..]);
            let bodies: usize = frame.records.iter().map(|record| record.body.len()).sum();
            assert!(bodies < bytes.len());
        });
    }
}
