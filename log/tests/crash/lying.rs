//! A disk that says that something is durable and forgets it: the store opens with everything or it does not open, as long as the
//! high-water file reached the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nexus_log::OpenError;

use crate::content::{self, Verdict};
use crate::disk::Disk;
use crate::failures::{Failure, Left, minutes, write};
use crate::images::{elsewhere, recorded};
use crate::recording::{Act, Recording};
use crate::script;

/// What may come of a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Complete,
    Refused,
    /// Something is missing that the high-water file, as it reached the disk, did not name.
    NotSeen,
    Lost,
}

#[test]
fn a_disk_that_lied_about_one_sync() {
    if elsewhere() {
        return;
    }
    let this = "lying::a_disk_that_lied_about_one_sync";
    let lives =
        [recorded(this, "", "open small segments small"), recorded(this, "small", "flush small")];
    let few = if minutes().is_some() { usize::MAX } else { 100 };
    let mut outcomes: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut losses = Vec::new();
    for life in &lives {
        let is_sync = |act: &Act| matches!(act, Act::Sync(..));
        let syncs: Vec<_> =
            (0..life.acts.len()).filter(|number| is_sync(&life.acts[*number])).collect();
        for lie in syncs.iter().step_by(syncs.len().div_ceil(few)) {
            for left in [Left::Nothing, Left::Zeros] {
                let (outcome, words) = lied(life, *lie, left);
                *outcomes.entry(outcome).or_default() += 1;
                losses.extend((outcome == Outcome::Lost).then_some(words));
            }
        }
    }
    println!("a disk that lied about one sync: {outcomes:?}");
    assert!(losses.is_empty(), "{}", losses.join("\n"));
    assert!(outcomes.contains_key(&Outcome::Refused), "some lies are seen");
}

/// What comes of it when one sync did nothing and the power fails before the next of the same file.
fn lied(life: &Recording, lie: usize, left: Left) -> (Outcome, String) {
    let Act::Sync(node, _) = life.acts[lie] else { unreachable!("it is a sync") };
    let mut rest = life.acts.iter().skip(lie + 1);
    let again = rest.position(|act| matches!(act, Act::Sync(of, _) if *of == node));
    let after = again.map_or(life.acts.len(), |more| lie + 1 + more);
    let (disk, acknowledged) = without(life, lie, after);
    let folder = crate::scratch::folder();
    let store = folder.path().join("store");
    write(&disk, Failure { after, left }, &store);
    let promised = high_water(&store);
    let verdict = content::examine(&store);
    let outcome = match &verdict {
        Ok(Verdict::Holds(found)) if *found >= acknowledged => Outcome::Complete,
        Ok(Verdict::Holds(found)) if positions(*found) >= promised => Outcome::NotSeen,
        Ok(Verdict::Refuses(refusal)) if is_said_of_damage(refusal) => Outcome::Refused,
        _ => Outcome::Lost,
    };
    let words = format!(
        "sync {lie} of {node:?}, {left:?} of what came up to {after}, {acknowledged} acknowledged, high water {promised}: {verdict:?}"
    );
    (outcome, words)
}

/// The disk after so many acts, without one of them, and what was acknowledged.
fn without(life: &Recording, lie: usize, after: usize) -> (Disk, u32) {
    let mut disk = life.before.clone();
    let mut acknowledged = 0;
    for (number, act) in
        life.acts.iter().enumerate().take(after).filter(|(number, _)| *number != lie)
    {
        disk.happens(number, act, false);
        if let Act::Acknowledged(number) = act {
            acknowledged = acknowledged.max(*number);
        }
    }
    (disk, acknowledged)
}

fn is_said_of_damage(refusal: &OpenError) -> bool {
    match refusal {
        OpenError::Damaged { .. }
        | OpenError::EndsEarly { .. }
        | OpenError::Differs { .. }
        | OpenError::HighWater { .. }
        | OpenError::Layout { .. }
        | OpenError::Storage { .. } => true,
        OpenError::Locked { .. }
        | OpenError::Newer { .. }
        | OpenError::Older { .. }
        | OpenError::NotAStore { .. }
        | OpenError::Io { .. } => false,
    }
}

/// The highest position that the high-water file names, see `mark.rs`.
fn high_water(store: &Path) -> u64 {
    let bytes = fs::read(store.join("high-water")).unwrap_or_default();
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_le_bytes)
    };
    [0, 4096].into_iter().map(|slot| number(slot + 16)).max().unwrap_or(0)
}

/// How many positions so many submissions take.
fn positions(submissions: u32) -> u64 {
    (0..submissions).map(|number| u64::from(script::transitions_of(number))).sum()
}
