//! Chance that can be repeated.

/// Chance from a seed that is printed when a test fails.
pub(crate) struct Chance(u64);

impl Chance {
    #[expect(clippy::print_stdout, reason = "a test prints its seed")]
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self::quiet(seed)
    }

    pub(crate) fn quiet(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // xorshift64*: Marsaglia 2003, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits") % bound.max(1)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.below(256)).expect("a byte")).collect()
    }
}
