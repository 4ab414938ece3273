//! A map from numbers that shares with its copies what they have in common.
//!
//! Invariants:
//! * A copy costs the same whatever is in it, and a change as much as the number has digits.
//! * It is gone through in the order of its numbers.

use std::fmt;
use std::mem::replace;
use std::slice;
use std::sync::Arc;

const BITS: u32 = 4;
const FAN: usize = 1 << BITS;
/// Where the first digit of a number is.
const TOP: u32 = u32::BITS - BITS;

/// A map from numbers.
#[derive(Clone)]
pub(crate) struct Trie<T> {
    root: Slot<T>,
    len: usize,
}

type Slot<T> = Option<Arc<Node<T>>>;

/// A number stands where its digits, from the first on, differ from those of all others.
#[derive(Clone)]
enum Node<T> {
    Leaf(u32, T),
    Branch([Slot<T>; FAN]),
}

impl<T> Trie<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        let (mut slot, mut shift) = (&self.root, TOP);
        loop {
            match slot.as_deref()? {
                Node::Leaf(known, value) => return (*known == key).then_some(value),
                Node::Branch(children) => slot = children.get(digit(key, shift))?,
            }
            shift = shift.saturating_sub(BITS);
        }
    }

    /// All of it, in order.
    pub(crate) fn iter(&self) -> Iter<'_, T> {
        Iter { stack: vec![slice::from_ref(&self.root).iter()] }
    }
}

impl<T: Clone> Trie<T> {
    /// Puts a value in. Returns the one that was there.
    pub(crate) fn insert(&mut self, key: u32, value: T) -> Option<T> {
        let before = put(&mut self.root, TOP, key, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: u32) -> Option<T> {
        // Looked for first: what is not there copies nothing.
        self.get(key)?;
        self.len -= 1;
        take(&mut self.root, TOP, key)
    }
}

fn digit(key: u32, shift: u32) -> usize {
    (key >> shift) as usize % FAN
}

fn put<T: Clone>(slot: &mut Slot<T>, shift: u32, key: u32, value: T) -> Option<T> {
    if let Some(Node::Leaf(known, _)) = slot.as_deref()
        && *known != key
    {
        let (place, mut children) = (digit(*known, shift), <[Slot<T>; FAN]>::default());
        children[place] = slot.take();
        *slot = Some(Arc::new(Node::Branch(children)));
    }
    match slot {
        None => {
            *slot = Some(Arc::new(Node::Leaf(key, value)));
            None
        }
        Some(node) => match Arc::make_mut(node) {
            Node::Leaf(_, known) => Some(replace(known, value)),
            Node::Branch(children) => {
                put(&mut children[digit(key, shift)], shift.saturating_sub(BITS), key, value)
            }
        },
    }
}

fn take<T: Clone>(slot: &mut Slot<T>, shift: u32, key: u32) -> Option<T> {
    if let Some(Node::Leaf(..)) = slot.as_deref() {
        return match Arc::unwrap_or_clone(slot.take()?) {
            Node::Leaf(_, value) => Some(value),
            Node::Branch(_) => None,
        };
    }
    let Node::Branch(children) = Arc::make_mut(slot.as_mut()?) else { return None };
    let taken = take(&mut children[digit(key, shift)], shift.saturating_sub(BITS), key);
    if children.iter().all(Option::is_none) {
        *slot = None;
    }
    taken
}

/// Goes through a map.
pub(crate) struct Iter<'a, T> {
    stack: Vec<slice::Iter<'a, Slot<T>>>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (u32, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.stack.last_mut()?.next() {
                None => {
                    self.stack.pop();
                }
                Some(None) => {}
                Some(Some(node)) => match &**node {
                    Node::Leaf(key, value) => return Some((*key, value)),
                    Node::Branch(children) => self.stack.push(children.iter()),
                },
            }
        }
    }
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { root: None, len: 0 }
    }
}

impl<T: PartialEq> PartialEq for Trie<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Trie<T> {}

impl<T: fmt::Debug> fmt::Debug for Trie<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
