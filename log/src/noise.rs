//! Noise for tests of decoders: bytes that are nearly right. `NEXUS_FUZZ_MINUTES` makes it go on.

#[path = "../tests/support/chance.rs"]
#[expect(dead_code, reason = "of the tests that print their seeds")]
mod chance;

use std::time::{Duration, Instant};

use self::chance::Chance;

/// Chance from a seed.
pub(crate) struct Noise(Chance);

impl Noise {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    /// Changes some bytes, takes some away, repeats some or puts in numbers that are often wrong.
    pub(crate) fn disturb(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let (from, length) = (self.below(bytes.len() + 1), self.below(40));
            let to = (from + length).min(bytes.len());
            match self.below(6) {
                0 => drop(bytes.drain(from..to)),
                1 => bytes.truncate(from),
                2 => bytes[from..to].fill(0),
                3 => {
                    let again = bytes[from..to].to_vec();
                    let at = self.below(bytes.len() + 1);
                    bytes.splice(at..at, again);
                }
                4 => {
                    let number = [0, 1, 0x7fff_ffff, u32::MAX][self.below(4)];
                    let end = (from + 4).min(bytes.len());
                    bytes.splice(from..end, number.to_le_bytes());
                }
                _ => bytes[from..to].iter_mut().for_each(|byte| *byte = self.byte()),
            }
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }
}

/// Calls `test` with noise from so many seeds, or as long as somebody wants it; a seed that fails is printed.
pub(crate) fn rounds(few: u64, test: impl Fn(&mut Noise)) {
    let minutes = std::env::var("NEXUS_FUZZ_MINUTES").ok().and_then(|text| text.parse().ok());
    let end = minutes.map(|minutes: u64| Instant::now() + Duration::from_secs(60 * minutes));
    for seed in 1.. {
        if end.map_or(seed > few, |end| Instant::now() >= end) {
            return;
        }
        // Twice: of an even seed and the next the chance is the same.
        let round = std::panic::AssertUnwindSafe(|| test(&mut Noise(Chance::quiet(2 * seed))));
        assert!(std::panic::catch_unwind(round).is_ok(), "seed {seed}");
    }
}
