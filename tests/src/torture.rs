//! The torture: real servers under load that are killed several times a second, told to end, deprived of room, and made to fight for
//! their store; and at the end a checker that believes none of them.
//!
//! `workflows` says what runs, `calls` and `clients` who asks for it, `workers` who does it elsewhere, `lives` and `disk` what befalls the servers, `episode` plays all of
//! it on one store, and `checker` gives the verdict.

mod calls;
pub mod checker;
mod clients;
mod disk;
mod episode;
mod lives;
mod workers;
mod workflows;

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

pub use episode::{Played, play};
pub use lives::Lives;

use checker::Verdict;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of the first episode; each further one has the next.
    pub seed: u64,
    /// `SIGKILL`s in all.
    pub kills: u64,
    /// `SIGKILL`s of an episode.
    pub kills_each: u64,
    /// How long it may take; what runs then is brought to its end.
    pub time: Duration,
    /// Episodes beside each other.
    pub beside: usize,
    /// Whether every second episode may have a disk of its own, which root can mount and fill.
    pub disks: bool,
}

/// What a torture came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Episodes.
    pub episodes: u64,
    /// What befell the servers.
    pub lives: Lives,
    /// What the checker said of all of them.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// Plays episodes, and hands on each as it ends. After one in which something is wrong no further one begins.
///
/// # Panics
/// If files cannot be read or written.
pub async fn run(plan: Plan, mut tell: impl FnMut(&Played)) -> Outcome {
    let began = Instant::now();
    let until = began + plan.time;
    let (mut outcome, mut playing, mut begun, mut promised) =
        (Outcome::default(), JoinSet::new(), 0, 0);
    loop {
        let is_right = outcome.verdict.findings.is_empty();
        while is_right
            && playing.len() < plan.beside
            && promised < plan.kills
            && Instant::now() < until
        {
            let kills = plan.kills_each.min(plan.kills - promised);
            let seed = plan.seed + begun;
            playing.spawn(play(seed, kills, Some(until), plan.disks && seed.is_multiple_of(2)));
            begun += 1;
            promised += kills;
        }
        let Some(played) = playing.join_next().await else { break };
        let played = played.expect("an episode ends").expect("files can be read and written");
        tell(&played);
        outcome.episodes += 1;
        outcome.lives.add(played.lives);
        outcome.verdict.add(played.verdict);
    }
    outcome.took = began.elapsed();
    outcome
}
