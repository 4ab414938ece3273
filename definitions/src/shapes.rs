//! Made definitions of any size, for tests and benchmarks.
//!
//! Invariants:
//! * The same kind, size and seed give the same definition, on every machine.
//! * A definition has exactly `size` steps, each after its needs; size 0 counts as 1.

use std::fmt;

use nexus_model::definition::{Definition, Step, StepKind};
use serde_json::Value;

/// The action of every step; without input it returns at once.
const ACTION: &str = "simulate";
/// How far back a random step looks for its needs: graphs of any size get deep, and stay quick to make.
const WINDOW: u32 = 256;
/// Steps of a deep graph between two side branches.
const BRANCH_EVERY: u64 = 5;

/// What a made definition looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Each step after the one before.
    Chain,
    /// One step, then all but one at once, then one that needs them all.
    ForkJoin,
    /// The levels of an astronomical mosaic: images, overlaps, one model, corrected images, one picture.
    MontageLike,
    /// All but one at once, then one that needs them all.
    WideFanIn,
    /// A long chain that side branches leave and join again.
    Deep,
    /// Up to three needs each, among the steps shortly before.
    RandomDag,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 6] = [
        Self::Chain,
        Self::ForkJoin,
        Self::MontageLike,
        Self::WideFanIn,
        Self::Deep,
        Self::RandomDag,
    ];

    /// The name, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::ForkJoin => "fork_join",
            Self::MontageLike => "montage_like",
            Self::WideFanIn => "wide_fan_in",
            Self::Deep => "deep",
            Self::RandomDag => "random_dag",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes a definition of `size` steps. Only [`Shape::MontageLike`], [`Shape::Deep`] and [`Shape::RandomDag`] look at `seed`.
pub fn shape(kind: Shape, size: u32, seed: u64) -> Definition {
    let size = size.max(1);
    let mut chance = Chance(seed);
    let steps = match kind {
        Shape::Chain => (0..size).map(|at| step(at, at.checked_sub(1))).collect(),
        Shape::ForkJoin => fork_join(size),
        Shape::MontageLike => montage_like(size, &mut chance),
        Shape::WideFanIn => {
            (0..size).map(|at| step(at, 0..if at + 1 == size { at } else { 0 })).collect()
        }
        Shape::Deep => deep(size, &mut chance),
        Shape::RandomDag => random_dag(size, &mut chance),
    };
    Definition { name: format!("{kind}-{size}"), steps, ..Definition::default() }
}

fn fork_join(size: u32) -> Vec<Step> {
    let last = size - 1;
    let needs = |at: u32| match at {
        0 => 0..0,
        _ if at == last && size > 2 => 1..last,
        _ => 0..1,
    };
    (0..size).map(|at| step(at, needs(at))).collect()
}

/// Projected images, the differences of overlapping ones, one fit and one model, the images corrected by the model,
/// and four steps that make one picture of them.
fn montage_like(size: u32, chance: &mut Chance) -> Vec<Step> {
    let free = size.saturating_sub(6);
    let images = free / 5;
    if images < 2 {
        return (0..size).map(|at| step(at, at.checked_sub(1))).collect();
    }
    let overlaps = free - 2 * images;
    let fit = images + overlaps;
    let (model, corrected) = (fit + 1, fit + 2);
    let table = corrected + images;
    let needs = |at: u32| -> Vec<u32> {
        if at < images {
            Vec::new()
        } else if at < fit {
            let image = (at - images) % images;
            let other = (image + 1 + chance.below(3)) % images;
            if other == image { vec![image] } else { vec![image, other] }
        } else if at == fit {
            (images..fit).collect()
        } else if at == model {
            vec![fit]
        } else if at < table {
            vec![at - corrected, model]
        } else if at == table {
            (corrected..table).collect()
        } else {
            vec![at - 1]
        }
    };
    (0..size).map(needs).zip(0..).map(|(needs, at)| step(at, needs)).collect()
}

/// A chain; now and then one or two steps leave it and the next step of the chain but two needs them too.
fn deep(size: u32, chance: &mut Chance) -> Vec<Step> {
    let mut steps = Vec::with_capacity(size as usize);
    let (mut trunk, mut branch): (Option<u32>, Option<u32>) = (None, None);
    let mut until_join = 0_u32;
    for at in 0..size {
        let leaves =
            branch.is_none() && trunk.is_some() && chance.next().is_multiple_of(BRANCH_EVERY);
        if leaves {
            branch = Some(at);
            until_join = 2;
            steps.push(step(at, trunk));
            continue;
        }
        let joins = if until_join == 0 { branch.take() } else { None };
        until_join = until_join.saturating_sub(1);
        steps.push(step(at, trunk.into_iter().chain(joins)));
        trunk = Some(at);
    }
    steps
}

fn random_dag(size: u32, chance: &mut Chance) -> Vec<Step> {
    let needs = |at: u32| -> Vec<u32> {
        let near = at.min(WINDOW);
        let count = if near == 0 { 0 } else { chance.below(4) };
        let mut needs: Vec<u32> = (0..count).map(|_| at - 1 - chance.below(near)).collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    };
    (0..size).map(needs).zip(0..).map(|(needs, at)| step(at, needs)).collect()
}

fn step(at: u32, needs: impl IntoIterator<Item = u32>) -> Step {
    Step {
        needs: needs.into_iter().map(id).collect(),
        ..Step::new(id(at), StepKind::Action { uses: ACTION.to_owned(), with: Value::Null })
    }
}

fn id(at: u32) -> String {
    format!("s{at}")
}

/// A fixed sequence of numbers per seed.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use nexus_model::plan::Plan;

    use super::*;

    /// Depth of the deepest step and number of needs; checks that needs are earlier and different.
    fn measure(definition: &Definition) -> (usize, usize) {
        let mut depth: HashMap<&str, usize> = HashMap::new();
        for step in &definition.steps {
            let different: HashSet<&String> = step.needs.iter().collect();
            assert_eq!(different.len(), step.needs.len(), "{} has a need twice", step.id);
            let below =
                step.needs.iter().map(|need| depth[need.as_str()]).max().unwrap_or_default();
            assert!(
                depth.insert(&step.id, below + 1).is_none(),
                "{} is the id of two steps",
                step.id
            );
        }
        let needs = definition.steps.iter().map(|step| step.needs.len()).sum();
        (depth.into_values().max().unwrap_or_default(), needs)
    }

    #[test]
    fn every_size_has_its_steps_in_order() {
        for kind in Shape::ALL {
            for size in 0..200 {
                let made = shape(kind, size, 7);
                assert_eq!(made.steps.len(), size.max(1) as usize, "{kind} {size}");
                measure(&made);
                assert!(Plan::compile(made).is_ok(), "{kind} {size}");
            }
        }
    }

    #[test]
    fn shapes_have_the_depth_they_promise() {
        let measured = |kind| measure(&shape(kind, 1000, 1));
        assert_eq!(measured(Shape::Chain), (1000, 999));
        assert_eq!(measured(Shape::ForkJoin), (3, 1996));
        assert_eq!(measured(Shape::WideFanIn), (2, 999));
        assert_eq!(measured(Shape::MontageLike).0, 9);
        let (deep, needs) = measured(Shape::Deep);
        assert!(deep > 700 && needs > 1000, "{deep} levels, {needs} needs");
        let (random, needs) = measured(Shape::RandomDag);
        assert!(random > 10 && needs > 1000, "{random} levels, {needs} needs");
    }

    #[test]
    fn the_same_seed_makes_the_same_definition() {
        for kind in Shape::ALL {
            assert_eq!(shape(kind, 500, 3), shape(kind, 500, 3));
        }
        assert_ne!(shape(Shape::RandomDag, 500, 3), shape(Shape::RandomDag, 500, 4));
    }

    #[test]
    fn a_hundred_thousand_steps_are_no_trouble() {
        for kind in Shape::ALL {
            assert_eq!(shape(kind, 100_000, 1).steps.len(), 100_000);
        }
    }
}
