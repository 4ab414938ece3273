//! Steps in order, and steps in the order in which they came; both share with their copies what they have in common.

use std::fmt;

use super::trie::Trie;
use crate::id::StepIndex;

/// Steps, each once, in order. Copies cost the same whatever is in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StepSet(Trie<()>);

impl StepSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Whether `step` is in it.
    pub fn contains(&self, step: StepIndex) -> bool {
        self.0.get(step.0).is_some()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.0.iter().map(|(step, ())| StepIndex(step))
    }

    /// Puts a step in. Returns whether it was not in it.
    pub(crate) fn insert(&mut self, step: StepIndex) -> bool {
        self.0.insert(step.0, ()).is_none()
    }

    /// Takes a step out. Returns whether it was in it.
    pub(crate) fn remove(&mut self, step: StepIndex) -> bool {
        self.0.remove(step.0).is_some()
    }

    /// Takes the first one out.
    pub(crate) fn pop_first(&mut self) -> Option<StepIndex> {
        let first = self.iter().next()?;
        self.remove(first);
        Some(first)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Extend<StepIndex> for StepSet {
    fn extend<I: IntoIterator<Item = StepIndex>>(&mut self, steps: I) {
        for step in steps {
            self.insert(step);
        }
    }
}

impl FromIterator<StepIndex> for StepSet {
    fn from_iter<I: IntoIterator<Item = StepIndex>>(steps: I) -> Self {
        let mut set = Self::default();
        set.extend(steps);
        set
    }
}

impl fmt::Debug for StepSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Steps in the order in which they came. Copies cost the same whatever is in it.
#[derive(Clone, Default)]
pub struct StepQueue {
    steps: Trie<StepIndex>,
    /// How many have gone.
    gone: u32,
}

impl StepQueue {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.steps.len() == 0
    }

    /// All of them, the first that came first.
    pub fn iter(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.steps.iter().map(|(_, step)| *step)
    }

    pub(crate) fn push(&mut self, step: StepIndex) {
        let len = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.steps.insert(self.gone.saturating_add(len), step);
    }

    /// Takes so many out, the first that came first.
    pub(crate) fn take(&mut self, count: usize) -> Vec<StepIndex> {
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(step) = self.steps.remove(self.gone)
        {
            self.gone = self.gone.saturating_add(1);
            taken.push(step);
        }
        taken
    }
}

impl FromIterator<StepIndex> for StepQueue {
    fn from_iter<I: IntoIterator<Item = StepIndex>>(steps: I) -> Self {
        let mut queue = Self::default();
        steps.into_iter().for_each(|step| queue.push(step));
        queue
    }
}

impl PartialEq for StepQueue {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for StepQueue {}

impl fmt::Debug for StepQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_a_set_once_and_leave_it_in_order() {
        let mut set: StepSet = [5, 2, 5].map(StepIndex).into_iter().collect();
        assert_eq!((set.len(), set.is_empty()), (2, false));
        assert_eq!(set.pop_first(), Some(StepIndex(2)));
        assert!(!set.is_empty());
        assert_eq!(set.pop_first(), Some(StepIndex(5)));
        assert_eq!((set.len(), set.is_empty()), (0, true));
        assert_eq!(set.pop_first(), None);
    }

    #[test]
    fn queues_are_the_same_if_the_same_steps_come_next() {
        let queue = |steps: &[u32]| steps.iter().copied().map(StepIndex).collect::<StepQueue>();
        let mut later = queue(&[9, 5, 2]);
        later.take(1);
        assert_eq!(later, queue(&[5, 2]));
        for other in [&[][..], &[5], &[2, 5], &[5, 3], &[5, 2, 2]] {
            assert_ne!(later, queue(other), "{other:?}");
        }
    }

    #[test]
    fn steps_leave_a_queue_as_they_came() {
        let mut queue: StepQueue = [5, 2, 5].map(StepIndex).into_iter().collect();
        assert_eq!((queue.len(), queue.is_empty()), (3, false));
        assert_eq!(queue.take(2), [5, 2].map(StepIndex));
        assert!(!queue.is_empty());
        assert_eq!(queue.take(9), [StepIndex(5)]);
        assert_eq!((queue.len(), queue.is_empty()), (0, true));
    }
}
