//! Sets of steps, one bit for each.

/// A set of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StepSet {
    bits: Vec<u8>,
    count: u32,
}

impl StepSet {
    /// Takes what [`as_bytes`](Self::as_bytes) gave.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let count = bytes.iter().map(|byte| byte.count_ones()).sum();
        Self { bits: bytes.to_vec(), count }
    }

    /// The set as bytes, as short as it can be.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// How many steps there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn contains(&self, step: u32) -> bool {
        let (at, bit) = place(step);
        self.bits.get(at).is_some_and(|byte| byte & bit != 0)
    }

    pub(super) fn insert(&mut self, step: u32) {
        let (at, bit) = place(step);
        if self.bits.len() <= at {
            self.bits.resize(at + 1, 0);
        }
        if self.bits[at] & bit == 0 {
            self.bits[at] |= bit;
            self.count += 1;
        }
    }

    pub(super) fn remove(&mut self, step: u32) {
        let (at, bit) = place(step);
        let Some(byte) = self.bits.get_mut(at) else { return };
        if *byte & bit == 0 {
            return;
        }
        *byte &= !bit;
        self.count -= 1;
        while self.bits.last() == Some(&0) {
            self.bits.pop();
        }
    }
}

fn place(step: u32) -> (usize, u8) {
    (step as usize / 8, 1 << (step % 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_as_short_as_it_can_be() {
        let mut set = StepSet::default();
        for step in [3, 70, 3] {
            set.insert(step);
        }
        assert_eq!((set.count(), set.as_bytes().len()), (2, 9));
        assert_eq!(StepSet::from_bytes(set.as_bytes()), set);
        for step in [70, 71, 900] {
            set.remove(step);
        }
        assert_eq!((set.count(), set.as_bytes()), (1, [8].as_slice()));
    }
}
