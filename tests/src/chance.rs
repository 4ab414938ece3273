//! Chance from a printed seed.

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Takes the seed from `NEXUS_SEED`, or makes one from the clock, and prints it.
    #[expect(clippy::print_stdout, reason = "a failure is repeated with the seed that was printed")]
    pub fn printed() -> Self {
        let given = std::env::var("NEXUS_SEED").ok().and_then(|seed| seed.parse().ok());
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let seed = given.unwrap_or_else(|| u64::from(now.subsec_nanos()) ^ now.as_secs());
        println!("NEXUS_SEED={seed}");
        Self(seed)
    }

    /// Begins with this seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` up to, and without, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low).max(1)
    }
}
