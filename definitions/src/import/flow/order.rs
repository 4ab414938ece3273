//! Which ways of a flow lead back, and what comes before what.

use std::collections::BTreeSet;

use super::Onward;

/// Which ways of a flow lead back, and what comes before what.
#[derive(Debug)]
pub(in crate::import) struct Order {
    /// Ways (from, to) that lead back to a block every way goes through.
    pub(in crate::import) back: BTreeSet<(usize, usize)>,
    /// Ways that lead back into the middle of something: no loop of ours.
    pub(in crate::import) strange: BTreeSet<(usize, usize)>,
    /// Blocks that nothing leads to; where they lead does not count.
    pub(in crate::import) unreached: BTreeSet<usize>,
    /// Where the ways forward come from.
    pub(super) backward: Vec<BTreeSet<usize>>,
}

impl Order {
    /// Looks at the flow from `entries` on.
    pub(in crate::import) fn of<C>(entries: &[usize], onward: &[Onward<C>]) -> Self {
        let mut targets: Vec<Vec<usize>> = onward.iter().map(Onward::targets).collect();
        let reached = reached(entries, &targets, None);
        let unreached: BTreeSet<usize> =
            (0..targets.len()).filter(|at| !reached.contains(at)).collect();
        for at in &unreached {
            targets[*at].clear();
        }
        let returning = returning(entries, &targets);
        let mut forward: Vec<Vec<usize>> = vec![Vec::new(); targets.len()];
        for (from, to) in targets.iter().enumerate() {
            forward[from].extend(to.iter().filter(|to| !returning.contains(&(from, **to))));
        }
        let around = |(from, to): (usize, usize)| reached_past(entries, &forward, to, from);
        let (strange, back) = returning.into_iter().partition(|way| around(*way));
        let mut backward = vec![BTreeSet::new(); targets.len()];
        for (from, to) in forward.iter().enumerate() {
            for to in to {
                backward[*to].insert(from);
            }
        }
        Self { back, strange, unreached, backward }
    }

    /// The blocks that come before `block` on some way.
    pub(in crate::import) fn before(&self, block: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut to_follow = vec![block];
        while let Some(block) = to_follow.pop() {
            to_follow.extend(self.backward[block].iter().filter(|before| found.insert(**before)));
        }
        found
    }

    pub(super) fn is_back(&self, from: usize, to: usize) -> bool {
        self.back.contains(&(from, to))
    }
}

/// Whether a way goes from an entry to `end` past `passed`.
fn reached_past(entries: &[usize], targets: &[Vec<usize>], passed: usize, end: usize) -> bool {
    reached(entries, targets, Some(passed)).contains(&end)
}

/// The blocks that the flow can come to without going through `without`.
fn reached(entries: &[usize], targets: &[Vec<usize>], without: Option<usize>) -> BTreeSet<usize> {
    let allowed = |at: &usize| Some(*at) != without;
    let mut found: BTreeSet<usize> = entries.iter().copied().filter(allowed).collect();
    let mut to_follow: Vec<usize> = found.iter().copied().collect();
    while let Some(block) = to_follow.pop() {
        let next = targets[block].iter().copied().filter(allowed);
        to_follow.extend(next.filter(|next| found.insert(*next)));
    }
    found
}

/// The ways that lead back to where a search in depth came from.
fn returning(entries: &[usize], targets: &[Vec<usize>]) -> BTreeSet<(usize, usize)> {
    let mut returning = BTreeSet::new();
    let mut seen = vec![false; targets.len()];
    let mut on_path = vec![false; targets.len()];
    for entry in entries {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if !std::mem::replace(&mut seen[*entry], true) {
            path.push((*entry, 0));
            on_path[*entry] = true;
        }
        while let Some((block, next)) = path.last_mut() {
            let (block, at) = (*block, *next);
            *next += 1;
            match targets[block].get(at).copied() {
                None => {
                    path.pop();
                    on_path[block] = false;
                }
                Some(to) if on_path[to] => {
                    returning.insert((block, to));
                }
                Some(to) => {
                    if !std::mem::replace(&mut seen[to], true) {
                        path.push((to, 0));
                        on_path[to] = true;
                    }
                }
            }
        }
    }
    returning
}
