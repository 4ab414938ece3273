//! Tapes: the numbers that a play is made of. 0 is always the calmest choice.

use crate::chance::Chance;

/// Numbers that were drawn, or are to be drawn.
#[derive(Clone, Debug)]
pub struct Tape {
    /// What was drawn so far, or is given.
    numbers: Vec<u64>,
    at: usize,
    /// Where numbers come from; `None`: those that are given are all there are, and after them it is 0.
    chance: Option<Chance>,
}

impl Tape {
    /// Numbers from a seed.
    pub fn of_seed(seed: u64) -> Self {
        Self { numbers: Vec::new(), at: 0, chance: Some(Chance::of(seed)) }
    }

    /// These numbers.
    pub fn of(numbers: Vec<u64>) -> Self {
        Self { numbers, at: 0, chance: None }
    }

    /// The numbers that were drawn.
    pub fn drawn(&self) -> &[u64] {
        self.numbers.get(..self.at).unwrap_or(&self.numbers)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        let end = end.max(1);
        let number = match &mut self.chance {
            Some(chance) => {
                let number = chance.draw() % end;
                self.numbers.push(number);
                number
            }
            None => self.numbers.get(self.at).copied().unwrap_or(0) % end,
        };
        self.at += 1;
        number
    }

    /// A number from `low` up to, and without, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// An index below `end`; 0 if there is none.
    pub fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or(0)
    }

    /// True so often in a thousand.
    pub fn happens(&mut self, permille: u64) -> bool {
        self.below(1_000) >= 1_000 - permille.min(1_000)
    }
}
